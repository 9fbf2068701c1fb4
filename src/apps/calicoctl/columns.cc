// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/columns.h"

#include <charconv>
#include <map>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/codec/json.h"

namespace calico::calicoctl {
namespace {

using model::Kind;
using model::Object;

constexpr std::size_t kLongestList = 80;  // characters of NETS and CIDRS before they are cut

std::string Text(bool value) {
  return value ? "true" : "false";
}
std::string OrNever(const std::string& mode) {
  return mode.empty() ? "Never" : mode;
}
template <typename T>
std::string OrDash(const std::optional<T>& value) {
  if constexpr (std::is_same_v<T, bool>) {
    return value ? Text(*value) : "-";
  } else {
    return value ? std::to_string(*value) : "-";
  }
}
std::string OrNil(const std::optional<double>& value) {
  return value ? GoFloat(*value) : "<nil>";
}
std::string Cut(const std::vector<std::string>& parts) {
  std::string text = JoinedCells(parts);
  if (text.size() > kLongestList) text = text.substr(0, kLongestList - 3) + "...";
  return text;
}

// A column of one kind: the cell function sees the struct itself.
template <typename T, typename Cell>
Column Of(std::string heading, Cell cell) {
  return {std::move(heading), [cell](const Object& object, const std::string&) -> std::string {
            return cell(std::get<T>(object));
          }};
}

Column Name() {
  return {"NAME", [](const Object& object, const std::string&) { return model::MetadataOf(object).name; }};
}
Column Namespace() {
  return {"NAMESPACE", [](const Object& object, const std::string&) { return model::MetadataOf(object).ns; }};
}

// All columns, in this order, are both the usual and the wide table.
KindTable Plain(std::vector<Column> columns) {
  KindTable table{std::move(columns), {}, {}};
  for (const Column& column : table.columns) table.headings.push_back(column.heading);
  table.wide = table.headings;
  return table;
}
// The wide table has all columns.
KindTable WideHasAll(std::vector<std::string> headings, std::vector<Column> columns) {
  KindTable table = Plain(std::move(columns));
  table.headings = std::move(headings);
  return table;
}
KindTable WithNamespace(KindTable table) {
  table.columns.insert(table.columns.begin(), Namespace());
  return table;
}

// --- policies

template <typename T>
KindTable PolicyTable() {
  return WideHasAll({"NAME", "TIER"}, {Name(), Of<T>("TIER", [](const T& p) { return p.spec.tier; }),
                                       Of<T>("ORDER", [](const T& p) { return OrNil(p.spec.order); }),
                                       Of<T>("SELECTOR", [](const T& p) { return p.spec.selector; })});
}

// "&LabelSelector{MatchLabels:map[string]string{app: web,},MatchExpressions:[]LabelSelectorRequirement{},}"
std::string GoLabelSelector(const std::string& json) {
  const auto selector = nlohmann::json::parse(json, nullptr, false);
  std::string labels, expressions;
  if (selector.is_object() && selector.contains("matchLabels") && selector["matchLabels"].is_object()) {
    for (const auto& [key, value] : selector["matchLabels"].items())
      labels += fmt::format("{}: {},", key, value.is_string() ? value.get<std::string>() : value.dump());
  }
  if (selector.is_object() && selector.contains("matchExpressions") &&
      selector["matchExpressions"].is_array()) {
    for (const auto& each : selector["matchExpressions"]) {
      if (!each.is_object()) continue;
      std::vector<std::string> values;
      for (const auto& value : each.value("values", nlohmann::json::array()))
        values.push_back(value.is_string() ? value.get<std::string>() : value.dump());
      expressions += fmt::format("LabelSelectorRequirement{{Key:{},Operator:{},Values:[{}],}},",
                                 each.value("key", ""), each.value("operator", ""), Join(values, " "));
    }
  }
  return fmt::format(
      "&LabelSelector{{MatchLabels:map[string]string{{{}}},MatchExpressions:[]LabelSelectorRequirement{{{}}},"
      "}}",
      labels, expressions);
}

KindTable StagedKubernetesTable() {
  using T = model::StagedKubernetesNetworkPolicy;
  return WithNamespace(WideHasAll({"NAME"}, {Name(), Of<T>("PODSELECTOR", [](const T& p) {
                                               return GoLabelSelector(p.pod_selector_json);
                                             })}));
}

KindTable TierTable() {
  using T = model::Tier;
  return Plain({Name(), Of<T>("ORDER", [](const T& t) { return OrNil(t.order); })});
}

KindTable ProfileTable() {
  using T = model::Profile;
  return WideHasAll({"NAME"}, {Name(), Of<T>("LABELS", [](const T& p) {
                                 std::vector<std::string> labels;
                                 for (const auto& [key, value] : p.labels_to_apply)
                                   labels.push_back(fmt::format("{}={}", key, value));
                                 return JoinedCells(labels);
                               })});
}

// --- address management

KindTable PoolTable() {
  using T = model::IPPool;
  return WideHasAll({"NAME", "CIDR", "SELECTOR"},
                    {Name(), Of<T>("CIDR", [](const T& p) { return p.cidr; }),
                     Of<T>("NAT", [](const T& p) { return Text(p.nat_outgoing); }),
                     Of<T>("IPIPMODE", [](const T& p) { return OrNever(p.ipip_mode); }),
                     Of<T>("VXLANMODE", [](const T& p) { return OrNever(p.vxlan_mode); }),
                     Of<T>("DISABLED", [](const T& p) { return Text(p.disabled); }),
                     Of<T>("DISABLEBGPEXPORT", [](const T& p) { return Text(p.disable_bgp_export); }),
                     Of<T>("SELECTOR", [](const T& p) { return p.node_selector; }),
                     Of<T>("ASSIGNMENTMODE", [](const T& p) { return p.assignment_mode; })});
}

template <typename T>
KindTable NetworkSetTable() {
  return WideHasAll({"NAME"}, {Name(), Of<T>("NETS", [](const T& s) { return Cut(s.nets); })});
}

KindTable ReservationTable() {
  using T = model::IPReservation;
  return WideHasAll({"NAME"}, {Name(), Of<T>("CIDRS", [](const T& r) { return Cut(r.reserved_cidrs); })});
}

// --- nodes and endpoints

KindTable NodeTable() {
  using T = model::Node;
  return WideHasAll({"NAME"}, {Name(),
                               {"ASN",
                                [](const Object& object, const std::string& global_as) -> std::string {
                                  const auto& bgp = std::get<T>(object).bgp;
                                  if (!bgp) return {};
                                  return bgp->as_number ? std::to_string(*bgp->as_number)
                                                        : "(" + global_as + ")";
                                }},
                               Of<T>("IPV4", [](const T& n) { return n.bgp ? n.bgp->ipv4_address : ""; }),
                               Of<T>("IPV6", [](const T& n) { return n.bgp ? n.bgp->ipv6_address : ""; })});
}

// "{10.0.0.1 198.51.100.1}"
std::string Nats(const model::WorkloadEndpoint& endpoint) {
  std::vector<std::string> nats;
  for (const model::IpNat& nat : endpoint.ip_nats)
    nats.push_back(fmt::format("{{{} {}}}", nat.internal_ip, nat.external_ip));
  return JoinedCells(nats);
}

KindTable EndpointTable() {
  using T = model::WorkloadEndpoint;
  KindTable table;
  table.columns = {Namespace(),
                   Name(),
                   Of<T>("WORKLOAD", [](const T& w) { return w.workload.empty() ? w.pod : w.workload; }),
                   Of<T>("NODE", [](const T& w) { return w.node; }),
                   Of<T>("NETWORKS", [](const T& w) { return JoinedCells(w.ip_networks); }),
                   Of<T>("INTERFACE", [](const T& w) { return w.interface_name; }),
                   Of<T>("PROFILES", [](const T& w) { return JoinedCells(w.profiles); }),
                   Of<T>("NATS", Nats),
                   Of<T>("ORCHESTRATOR", [](const T& w) { return w.orchestrator; })};
  table.headings = {"WORKLOAD", "NODE", "NETWORKS", "INTERFACE"};
  table.wide = {"NAME", "WORKLOAD", "NODE", "NETWORKS", "INTERFACE", "PROFILES", "NATS"};
  return table;
}

KindTable HostEndpointTable() {
  using T = model::HostEndpoint;
  return WideHasAll({"NAME", "NODE"},
                    {Name(), Of<T>("NODE", [](const T& h) { return h.node; }),
                     Of<T>("INTERFACE", [](const T& h) { return h.interface_name; }),
                     Of<T>("IPS", [](const T& h) { return JoinedCells(h.expected_ips); }),
                     Of<T>("PROFILES", [](const T& h) { return JoinedCells(h.profiles); })});
}

// --- BGP

KindTable BgpConfigurationTable() {
  using T = model::BGPConfiguration;
  return Plain({Name(), Of<T>("LOGSEVERITY", [](const T& c) { return c.log_severity_screen; }),
                Of<T>("MESHENABLED", [](const T& c) { return OrDash(c.node_to_node_mesh_enabled); }),
                Of<T>("ASNUMBER", [](const T& c) { return OrDash(c.as_number); })});
}

KindTable BgpFilterTable() {
  using T = model::BGPFilter;
  const auto count = [](const std::vector<model::BGPFilterRule>& rules) {
    return std::to_string(rules.size());
  };
  return Plain({Name(), Of<T>("NUMEXPORTV4", [count](const T& f) { return count(f.export_v4); }),
                Of<T>("NUMIMPORTV4", [count](const T& f) { return count(f.import_v4); }),
                Of<T>("NUMEXPORTV6", [count](const T& f) { return count(f.export_v6); }),
                Of<T>("NUMIMPORTV6", [count](const T& f) { return count(f.import_v6); })});
}

KindTable BgpPeerTable() {
  using T = model::BGPPeer;
  return Plain({Name(), Of<T>("PEERIP", [](const T& p) { return p.peer_ip; }),
                Of<T>("NODE",
                      [](const T& p) {
                        if (!p.node.empty()) return p.node;
                        return p.node_selector.empty() ? std::string("(global)") : p.node_selector;
                      }),
                Of<T>("ASN", [](const T& p) { return std::to_string(p.as_number.value_or(0)); })});
}

// --- the cluster

KindTable ClusterInformationTable() {
  using T = model::ClusterInformation;
  return Plain({Name(), Of<T>("CLUSTERGUID", [](const T& c) { return c.cluster_guid; }),
                Of<T>("CLUSTERTYPE", [](const T& c) { return c.cluster_type; }),
                Of<T>("CALICOVERSION", [](const T& c) { return c.calico_version; }),
                Of<T>("DATASTOREREADY",
                      [](const T& c) { return c.datastore_ready ? Text(*c.datastore_ready) : "<nil>"; })});
}

// No table of upstream's: it does not show this kind.
KindTable NodeStatusTable() {
  using T = model::CalicoNodeStatus;
  return Plain({Name(), Of<T>("NODE", [](const T& s) { return s.node; }),
                Of<T>("CLASSES", [](const T& s) { return JoinedCells(s.classes); })});
}

// Ours.
KindTable DockerNetworkTable() {
  using T = model::DockerNetwork;
  const auto hosts = [](const T& network) {
    std::vector<std::string> names;
    for (const model::DockerNetworkHost& host : network.hosts) {
      if (!host.id.empty()) names.push_back(host.host);
    }
    return JoinedCells(names);
  };
  const auto problems = [](const T& network) {
    std::vector<std::string> texts;
    for (const model::DockerNetworkHost& host : network.hosts) {
      if (!host.problem.empty())
        texts.push_back(fmt::format("{}: {}: {}", host.host, host.state, host.problem));
    }
    return Join(texts, " | ");
  };
  const auto generation = [](const T& network) {
    return network.generation == 0 ? "(removed)" : std::to_string(network.generation);
  };
  KindTable table =
      Plain({Name(), Of<T>("SUBNETS", [](const T& n) { return JoinedCells(n.subnets); }),
             Of<T>("IPV6", [](const T& n) { return Text(n.ipv6); }),
             Of<T>("CREATEDBY", [](const T& n) { return n.created_by; }), Of<T>("GENERATION", generation),
             Of<T>("HOSTS", hosts), Of<T>("PROBLEMS", problems)});
  table.headings = {"NAME", "SUBNETS", "IPV6", "CREATEDBY", "HOSTS"};
  return table;
}

std::map<Kind, KindTable> AllTables() {
  return {
      {Kind::kBGPConfiguration, BgpConfigurationTable()},
      {Kind::kBGPFilter, BgpFilterTable()},
      {Kind::kBGPPeer, BgpPeerTable()},
      {Kind::kCalicoNodeStatus, NodeStatusTable()},
      {Kind::kClusterInformation, ClusterInformationTable()},
      {Kind::kDockerNetwork, DockerNetworkTable()},
      {Kind::kGlobalNetworkPolicy, PolicyTable<model::GlobalNetworkPolicy>()},
      {Kind::kGlobalNetworkSet, NetworkSetTable<model::GlobalNetworkSet>()},
      {Kind::kHostEndpoint, HostEndpointTable()},
      {Kind::kIPPool, PoolTable()},
      {Kind::kIPReservation, ReservationTable()},
      {Kind::kNetworkPolicy, WithNamespace(PolicyTable<model::NetworkPolicy>())},
      {Kind::kNetworkSet, WithNamespace(NetworkSetTable<model::NetworkSet>())},
      {Kind::kNode, NodeTable()},
      {Kind::kProfile, ProfileTable()},
      {Kind::kStagedGlobalNetworkPolicy, PolicyTable<model::StagedGlobalNetworkPolicy>()},
      {Kind::kStagedKubernetesNetworkPolicy, StagedKubernetesTable()},
      {Kind::kStagedNetworkPolicy, WithNamespace(PolicyTable<model::StagedNetworkPolicy>())},
      {Kind::kTier, TierTable()},
      {Kind::kWorkloadEndpoint, EndpointTable()},
  };
}

}  // namespace

std::string JoinedCells(const std::vector<std::string>& parts) {
  return Join(parts, ",");
}

// Go's %v: the fewest digits that give the number back, with an exponent from 1e+06 on (exactly where
// strconv puts the limit for the shortest form) and below 0.0001.
std::string GoFloat(double value) {
  constexpr int kSmallestExponent = -4, kLargestExponent = 6;
  char buffer[40];
  const auto scientific = std::to_chars(buffer, std::end(buffer), value, std::chars_format::scientific);
  const std::string text(buffer, scientific.ptr);
  const std::size_t e = text.find('e');
  if (e == std::string::npos) return text;  // inf, nan
  const int exponent = std::stoi(text.substr(e + 1));
  if (exponent < kSmallestExponent || exponent >= kLargestExponent) return text;
  const auto fixed = std::to_chars(buffer, std::end(buffer), value, std::chars_format::fixed);
  return std::string(buffer, fixed.ptr);
}

const Column* KindTable::Find(std::string_view heading) const {
  for (const Column& column : columns) {
    if (column.heading == heading) return &column;
  }
  return nullptr;
}

const KindTable& TableOf(Kind kind) {
  static const std::map<Kind, KindTable> kTables = AllTables();
  static const KindTable kOnlyNames = Plain({Name()});
  const auto found = kTables.find(kind);
  return found == kTables.end() ? kOnlyNames : found->second;
}

}  // namespace calico::calicoctl
