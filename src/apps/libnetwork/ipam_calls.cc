// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/ipam_calls.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "apps/libnetwork/endpoints.h"
#include "apps/libnetwork/protocol.h"
#include "apps/libnetwork/refusals.h"
#include "base/log.h"
#include "base/text.h"
#include "datastore/resources.h"
#include "ipam/allocator.h"
#include "kernel/rtnetlink.h"
#include "workload/veth.h"

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
  return AddressJson(net::Cidr::Host(assigned->ips.front()).ToString());
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
  if (!assigned.has_value()) return CannotAssign(call, *ip, assigned.error());
  return AddressJson(net::Cidr::Host(*ip).ToString());
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
  ASSIGN_OR_RETURN(const auto rtnetlink, kernel::OpenRtnetlink());
  return workload::RemoveHostVeth(*rtnetlink, HostInterface(endpoint_id));
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

std::string AttributeText(const model::AllocationAttribute& attribute, const std::string& name) {
  const auto found = attribute.secondary.find(name);
  return found == attribute.secondary.end() ? std::string() : found->second;
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
  ASSIGN_OR_RETURN(const auto attribute, ipam::ReadAllocation(call.client, call.clock, *ip));
  if (!attribute.has_value()) return std::string("{}");
  std::string endpoint = EndpointOfHandle(ipam::HandleOf(*attribute));
  if (IsCalico26(call.client)) {
    ASSIGN_OR_RETURN(endpoint, LocalEndpointWith(call, *ip));
    if (!endpoint.empty()) RETURN_IF_ERROR(RemoveEndpointOf(call, endpoint));
  } else if (!endpoint.empty()) {
    // Released before (by our repair) and given to another host since: not this dockerd's any more.
    if (AttributeText(*attribute, "node") != call.options.node_name) {
      LogWarning("libnetwork", "not releasing {}: it belongs to node {}", ip->ToString(),
                 AttributeText(*attribute, "node"));
      return std::string("{}");
    }
    RETURN_IF_ERROR(RemoveEndpointOf(call, endpoint));
  }
  ipam::Allocator allocator(call.client, call.clock, call.options.node_name);
  ASSIGN_OR_RETURN(const std::vector<net::Ip> released, allocator.ReleaseIps({*ip}));
  static_cast<void>(released);
  return std::string("{}");
}

}  // namespace calico::libnetwork
