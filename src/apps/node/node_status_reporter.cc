// SPDX-License-Identifier: Apache-2.0
#include "apps/node/node_status_reporter.h"

#include <algorithm>
#include <tuple>

#include "base/log.h"
#include "datastore/resources.h"

namespace calico::node {
namespace {

constexpr char kComponent[] = "node status";
constexpr int kDefaultPeriodSeconds = 10;

// "2026-03-02 09:59:58", "10:00:12": a second is enough.
std::string WithoutFraction(const std::string& time) {
  return time.substr(0, time.find('.'));
}

model::AgentStatus AgentOf(const Result<bgp::DaemonStatus>& daemon) {
  model::BgpDaemonStatus status;
  status.state = "NotReady";
  if (daemon.has_value()) {
    status.state = "Ready";
    status.version = daemon->version.starts_with("BIRD ") ? daemon->version.substr(5) : daemon->version;
    status.router_id = daemon->router_id;
    status.last_boot_time = WithoutFraction(daemon->started);
    status.last_reconfiguration_time = WithoutFraction(daemon->reconfigured);
  }
  return {status, status};  // one daemon serves both families
}

// In the words that the resource's schema allows.
std::string SessionState(const std::string& bgp_state) {
  if (bgp_state.empty() || bgp_state == "Down") return "Idle";
  return bgp_state == "Passive" ? "Active" : bgp_state;
}

model::BgpStatus BgpOf(const std::vector<bgp::PeerStatus>& peers) {
  model::BgpStatus status;
  for (const bgp::PeerStatus& peer : peers) {
    const char* type = peer.type == "node-to-node mesh" ? "NodeMesh"
                       : peer.type == "global"          ? "GlobalPeer"
                       : peer.type == "node specific"   ? "NodePeer"
                                                        : nullptr;
    if (type == nullptr) continue;  // the schema has no word for a local workload
    (peer.ipv6 ? status.peers_v6 : status.peers_v4)
        .push_back({peer.address, type, SessionState(peer.bgp_state), WithoutFraction(peer.since)});
    if (peer.established())
      ++(peer.ipv6 ? status.number_established_v6 : status.number_established_v4);
    else
      ++(peer.ipv6 ? status.number_not_established_v6 : status.number_not_established_v4);
  }
  return status;
}

const char* SourceWord(bgp::RouteStatus::Source source) {
  using Source = bgp::RouteStatus::Source;
  switch (source) {
    case Source::kKernel:
      return "Kernel";
    case Source::kStatic:
      return "Static";
    case Source::kDirect:
      return "Direct";
    case Source::kMesh:
      return "NodeMesh";
    case Source::kPeer:
      return "BGPPeer";
  }
  return "";
}

// In one order, whatever the daemon's: else equal states would differ.
model::RoutesStatus RoutesOf(const std::vector<bgp::RouteStatus>& routes) {
  model::RoutesStatus status;
  for (const bgp::RouteStatus& route : routes) {
    (route.ipv6 ? status.routes_v6 : status.routes_v4)
        .push_back({route.best ? "FIB" : "RIB",
                    route.destination,
                    route.gateway,
                    route.interface,
                    {SourceWord(route.source), route.peer}});
  }
  const auto order = [](const model::RouteStatus& route) {
    return std::tie(route.destination, route.type, route.gateway, route.interface,
                    route.learned_from.source_type, route.learned_from.peer_ip);
  };
  for (auto* list : {&status.routes_v4, &status.routes_v6})
    std::sort(list->begin(), list->end(), [&](const auto& a, const auto& b) { return order(a) < order(b); });
  return status;
}

}  // namespace

Result<model::CalicoNodeStatus> WithStatus(model::CalicoNodeStatus resource, const bgp::Speaker* speaker) {
  const auto asks_for = [&](const char* name) {
    return std::find(resource.classes.begin(), resource.classes.end(), name) != resource.classes.end();
  };
  resource.agent = {};
  resource.bgp = {};
  resource.routes = {};
  if (asks_for("Agent")) {
    resource.agent =
        AgentOf(speaker != nullptr ? speaker->Daemon() : Error(ErrorCode::kNotFound, "no BGP on this node"));
  }
  // A daemon that does not answer has said nothing: "no peers" would be a lie, and "NotReady" says it.
  if (speaker == nullptr) return resource;
  if (asks_for("BGP")) {
    if (const auto peers = speaker->Peers(); peers.has_value())
      resource.bgp = BgpOf(*peers);
    else if (!asks_for("Agent"))
      return peers.error();
  }
  if (asks_for("Routes")) {
    if (const auto routes = speaker->Routes(); routes.has_value())
      resource.routes = RoutesOf(*routes);
    else if (!asks_for("Agent"))
      return routes.error();
  }
  return resource;
}

NodeStatusReporter::NodeStatusReporter(datastore::Client& client, const Clock& clock, std::string node,
                                       const bgp::Speaker* speaker)
    : client_(client), clock_(clock), node_(std::move(node)), speaker_(speaker), thread_("status") {}

NodeStatusReporter::~NodeStatusReporter() {
  thread_.StopAndJoin();
  resources_.clear();  // before their loop
}

void NodeStatusReporter::OnResource(const std::string& name, const model::CalicoNodeStatus* resource) {
  std::optional<Wanted> wanted;
  // A period of 0 switches the updates off.
  if (resource != nullptr && resource->node == node_ &&
      resource->update_period_seconds.value_or(kDefaultPeriodSeconds) > 0)
    wanted = Wanted{resource->classes, resource->update_period_seconds.value_or(kDefaultPeriodSeconds)};
  thread_.loop().Post([this, name, wanted] { Schedule(name, wanted); });
}

void NodeStatusReporter::Schedule(const std::string& name, const std::optional<Wanted>& wanted) {
  if (!wanted) {
    resources_.erase(name);
    return;
  }
  Reported& reported = resources_[name];
  if (reported.timer != nullptr && reported.wanted == *wanted) return;
  reported.wanted = *wanted;
  reported.timer =
      thread_.loop().Every(std::chrono::seconds(wanted->period_seconds), [this, name] { Report(name); });
  Report(name);
}

void NodeStatusReporter::Report(const std::string& name) {
  const Status written = Write(name);
  const std::string error = written.has_value() ? "" : written.error().message();
  std::string& last = resources_.at(name).error;
  if (!error.empty() && error != last)
    LogWarning(kComponent, "CalicoNodeStatus {}: {}; trying again", name, error);
  last = error;
}

Status NodeStatusReporter::Write(const std::string& name) {
  datastore::Resources resources(client_, clock_);
  auto stored = resources.Get(model::Key::Resource(model::Kind::kCalicoNodeStatus, name));
  if (!stored.has_value()) {
    // The watch is about to tell.
    return stored.error().code() == ErrorCode::kNotFound ? Ok() : Status(std::move(stored).error());
  }
  const auto& before = std::get<model::CalicoNodeStatus>(stored->object);
  if (before.node != node_) return Ok();
  ASSIGN_OR_RETURN(model::CalicoNodeStatus now, WithStatus(before, speaker_));
  if (now == before && !before.last_updated.empty()) return Ok();
  now.last_updated = FormatRfc3339(clock_.WallNow());
  auto written = resources.Update(std::move(now));
  // Somebody changed it meanwhile: the next time.
  if (written.has_value() || written.error().code() == ErrorCode::kConflict) return Ok();
  return std::move(written).error();
}

}  // namespace calico::node
