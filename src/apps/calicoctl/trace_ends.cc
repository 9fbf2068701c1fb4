// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/trace_ends.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/suggest.h"
#include "base/text.h"
#include "model/codec/json.h"

namespace calico::calicoctl {
namespace {

using model::Key;
using model::Kind;
using model::WorkloadEndpoint;
using policy_eval::Cluster;
using policy_eval::Place;

constexpr std::size_t kShortestId = 4;  // of a container, that may stand for the whole

std::vector<net::Ip> HostAddresses(const Cluster& cluster, const std::string& node) {
  std::vector<net::Ip> addresses;
  const auto add = [&](const std::string& text) {
    const auto cidr = net::Cidr::Parse(text);
    if (cidr && std::find(addresses.begin(), addresses.end(), cidr->ip()) == addresses.end())
      addresses.push_back(cidr->ip());
  };
  if (const auto* object = cluster.Find<model::Node>(Key::Resource(Kind::kNode, node))) {
    if (object->bgp) {
      add(object->bgp->ipv4_address);
      add(object->bgp->ipv6_address);
    }
    for (const model::NodeAddress& address : object->addresses) add(address.address);
  }
  cluster.ForEach<model::HostEndpoint>([&](const Key&, const model::HostEndpoint& endpoint) {
    if (endpoint.node != node) return;
    for (const std::string& ip : endpoint.expected_ips) add(ip);
  });
  return addresses;
}

TraceEnd OfHost(const Cluster& cluster, const std::string& node) {
  return {Place::OfHost(node), HostAddresses(cluster, node), "host " + node};
}
TraceEnd OfWorkload(const Key& key, const WorkloadEndpoint& endpoint) {
  TraceEnd end{
      Place::Workload(key), {}, fmt::format("workload {}/{} on {}", key.ns, key.name, endpoint.node)};
  for (const std::string& text : endpoint.ip_networks) {
    if (const auto cidr = net::Cidr::Parse(text)) end.addresses.push_back(cidr->ip());
  }
  return end;
}

// How well a workload is named: its own name comes before what runs in it.
bool IsName(const Key& key, const std::string& text) {
  return text == key.name || text == key.ns + "/" + key.name;
}
bool IsContainer(const WorkloadEndpoint& endpoint, const std::string& text) {
  const std::size_t slash = text.find('/');
  const std::string node = slash == std::string::npos ? "" : text.substr(0, slash);
  const std::string name = text.substr(slash == std::string::npos ? 0 : slash + 1);
  if (name.empty()) return false;
  const bool is_id = name.size() >= kShortestId && endpoint.container_id.starts_with(name);
  const bool named = name == endpoint.pod || name == endpoint.workload || name == endpoint.endpoint || is_id;
  const bool in_namespace = node == endpoint.metadata.ns && name == endpoint.pod;
  return in_namespace || (named && (node.empty() || node == endpoint.node));
}

TraceEnd OfAddress(const Cluster& cluster, const net::Ip& ip) {
  std::optional<TraceEnd> found;
  cluster.ForEach<WorkloadEndpoint>([&](const Key& key, const WorkloadEndpoint& endpoint) {
    TraceEnd end = OfWorkload(key, endpoint);
    if (!found && std::find(end.addresses.begin(), end.addresses.end(), ip) != end.addresses.end())
      found = end;
  });
  cluster.ForEach<model::Node>([&](const Key& key, const model::Node&) {
    TraceEnd end = OfHost(cluster, key.name);
    if (!found && std::find(end.addresses.begin(), end.addresses.end(), ip) != end.addresses.end())
      found = end;
  });
  TraceEnd end = found.value_or(TraceEnd{Place::Outside(), {}, ip.ToString() + ", outside"});
  end.addresses = {ip};
  return end;
}

}  // namespace

Result<Cluster> ReadCluster(datastore::Client& client) {
  Cluster cluster;
  const datastore::Dialect dialect = client.dialect();
  if (dialect == datastore::Dialect::kCalico26) cluster.dialect = policy_eval::Dialect::kV26;
  for (const Kind kind :
       {Kind::kNode, Kind::kWorkloadEndpoint, Kind::kHostEndpoint, Kind::kProfile, Kind::kTier,
        Kind::kGlobalNetworkPolicy, Kind::kNetworkPolicy, Kind::kStagedGlobalNetworkPolicy,
        Kind::kStagedNetworkPolicy, Kind::kStagedKubernetesNetworkPolicy, Kind::kGlobalNetworkSet,
        Kind::kNetworkSet, Kind::kFelixConfiguration, Kind::kBGPConfiguration, Kind::kIPPool}) {
    const auto walked = client.ForEach(model::ListPrefix(kind), [&](const datastore::KeyValue& kv) {
      const auto key = model::ParsePath(kv.key);
      if (!key || key->kind != kind) return Ok();
      auto object = model::DecodeToEnforce(*key, kv.value);
      if (object.has_value()) policy_eval::Store(cluster, *std::move(object));
      return Ok();
    });
    if (walked.has_value()) continue;
    if (walked.error().code() == ErrorCode::kUnsupported && dialect == datastore::Dialect::kCalico26)
      continue;
    return walked.error();
  }
  return cluster;
}

Result<TraceEnd> FindEnd(const Cluster& cluster, const std::string& text) {
  if (const auto ip = net::Ip::Parse(text)) return OfAddress(cluster, *ip);
  std::vector<std::string> known;
  std::vector<TraceEnd> by_name, by_container;
  cluster.ForEach<WorkloadEndpoint>([&](const Key& key, const WorkloadEndpoint& endpoint) {
    known.push_back(key.ns + "/" + key.name);
    known.push_back(key.name);
    if (IsName(key, text))
      by_name.push_back(OfWorkload(key, endpoint));
    else if (IsContainer(endpoint, text))
      by_container.push_back(OfWorkload(key, endpoint));
  });
  const std::vector<TraceEnd>& found = by_name.empty() ? by_container : by_name;
  if (found.size() == 1) return found[0];
  if (found.size() > 1) {
    std::string candidates;
    for (const TraceEnd& end : found) candidates += "\n  " + end.name;
    return Error(ErrorCode::kConflict, fmt::format("'{}' is ambiguous:{}", text, candidates));
  }
  const std::string node = text.starts_with("host:") ? text.substr(5) : text;
  std::optional<TraceEnd> host;
  cluster.ForEach<model::Node>([&](const Key& key, const model::Node&) {
    known.push_back(key.name);
    if (key.name == node) host = OfHost(cluster, node);
  });
  cluster.ForEach<model::HostEndpoint>([&](const Key& key, const model::HostEndpoint& endpoint) {
    known.push_back(key.name);
    if (!host && key.name == text) host = OfHost(cluster, endpoint.node);
  });
  if (host) return *host;
  const auto meant = Closest(text, known);
  return Error(ErrorCode::kNotFound,
               fmt::format("no workload endpoint, container, host or address is called '{}'{}", text,
                           meant ? ". Did you mean " + *meant + "?" : ""));
}

}  // namespace calico::calicoctl
