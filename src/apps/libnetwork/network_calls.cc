// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/network_calls.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apps/libnetwork/address_notes.h"
#include "apps/libnetwork/endpoints.h"
#include "apps/libnetwork/profiles.h"
#include "apps/libnetwork/protocol.h"
#include "apps/libnetwork/siblings.h"
#include "base/log.h"
#include "base/text.h"
#include "datastore/resources.h"
#include "ipam/allocator.h"
#include "kernel/rtnetlink.h"
#include "kernel/sysctl.h"
#include "net/mac.h"
#include "workload/veth.h"

namespace calico::libnetwork {
namespace {

constexpr char kPseudoGateway[] = "0.0.0.0/0";
constexpr char kGlobalSpace[] = "CalicoGlobalAddressSpace";
constexpr char kLocalSpace[] = "CalicoLocalAddressSpace";  // of networks of local scope
// How long Join may wait for policy. dockerd starts the container when Join has returned.
constexpr Duration kProgrammedWait = std::chrono::milliseconds(500);

Result<std::vector<net::Cidr>> AddressesOf(const EndpointRequest& request) {
  std::vector<net::Cidr> addresses;
  for (const std::string& text : {request.address, request.address_v6}) {
    if (text.empty()) continue;
    const auto cidr = net::Cidr::Parse(text);
    if (!cidr.has_value()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no IP address", text));
    }
    addresses.push_back(net::Cidr::Host(cidr->ip()));
  }
  if (addresses.empty()) return Error(ErrorCode::kInvalidArgument, "No address assigned for endpoint");
  return addresses;
}

// Profile of the endpoint's network, made if need be; none when profiles are switched off.
Result<std::vector<std::string>> ProfilesFor(const Call& call, const std::string& network_id) {
  if (!call.options.create_profiles) return std::vector<std::string>();
  ASSIGN_OR_RETURN(const std::string name, LookUpNetworkName(call, network_id));
  ASSIGN_OR_RETURN(const std::string profile,
                   EnsureProfile(call.client, call.clock, name.empty() ? network_id : name));
  return std::vector<std::string>{profile};
}

Result<model::WorkloadEndpoint> BuildEndpoint(const Call& call, const EndpointRequest& request,
                                              const std::vector<net::Cidr>& addresses) {
  model::WorkloadEndpoint endpoint;
  ASSIGN_OR_RETURN(const model::Key key, EndpointKey(call.options.node_name, request.endpoint_id));
  endpoint.metadata.name = key.name;
  endpoint.metadata.ns = kNamespace;
  endpoint.orchestrator = kOrchestrator;
  endpoint.workload = kOrchestrator;
  endpoint.node = call.options.node_name;
  endpoint.endpoint = request.endpoint_id;
  endpoint.interface_name = HostInterface(request.endpoint_id);
  if (!IsCalico26(call.client)) endpoint.metadata.annotations[kNetworkAnnotation] = request.network_id;
  endpoint.mac = kMac;
  if (!IsCalico26(call.client)) endpoint.metadata.annotations[kBootAnnotation] = call.options.boot_id;
  if (!request.mac.empty()) {
    const auto mac = net::Mac::Parse(request.mac);
    if (!mac.has_value()) {
      return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no MAC address", request.mac));
    }
    endpoint.mac = mac->ToString();
  }
  for (const net::Cidr& address : addresses) endpoint.ip_networks.push_back(address.ToString());
  ASSIGN_OR_RETURN(endpoint.profiles, ProfilesFor(call, request.network_id));
  return endpoint;
}

// Addresses that this call has bound to the endpoint, with what they were before.
struct Bound {
  net::Ip ip;
  std::optional<ipam::Owner> before;  // nullopt: it was not allocated
};

Error TakenBy(const net::Ip& ip, const std::string& whom) {
  return Error(ErrorCode::kAlreadyExists,
               fmt::format("Address already assigned in block: {} belongs to {}", ip.ToString(), whom));
}

// In a store of Calico 2.6.
Status NoteEndpoint(const Call& call, const EndpointRequest& request, const net::Ip& ip) {
  ASSIGN_OR_RETURN(const auto before, ReadAddressNote(call.client, call.options.node_name, ip));
  if (before.has_value() && before->endpoint_id == request.endpoint_id) return Ok();
  if (before.has_value() && !before->endpoint_id.empty()) {
    ASSIGN_OR_RETURN(const bool lives, EndpointExists(call, before->endpoint_id));
    if (lives) return TakenBy(ip, "endpoint " + before->endpoint_id);
  }
  return WriteAddressNote(call.client, call.options.node_name, ip,
                          {.since = call.clock.WallNow(),
                           .boot_id = call.options.boot_id,
                           .endpoint_id = request.endpoint_id,
                           .requested_by_user = false,
                           .kept_by_network = false});
}

Status BindAddress(const Call& call, const EndpointRequest& request, const net::Ip& ip,
                   std::vector<Bound>& bound) {
  ipam::Allocator allocator(call.client, call.clock, call.options.node_name);
  const bool v1 = IsCalico26(call.client);
  const ipam::Owner owner =
      v1 ? ipam::Owner{}
         : OwnerOfEndpoint(call.options.node_name, request.network_id, request.endpoint_id, call.clock);
  ASSIGN_OR_RETURN(const auto before, ipam::ReadAllocation(call.client, call.clock, ip));
  if (!before.has_value()) {
    bound.push_back({ip, std::nullopt});
    RETURN_IF_ERROR(allocator.AssignIp(ip, owner));
  }
  if (v1) return NoteEndpoint(call, request, ip);
  if (!before.has_value()) return Ok();
  const std::string handle = ipam::HandleOf(*before);
  if (handle == owner.handle_id) return Ok();  // bound by an earlier try of the same endpoint
  if (const std::string other = EndpointOfHandle(handle); !other.empty()) {
    ASSIGN_OR_RETURN(const bool lives, EndpointExists(call, other));
    if (lives) return TakenBy(ip, "endpoint " + other);
  }
  bound.push_back({ip, ipam::Owner{handle, before->secondary}});
  return allocator.SetOwner(ip, owner);
}

Status BindAddresses(const Call& call, const EndpointRequest& request,
                     const std::vector<net::Cidr>& addresses, std::vector<Bound>& bound) {
  for (const net::Cidr& address : addresses) RETURN_IF_ERROR(BindAddress(call, request, address.ip(), bound));
  return Ok();
}

// Best effort: with the store away an address stays bound to an endpoint that does not exist, which the
// periodic repair finds (reconcile.h). Docker releases it by its value anyway.
void UndoBinding(const Call& call, const std::vector<Bound>& bound) {
  ipam::Allocator allocator(call.undo_client, call.clock, call.options.node_name);
  for (const Bound& each : bound) {
    Status undone;
    if (each.before.has_value()) {
      undone = allocator.SetOwner(each.ip, *each.before);
    } else {
      const auto released = allocator.ReleaseIps({each.ip});
      if (!released.has_value()) undone = released.error();
    }
    if (!undone.has_value()) {
      LogWarning("libnetwork", "{} keeps its owner: {}", each.ip.ToString(), undone.error().message());
    }
  }
}

bool IsSameEndpoint(const model::WorkloadEndpoint& stored, const model::WorkloadEndpoint& wanted) {
  return stored.node == wanted.node && stored.endpoint == wanted.endpoint &&
         stored.ip_networks == wanted.ip_networks && stored.mac == wanted.mac &&
         stored.interface_name == wanted.interface_name;
}

Status StoreEndpoint(const Call& call, const model::WorkloadEndpoint& endpoint) {
  datastore::Resources resources(call.client, call.clock);
  auto created = resources.Create(endpoint);
  if (created.has_value()) return Ok();
  Error error = std::move(created).error();
  if (error.code() == ErrorCode::kAlreadyExists) {
    auto stored = resources.Get(
        model::Key::Resource(model::Kind::kWorkloadEndpoint, endpoint.metadata.name, endpoint.metadata.ns));
    if (stored.has_value() && IsSameEndpoint(std::get<model::WorkloadEndpoint>(stored->object), endpoint)) {
      return Ok();
    }
  }
  if (error.code() == ErrorCode::kUnavailable) {
    // It may have been written although no answer came.
    const auto removed = datastore::Resources(call.undo_client, call.clock)
                             .Delete(model::Key::Resource(model::Kind::kWorkloadEndpoint,
                                                          endpoint.metadata.name, endpoint.metadata.ns));
    if (!removed.has_value() && removed.error().code() != ErrorCode::kNotFound) {
      LogWarning("libnetwork", "endpoint {} may be left behind: {}", endpoint.metadata.name,
                 removed.error().message());
    }
  }
  return std::move(error).WithContext(
      fmt::format("Workload endpoints creation error, data: {}", endpoint.metadata.name));
}

Result<datastore::Stored> ReadEndpoint(const Call& call, const std::string& endpoint_id) {
  ASSIGN_OR_RETURN(const model::Key key, EndpointKey(call.options.node_name, endpoint_id));
  return datastore::Resources(call.client, call.clock).Get(key);
}

// Notes the endpoint's sandbox in the store, and finds out whether it is the sandbox's first (siblings.h).
// Kept in the store because the containers of yesterday's plugin process may be connected to a second network
// today.
Result<bool> EnterSandbox(const Call& call, const datastore::Stored& stored, const EndpointRequest& request) {
  const std::string& sandbox_key = request.sandbox_key;
  if (sandbox_key.empty()) return true;
  if (IsCalico26(call.client)) {
    return NoteSandbox(call.client,
                       {call.options.node_name, request.endpoint_id, sandbox_key, request.network_id});
  }
  auto endpoint = std::get<model::WorkloadEndpoint>(stored.object);
  ASSIGN_OR_RETURN(const std::vector<datastore::Stored> local,
                   ListEndpoints(call.client, call.options.node_name));
  const bool first = std::none_of(local.begin(), local.end(), [&](const datastore::Stored& other) {
    const auto& it = std::get<model::WorkloadEndpoint>(other.object);
    const auto sandbox = it.metadata.annotations.find(kSandboxAnnotation);
    return it.endpoint != endpoint.endpoint && sandbox != it.metadata.annotations.end() &&
           sandbox->second == sandbox_key;
  });
  std::string& noted = endpoint.metadata.annotations[kSandboxAnnotation];
  if (noted == sandbox_key) return first;
  noted = sandbox_key;
  for (int attempt = 0;; ++attempt) {
    auto updated = datastore::Resources(call.client, call.clock).Update(endpoint);
    if (updated.has_value()) return first;
    if (updated.error().code() != ErrorCode::kConflict || attempt == 3) return std::move(updated).error();
    // Somebody changed it, e.g. gave it the profile of its network's name: keep that.
    ASSIGN_OR_RETURN(const datastore::Stored again, ReadEndpoint(call, endpoint.endpoint));
    endpoint = std::get<model::WorkloadEndpoint>(again.object);
    endpoint.metadata.annotations[kSandboxAnnotation] = sandbox_key;
  }
}

Result<JoinAnswer> BuildJoinAnswer(const Call& call, const model::WorkloadEndpoint& endpoint,
                                   kernel::Rtnetlink& rtnetlink, const std::string& gateway) {
  JoinAnswer answer;
  answer.source_name = ContainerInterface(endpoint.endpoint);
  answer.destination_prefix = call.options.interface_prefix;
  const bool has_v6 =
      std::any_of(endpoint.ip_networks.begin(), endpoint.ip_networks.end(),
                  [](const std::string& text) { return text.find(':') != std::string::npos; });
  answer.gateway = gateway;
  answer.routes.push_back({gateway + "/32"});
  // Only then: a sandbox without IPv6 refuses IPv6 routes and the container would not start (A9.1).
  if (has_v6) {
    ASSIGN_OR_RETURN(const kernel::Link link, rtnetlink.GetLink(endpoint.interface_name));
    answer.gateway_v6 = workload::LinkLocalOf(link.mac).ToString();
    answer.routes.push_back({answer.gateway_v6 + "/128"});
  }
  return answer;
}

// Docker has asked for them like for a container's. They are the network's own until it is removed.
Status KeepAuxiliaryAddresses(const Call& call, const NetworkRequest& request) {
  ipam::Allocator allocator(call.client, call.clock, call.options.node_name);
  for (const auto* family : {&request.v4, &request.v6}) {
    for (const IpamData& data : *family) {
      for (const std::string& text : data.auxiliary) {
        const auto address = net::Cidr::Parse(text);
        if (!address.has_value()) continue;
        if (IsCalico26(call.client)) {
          RETURN_IF_ERROR(WriteAddressNote(call.client, call.options.node_name, address->ip(),
                                           {.since = call.clock.WallNow(),
                                            .boot_id = call.options.boot_id,
                                            .endpoint_id = {},
                                            .requested_by_user = false,
                                            .kept_by_network = true}));
        } else {
          RETURN_IF_ERROR(allocator.SetOwner(
              address->ip(), OwnerForNetwork(call.options.node_name, request.network_id, call.clock)));
        }
      }
    }
  }
  return Ok();
}

Status RemoveEndpoint(const Call& call, const std::string& endpoint_id) {
  ASSIGN_OR_RETURN(const model::Key key, EndpointKey(call.options.node_name, endpoint_id));
  RETURN_IF_ERROR(LeaveSiblings(call.client, call.clock, call.options.node_name, endpoint_id));
  // The addresses stay: dockerd's ReleaseAddress follows and frees by value, so an address that is free
  // already could be somebody else's by then. If it does not follow, the periodic repair frees them.
  auto deleted = datastore::Resources(call.client, call.clock).Delete(key);
  if (!deleted.has_value() && deleted.error().code() != ErrorCode::kNotFound) return deleted.error();
  return IsCalico26(call.client) ? ForgetSandbox(call.client, call.options.node_name, endpoint_id) : Ok();
}

}  // namespace

Result<std::string> CreateNetwork(const Call& call, const std::string& body) {
  ASSIGN_OR_RETURN(const NetworkRequest request, ParseNetworkRequest(body));
  if (!request.unsupported_flags.empty()) {
    const std::string& flags = request.unsupported_flags.front();
    const bool internal = flags.starts_with("com.docker.network.internal ");
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("Calico driver does not support the {} {}. Create the network without {}.",
                             request.several_flags ? "flags" : "flag", flags,
                             internal                ? "--internal; a policy says who may reach the outside"
                             : request.several_flags ? "them"
                                                     : "it"));
  }
  for (const IpamData& data : request.v4) {
    if (data.gateway != kPseudoGateway) {
      return Error(ErrorCode::kInvalidArgument,
                   "Non-Calico IPAM driver is used. Note: Docker before 1.12.3 is unsupported. Create the "
                   "network with --ipam-driver calico-ipam.");
    }
  }
  for (const IpamData& data : request.v6) {
    if (data.address_space != kGlobalSpace && data.address_space != kLocalSpace) {
      return Error(ErrorCode::kInvalidArgument,
                   "Non-Calico IPAM driver is used. Create the network with --ipam-driver calico-ipam.");
    }
  }
  RETURN_IF_ERROR(KeepAuxiliaryAddresses(call, request));
  return std::string("{}");
}

Result<std::string> CreateEndpoint(const Call& call, const std::string& body) {
  ASSIGN_OR_RETURN(const EndpointRequest request, ParseEndpointRequest(body));
  ASSIGN_OR_RETURN(const std::vector<net::Cidr> addresses, AddressesOf(request));
  ASSIGN_OR_RETURN(const model::WorkloadEndpoint endpoint, BuildEndpoint(call, request, addresses));
  std::vector<Bound> bound;
  Status done = BindAddresses(call, request, addresses, bound);
  if (done.has_value()) done = StoreEndpoint(call, endpoint);
  if (!done.has_value()) {
    UndoBinding(call, bound);
    return std::move(done).error();
  }
  // Docker rejects an answer that repeats what it sent (reference docker-and-cni A3).
  return EndpointJson(request.mac.empty() ? "EE:EE:EE:EE:EE:EE" : "");
}

Result<std::string> DeleteEndpoint(const Call& call, const std::string& body) {
  ASSIGN_OR_RETURN(const EndpointRequest request, ParseEndpointRequest(body));
  Status removed = RemoveEndpoint(call, request.endpoint_id);
  if (removed.has_value()) return std::string("{}");
  if (removed.error().code() == ErrorCode::kUnavailable && call.unfinished.deletion)
    call.unfinished.deletion(request.endpoint_id);
  return std::move(removed).error();
}

Result<std::string> Join(const Call& call, const std::string& body) {
  ASSIGN_OR_RETURN(const EndpointRequest request, ParseEndpointRequest(body));
  ASSIGN_OR_RETURN(const datastore::Stored stored, ReadEndpoint(call, request.endpoint_id));
  const auto& endpoint = std::get<model::WorkloadEndpoint>(stored.object);
  workload::VethRequest veth{.host_name = HostInterface(request.endpoint_id),
                             .container_name = ContainerInterface(request.endpoint_id),
                             .mtu_bytes = call.options.veth_mtu_bytes,
                             .addresses = {},
                             .link_group = workload::kLibnetworkLinkGroup};
  for (const std::string& text : endpoint.ip_networks) {
    const auto address = net::Cidr::Parse(text);
    if (address.has_value()) veth.addresses.push_back(*address);
  }
  ASSIGN_OR_RETURN(const bool first, EnterSandbox(call, stored, request));
  std::string gateway = kGateway;
  if (!first) {
    ASSIGN_OR_RETURN(gateway, JoinSiblings(call, endpoint, request.sandbox_key));
  }
  ASSIGN_OR_RETURN(const auto rtnetlink, kernel::OpenRtnetlink());
  const auto sysctl = kernel::OpenSysctl();
  RETURN_IF_ERROR(workload::CreateHostVeth(*rtnetlink, *sysctl, veth));
  auto answer = BuildJoinAnswer(call, endpoint, *rtnetlink, gateway);
  if (!answer.has_value()) {
    const Status removed = workload::RemoveHostVeth(*rtnetlink, veth.host_name);
    if (!removed.has_value()) LogWarning("libnetwork", "{}", removed.error().message());
    return std::move(answer).error();
  }
  if (call.wait_programmed) {
    call.wait_programmed(veth.host_name, std::min(call.deadline, call.clock.Now() + kProgrammedWait));
  }
  return JoinJson(*answer);
}

Result<std::string> Leave(const Call& call, const std::string& body) {
  ASSIGN_OR_RETURN(const EndpointRequest request, ParseEndpointRequest(body));
  RETURN_IF_ERROR(call.removal.Remove(HostInterface(request.endpoint_id)));
  return std::string("{}");
}

}  // namespace calico::libnetwork
