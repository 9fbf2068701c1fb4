// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/columns.h"

#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/json.h"

namespace calico::calicoctl {
namespace {

using model::Kind;
using model::Object;

std::string Text(bool value) {
  return value ? "true" : "false";
}
std::string OrNever(const std::string& mode) {
  return mode.empty() ? "Never" : mode;
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

// "{10.0.0.1 198.51.100.1}"
std::string Nats(const model::WorkloadEndpoint& endpoint) {
  std::vector<std::string> nats;
  for (const model::IpNat& nat : endpoint.ip_nats)
    nats.push_back(fmt::format("{{{} {}}}", nat.internal_ip, nat.external_ip));
  return Join(nats, ",");
}

std::vector<Column> PoolColumns() {
  using T = model::IPPool;
  return {Name(),
          Of<T>("CIDR", [](const T& p) { return p.cidr; }),
          Of<T>("NAT", [](const T& p) { return Text(p.nat_outgoing); }),
          Of<T>("IPIPMODE", [](const T& p) { return OrNever(p.ipip_mode); }),
          Of<T>("VXLANMODE", [](const T& p) { return OrNever(p.vxlan_mode); }),
          Of<T>("DISABLED", [](const T& p) { return Text(p.disabled); }),
          Of<T>("DISABLEBGPEXPORT", [](const T& p) { return Text(p.disable_bgp_export); }),
          Of<T>("SELECTOR", [](const T& p) { return p.node_selector; }),
          Of<T>("ASSIGNMENTMODE", [](const T& p) { return p.assignment_mode; })};
}

std::vector<Column> NodeColumns() {
  using T = model::Node;
  return {Name(),
          {"ASN",
           [](const Object& object, const std::string& global_as) -> std::string {
             const auto& bgp = std::get<T>(object).bgp;
             if (!bgp) return {};
             return bgp->as_number ? std::to_string(*bgp->as_number) : "(" + global_as + ")";
           }},
          Of<T>("IPV4", [](const T& n) { return n.bgp ? n.bgp->ipv4_address : ""; }),
          Of<T>("IPV6", [](const T& n) { return n.bgp ? n.bgp->ipv6_address : ""; })};
}

std::vector<Column> EndpointColumns() {
  using T = model::WorkloadEndpoint;
  return {Of<T>("NAMESPACE", [](const T& w) { return w.metadata.ns; }),
          Name(),
          Of<T>("WORKLOAD", [](const T& w) { return w.workload.empty() ? w.pod : w.workload; }),
          Of<T>("NODE", [](const T& w) { return w.node; }),
          Of<T>("NETWORKS", [](const T& w) { return Join(w.ip_networks, ","); }),
          Of<T>("INTERFACE", [](const T& w) { return w.interface_name; }),
          Of<T>("PROFILES", [](const T& w) { return Join(w.profiles, ","); }),
          Of<T>("NATS", Nats),
          Of<T>("ORCHESTRATOR", [](const T& w) { return w.orchestrator; })};
}

std::vector<Column> ProfileColumns() {
  using T = model::Profile;
  return {Name(), Of<T>("LABELS", [](const T& p) {
            std::vector<std::string> labels;
            for (const auto& [key, value] : p.labels_to_apply)
              labels.push_back(fmt::format("{}={}", key, value));
            return Join(labels, ",");
          })};
}

std::vector<Column> BgpConfigurationColumns() {
  using T = model::BGPConfiguration;
  return {Name(), Of<T>("LOGSEVERITY", [](const T& c) { return c.log_severity_screen; }),
          Of<T>("MESHENABLED",
                [](const T& c) {
                  return c.node_to_node_mesh_enabled ? Text(*c.node_to_node_mesh_enabled) : "-";
                }),
          Of<T>("ASNUMBER", [](const T& c) { return c.as_number ? std::to_string(*c.as_number) : "-"; })};
}

std::vector<Column> BgpPeerColumns() {
  using T = model::BGPPeer;
  return {Name(), Of<T>("PEERIP", [](const T& p) { return p.peer_ip; }),
          Of<T>("NODE",
                [](const T& p) {
                  if (!p.node.empty()) return p.node;
                  return p.node_selector.empty() ? std::string("(global)") : p.node_selector;
                }),
          Of<T>("ASN", [](const T& p) { return std::to_string(p.as_number.value_or(0)); })};
}

std::vector<Column> ClusterInformationColumns() {
  using T = model::ClusterInformation;
  return {Name(), Of<T>("CLUSTERGUID", [](const T& c) { return c.cluster_guid; }),
          Of<T>("CLUSTERTYPE", [](const T& c) { return c.cluster_type; }),
          Of<T>("CALICOVERSION", [](const T& c) { return c.calico_version; }),
          Of<T>("DATASTOREREADY",
                [](const T& c) { return c.datastore_ready ? Text(*c.datastore_ready) : "<nil>"; })};
}

std::vector<std::string> AllHeadings(Kind kind) {
  std::vector<std::string> headings;
  for (const Column& column : ColumnsOf(kind)) headings.push_back(column.heading);
  return headings;
}

}  // namespace

const std::vector<Column>& ColumnsOf(Kind kind) {
  static const std::map<Kind, std::vector<Column>> kColumns{
      {Kind::kIPPool, PoolColumns()},
      {Kind::kNode, NodeColumns()},
      {Kind::kWorkloadEndpoint, EndpointColumns()},
      {Kind::kProfile, ProfileColumns()},
      {Kind::kBGPConfiguration, BgpConfigurationColumns()},
      {Kind::kBGPPeer, BgpPeerColumns()},
      {Kind::kClusterInformation, ClusterInformationColumns()},
      {Kind::kFelixConfiguration, {Name()}},
  };
  return kColumns.at(kind);
}

const Column* FindColumn(Kind kind, std::string_view heading) {
  for (const Column& column : ColumnsOf(kind)) {
    if (column.heading == heading) return &column;
  }
  return nullptr;
}

std::vector<std::string> DefaultHeadings(Kind kind) {
  switch (kind) {
    case Kind::kIPPool:
      return {"NAME", "CIDR", "SELECTOR"};
    case Kind::kNode:
    case Kind::kProfile:
      return {"NAME"};
    case Kind::kWorkloadEndpoint:
      return {"WORKLOAD", "NODE", "NETWORKS", "INTERFACE"};
    default:
      return AllHeadings(kind);
  }
}

std::vector<std::string> WideHeadings(Kind kind) {
  if (kind == Kind::kWorkloadEndpoint) {
    return {"NAME", "WORKLOAD", "NODE", "NETWORKS", "INTERFACE", "PROFILES", "NATS"};
  }
  return AllHeadings(kind);
}

}  // namespace calico::calicoctl
