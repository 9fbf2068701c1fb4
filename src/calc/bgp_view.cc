// SPDX-License-Identifier: Apache-2.0
#include "calc/bgp_filters.h"
#include "calc/bgp_sessions.h"
#include "calc/cluster_state.h"
#include "calc/encapsulation.h"

// The BGP part of the cluster's state (reference bgp-and-node B3 to B7).
namespace calico::calc {
namespace {

using dataplane_api::BgpPoolView;
using dataplane_api::BgpView;

std::string LogSeverityOf(const ClusterState& state) {
  for (const auto* configuration :
       {BgpConfigurationOf(state, "node." + state.node_name), BgpConfigurationOf(state, "default")}) {
    if (configuration != nullptr && !configuration->log_severity_screen.empty())
      return configuration->log_severity_screen;
  }
  return "Info";
}

BgpPoolView PoolView(const ClusterState& state, const std::string& name, const model::IPPool& pool,
                     const net::Cidr& cidr) {
  BgpPoolView view;
  view.cidr = cidr;
  view.name = name;
  view.disable_bgp_export = pool.disable_bgp_export;
  const PoolEncapsulation encapsulation = EncapsulationOf(pool);
  view.encapsulation = encapsulation.encapsulation;
  view.cross_subnet = encapsulation.cross_subnet;
  view.speaker_routes = RouteOwnerOf(state, pool) == RouteOwner::kSpeaker;
  return view;
}

// The CIDRs of services that this node announces (reference bgp-and-node B10). Single addresses of the outer
// two lists are announced with their service, which lives in Kubernetes.
void AddServices(const model::BGPConfiguration& global, const model::Node& self, BgpView& view) {
  if (self.metadata.labels.contains("node.kubernetes.io/exclude-from-external-load-balancers")) return;
  for (const auto* list :
       {&global.service_cluster_ips, &global.service_external_ips, &global.service_load_balancer_ips}) {
    for (const model::CidrItem& item : *list) {
      const auto cidr = net::Cidr::ParsePrefix(item.cidr);
      if (!cidr || (cidr->is_host() && list != &global.service_cluster_ips)) continue;
      view.services.push_back(*cidr);
    }
  }
}

void AddCommunities(const model::BGPConfiguration& advertising, const model::BGPConfiguration* global,
                    BgpView& view) {
  for (const model::PrefixAdvertisement& one : advertising.prefix_advertisements) {
    const auto cidr = net::Cidr::ParsePrefix(one.cidr);
    if (!cidr) continue;
    for (const std::string& text : one.communities) {
      std::string value = text;
      for (const model::Community& named :
           global != nullptr ? global->communities : advertising.communities) {
        if (named.name == text) value = named.value;
      }
      view.communities.emplace_back(*cidr, value);
    }
  }
}

// Of a node's own configuration only what reference B2 says counts.
void AddConfiguration(const ClusterState& state, const model::Node& self, BgpView& view) {
  const auto* global = BgpConfigurationOf(state, "default");
  const auto* own = BgpConfigurationOf(state, "node." + state.node_name);
  if (own != nullptr && !own->prefix_advertisements.empty())
    AddCommunities(*own, global, view);
  else if (global != nullptr)
    AddCommunities(*global, global, view);
  if (global == nullptr) return;
  AddServices(*global, self, view);
  view.bind_to_node_ip = global->bind_mode == "NodeIP";
  view.ignored_interfaces = global->ignored_interfaces;
}

}  // namespace

BgpView ComputeBgpView(const ClusterState& state) {
  BgpView view;
  view.log_severity = LogSeverityOf(state);
  const auto self = state.nodes.find(state.node_name);
  if (self == state.nodes.end()) return view;
  view.node_exists = true;
  view.as_number = AsNumberOf(state, self->second);
  view.listen_port = ListenPortOf(state, state.node_name);
  if (self->second.bgp) {
    view.ipv4 = net::Cidr::Parse(self->second.bgp->ipv4_address);
    view.ipv6 = net::Cidr::Parse(self->second.bgp->ipv6_address);
    view.cluster_id = self->second.bgp->route_reflector_cluster_id;
  }
  view.peers = BgpSessionsOf(state, self->second);
  for (const dataplane_api::BgpPeerView& peer : view.peers) {
    for (const std::string& name : peer.filters) {
      const auto filter = state.bgp_filters.find(name);
      if (filter != state.bgp_filters.end()) view.filters.try_emplace(name, BgpFilterViewOf(filter->second));
    }
  }
  AddConfiguration(state, self->second, view);
  for (const auto& [name, pool] : state.pools) {
    if (const auto cidr = net::Cidr::ParsePrefix(pool.cidr))
      view.pools.push_back(PoolView(state, name, pool, *cidr));
  }
  view.own_blocks.assign(state.own_blocks.begin(), state.own_blocks.end());
  return view;
}

}  // namespace calico::calc
