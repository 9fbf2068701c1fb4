// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/path.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/check.h"
#include "base/text.h"
#include "policy_eval/evaluate.h"
#include "policy_eval/host.h"
#include "policy_eval/host_endpoints.h"
#include "policy_eval/members.h"

namespace calico::policy_eval {
namespace {

constexpr char kLoopback[] = "lo";

// One host, stage after stage. What returns a bool says whether the packet goes further.
class HostPath {
 public:
  HostPath(const Cluster& cluster, const Crossing& crossing)
      : cluster_(cluster),
        host_(HostOf(cluster, crossing.node)),
        crossing_(crossing),
        packet_(crossing.packet),
        from_workload_(host_.IsWorkloadInterface(crossing.in_interface)),
        to_workload_(host_.IsWorkloadInterface(crossing.out_interface)) {}

  PathVerdict Run() {
    if (crossing_.in_interface.empty())
      Output();
    else if (Prerouting())
      crossing_.out_interface.empty() ? Input() : Forward();
    CHECK(said_, "every way ends with an answer");
    return std::move(path_);
  }

 private:
  // --- steps

  bool Add(Step step) {
    step.node = host_.node;
    step.packet = packet_;
    said_ = true;
    path_.action = step.verdict.action;
    path_.steps.push_back(std::move(step));
    path_.decided_at = path_.steps.size() - 1;
    return path_.action != Action::kDeny;
  }
  // What the host says itself.
  bool Say(const std::string& interface, Direction direction, Action action, Cause cause,
           std::string detail = {}) {
    Step step{{}, interface, {}, Stage::kNormal, direction, {}, {}};
    step.verdict.action = action;
    step.verdict.cause = cause;
    step.verdict.detail = std::move(detail);
    return Add(std::move(step));
  }
  // Before routing: a stage that has no verdict leaves what was so far.
  bool AskEarly(Stage stage, Direction direction, const std::string& interface) {
    const auto endpoint = HostEndpointOf(cluster_, host_, interface);
    if (accepted_ || !endpoint) return true;
    Verdict verdict = EvaluateHostEndpoint(cluster_, *endpoint, stage, direction, packet_);
    // A connection that is known goes on to the later stages.
    if (verdict.action == Action::kNone || verdict.cause == Cause::kEstablished) {
      if (!verdict.tiers.empty() || verdict.cause != Cause::kUndecided)
        path_.steps.push_back(
            {host_.node, interface, *endpoint, stage, direction, packet_, std::move(verdict)});
      return true;
    }
    accepted_ = true;
    return Add({{}, interface, *endpoint, stage, direction, {}, std::move(verdict)});
  }
  bool AskHostEndpoint(Stage stage, Direction direction, const std::string& interface) {
    const auto endpoint = HostEndpointOf(cluster_, host_, interface);
    if (!endpoint) return true;
    return Add({{},
                interface,
                *endpoint,
                stage,
                direction,
                {},
                EvaluateHostEndpoint(cluster_, *endpoint, stage, direction, packet_)});
  }
  bool AskWorkload(Direction direction, const std::string& interface) {
    const auto workload = WorkloadOf(cluster_, host_.node, interface);
    if (!workload) return Say(interface, direction, Action::kDeny, Cause::kUnknownWorkload);
    return Add({{},
                interface,
                *workload,
                Stage::kNormal,
                direction,
                {},
                EvaluateWorkload(cluster_, *workload, direction, packet_)});
  }

  // --- stages

  bool Prerouting() {
    const std::string& in = crossing_.in_interface;
    if (from_workload_) {
      if (!SourceIsOwn()) return Say(in, Direction::kEgress, Action::kDeny, Cause::kSpoofedSource);
    } else {
      if (!AskEarly(Stage::kUntracked, Direction::kIngress, in)) return false;
      if (!AskEarly(Stage::kPreDnat, Direction::kIngress, in)) return false;
    }
    ApplyDnat();
    return true;
  }

  // Reference felix 3.4. An interface without workload is left to the dispatch.
  bool SourceIsOwn() const {
    const auto key = WorkloadOf(cluster_, host_.node, crossing_.in_interface);
    if (!key || packet_.source.IsLinkLocal()) return true;
    const auto* workload = cluster_.Find<model::WorkloadEndpoint>(*key);
    std::vector<std::string> own = workload->ip_networks;
    own.insert(own.end(), workload->allow_spoofed_source_prefixes.begin(),
               workload->allow_spoofed_source_prefixes.end());
    return std::any_of(own.begin(), own.end(), [&](const std::string& text) {
      const auto net = net::Cidr::Parse(text);
      return net && net->Masked().Contains(packet_.source);
    });
  }

  void ApplyDnat() {
    if (!crossing_.dnat) return;
    packet_.destination = crossing_.dnat->ip;
    packet_.destination_port = crossing_.dnat->port;
  }

  void Input() {
    const std::string& in = crossing_.in_interface;
    if (from_workload_) return FromWorkloadToHost();
    if (accepted_) return;
    if (HostEndpointOf(cluster_, host_, in))
      AskHostEndpoint(Stage::kNormal, Direction::kIngress, in);
    else
      Say(in, Direction::kIngress, Action::kNone, Cause::kNoHostEndpoint);
  }

  // Reference felix 2.12.
  void FromWorkloadToHost() {
    const std::string& in = crossing_.in_interface;
    if (IsNeighbourDiscovery()) {
      Say(in, Direction::kEgress, Action::kAllow, Cause::kIcmpv6ToHost);
      return;
    }
    if (!AskWorkload(Direction::kEgress, in)) return;
    if (path_.steps.back().verdict.cause == Cause::kEstablished) return;
    const std::string& action = host_.endpoint_to_host;
    const Action verdict = EqualsIgnoreCase(action, "Accept")   ? Action::kAllow
                           : EqualsIgnoreCase(action, "Return") ? Action::kNone
                                                                : Action::kDeny;
    const char* word = verdict == Action::kAllow ? "Accept" : verdict == Action::kNone ? "Return" : "Drop";
    Say(in, Direction::kEgress, verdict, Cause::kEndpointToHost, word);
  }
  bool IsNeighbourDiscovery() const {
    constexpr int kTypes[] = {130, 131, 132, 133, 135, 136};
    return packet_.family() == net::Family::kV6 && packet_.is_icmp() &&
           std::find(std::begin(kTypes), std::end(kTypes), packet_.icmp_type) != std::end(kTypes);
  }

  void Forward() {
    const std::string &in = crossing_.in_interface, &out = crossing_.out_interface;
    if (cluster_.dialect == Dialect::kV26 && !ForwardOfV26()) return;
    const bool v3 = cluster_.dialect == Dialect::kV3;
    if (v3 && !accepted_ && !AskHostEndpoint(Stage::kForward, Direction::kIngress, in)) return;
    if (from_workload_ && !AskWorkload(Direction::kEgress, in)) return;
    if (to_workload_ && !AskWorkload(Direction::kIngress, out)) return;
    if (v3 && !AskHostEndpoint(Stage::kForward, Direction::kEgress, out)) return;
    if (IsServiceLoop()) {
      Say(out, Direction::kEgress, Action::kDeny, Cause::kServiceLoop);
      return;
    }
    if (!said_) Say(out, Direction::kEgress, Action::kNone, Cause::kNoCalicoInterface);
  }

  // Reference felix 2.18: normal policy, and only between interfaces of the host.
  bool ForwardOfV26() {
    if (from_workload_ || to_workload_) return true;
    if (!accepted_ && !AskHostEndpoint(Stage::kNormal, Direction::kIngress, crossing_.in_interface))
      return false;
    return AskHostEndpoint(Stage::kNormal, Direction::kEgress, crossing_.out_interface);
  }

  // Reference felix 2.14: nothing has put a backend's address in its place.
  bool IsServiceLoop() const {
    return packet_.connection == Connection::kNew &&
           std::any_of(host_.service_addresses.begin(), host_.service_addresses.end(),
                       [&](const net::Cidr& net) { return net.Contains(packet_.destination); });
  }

  void Output() {
    const std::string& out = crossing_.out_interface;
    if (!AskEarly(Stage::kUntracked, Direction::kEgress, out)) return;
    if (accepted_) return;
    ApplyDnat();
    if (to_workload_)
      Say(out, Direction::kEgress, Action::kNone, Cause::kHostToWorkload);
    else if (HostEndpointOf(cluster_, host_, out))
      AskHostEndpoint(Stage::kNormal, Direction::kEgress, out);
    else
      Say(out, Direction::kEgress, Action::kNone, Cause::kNoHostEndpoint);
  }

  const Cluster& cluster_;
  const Host host_;
  const Crossing& crossing_;
  Packet packet_;
  const bool from_workload_;
  const bool to_workload_;
  bool accepted_ = false;  // by an untracked or a pre-DNAT policy: normal and forward ingress are skipped
  bool said_ = false;      // a step has decided
  PathVerdict path_;
};

// --- several hosts

std::string NodeOf(const Cluster& cluster, const Place& place) {
  if (place.kind == Place::Kind::kHost) return place.node;
  if (place.kind == Place::Kind::kOutside) return {};
  const auto* workload = cluster.Find<model::WorkloadEndpoint>(place.workload);
  CHECK(workload != nullptr, "the workload must exist");
  return workload->node;
}

// The host's own interface towards the place; empty for a process.
std::string InterfaceOf(const Cluster& cluster, const Place& place) {
  if (place.kind != Place::Kind::kWorkload) return {};
  return cluster.Find<model::WorkloadEndpoint>(place.workload)->interface_name;
}

std::vector<std::string> HostsOnTheWay(const Cluster& cluster, const Journey& journey) {
  const std::string from = NodeOf(cluster, journey.from), to = NodeOf(cluster, journey.to);
  std::vector<std::string> hosts;
  for (const std::string& node : {from.empty() ? journey.through : from, to}) {
    if (!node.empty() && (hosts.empty() || hosts.back() != node)) hosts.push_back(node);
  }
  CHECK(!hosts.empty(), "a journey goes through a host");
  return hosts;
}

Packet AfterDnat(const Journey& journey) {
  Packet packet = journey.packet;
  if (journey.dnat) {
    packet.destination = journey.dnat->ip;
    packet.destination_port = journey.dnat->port;
  }
  return packet;
}

// A process speaks to one of the same host: out by the loopback, and in again.
std::vector<Crossing> ThroughLoopback(const std::string& node, const Journey& journey) {
  return {{node, journey.packet, {}, kLoopback, journey.dnat}, {node, AfterDnat(journey), kLoopback, {}, {}}};
}

}  // namespace

const Step& PathVerdict::deciding() const {
  return steps.at(decided_at);
}

PathVerdict EvaluateCrossing(const Cluster& cluster, const Crossing& crossing) {
  return HostPath(cluster, crossing).Run();
}

std::vector<Crossing> CrossingsOf(const Cluster& cluster, const Journey& journey) {
  const std::vector<std::string> hosts = HostsOnTheWay(cluster, journey);
  using Kind = Place::Kind;
  if (hosts.size() == 1 && journey.from.kind == Kind::kHost && journey.to.kind == Kind::kHost)
    return ThroughLoopback(hosts[0], journey);
  std::vector<Crossing> crossings;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const bool first = i == 0, last = i + 1 == hosts.size();
    const std::string uplink = HostOf(cluster, hosts[i]).uplink;
    const auto towards_outside = [&](const std::string& wanted) { return wanted.empty() ? uplink : wanted; };
    Crossing crossing{hosts[i], first ? journey.packet : AfterDnat(journey), {}, {}, {}};
    if (first) crossing.dnat = journey.dnat;
    crossing.in_interface = first && journey.from.kind != Kind::kOutside ? InterfaceOf(cluster, journey.from)
                            : first ? towards_outside(journey.in_interface)
                                    : uplink;
    crossing.out_interface = last && journey.to.kind != Kind::kOutside ? InterfaceOf(cluster, journey.to)
                             : last ? towards_outside(journey.out_interface)
                                    : uplink;
    crossings.push_back(std::move(crossing));
  }
  return crossings;
}

PathVerdict EvaluateJourney(const Cluster& cluster, const Journey& journey) {
  PathVerdict all;
  bool undecided = false;
  for (const Crossing& crossing : CrossingsOf(cluster, journey)) {
    PathVerdict one = EvaluateCrossing(cluster, crossing);
    const bool decides = one.action != Action::kAllow || !undecided;
    if (decides) {
      all.action = one.action;
      all.decided_at = all.steps.size() + one.decided_at;
    }
    undecided = undecided || one.action == Action::kNone;
    std::move(one.steps.begin(), one.steps.end(), std::back_inserter(all.steps));
    if (all.action == Action::kDeny) break;
  }
  return all;
}

std::optional<model::Key> WorkloadOf(const Cluster& cluster, const std::string& node,
                                     const std::string& interface) {
  std::optional<model::Key> found;
  cluster.ForEach<model::WorkloadEndpoint>(
      [&](const model::Key& key, const model::WorkloadEndpoint& endpoint) {
        const bool is_it = endpoint.node == node && endpoint.interface_name == interface;
        if (!found && is_it && IsEndpoint(cluster, endpoint)) found = key;
      });
  return found;
}

}  // namespace calico::policy_eval
