// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/reconcile.h"

#include <utility>

#include <fmt/format.h>

#include "apps/libnetwork/endpoints.h"
#include "apps/libnetwork/profiles.h"
#include "base/log.h"
#include "kernel/rtnetlink.h"

namespace calico::libnetwork {
namespace {

constexpr Duration kPeriod = std::chrono::minutes(1);
constexpr Duration kRoundTimeout = std::chrono::seconds(20);

Result<std::set<std::string>> InterfaceNames() {
  ASSIGN_OR_RETURN(const auto rtnetlink, kernel::OpenRtnetlink());
  ASSIGN_OR_RETURN(const std::vector<kernel::Link> links, rtnetlink->ListLinks());
  std::set<std::string> names;
  for (const kernel::Link& link : links) names.insert(link.name);
  return names;
}

std::string AttributeText(const model::AllocationAttribute& attribute, const std::string& name) {
  const auto found = attribute.secondary.find(name);
  return found == attribute.secondary.end() ? std::string() : found->second;
}

}  // namespace

Reconciler::Reconciler(datastore::Client& client, const Clock& clock, Options options, Duration grace)
    : client_(client), clock_(clock), options_(std::move(options)), grace_(grace), thread_("docker-repair") {}

Reconciler::~Reconciler() {
  thread_.StopAndJoin();
  timer_.reset();
}

void Reconciler::Start() {
  thread_.Start();
  thread_.loop().Post([this] {
    RunLogged();
    timer_ = thread_.loop().Every(kPeriod, [this] { RunLogged(); });
  });
}

void Reconciler::RunLogged() {
  const Status done = RunOnce();
  if (!done.has_value()) LogWarning("libnetwork", "leftovers not looked for: {}", done.error().message());
}

Status Reconciler::RunOnce() {
  const auto client = client_.WithDeadline(clock_.Now() + kRoundTimeout);
  std::set<std::string> living;
  RETURN_IF_ERROR(RemoveDeadEndpoints(*client, living));
  RETURN_IF_ERROR(ReleaseOrphans(*client, living));
  if (options_.create_profiles) RETURN_IF_ERROR(RenameProfiles(*client, clock_, options_.node_name));
  ipam::Allocator allocator(*client, clock_, options_.node_name);
  ASSIGN_OR_RETURN(unused_, allocator.SweepHandles(kHandlePrefix, unused_));
  return Ok();
}

// Endpoints whose host interface is gone. `living` gets the IDs of all others.
Status Reconciler::RemoveDeadEndpoints(datastore::Client& client, std::set<std::string>& living) {
  ASSIGN_OR_RETURN(const std::vector<datastore::Stored> endpoints, ListEndpoints(client, options_.node_name));
  // After the endpoints: one that is being attached has its interface by now, or is young.
  ASSIGN_OR_RETURN(const std::set<std::string> interfaces, InterfaceNames());
  const std::string oldest_kept = FormatRfc3339(clock_.WallNow() - grace_);
  ipam::Allocator allocator(client, clock_, options_.node_name);
  const std::set<std::string> dead_before = std::move(dead_);
  dead_.clear();
  for (const datastore::Stored& stored : endpoints) {
    const auto& endpoint = std::get<model::WorkloadEndpoint>(stored.object);
    const bool ageless = endpoint.metadata.creation_timestamp.empty();
    if (ageless && interfaces.count(endpoint.interface_name) == 0 &&
        dead_before.count(endpoint.endpoint) == 0) {
      dead_.insert(endpoint.endpoint);
      living.insert(endpoint.endpoint);
      continue;
    }
    if (interfaces.count(endpoint.interface_name) != 0 ||
        endpoint.metadata.creation_timestamp >= oldest_kept) {
      living.insert(endpoint.endpoint);
      continue;
    }
    LogInfo("libnetwork", "removing endpoint {}: its interface {} is gone", endpoint.endpoint,
            endpoint.interface_name);
    const model::Key key =
        model::Key::Resource(model::Kind::kWorkloadEndpoint, endpoint.metadata.name, kNamespace);
    auto deleted = client.Delete(model::ToPath(key), stored.revision);
    if (!deleted.has_value()) {
      const ErrorCode code = deleted.error().code();
      if (code == ErrorCode::kUnavailable) return deleted;
      continue;  // changed or gone meanwhile: the next round sees it again
    }
    if (IsCalico26(client)) {
      RETURN_IF_ERROR(ForgetSandbox(client, options_.node_name, endpoint.endpoint));
      continue;
    }
    const Status released = allocator.ReleaseByHandle(HandleOfEndpoint(endpoint.endpoint));
    if (!released.has_value() && released.error().code() != ErrorCode::kNotFound) return released;
  }
  return Ok();
}

// Addresses of this node that Docker asked for and no endpoint has.
Status Reconciler::ReleaseOrphans(datastore::Client& client, const std::set<std::string>& living) {
  ipam::Allocator allocator(client, clock_, options_.node_name);
  ASSIGN_OR_RETURN(const std::vector<model::AllocationAttribute> allocations,
                   allocator.ListAllocations(kHandlePrefix));
  const std::string oldest_kept = AttributeTime(clock_.WallNow() - grace_);
  std::set<std::string> orphans;
  for (const model::AllocationAttribute& attribute : allocations) {
    if (AttributeText(attribute, "node") != options_.node_name) continue;
    if (AttributeText(attribute, "timestamp") >= oldest_kept || IsRequestedByUser(attribute)) continue;
    const std::string handle = ipam::HandleOf(attribute);
    if (living.count(EndpointOfHandle(handle)) == 0) orphans.insert(handle);
  }
  for (const std::string& handle : orphans) {
    if (suspects_.count(handle) == 0) continue;
    LogInfo("libnetwork", "releasing the address of {}: no endpoint has it", handle);
    const Status released = allocator.ReleaseByHandle(handle);
    if (!released.has_value() && released.error().code() != ErrorCode::kNotFound) return released;
  }
  suspects_ = std::move(orphans);
  return Ok();
}

}  // namespace calico::libnetwork
