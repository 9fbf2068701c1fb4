// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: the members of the v1 API's documents, named once, in Calico 2.6's order
// (reference calicoctl D.6). A visitor v reads or writes each.

#include "model/codec/members.h"
#include "model/v1.h"

namespace calico::model::codec {

template <typename V>
void Fields(V& v, v1::Entity& o) {
  v("tag", o.tag);
  v("net", o.net);
  v("nets", o.nets);
  v("selector", o.selector);
  v("ports", o.ports);
  v("notTag", o.not_tag);
  v("notNet", o.not_net);
  v("notNets", o.not_nets);
  v("notSelector", o.not_selector);
  v("notPorts", o.not_ports);
}
template <typename V>
void Fields(V& v, v1::Rule& o) {
  v("action", o.action);
  v("ipVersion", o.ip_version);
  v("protocol", NumberOrName{o.protocol});
  v("icmp", o.icmp);
  v("notProtocol", NumberOrName{o.not_protocol});
  v("notICMP", o.not_icmp);
  v.Struct("source", o.source);
  v.Struct("destination", o.destination);
}
template <typename V>
void Fields(V& v, v1::Ipip& o) {
  v("enabled", o.enabled);
  v("mode", o.mode);
}
template <typename V>
void Fields(V& v, v1::NodeBgp& o) {
  v("asNumber", o.as_number);
  v("ipv4Address", o.ipv4_address);
  v("ipv6Address", o.ipv6_address);
}

template <typename V>
void V1Metadata(V& v, v1::BgpPeer& o) {
  v("scope", o.scope);
  v("node", o.node);
  v("peerIP", o.peer_ip);
}
template <typename V>
void V1Spec(V& v, v1::BgpPeer& o) {
  v("asNumber", o.as_number);
}
template <typename V>
void V1Metadata(V& v, v1::HostEndpoint& o) {
  v("name", o.name);
  v("node", o.node);
  v("labels", o.labels);
}
template <typename V>
void V1Spec(V& v, v1::HostEndpoint& o) {
  v("interfaceName", o.interface_name);
  v("expectedIPs", o.expected_ips);
  v("profiles", o.profiles);
}
template <typename V>
void V1Metadata(V& v, v1::IpPool& o) {
  v("cidr", o.cidr);
}
template <typename V>
void V1Spec(V& v, v1::IpPool& o) {
  v("ipip", o.ipip);
  v("nat-outgoing", o.nat_outgoing);
  v("disabled", o.disabled);
}
template <typename V>
void V1Metadata(V& v, v1::Node& o) {
  v("name", o.name);
}
template <typename V>
void V1Spec(V& v, v1::Node& o) {
  v("bgp", o.bgp);
  v("orchRefs", o.orch_refs);
}
template <typename V>
void V1Metadata(V& v, v1::Policy& o) {
  v("name", o.name);
  v("annotations", o.annotations);
}
template <typename V>
void V1Spec(V& v, v1::Policy& o) {
  v("order", o.order);
  v("ingress", o.ingress);
  v("egress", o.egress);
  v("selector", o.selector, kAlways);
  v("doNotTrack", o.do_not_track);
  v("preDNAT", o.pre_dnat);
  v("types", o.types);
}
template <typename V>
void V1Metadata(V& v, v1::Profile& o) {
  v("name", o.name);
  v("tags", o.tags);
  v("labels", o.labels);
}
template <typename V>
void V1Spec(V& v, v1::Profile& o) {
  v("ingress", o.ingress);
  v("egress", o.egress);
}
template <typename V>
void V1Metadata(V& v, v1::WorkloadEndpoint& o) {
  v("name", o.name);
  v("workload", o.workload);
  v("orchestrator", o.orchestrator);
  v("node", o.node);
  v("activeInstanceID", o.active_instance_id);
  v("labels", o.labels);
}
template <typename V>
void V1Spec(V& v, v1::WorkloadEndpoint& o) {
  v("ipNetworks", o.ip_networks);
  v("ipNATs", o.ip_nats);
  v("ipv4Gateway", o.ipv4_gateway);
  v("ipv6Gateway", o.ipv6_gateway);
  v("profiles", o.profiles);
  v("interfaceName", o.interface_name);
  v("mac", o.mac);
}

}  // namespace calico::model::codec
