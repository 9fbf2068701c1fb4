// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "policy_eval/cluster.h"
#include "policy_eval/packet.h"
#include "policy_eval/policies.h"
#include "policy_eval/verdict.h"

// A packet's way (reference felix 2.11, 2.12, 2.14; the order of the stages is that of 3.13):
//
//   from a workload    source address → ┐
//   from outside       untracked, pre-DNAT of the incoming interface → ┴→ DNAT → ┐
//     ┌──────────────────────────────────────────────────────────────────────────┘
//     ├→ for the host:  workload's egress, then DefaultEndpointToHostAction; or host endpoint's ingress
//     └→ forwarded:     forward ingress → workload's egress → workload's ingress → forward egress → services
//   from the host:      untracked egress → DNAT → host endpoint's egress
//
// Packets that the hosts' own tunnels wrap are not looked at twice.
namespace calico::policy_eval {

// The destination that a host puts into a packet before it routes it: a service's backend.
struct Rewrite {
  net::Ip ip;
  std::uint16_t port = 0;
};

// A packet at one host.
struct Crossing {
  std::string node;
  Packet packet;              // as it comes, before DNAT
  std::string in_interface;   // empty: a process of this host sends it
  std::string out_interface;  // empty: a process of this host gets it
  std::optional<Rewrite> dnat;
};

// One answer on the way.
struct Step {
  std::string node;
  std::string interface;
  std::optional<model::Key> endpoint;  // who was asked; none: a rule of the host itself
  Stage stage = Stage::kNormal;
  Direction direction = Direction::kIngress;
  Packet packet;  // as the endpoint sees it
  Verdict verdict;
};

struct PathVerdict {
  Action action = Action::kNone;
  std::vector<Step> steps;  // as far as the packet gets

  // The step that says so: the one that denies, or else the last one that had a verdict. Each path has one.
  const Step& deciding() const;
  std::size_t decided_at = 0;
};

// One host. kNone: no verdict of ours, the host's own chains decide.
PathVerdict EvaluateCrossing(const Cluster& cluster, const Crossing& crossing);

// An end of a packet's way.
struct Place {
  enum class Kind { kWorkload, kHost, kOutside };
  Kind kind = Kind::kOutside;
  model::Key workload;  // kWorkload
  std::string node;     // kHost

  static Place Workload(model::Key key) { return {Kind::kWorkload, std::move(key), {}}; }
  static Place OfHost(std::string node) { return {Kind::kHost, {}, std::move(node)}; }
  static Place Outside() { return {}; }
};

struct Journey {
  Place from;
  Place to;                     // after DNAT
  Packet packet;                // before DNAT
  std::optional<Rewrite> dnat;  // at the first host
  std::string through;          // the first host of a packet from outside; empty: that of `to`
  // The interfaces towards outside; empty: the host's uplink.
  std::string in_interface;
  std::string out_interface;
};

// The packet at each host that it comes through, in order.
std::vector<Crossing> CrossingsOf(const Cluster& cluster, const Journey& journey);
// All hosts on the way. Deny if any denies; otherwise kNone if any leaves it to its own chains.
PathVerdict EvaluateJourney(const Cluster& cluster, const Journey& journey);

// The workload whose interface that is.
std::optional<model::Key> WorkloadOf(const Cluster& cluster, const std::string& node,
                                     const std::string& interface);

}  // namespace calico::policy_eval
