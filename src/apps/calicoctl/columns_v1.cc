// SPDX-License-Identifier: Apache-2.0
// The tables of the v1 API (reference calicoctl D.5).
#include <map>

#include <fmt/format.h>

#include "apps/calicoctl/columns.h"
#include "apps/calicoctl/v1_identity.h"

namespace calico::calicoctl {
namespace {

using model::Kind;
using model::Object;

template <typename T, typename Cell>
Column Of(std::string heading, Cell cell) {
  return {std::move(heading), [cell](const Object& object, const std::string&) -> std::string {
            return cell(std::get<T>(object));
          }};
}
Column Identity(std::string heading, std::string V1Identity::*member) {
  return {std::move(heading),
          [member](const Object& object, const std::string&) { return V1IdentityOf(object).*member; }};
}
std::string Text(bool value) {
  return value ? "true" : "false";
}

KindTable PeerTable() {
  using T = model::BGPPeer;
  KindTable table;
  table.columns = {Identity("SCOPE", &V1Identity::scope), Identity("PEERIP", &V1Identity::name),
                   Identity("NODE", &V1Identity::node),
                   Of<T>("ASN", [](const T& p) { return std::to_string(p.as_number.value_or(0)); })};
  table.headings = table.wide = {"SCOPE", "PEERIP", "NODE", "ASN"};
  return table;
}

KindTable HostEndpointTable() {
  using T = model::HostEndpoint;
  KindTable table;
  table.columns = {Identity("NODE", &V1Identity::node), Identity("NAME", &V1Identity::name),
                   Of<T>("INTERFACE", [](const T& h) { return h.interface_name; }),
                   Of<T>("IPS", [](const T& h) { return JoinedCells(h.expected_ips); }),
                   Of<T>("PROFILES", [](const T& h) { return JoinedCells(h.profiles); })};
  table.headings = {"NODE", "NAME"};
  table.wide = {"NODE", "NAME", "INTERFACE", "IPS", "PROFILES"};
  return table;
}

KindTable PoolTable() {
  using T = model::IPPool;
  KindTable table;
  table.columns = {
      Identity("CIDR", &V1Identity::name), Of<T>("NAT", [](const T& p) { return Text(p.nat_outgoing); }),
      Of<T>("IPIP", [](const T& p) { return Text(!p.ipip_mode.empty() && p.ipip_mode != "Never"); })};
  table.headings = {"CIDR"};
  table.wide = {"CIDR", "NAT", "IPIP"};
  return table;
}

KindTable PolicyTable() {
  using T = model::GlobalNetworkPolicy;
  KindTable table;
  table.columns = {Identity("NAME", &V1Identity::name),
                   Of<T>("ORDER", [](const T& p) { return p.spec.order ? GoFloat(*p.spec.order) : "<nil>"; }),
                   Of<T>("SELECTOR", [](const T& p) { return p.spec.selector; })};
  table.headings = {"NAME"};
  table.wide = {"NAME", "ORDER", "SELECTOR"};
  return table;
}

// A tag is a label without a value.
KindTable ProfileTable() {
  using T = model::Profile;
  KindTable table;
  table.columns = {Identity("NAME", &V1Identity::name), Of<T>("TAGS", [](const T& p) {
                     std::vector<std::string> tags;
                     for (const auto& [key, value] : p.labels_to_apply) {
                       if (value.empty()) tags.push_back(key);
                     }
                     return JoinedCells(tags);
                   })};
  table.headings = {"NAME"};
  table.wide = {"NAME", "TAGS"};
  return table;
}

KindTable WorkloadEndpointTable() {
  using T = model::WorkloadEndpoint;
  KindTable table;
  table.columns = {Identity("NODE", &V1Identity::node),
                   Identity("ORCHESTRATOR", &V1Identity::orchestrator),
                   Identity("WORKLOAD", &V1Identity::workload),
                   Identity("NAME", &V1Identity::name),
                   Of<T>("NETWORKS", [](const T& w) { return JoinedCells(w.ip_networks); }),
                   Of<T>("NATS",
                         [](const T& w) {
                           std::vector<std::string> nats;
                           for (const model::IpNat& nat : w.ip_nats)
                             nats.push_back(nat.internal_ip + "<>" + nat.external_ip);
                           return JoinedCells(nats);
                         }),
                   Of<T>("INTERFACE", [](const T& w) { return w.interface_name; }),
                   Of<T>("PROFILES", [](const T& w) { return JoinedCells(w.profiles); }),
                   Of<T>("IPV4GATEWAY", [](const T& w) { return w.ipv4_gateway; }),
                   Of<T>("IPV6GATEWAY", [](const T& w) { return w.ipv6_gateway; }),
                   Of<T>("MAC", [](const T& w) { return w.mac; })};
  table.headings = {"NODE", "ORCHESTRATOR", "WORKLOAD", "NAME"};
  table.wide = {"NODE", "ORCHESTRATOR", "WORKLOAD", "NAME", "NETWORKS", "NATS", "INTERFACE", "PROFILES"};
  return table;
}

}  // namespace

const KindTable* V1TableOf(Kind kind) {
  static const std::map<Kind, KindTable> kTables{
      {Kind::kBGPPeer, PeerTable()},
      {Kind::kHostEndpoint, HostEndpointTable()},
      {Kind::kIPPool, PoolTable()},
      {Kind::kNode, TableOf(Kind::kNode)},
      {Kind::kGlobalNetworkPolicy, PolicyTable()},
      {Kind::kProfile, ProfileTable()},
      {Kind::kWorkloadEndpoint, WorkloadEndpointTable()},
  };
  const auto found = kTables.find(kind);
  return found == kTables.end() ? nullptr : &found->second;
}

}  // namespace calico::calicoctl
