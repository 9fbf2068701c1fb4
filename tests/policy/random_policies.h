// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "policy_eval/cluster.h"
#include "policy_eval/path.h"

namespace calico::policy_test {

inline constexpr char kNode[] = "host-a";

// Random objects and packets for one host: labels, policies, tiers, profiles, sets, host endpoints; TCP, UDP,
// SCTP, ICMP and others in both families, between workloads, the outside and the host. All of it follows from
// the seed.
class RandomPolicies final {
 public:
  explicit RandomPolicies(std::uint64_t seed) : random_(seed) {}

  // Interfaces of the host and their addresses: the same for all of them.
  static std::map<std::string, std::vector<net::Ip>> Interfaces();

  policy_eval::Cluster AnyCluster();
  // A packet's way through the host. Never the way of an earlier one's answers.
  policy_eval::Crossing AnyCrossing();

 private:
  int Below(int limit) { return std::uniform_int_distribution<int>(0, limit - 1)(random_); }
  bool Chance(int percent) { return Below(100) < percent; }
  template <typename T>
  T OneOf(const std::vector<T>& values) {
    return values[static_cast<std::size_t>(Below(static_cast<int>(values.size())))];
  }

  std::map<std::string, std::string> AnyLabels();
  std::string AnySelector();
  std::string AnyNet(net::Family family);
  void AddEntity(model::EntityRule& entity, bool has_ports, net::Family family, bool is_source);
  model::Rule OneCriterion(bool profile);
  model::Rule AnyRule(bool profile);
  std::vector<model::Rule> AnyRules(bool profile);
  model::PolicySpec AnySpec();
  model::GlobalPolicySpec AnyGlobal();

  std::mt19937_64 random_;
};

}  // namespace calico::policy_test
