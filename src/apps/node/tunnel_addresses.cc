// SPDX-License-Identifier: Apache-2.0
#include "apps/node/tunnel_addresses.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "base/log.h"
#include "calc/encapsulation.h"
#include "datastore/resources.h"
#include "ipam/allocator.h"

namespace calico::node {
namespace {

constexpr char kComponent[] = "ipam";

struct Kind {
  const char* what;
  net::Family family;
  std::function<std::string&(model::Node&)> field;
  std::function<bool(const model::IPPool&)> wants;
  std::string handle_prefix;
  const char* attribute;
  bool wireguard = false;
};

// In the order in which upstream goes through them.
const std::vector<Kind>& Kinds() {
  static const auto ipip = [](const model::IPPool& pool) {
    return calc::EncapsulationOf(pool).encapsulation == dataplane_api::Encapsulation::kIpip;
  };
  static const auto vxlan = [](const model::IPPool& pool) {
    return calc::EncapsulationOf(pool).encapsulation == dataplane_api::Encapsulation::kVxlan;
  };
  static const auto any = [](const model::IPPool&) { return true; };
  static const auto wireguard = [](model::Node& node) -> model::NodeWireguard& {
    if (!node.wireguard) node.wireguard = model::NodeWireguard{};
    return *node.wireguard;
  };
  static const std::vector<Kind> kinds{
      {"WireGuard", net::Family::kV4,
       [](model::Node& node) -> std::string& { return wireguard(node).interface_ipv4_address; }, any,
       "wireguard-tunnel-addr-", "wireguardTunnelAddress", true},
      {"WireGuard IPv6", net::Family::kV6,
       [](model::Node& node) -> std::string& { return wireguard(node).interface_ipv6_address; }, any,
       "wireguard-v6-tunnel-addr-", "wireguardV6TunnelAddress", true},
      {"IPIP", net::Family::kV4,
       [](model::Node& node) -> std::string& {
         if (!node.bgp) node.bgp = model::NodeBgp{};
         return node.bgp->ipv4_ipip_tunnel_addr;
       },
       ipip, "ipip-tunnel-addr-", "ipipTunnelAddress"},
      {"VXLAN", net::Family::kV4,
       [](model::Node& node) -> std::string& { return node.ipv4_vxlan_tunnel_addr; }, vxlan,
       "vxlan-tunnel-addr-", "vxlanTunnelAddress"},
      {"VXLAN IPv6", net::Family::kV6,
       [](model::Node& node) -> std::string& { return node.ipv6_vxlan_tunnel_addr; }, vxlan,
       "vxlan-v6-tunnel-addr-", "vxlanV6TunnelAddress"},
  };
  return kinds;
}

class TunnelAddresses {
 public:
  TunnelAddresses(datastore::Client& client, const Clock& clock, const std::string& node,
                  const WireguardState& wireguard)
      : client_(client), clock_(clock), name_(node), wireguard_(wireguard), allocator_(client, clock, node) {}

  Status Run() {
    Status status = Try();
    if (!status.has_value()) {
      for (const std::string& handle : assigned_) static_cast<void>(allocator_.ReleaseByHandle(handle));
    }
    return status;
  }

 private:
  Status Try() {
    datastore::Resources resources(client_, clock_);
    auto stored = resources.Get(model::Key::Resource(model::Kind::kNode, name_));
    if (!stored.has_value()) {
      if (stored.error().code() == ErrorCode::kNotFound) return Ok();  // when it comes, somebody calls again
      return std::move(stored).error();
    }
    model::Node node = std::get<model::Node>(stored->object);
    const model::Node before = node;
    if (wireguard_.keys[0]) node.status.wireguard_public_key = *wireguard_.keys[0];
    if (wireguard_.keys[1]) node.status.wireguard_public_key_v6 = *wireguard_.keys[1];
    for (const Kind& kind : Kinds()) RETURN_IF_ERROR(Ensure(kind, node));
    // Looking at a field must not leave an empty section, which validation refuses.
    if (node.bgp == model::NodeBgp{}) node.bgp.reset();
    if (node.wireguard == model::NodeWireguard{}) node.wireguard.reset();
    if (node == before) return Ok();
    auto written = resources.Update(node);
    return written.has_value() ? Ok() : Status(std::move(written).error());
  }

  Status Ensure(const Kind& kind, model::Node& node) {
    // The dataplane has not told yet: what is recorded may well be right.
    if (kind.wireguard && !wireguard_.keys[kind.family == net::Family::kV4 ? 0 : 1]) return Ok();
    std::string& recorded = kind.field(node);
    ASSIGN_OR_RETURN(const std::vector<net::Cidr> pools, PoolsFor(kind));
    const ipam::Owner owner{kind.handle_prefix + name_, {{"node", name_}, {"type", kind.attribute}}};
    const auto address = net::Ip::Parse(recorded);
    std::optional<model::AllocationAttribute> allocated;
    if (address) {
      ASSIGN_OR_RETURN(allocated, ipam::ReadAllocation(client_, clock_, *address));
    }
    const bool legacy = allocated && !allocated->handle_id && allocated->secondary.empty();
    if (pools.empty()) {
      if (recorded.empty()) return Ok();
      LogInfo(kComponent, "gave up the {} tunnel address {}: no pool needs it", kind.what, recorded);
      recorded.clear();
      if (legacy) return Released(allocator_.ReleaseIps({*address}));
      return ReleaseHandle(owner.handle_id);
    }
    const bool in_pools = address && std::any_of(pools.begin(), pools.end(), [&](const net::Cidr& pool) {
                            return pool.Contains(*address);
                          });
    const bool ours =
        allocated && allocated->handle_id == owner.handle_id && allocated->secondary == owner.attributes;
    if (ours && in_pools) return Ok();
    if (legacy && in_pools) {
      // Of Calico 2.6, which recorded no owner.
      return allocator_.SetOwner(*address, owner);
    }
    if (legacy) RETURN_IF_ERROR(Released(allocator_.ReleaseIps({*address})));
    RETURN_IF_ERROR(ReleaseHandle(owner.handle_id));
    return Assign(kind, pools, owner, recorded);
  }

  Status Assign(const Kind& kind, const std::vector<net::Cidr>& pools, const ipam::Owner& owner,
                std::string& recorded) {
    ipam::Allocator::Request request;
    request.family = kind.family;
    request.owner = owner;
    request.pools = pools;
    request.intended_use = "Tunnel";
    ASSIGN_OR_RETURN(const auto got, allocator_.AutoAssign(request));
    if (got.ips.empty())
      return Error(ErrorCode::kUnavailable, fmt::format("no {} tunnel address: {}", kind.what, got.reason));
    assigned_.push_back(owner.handle_id);
    recorded = got.ips[0].ToString();
    LogInfo(kComponent, "{} tunnel address {}", kind.what, recorded);
    return Ok();
  }

  // A device that has no key is none.
  bool IsIdleWireguard(const Kind& kind) const {
    if (!kind.wireguard) return false;
    const auto& key = wireguard_.keys[kind.family == net::Family::kV4 ? 0 : 1];
    return !wireguard_.needs_address || key->empty();
  }

  Result<std::vector<net::Cidr>> PoolsFor(const Kind& kind) {
    std::vector<net::Cidr> cidrs;
    if (IsIdleWireguard(kind)) return cidrs;
    auto pools = allocator_.UsablePools(kind.family, "Tunnel");
    if (!pools.has_value()) {
      if (pools.error().code() == ErrorCode::kNotFound) return cidrs;
      return std::move(pools).error();
    }
    for (const model::IPPool& pool : *pools) {
      if (!kind.wants(pool)) continue;
      if (const auto cidr = net::Cidr::ParsePrefix(pool.cidr)) cidrs.push_back(*cidr);
    }
    return cidrs;
  }

  Status ReleaseHandle(const std::string& handle) {
    Status status = allocator_.ReleaseByHandle(handle);
    if (!status.has_value() && status.error().code() != ErrorCode::kNotFound) return status;
    return Ok();
  }
  static Status Released(const Result<std::vector<net::Ip>>& released) {
    return released.has_value() ? Ok() : Status(released.error());
  }

  datastore::Client& client_;
  const Clock& clock_;
  const std::string& name_;
  const WireguardState& wireguard_;
  ipam::Allocator allocator_;
  std::vector<std::string> assigned_;  // handles, in this call
};

}  // namespace

Status EnsureTunnelAddresses(datastore::Client& client, const Clock& clock, const std::string& node,
                             const WireguardState& wireguard) {
  return TunnelAddresses(client, clock, node, wireguard).Run();
}

}  // namespace calico::node
