// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/refusals.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "datastore/resources.h"
#include "ipam/allocator.h"

namespace calico::libnetwork {
namespace {

struct PoolState {
  net::Cidr cidr;
  bool enabled = false;
};

Result<std::vector<PoolState>> ReadPools(const Call& call) {
  ASSIGN_OR_RETURN(const datastore::ObjectList list,
                   datastore::Resources(call.client, call.clock).List(model::Kind::kIPPool));
  std::vector<PoolState> pools;
  for (const datastore::Stored& stored : list.items) {
    const auto& pool = std::get<model::IPPool>(stored.object);
    if (const auto cidr = net::Cidr::ParsePrefix(pool.cidr))
      pools.push_back({cidr->Masked(), !pool.disabled});
  }
  return pools;
}

std::optional<PoolState> FindPool(const std::vector<PoolState>& pools, const net::Cidr& cidr) {
  const auto found =
      std::find_if(pools.begin(), pools.end(), [&](const PoolState& pool) { return pool.cidr == cidr; });
  return found == pools.end() ? std::nullopt : std::optional(*found);
}

// "10.0.0.0/24, 10.1.0.0/24"
std::string NamesOf(const std::vector<PoolState>& pools, net::Family family, bool enabled) {
  std::vector<std::string> names;
  for (const PoolState& pool : pools) {
    if (pool.enabled == enabled && pool.cidr.family() == family) names.push_back(pool.cidr.ToString());
  }
  std::sort(names.begin(), names.end());
  return Join(names, ", ");
}

// The node of the endpoint that has an address; "" if none is known to have it.
std::string NodeWith(const Call& call, const net::Ip& ip) {
  const std::string host = net::Cidr::Host(ip).ToString();
  const auto endpoints = datastore::Resources(call.client, call.clock).List(model::Kind::kWorkloadEndpoint);
  if (!endpoints.has_value()) return {};
  for (const datastore::Stored& stored : endpoints->items) {
    const auto& endpoint = std::get<model::WorkloadEndpoint>(stored.object);
    const auto& networks = endpoint.ip_networks;
    if (std::find(networks.begin(), networks.end(), host) != networks.end()) return endpoint.node;
  }
  return {};
}

}  // namespace

Status CheckSubnet(const Call& call, const net::Cidr& subnet) {
  ASSIGN_OR_RETURN(const std::vector<PoolState> pools, ReadPools(call));
  const auto pool = FindPool(pools, subnet);
  if (pool.has_value() && pool->enabled) return Ok();
  const std::string others = NamesOf(pools, subnet.family(), true);
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("The requested subnet must match the CIDR of a configured Calico IP Pool. {} {} with "
                  "calicoctl{}.",
                  subnet.ToString(),
                  pool.has_value() ? "is a pool and disabled: enable it" : "is none: create that pool",
                  others.empty() ? "" : ", or use one of " + others));
}

Status CheckPoolOfNetwork(const Call& call, const net::Cidr& subnet) {
  ASSIGN_OR_RETURN(const std::vector<PoolState> pools, ReadPools(call));
  const auto pool = FindPool(pools, subnet);
  if (!pool.has_value()) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("The network references a Calico pool which has been deleted. Please re-instate the "
                    "Calico pool before using the network. Its CIDR is {}.",
                    subnet.ToString()));
  }
  if (pool->enabled) return Ok();
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("The network references a Calico pool which has been disabled. Please enable {} with "
                  "calicoctl before using the network.",
                  subnet.ToString()));
}

Error NoPool(const Call& call, net::Family family) {
  const bool v4 = family == net::Family::kV4;
  std::string text =
      fmt::format("IP assignment error: No configured Calico pools for {}", v4 ? "IPv4" : "IPv6");
  const auto pools = ReadPools(call);
  if (!pools.has_value()) return Error(ErrorCode::kNotFound, std::move(text));
  const std::string enabled = NamesOf(*pools, family, true), disabled = NamesOf(*pools, family, false);
  if (!enabled.empty()) {
    text += fmt::format(
        " serve containers of node {}: look at nodeSelector, assignmentMode and allowedUses of {}, or create "
        "another pool with calicoctl.",
        call.options.node_name, enabled);
  } else if (!disabled.empty()) {
    text += fmt::format(" are enabled: enable one of {} with calicoctl.", disabled);
  } else {
    text += fmt::format(": create one with calicoctl{}.", v4 ? "" : ", or a network without --ipv6");
  }
  return Error(ErrorCode::kNotFound, std::move(text));
}

Error NoAddressLeft(const std::string& reason, const std::string& subnet) {
  const bool full = reason.find(';') == std::string::npos;  // no limit of ours has its part in it
  return Error(ErrorCode::kNotFound,
               fmt::format("Unexpected number of assigned IP addresses. A single address should be assigned. "
                           "Got []: {}; {}.",
                           reason,
                           !full            ? "see calicoctl ipam configure"
                           : subnet.empty() ? "remove containers, or create another pool with calicoctl"
                                            : "remove containers, or use a network on another pool"));
}

Error CannotAssign(const Call& call, const net::Ip& ip, const Error& cause) {
  const std::string what = fmt::format("IP assignment error, data: {{IP:{}}}: ", ip.ToString());
  if (cause.code() != ErrorCode::kAlreadyExists)
    return Error(cause.code(), what + std::string(Trim(cause.message())));
  const std::string node = NodeWith(call, ip);
  return Error(
      cause.code(),
      what + "Address already assigned in block: " +
          (node.empty()
               ? fmt::format("no container has it; choose another, or free it with calicoctl ipam "
                             "release --ip={}.",
                             ip.ToString())
               : fmt::format("a container on {} has it; choose another, or remove that container.", node)));
}

Error OutsideSubnet(const net::Ip& ip, const net::Cidr& subnet) {
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("IP assignment error, data: {{IP:{}}}: the network's subnet is {}; choose an address "
                  "in it.",
                  ip.ToString(), subnet.ToString()));
}

}  // namespace calico::libnetwork
