// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/reconcile.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "apps/libnetwork/address_notes.h"
#include "apps/libnetwork/docker_api.h"
#include "apps/libnetwork/endpoints.h"
#include "apps/libnetwork/profiles.h"
#include "apps/libnetwork/siblings.h"
#include "base/log.h"
#include "datastore/resources.h"
#include "kernel/rtnetlink.h"

namespace calico::libnetwork {
namespace {

constexpr Duration kPeriod = std::chrono::minutes(1);
constexpr Duration kRoundTimeout = std::chrono::seconds(20);
constexpr Duration kDockerTimeout = std::chrono::seconds(5);
// What is suspect must be so for that long: longer than dockerd repeats a call that follows another.
constexpr Duration kSuspicion = std::chrono::seconds(20);
constexpr Duration kRetry = std::chrono::seconds(5);

std::string HostAddress(const net::Ip& ip) {
  return net::Cidr::Host(ip).ToString();
}

// Made by our driver: a name like that is given by CNI plugins, too.
bool IsOurs(const kernel::Link& link, const std::map<int, std::string>& names) {
  if (link.kind != "veth" || !link.name.starts_with("cali")) return false;
  if (link.group == workload::kLibnetworkLinkGroup || link.group == workload::kDoomedLinkGroup) return true;
  // Before there were groups; the container's end is still here.
  const auto peer = names.find(link.peer_ifindex);
  return peer != names.end() && peer->second == "temp" + link.name.substr(4);
}

Result<std::vector<kernel::Link>> ListLinks() {
  ASSIGN_OR_RETURN(const auto rtnetlink, kernel::OpenRtnetlink());
  return rtnetlink->ListLinks();
}

std::set<std::string> OursAmong(const std::vector<kernel::Link>& links) {
  std::map<int, std::string> names;
  for (const kernel::Link& link : links) names[link.ifindex] = link.name;
  std::set<std::string> ours;
  for (const kernel::Link& link : links) {
    if (IsOurs(link, names)) ours.insert(link.name);
  }
  return ours;
}

}  // namespace

// An address that Docker has from this node.
struct Reconciler::Held {
  net::Ip ip;
  std::string endpoint_id;
  bool kept_by_network = false;
  std::optional<WallTime> since;
  std::string boot_id;
  ipam::ReleaseCondition as_seen;
};

struct Reconciler::Found {
  HostLook host;
  std::vector<datastore::Stored> endpoints;
  std::vector<Held> held;
  std::set<std::string> our_interfaces;  // before the endpoints were read: none is newer than its endpoint
  std::set<std::string> used;            // addresses "10.65.0.1/32" of endpoints that live
  std::set<std::string> freed;           // the same of endpoints that were removed now

  EndpointTrace TraceOf(const model::WorkloadEndpoint& endpoint) const {
    EndpointTrace trace{endpoint.endpoint, endpoint.interface_name, {}, {}};
    trace.made = ParseRfc3339(endpoint.metadata.creation_timestamp);
    const auto boot = endpoint.metadata.annotations.find(kBootAnnotation);
    if (boot != endpoint.metadata.annotations.end()) trace.boot_id = boot->second;
    for (const Held& address : held) {
      if (address.endpoint_id != endpoint.endpoint || trace.made.has_value()) continue;
      trace.made = address.since;
      trace.boot_id = address.boot_id;
    }
    return trace;
  }
};

Reconciler::Reconciler(datastore::Client& client, const Clock& clock, Options options, Duration grace)
    : client_(client), clock_(clock), options_(std::move(options)), grace_(grace), thread_("docker-repair") {}

Reconciler::~Reconciler() {
  thread_.StopAndJoin();
  timer_.reset();
}

void Reconciler::Start() {
  thread_.Start();
  thread_.loop().Post([this] {
    if (const auto rtnetlink = kernel::OpenRtnetlink(); rtnetlink.has_value()) {
      const Status finished = workload::VethRemoval::FinishInterrupted(**rtnetlink);
      if (!finished.has_value()) LogWarning("libnetwork", "{}", finished.error().message());
    }
    RunLogged();
  });
}

Status Reconciler::OnDockerUp() {
  thread_.loop().Post([this] {
    former_docker_ended_ = docker_ended_;
    RunLogged();
  });
  return Ok();
}

void Reconciler::OnDockerGone() {
  thread_.loop().Post([this, now = clock_.WallNow()] { docker_ended_ = now; });
}

Driver::Unfinished Reconciler::TakeUnfinished() {
  const auto soon = [this] { timer_ = thread_.loop().After(kRetry, [this] { RunLogged(); }); };
  return {[this, soon](const std::string& endpoint_id) {
            thread_.loop().Post([this, soon, endpoint_id] {
              deleted_.insert(endpoint_id);
              soon();
            });
          },
          [this, soon](const net::Ip& ip) {
            thread_.loop().Post([this, soon, ip, now = clock_.WallNow()] {
              released_[ip] = now;
              soon();
            });
          }};
}

void Reconciler::RunLogged() {
  const Status done = RunOnce();
  if (!done.has_value() && !reported_)
    LogWarning("libnetwork", "leftovers not looked for: {}", done.error().message());
  reported_ = !done.has_value();
  Duration wait = kPeriod;
  if (!suspects_.empty() || !unused_.empty()) wait = kSuspicion + std::chrono::seconds(1);
  if (!done.has_value()) wait = kRetry;
  timer_ = thread_.loop().After(wait, [this] { RunLogged(); });
}

Status Reconciler::RunOnce() {
  const auto client = client_.WithDeadline(clock_.Now() + kRoundTimeout);
  suspects_before_ = std::exchange(suspects_, {});
  ASSIGN_OR_RETURN(Found found, Look(*client));
  RETURN_IF_ERROR(RemoveEndpoints(*client, found));
  RETURN_IF_ERROR(ReleaseAddresses(*client, found));
  RemoveInterfaces(found);
  deleted_.clear();
  released_.clear();
  if (options_.create_profiles) {
    RETURN_IF_ERROR(RenameProfiles(*client, clock_, options_.node_name));
    ASSIGN_OR_RETURN(const std::vector<std::string> stand_ins, ListStandIns(*client));
    for (const std::string& profile : stand_ins) {
      if (Confirmed("profile " + profile)) RETURN_IF_ERROR(RemoveUnusedProfile(*client, clock_, profile));
    }
  }
  ipam::Allocator allocator(*client, clock_, options_.node_name);
  ASSIGN_OR_RETURN(unused_, allocator.SweepHandles(kHandlePrefix, unused_));
  return Ok();
}

Result<Reconciler::Found> Reconciler::Look(datastore::Client& client) {
  Found found;
  ASSIGN_OR_RETURN(const std::vector<kernel::Link> before, ListLinks());
  found.our_interfaces = OursAmong(before);
  ASSIGN_OR_RETURN(found.endpoints, ListEndpoints(client, options_.node_name));
  ASSIGN_OR_RETURN(found.held, ListHeld(client));
  // After the endpoints: one that is being attached has its interface by now, or is young.
  ASSIGN_OR_RETURN(const std::vector<kernel::Link> after, ListLinks());
  for (const kernel::Link& link : after) found.host.interfaces.insert(link.name);
  found.host.boot_id = options_.boot_id;
  found.host.grace = grace_;
  const auto containers = DockerApi(options_.docker_endpoint, kDockerTimeout).ListContainers();
  found.host.now = clock_.WallNow();
  if (!containers.has_value()) return found;
  found.host.docker.emplace();
  found.host.former_docker_ended = former_docker_ended_;
  for (const DockerContainer& container : *containers) {
    if (!container.running) continue;
    for (const auto& [network, endpoint] : container.endpoints)
      found.host.docker->insert(endpoint.endpoint_id);
  }
  RETURN_IF_ERROR(AddClaims(found));
  return found;
}

// The list shows a container once it runs, and on a busy host that may take minutes; its networks show it
// from Join on. Asked only if there is something to be removed.
Status Reconciler::AddClaims(Found& found) {
  const bool all_listed =
      std::all_of(found.endpoints.begin(), found.endpoints.end(), [&](const datastore::Stored& stored) {
        return Judge(found.TraceOf(std::get<model::WorkloadEndpoint>(stored.object)), found.host) ==
               Verdict::kAlive;
      });
  if (all_listed) return Ok();
  const DockerApi docker(options_.docker_endpoint, kDockerTimeout);
  ASSIGN_OR_RETURN(const std::vector<DockerNetwork> networks, docker.ListNetworks());
  for (const DockerNetwork& network : networks) {
    if (network.driver != kDriverName) continue;
    const auto inspected = docker.InspectNetwork(network.id);
    if (!inspected.has_value()) {
      if (inspected.error().code() == ErrorCode::kNotFound) continue;
      return inspected.error();
    }
    for (const auto& [endpoint, container] : inspected->endpoints) {
      if (!container.starts_with("ep-")) found.host.docker->insert(endpoint);  // those have no container
    }
  }
  return Ok();
}

Result<std::vector<Reconciler::Held>> Reconciler::ListHeld(datastore::Client& client) {
  std::vector<Held> all;
  if (IsCalico26(client)) {
    ASSIGN_OR_RETURN(const auto notes, ListAddressNotes(client, options_.node_name));
    for (const auto& [ip, note] : notes)
      all.push_back({ip, note.endpoint_id, note.kept_by_network, note.since, note.boot_id, {ip, {}, {}}});
    return all;
  }
  ipam::Allocator allocator(client, clock_, options_.node_name);
  ASSIGN_OR_RETURN(const std::vector<ipam::Allocation> allocations, allocator.ListAllocations());
  for (const ipam::Allocation& it : allocations) {
    if (!IsOfDocker(it.attribute) || it.Attribute("node") != options_.node_name) continue;
    const std::string handle = ipam::HandleOf(it.attribute);
    all.push_back({it.ip,
                   EndpointOfHandle(handle),
                   IsKeptByNetwork(it.attribute),
                   ParseAttributeTime(it.Attribute("timestamp")),
                   {},
                   {it.ip, handle, it.sequence_number}});
  }
  return all;
}

bool Reconciler::Confirmed(const std::string& what) {
  const auto before = suspects_before_.find(what);
  const TimePoint since = before == suspects_before_.end() ? clock_.Now() : before->second;
  suspects_[what] = since;
  return clock_.Now() - since >= kSuspicion;
}

bool Reconciler::IsDead(Verdict verdict, const std::string& what) {
  return verdict == Verdict::kDead || (verdict == Verdict::kSuspect && Confirmed(what));
}

Status Reconciler::RemoveEndpoints(datastore::Client& client, Found& found) {
  for (const datastore::Stored& stored : found.endpoints) {
    const auto& endpoint = std::get<model::WorkloadEndpoint>(stored.object);
    const bool wanted_gone = deleted_.contains(endpoint.endpoint);
    if (!wanted_gone &&
        !IsDead(Judge(found.TraceOf(endpoint), found.host), "endpoint " + endpoint.endpoint)) {
      found.used.insert(endpoint.ip_networks.begin(), endpoint.ip_networks.end());
      continue;
    }
    LogInfo("libnetwork", "removing endpoint {}: {}", endpoint.endpoint,
            wanted_gone ? "Docker deleted it while the store was away" : "no container has it");
    RETURN_IF_ERROR(LeaveSiblings(client, clock_, options_.node_name, endpoint.endpoint));
    const model::Key key =
        model::Key::Resource(model::Kind::kWorkloadEndpoint, endpoint.metadata.name, kNamespace);
    auto deleted = client.Delete(model::ToPath(key), stored.revision);
    if (!deleted.has_value()) {
      const ErrorCode code = deleted.error().code();
      if (code == ErrorCode::kUnavailable) return deleted;
      found.used.insert(endpoint.ip_networks.begin(), endpoint.ip_networks.end());
      continue;  // changed or gone meanwhile: the next look sees it again
    }
    found.freed.insert(endpoint.ip_networks.begin(), endpoint.ip_networks.end());
    if (found.host.interfaces.contains(endpoint.interface_name)) {
      const Status removed = removal_.Remove(endpoint.interface_name);
      if (!removed.has_value()) LogWarning("libnetwork", "{}", removed.error().message());
    }
    if (IsCalico26(client)) RETURN_IF_ERROR(ForgetSandbox(client, options_.node_name, endpoint.endpoint));
  }
  return Ok();
}

Status Reconciler::ReleaseAddresses(datastore::Client& client, const Found& found) {
  for (const Held& held : found.held) {
    const std::string address = HostAddress(held.ip);
    AddressTrace trace{held.endpoint_id, found.used.contains(address), held.kept_by_network, held.since};
    const auto released = released_.find(held.ip);
    const bool wanted_gone = !trace.used && released != released_.end() && held.since.has_value() &&
                             *held.since < released->second;
    const bool freed = found.freed.contains(address) && !trace.used;
    if (!wanted_gone && !freed && !IsDead(Judge(trace, found.host), "address " + address)) continue;
    LogInfo("libnetwork", "releasing {}: no endpoint has it", held.ip.ToString());
    RETURN_IF_ERROR(Release(client, held));
  }
  return Ok();
}

Status Reconciler::Release(datastore::Client& client, const Held& held) {
  if (IsCalico26(client)) {
    // Somebody may have released it by hand, so that it is another's now: only an endpoint tells.
    ASSIGN_OR_RETURN(const datastore::ObjectList all,
                     datastore::Resources(client, clock_).List(model::Kind::kWorkloadEndpoint));
    const std::string address = HostAddress(held.ip);
    const bool anothers =
        std::any_of(all.items.begin(), all.items.end(), [&](const datastore::Stored& stored) {
          const auto& networks = std::get<model::WorkloadEndpoint>(stored.object).ip_networks;
          return std::find(networks.begin(), networks.end(), address) != networks.end();
        });
    if (anothers) return DeleteAddressNote(client, options_.node_name, held.ip);
  }
  ipam::Allocator allocator(client, clock_, options_.node_name);
  const auto outcome = allocator.ReleaseMatching({held.as_seen});
  if (outcome.error.has_value()) {
    if (outcome.error->code() == ErrorCode::kUnavailable) return *outcome.error;
    LogInfo("libnetwork", "{} stays: {}", held.ip.ToString(), outcome.error->message());
  }
  return IsCalico26(client) ? DeleteAddressNote(client, options_.node_name, held.ip) : Ok();
}

// Interfaces of ours that belong to no endpoint. Without Docker's word they stay: an operator may have
// deleted the endpoint of a container that runs.
void Reconciler::RemoveInterfaces(const Found& found) {
  if (!found.host.docker.has_value()) return;
  std::set<std::string> known;
  for (const datastore::Stored& stored : found.endpoints)
    known.insert(std::get<model::WorkloadEndpoint>(stored.object).interface_name);
  for (const std::string& endpoint : *found.host.docker) known.insert(HostInterface(endpoint));
  for (const std::string& name : found.our_interfaces) {
    if (known.contains(name) || !Confirmed("interface " + name)) continue;
    LogInfo("libnetwork", "removing interface {}: no endpoint has it", name);
    const Status removed = removal_.Remove(name);
    if (!removed.has_value()) LogWarning("libnetwork", "{}", removed.error().message());
  }
}

}  // namespace calico::libnetwork
