// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/ipam_calls.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "apps/libnetwork/address_notes.h"
#include "apps/libnetwork/endpoints.h"
#include "apps/libnetwork/protocol.h"
#include "apps/libnetwork/refusals.h"
#include "base/log.h"
#include "base/text.h"
#include "datastore/resources.h"
#include "ipam/allocator.h"
#include "kernel/rtnetlink.h"

namespace calico::libnetwork {
namespace {

constexpr char kPoolV4[] = "CalicoPoolIPv4";
constexpr char kPoolV6[] = "CalicoPoolIPv6";
// Answering a pseudo gateway keeps dockerd from asking for a gateway address (reference docker-and-cni A4).
constexpr char kAllV4[] = "0.0.0.0/0";
constexpr char kAllV6[] = "::/0";

// The pool of a network that was made with --subnet, which still is one; nullopt of a network on all pools.
Result<std::optional<net::Cidr>> PoolOfNetwork(const Call& call, const std::string& pool_id) {
  if (pool_id == kPoolV4 || pool_id == kPoolV6) return std::optional<net::Cidr>();
  const auto cidr = net::Cidr::ParsePrefix(pool_id);
  if (!cidr.has_value()) return Error(ErrorCode::kInvalidArgument, "Invalid CIDR");
  RETURN_IF_ERROR(CheckPoolOfNetwork(call, *cidr));
  return cidr;
}

// In a store of Calico 2.6. An address that cannot be noted goes back: nobody could tell later whose it is.
Status NoteAddress(const Call& call, const net::Ip& ip, bool requested_by_user) {
  if (!IsCalico26(call.client)) return Ok();
  Status noted = WriteAddressNote(call.client, call.options.node_name, ip,
                                  {.since = call.clock.WallNow(),
                                   .boot_id = call.options.boot_id,
                                   .endpoint_id = {},
                                   .requested_by_user = requested_by_user,
                                   .kept_by_network = false});
  if (noted.has_value()) return noted;
  ipam::Allocator allocator(call.undo_client, call.clock, call.options.node_name);
  const auto released = allocator.ReleaseIps({ip});
  if (!released.has_value())
    LogWarning("libnetwork", "{} stays allocated: {}", ip.ToString(), released.error().message());
  return noted;
}

// After dockerd was killed it only sends ReleaseAddress for what its dead containers had: no Leave, no
// DeleteEndpoint (reference docker-and-cni A9.7). The endpoint and its interface must not outlive the
// address.
Status RemoveEndpointOf(const Call& call, const std::string& endpoint_id) {
  ASSIGN_OR_RETURN(const model::Key key, EndpointKey(call.options.node_name, endpoint_id));
  auto deleted = call.client.Delete(model::ToPath(key), 0);
  if (!deleted.has_value()) {
    if (deleted.error().code() == ErrorCode::kNotFound) return Ok();  // the ordinary case
    return std::move(deleted).error();
  }
  if (IsCalico26(call.client))
    RETURN_IF_ERROR(ForgetSandbox(call.client, call.options.node_name, endpoint_id));
  LogInfo("libnetwork", "removed endpoint {}, whose address Docker gave back", endpoint_id);
  return call.removal.Remove(HostInterface(endpoint_id));
}

Result<std::string> AutoAssign(const Call& call, const std::string& pool_id,
                               const std::optional<net::Cidr>& pool) {
  ipam::Allocator::Request wanted;
  if (!IsCalico26(call.client)) wanted.owner = UnboundOwner(call.options.node_name, call.clock, false);
  if (pool_id == kPoolV6) wanted.family = net::Family::kV6;
  if (pool.has_value()) {
    wanted.family = pool->family();
    wanted.pools = {*pool};
  }
  ipam::Allocator allocator(call.client, call.clock, call.options.node_name);
  auto assigned = allocator.AutoAssign(wanted);
  if (!assigned.has_value()) {
    if (assigned.error().code() == ErrorCode::kNotFound) return NoPool(call, wanted.family);
    return std::move(assigned).error().WithContext(
        fmt::format("IP assignment error, data: {{PoolID:{}}}", pool_id));
  }
  if (assigned->ips.size() != 1)
    return NoAddressLeft(assigned->reason, pool.has_value() ? pool->ToString() : "");
  RETURN_IF_ERROR(NoteAddress(call, assigned->ips.front(), false));
  return AddressJson(net::Cidr::Host(assigned->ips.front()).ToString());
}

// Whether what has the address is left over and may be replaced: dockerd itself asks for it. It does after a
// crash, for a container with --ip, and would not try again.
Result<bool> IsLeftOver(const Call& call, const net::Ip& ip) {
  std::string endpoint_id, boot_id;
  bool requested = false;
  if (IsCalico26(call.client)) {
    ASSIGN_OR_RETURN(const auto note, ReadAddressNote(call.client, call.options.node_name, ip));
    if (!note.has_value() || note->kept_by_network) return false;
    endpoint_id = note->endpoint_id;
    boot_id = note->boot_id;
    requested = note->requested_by_user;
  } else {
    ASSIGN_OR_RETURN(const auto attribute, ipam::ReadAllocation(call.client, call.clock, ip));
    if (!attribute.has_value()) return true;
    if (!IsOfDocker(*attribute) || IsKeptByNetwork(*attribute) ||
        AttributeText(*attribute, "node") != call.options.node_name)
      return false;
    endpoint_id = EndpointOfHandle(ipam::HandleOf(*attribute));
    requested = IsRequestedByUser(*attribute);
  }
  // Between two containers that ask for it at the same time CreateEndpoint decides. One that any container
  // may have got a moment ago is that container's.
  if (endpoint_id.empty()) return requested;
  ASSIGN_OR_RETURN(const model::Key key, EndpointKey(call.options.node_name, endpoint_id));
  auto stored = datastore::Resources(call.client, call.clock).Get(key);
  if (!stored.has_value()) {
    if (stored.error().code() == ErrorCode::kNotFound) return true;
    return std::move(stored).error();
  }
  const auto& endpoint = std::get<model::WorkloadEndpoint>(stored->object);
  const auto boot = endpoint.metadata.annotations.find(kBootAnnotation);
  if (boot != endpoint.metadata.annotations.end()) boot_id = boot->second;
  const bool former_boot = !boot_id.empty() && boot_id != call.options.boot_id;
  ASSIGN_OR_RETURN(const auto rtnetlink, kernel::OpenRtnetlink());
  if (!former_boot || rtnetlink->GetLink(endpoint.interface_name).has_value()) return false;
  RETURN_IF_ERROR(RemoveEndpointOf(call, endpoint_id));
  return true;
}

Result<std::string> AssignRequested(const Call& call, const std::string& address,
                                    const std::optional<net::Cidr>& pool) {
  const auto ip = net::Ip::Parse(address);
  if (!ip.has_value()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no IP address", address));
  }
  if (pool.has_value() && (pool->family() != ip->family() || !pool->Contains(*ip)))
    return OutsideSubnet(*ip, *pool);
  ipam::Allocator allocator(call.client, call.clock, call.options.node_name);
  const ipam::Owner owner =
      IsCalico26(call.client) ? ipam::Owner{} : UnboundOwner(call.options.node_name, call.clock, true);
  auto assigned = allocator.AssignIp(*ip, owner);
  if (!assigned.has_value() && assigned.error().code() == ErrorCode::kAlreadyExists) {
    ASSIGN_OR_RETURN(const bool left_over, IsLeftOver(call, *ip));
    if (left_over) {
      LogInfo("libnetwork", "{} is given again: what had it is gone", ip->ToString());
      assigned = IsCalico26(call.client) ? Ok() : allocator.SetOwner(*ip, owner);
    }
  }
  if (!assigned.has_value()) return CannotAssign(call, *ip, assigned.error());
  RETURN_IF_ERROR(NoteAddress(call, *ip, true));
  return AddressJson(net::Cidr::Host(*ip).ToString());
}

// Where addresses do not say whose they are: the endpoint of this node that has it; "" if there is none.
Result<std::string> LocalEndpointWith(const Call& call, const net::Ip& ip) {
  ASSIGN_OR_RETURN(const std::vector<datastore::Stored> endpoints,
                   ListEndpoints(call.client, call.options.node_name));
  const std::string host = net::Cidr::Host(ip).ToString();
  for (const datastore::Stored& stored : endpoints) {
    const auto& endpoint = std::get<model::WorkloadEndpoint>(stored.object);
    for (const std::string& network : endpoint.ip_networks) {
      if (network == host) return endpoint.endpoint;
    }
  }
  return std::string();
}

// The endpoint of this node that has the address, "" if none. nullopt: the address is not Docker's here.
Result<std::optional<std::string>> HolderOf(const Call& call, const net::Ip& ip,
                                            const model::AllocationAttribute& attribute) {
  if (IsCalico26(call.client)) {
    ASSIGN_OR_RETURN(const auto note, ReadAddressNote(call.client, call.options.node_name, ip));
    if (note.has_value() && !note->endpoint_id.empty()) return note->endpoint_id;
    ASSIGN_OR_RETURN(std::string endpoint, LocalEndpointWith(call, ip));
    return endpoint;
  }
  const std::string type = AttributeText(attribute, "type"), node = AttributeText(attribute, "node");
  // Released before (by our repair) and given to somebody else since: not this dockerd's any more. An address
  // that a network keeps may have been asked for on another host.
  const bool another_node = !node.empty() && node != call.options.node_name && !IsKeptByNetwork(attribute);
  if (another_node || (!type.empty() && !IsOfDocker(attribute))) {
    LogWarning("libnetwork", "not releasing {}: it belongs to {} on node {}", ip.ToString(), type, node);
    return std::nullopt;
  }
  return EndpointOfHandle(ipam::HandleOf(attribute));
}

Status Release(const Call& call, const net::Ip& ip) {
  ASSIGN_OR_RETURN(const auto attribute, ipam::ReadAllocation(call.client, call.clock, ip));
  if (attribute.has_value()) {
    ASSIGN_OR_RETURN(const std::optional<std::string> endpoint, HolderOf(call, ip, *attribute));
    if (!endpoint.has_value()) return Ok();
    if (!endpoint->empty()) RETURN_IF_ERROR(RemoveEndpointOf(call, *endpoint));
    ipam::Allocator allocator(call.client, call.clock, call.options.node_name);
    ASSIGN_OR_RETURN([[maybe_unused]] const std::vector<net::Ip> released, allocator.ReleaseIps({ip}));
  }
  return IsCalico26(call.client) ? DeleteAddressNote(call.client, call.options.node_name, ip) : Ok();
}

}  // namespace

Result<std::string> RequestPool(const Call& call, const std::string& body) {
  ASSIGN_OR_RETURN(const PoolRequest request, ParsePoolRequest(body));
  if (!request.sub_pool.empty()) {
    return Error(
        ErrorCode::kInvalidArgument,
        "Calico IPAM does not support sub pool configuration on 'docker create network'. Calico IP Pools "
        "should be configured first and IP assignment is from those pre-configured pools. Leave --ip-range "
        "out.");
  }
  if (request.has_options) {
    return Error(ErrorCode::kInvalidArgument,
                 "Arbitrary options are not supported. Leave --ipam-opt out; --subnet says which pool.");
  }
  const char* all = request.v6 ? kAllV6 : kAllV4;
  if (request.pool.empty()) return PoolJson(request.v6 ? kPoolV6 : kPoolV4, all, all);
  const auto cidr = net::Cidr::ParsePrefix(request.pool);
  if (!cidr.has_value()) return Error(ErrorCode::kInvalidArgument, "Invalid CIDR");
  RETURN_IF_ERROR(CheckSubnet(call, cidr->Masked()));
  const std::string pool = cidr->Masked().ToString();
  return PoolJson(pool, pool, all);
}

Result<std::string> RequestAddress(const Call& call, const std::string& body) {
  ASSIGN_OR_RETURN(const AddressRequest request, ParseAddressRequest(body));
  const auto type = request.options.find("RequestAddressType");
  if (type != request.options.end() && type->second == "com.docker.network.gateway") {
    return Error(ErrorCode::kInvalidArgument,
                 "Calico IPAM does not support specifying a gateway. Leave --gateway out: the host itself is "
                 "every container's gateway.");
  }
  ASSIGN_OR_RETURN(const std::optional<net::Cidr> pool, PoolOfNetwork(call, request.pool_id));
  return request.address.empty() ? AutoAssign(call, request.pool_id, pool)
                                 : AssignRequested(call, request.address, pool);
}

Result<std::string> ReleaseAddress(const Call& call, const std::string& body) {
  ASSIGN_OR_RETURN(const AddressRequest request, ParseAddressRequest(body));
  const auto ip = net::Ip::Parse(request.address);
  if (!ip.has_value()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no IP address", request.address));
  }
  if (ip->IsUnspecified()) return std::string("{}");  // the pseudo gateway
  Status released = Release(call, *ip);
  if (released.has_value()) return std::string("{}");
  if (released.error().code() == ErrorCode::kUnavailable && call.unfinished.release)
    call.unfinished.release(*ip);
  return std::move(released).error();
}

}  // namespace calico::libnetwork
