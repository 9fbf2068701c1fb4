// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/members.h"

#include <algorithm>

#include "policy_eval/host.h"
#include "policy_eval/labels.h"

namespace calico::policy_eval {
namespace {

std::vector<net::Cidr> Nets(const std::vector<std::string>& texts) {
  std::vector<net::Cidr> nets;
  for (const std::string& text : texts) {
    if (const auto net = net::Cidr::Parse(text)) nets.push_back(net->Masked());
  }
  return nets;
}

}  // namespace

bool Member::Has(const net::Ip& ip) const {
  return std::any_of(nets.begin(), nets.end(), [&](const net::Cidr& net) { return net.Contains(ip); });
}

std::string Member::Name() const {
  return model::Describe(key);
}

bool IsEndpoint(const Cluster& cluster, const model::WorkloadEndpoint& endpoint) {
  if (endpoint.interface_name.empty()) return false;
  return endpoint.allow_spoofed_source_prefixes.empty() || HostOf(cluster, endpoint.node).any_source;
}

std::vector<Member> MembersOf(const Cluster& cluster) {
  using model::Key;
  std::vector<Member> members;
  cluster.ForEach<model::WorkloadEndpoint>([&](const Key& key, const model::WorkloadEndpoint& endpoint) {
    if (!IsEndpoint(cluster, endpoint)) return;
    members.push_back({key, LabelsOf(cluster, endpoint), Nets(endpoint.ip_networks), endpoint.ports});
  });
  cluster.ForEach<model::HostEndpoint>([&](const Key& key, const model::HostEndpoint& endpoint) {
    members.push_back({key, LabelsOf(cluster, endpoint), Nets(endpoint.expected_ips), endpoint.ports});
  });
  cluster.ForEach<model::NetworkSet>([&](const Key& key, const model::NetworkSet& set) {
    members.push_back({key, LabelsOf(cluster, set), Nets(set.nets), {}});
  });
  cluster.ForEach<model::GlobalNetworkSet>([&](const Key& key, const model::GlobalNetworkSet& set) {
    members.push_back({key, LabelsOf(cluster, set), Nets(set.nets), {}});
  });
  return members;
}

}  // namespace calico::policy_eval
