// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/differential.h"

#include <map>
#include <optional>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "apps/calicoctl/trace_live.h"
#include "base/check.h"
#include "base/environment.h"
#include "model/codec/json.h"
#include "tests/policy/random_policies.h"

namespace calico::policy_test {
namespace {

using policy_eval::Action;

// A field decided if it is the only thing that kept a rule from matching which would have said otherwise.
void CountDeciding(const policy_eval::PathVerdict& verdict, Statistics& statistics) {
  std::set<std::string> fields;
  const auto look = [&](const policy_eval::PolicyTrace& policy) {
    if (!policy.reached || policy.staged) return;
    for (std::size_t i = 0; i < policy.rules.size() && (!policy.rule || i < *policy.rule); ++i) {
      const policy_eval::RuleTrace& rule = policy.rules[i];
      if (rule.matched || rule.action == policy_eval::RuleAction::kLog || rule.mismatches.size() != 1)
        continue;
      fields.insert(rule.mismatches[0].field);
    }
  };
  for (const policy_eval::Step& step : verdict.steps) {
    for (const policy_eval::TierTrace& tier : step.verdict.tiers) {
      for (const policy_eval::PolicyTrace& policy : tier.policies) look(policy);
    }
    for (const policy_eval::PolicyTrace& profile : step.verdict.profiles) look(profile);
  }
  for (const std::string& field : fields) ++statistics.deciding[field];
}

std::string Describe(const policy_eval::Cluster& cluster, const policy_eval::Crossing& crossing,
                     const policy_eval::PathVerdict& verdict, bool passed, std::uint64_t seed) {
  std::string text =
      fmt::format("seed {}: {} in '{}' out '{}': the kernel {} it, the evaluator says {}\n", seed,
                  policy_eval::ToString(crossing.packet), crossing.in_interface, crossing.out_interface,
                  passed ? "passes" : "drops", policy_eval::ActionName(verdict.action));
  for (const policy_eval::Step& step : verdict.steps) {
    text += fmt::format("  {} {} stage {} {}: {} ({})\n", step.interface,
                        step.endpoint ? model::Describe(*step.endpoint) : "-", static_cast<int>(step.stage),
                        step.direction == policy_eval::Direction::kIngress ? "ingress" : "egress",
                        policy_eval::ActionName(step.verdict.action), policy_eval::Because(step.verdict));
  }
  for (const auto& [key, object] : cluster.objects)
    text += "  " + model::Describe(key) + " " + model::EncodeValue(key, *object) + "\n";
  return text;
}

// What stands in the kernel, for `calicoctl trace --live`.
calicoctl::LiveHost ReadKernel() {
  auto host = calicoctl::ReadLiveHost(Environment(std::map<std::string, std::string>{{"NODENAME", kNode}}));
  CHECK(host.has_value(), "the tables can be read");
  return *std::move(host);
}

}  // namespace

Differential::Differential(PacketNetwork& network) : network_(network) {
  for (const auto& [name, addresses] : RandomPolicies::Interfaces()) network_.SetInterface(name, addresses);
  network_.SetDefaultRoute("eth0");
  network_.SetRoute("198.51.100.0/24", "eth1");
  network_.SetRoute("2001:db8:2::/64", "eth1");
}

std::optional<std::string> Differential::Run(std::uint64_t seed, int sets, int packets_per_set,
                                             const KernelHost::Hooks& hooks, Statistics& statistics) {
  KernelHost host(kNode, hooks);
  for (int set = 0; set < sets; ++set) {
    const std::uint64_t set_seed = seed + static_cast<std::uint64_t>(set);
    RandomPolicies random(set_seed);
    policy_eval::Cluster cluster = random.AnyCluster();
    for (auto& [key, object] : cluster.objects) {
      if (key.kind != model::Kind::kWorkloadEndpoint) continue;
      auto endpoint = std::get<model::WorkloadEndpoint>(*object);
      endpoint.mac = PacketNetwork::MacBehind(endpoint.interface_name).ToString();
      object = std::make_shared<const model::Object>(std::move(endpoint));
    }
    PacketNetwork::ForgetConnections();
    host.Set(cluster.objects);
    ++statistics.sets;
    std::vector<policy_eval::Crossing> crossings;
    for (int i = 0; i < packets_per_set; ++i) {
      crossings.push_back(random.AnyCrossing());
      network_.Send(crossings.back().packet, crossings.back().in_interface,
                    static_cast<std::uint32_t>(set * packets_per_set + i));
    }
    const auto received = network_.Receive();
    std::optional<calicoctl::LiveHost> live;
    if (!hooks.change_batch && !hooks.wrap_nftables) live = ReadKernel();
    for (int i = 0; i < packets_per_set; ++i) {
      const policy_eval::Crossing& crossing = crossings[static_cast<std::size_t>(i)];
      const policy_eval::PathVerdict verdict = EvaluateCrossing(cluster, crossing);
      const auto found = received.find(static_cast<std::uint32_t>(set * packets_per_set + i));
      const bool passed = found != received.end() && found->second == crossing.out_interface;
      ++statistics.packets;
      statistics.allowed += verdict.action != Action::kDeny ? 1 : 0;
      CountDeciding(verdict, statistics);
      if (passed != (verdict.action != Action::kDeny))
        return Describe(cluster, crossing, verdict, passed, set_seed);
      // `calicoctl trace --live` reads the tables: it must come to the same.
      if (!live) continue;
      const dataplane::Walk walk = calicoctl::WalkAt(*live, cluster, crossing);
      if (walk.dropped == passed || !walk.foreign.empty() || !walk.missing.empty()) {
        return fmt::format("the walk through the table {} it, by {}\n", walk.dropped ? "drops" : "passes",
                           walk.decided_by ? walk.decided_by->chain : "nothing") +
               Describe(cluster, crossing, verdict, passed, set_seed);
      }
    }
  }
  return std::nullopt;
}

}  // namespace calico::policy_test
