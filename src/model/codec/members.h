// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: the members of every stored struct, named once, in upstream's order (reference
// datastore-model A.8, C.4). A visitor v reads or writes each.

#include "model/codec/visitor.h"
#include "model/felix_parameters.h"
#include "model/update.h"

namespace calico::model::codec {

// --- policy rules

template <typename V>
void Fields(V& v, IcmpMatch& o) {
  v("type", o.type);
  v("code", o.code);
}
template <typename V>
void Fields(V& v, ServiceMatch& o) {
  v("name", o.name);
  v("namespace", o.ns);
}
template <typename V>
void Fields(V& v, ServiceAccountMatch& o) {
  v("names", o.names);
  v("selector", o.selector);
}
template <typename V>
void Fields(V& v, EntityRule& o) {
  v("nets", o.nets);
  v("selector", o.selector);
  v("namespaceSelector", o.namespace_selector);
  v("services", o.services);
  v("ports", o.ports);
  v("notNets", o.not_nets);
  v("notSelector", o.not_selector);
  v("notPorts", o.not_ports);
  v("serviceAccounts", o.service_accounts);
}
template <typename V>
void Fields(V& v, HttpPath& o) {
  v("exact", o.exact);
  v("prefix", o.prefix);
}
template <typename V>
void Fields(V& v, HttpMatch& o) {
  v("methods", o.methods);
  v("paths", o.paths);
}
template <typename V>
void Fields(V& v, RuleMetadata& o) {
  v("annotations", o.annotations);
}
template <typename V>
void Fields(V& v, Rule& o) {
  v("action", o.action, kAlways);
  v("ipVersion", o.ip_version);
  v("protocol", ProtocolText{o.protocol});
  v("icmp", o.icmp);
  v("notProtocol", ProtocolText{o.not_protocol});
  v("notICMP", o.not_icmp);
  v.Struct("source", o.source);
  v.Struct("destination", o.destination);
  v("http", o.http);
  v("metadata", o.metadata);
}

// --- policies

template <typename V>
void PolicyMembers(V& v, PolicySpec& o, GlobalPolicySpec* global) {
  v("tier", o.tier);
  v("order", o.order);
  v("ingress", o.ingress);
  v("egress", o.egress);
  v("selector", o.selector);
  v("types", o.types);
  if (global != nullptr) {
    v("doNotTrack", global->do_not_track);
    v("preDNAT", global->pre_dnat);
    v("applyOnForward", global->apply_on_forward);
  }
  v("serviceAccountSelector", o.service_account_selector);
  if (global != nullptr) v("namespaceSelector", global->namespace_selector);
  v("performanceHints", o.performance_hints);
}
template <typename V>
void Spec(V& v, NetworkPolicy& o) {
  PolicyMembers(v, o.spec, nullptr);
}
template <typename V>
void Spec(V& v, GlobalNetworkPolicy& o) {
  PolicyMembers(v, o.spec, &o.global);
}
template <typename V>
void Spec(V& v, StagedNetworkPolicy& o) {
  v("stagedAction", o.staged_action);
  PolicyMembers(v, o.spec, nullptr);
}
template <typename V>
void Spec(V& v, StagedGlobalNetworkPolicy& o) {
  v("stagedAction", o.staged_action);
  PolicyMembers(v, o.spec, &o.global);
}
template <typename V>
void Spec(V& v, StagedKubernetesNetworkPolicy& o) {
  v("stagedAction", o.staged_action);
  v("podSelector", KubernetesText{o.pod_selector_json}, kAlways);
  v("ingress", KubernetesText{o.ingress_json});
  v("egress", KubernetesText{o.egress_json});
  v("policyTypes", o.policy_types);
}
template <typename V>
void Spec(V& v, Tier& o) {
  v("order", o.order);
  v("defaultAction", o.default_action);
}
// Nothing yet, but always stored.
template <typename V>
void StatusMembers(V&, Tier&) {}
template <typename V>
void Spec(V& v, Profile& o) {
  v("ingress", o.ingress);
  v("egress", o.egress);
  v("labelsToApply", o.labels_to_apply);
}
template <typename V>
void Spec(V& v, GlobalNetworkSet& o) {
  v("nets", o.nets);
}
template <typename V>
void Spec(V& v, NetworkSet& o) {
  v("nets", o.nets);
}

// --- nodes and endpoints

template <typename V>
void Fields(V& v, NodeBgp& o) {
  v("asNumber", o.as_number);
  v("ipv4Address", o.ipv4_address);
  v("ipv6Address", o.ipv6_address);
  v("ipv4IPIPTunnelAddr", o.ipv4_ipip_tunnel_addr);
  v("routeReflectorClusterID", o.route_reflector_cluster_id);
}
template <typename V>
void Fields(V& v, NodeAddress& o) {
  v("address", o.address, kAlways);
  v("type", o.type);
}
template <typename V>
void Fields(V& v, OrchRef& o) {
  v("nodeName", o.node_name);
  v("orchestrator", o.orchestrator, kAlways);
}
template <typename V>
void Fields(V& v, NodeWireguard& o) {
  v("interfaceIPv4Address", o.interface_ipv4_address);
  v("interfaceIPv6Address", o.interface_ipv6_address);
}
template <typename V>
void Fields(V& v, NodeInterface& o) {
  v("name", o.name);
  v("addresses", o.addresses);
}
template <typename V>
void Spec(V& v, Node& o) {
  v("bgp", o.bgp);
  v("ipv4VXLANTunnelAddr", o.ipv4_vxlan_tunnel_addr);
  v("vxlanTunnelMACAddr", o.vxlan_tunnel_mac_addr);
  v("ipv6VXLANTunnelAddr", o.ipv6_vxlan_tunnel_addr);
  v("vxlanTunnelMACAddrV6", o.vxlan_tunnel_mac_addr_v6);
  v("orchRefs", o.orch_refs);
  v("wireguard", o.wireguard);
  v("addresses", o.addresses);
  v("interfaces", o.interfaces);
}
template <typename V>
void StatusMembers(V& v, Node& o) {
  v("wireguardPublicKey", o.status.wireguard_public_key);
  v("wireguardPublicKeyV6", o.status.wireguard_public_key_v6);
  v("podCIDRs", o.status.pod_cidrs);
}
template <typename V>
void Fields(V& v, EndpointPort& o) {
  v("name", o.name, kAlways);
  v("protocol", ProtocolText{o.protocol}, kAlways);
  v("port", o.port, kAlways);
  v("hostPort", o.host_port, kAlways);
  v("hostIP", o.host_ip, kAlways);
}
template <typename V>
void Fields(V& v, IpNat& o) {
  v("internalIP", o.internal_ip, kAlways);
  v("externalIP", o.external_ip, kAlways);
}
template <typename V>
void Fields(V& v, QosControls& o) {
  v("ingressBandwidth", o.ingress_bandwidth);
  v("ingressBurst", o.ingress_burst);
  v("ingressPeakrate", o.ingress_peakrate);
  v("ingressMinburst", o.ingress_minburst);
  v("egressBandwidth", o.egress_bandwidth);
  v("egressBurst", o.egress_burst);
  v("egressPeakrate", o.egress_peakrate);
  v("egressMinburst", o.egress_minburst);
  v("ingressPacketRate", o.ingress_packet_rate);
  v("ingressPacketBurst", o.ingress_packet_burst);
  v("egressPacketRate", o.egress_packet_rate);
  v("egressPacketBurst", o.egress_packet_burst);
  v("ingressMaxConnections", o.ingress_max_connections);
  v("egressMaxConnections", o.egress_max_connections);
  v("dscp", NumberOrName{o.dscp});
}
template <typename V>
void Spec(V& v, WorkloadEndpoint& o) {
  v("orchestrator", o.orchestrator);
  v("workload", o.workload);
  v("node", o.node);
  v("containerID", o.container_id);
  v("pod", o.pod);
  v("endpoint", o.endpoint);
  v("serviceAccountName", o.service_account_name);
  v("ipNetworks", o.ip_networks);
  v("ipNATs", o.ip_nats);
  v("ipv4Gateway", o.ipv4_gateway);
  v("ipv6Gateway", o.ipv6_gateway);
  v("profiles", o.profiles);
  v("interfaceName", o.interface_name);
  v("mac", o.mac);
  v("ports", o.ports);
  v("allowSpoofedSourcePrefixes", o.allow_spoofed_source_prefixes);
  v("qosControls", o.qos_controls);
}
// A port of a host endpoint: the shorter form of the same struct.
struct HostPort {
  EndpointPort& port;
};
template <typename V>
void Spec(V& v, HostEndpoint& o) {
  v("node", o.node);
  v("interfaceName", o.interface_name);
  v("expectedIPs", o.expected_ips);
  v("profiles", o.profiles);
  v.HostPorts("ports", o.ports);
}

// --- address management

template <typename V>
void Fields(V& v, Condition& o) {
  v("type", o.type, kAlways);
  v("status", o.status, kAlways);
  v("observedGeneration", o.observed_generation);
  v("lastTransitionTime", o.last_transition_time);
  v("reason", o.reason);
  v("message", o.message);
}
template <typename V>
void Spec(V& v, IPPool& o) {
  v("cidr", o.cidr, kAlways);
  v("vxlanMode", o.vxlan_mode);
  v("ipipMode", o.ipip_mode);
  v("natOutgoing", o.nat_outgoing);
  v("disabled", o.disabled);
  v("disableBGPExport", o.disable_bgp_export);
  v("blockSize", o.block_size);
  v("nodeSelector", o.node_selector);
  v("namespaceSelector", o.namespace_selector);
  v("allowedUses", o.allowed_uses);
  v("assignmentMode", o.assignment_mode);
}
template <typename V>
void StatusMembers(V& v, IPPool& o) {
  v("conditions", o.conditions);
}
template <typename V>
void Spec(V& v, IPReservation& o) {
  v("reservedCIDRs", o.reserved_cidrs);
}
template <typename V>
void Spec(V& v, IPAMConfiguration& o) {
  v("strictAffinity", o.spec.strict_affinity, kAlways);
  v("maxBlocksPerHost", o.spec.max_blocks_per_host);
  v("autoAllocateBlocks", o.spec.auto_allocate_blocks, kAlways);
  v("kubeVirtVMAddressPersistence", o.spec.kube_virt_vm_address_persistence);
}
template <typename V>
void Spec(V& v, IPAMConfigResource& o) {
  v("strictAffinity", o.spec.strict_affinity, kAlways);
  v("autoAllocateBlocks", o.spec.auto_allocate_blocks, kAlways);
  v("maxBlocksPerHost", o.spec.max_blocks_per_host);
  v("kubeVirtVMAddressPersistence", o.spec.kube_virt_vm_address_persistence);
}
template <typename V>
void Spec(V& v, BlockAffinityResource& o) {
  v("state", o.state, kAlways);
  v("node", o.node, kAlways);
  v("type", o.type);
  v("cidr", o.cidr, kAlways);
  v("deleted", o.deleted, kAlways);
}

// --- BGP

template <typename V>
void Fields(V& v, SecretKeyRef& o) {
  v("name", o.name, kAlways);
  v("key", o.key, kAlways);
  v("optional", o.optional);
}
template <typename V>
void Fields(V& v, BGPPassword& o) {
  v("secretKeyRef", o.secret_key_ref);
}
template <typename V>
void Fields(V& v, Community& o) {
  v("name", o.name);
  v("value", o.value);
}
template <typename V>
void Fields(V& v, PrefixAdvertisement& o) {
  v("cidr", o.cidr);
  v("communities", o.communities);
}
template <typename V>
void Fields(V& v, CidrItem& o) {
  v("cidr", o.cidr);
}
template <typename V>
void Spec(V& v, BGPConfiguration& o) {
  v("logSeverityScreen", o.log_severity_screen);
  v("nodeToNodeMeshEnabled", o.node_to_node_mesh_enabled);
  v("asNumber", o.as_number);
  v("serviceLoadBalancerIPs", o.service_load_balancer_ips);
  v("serviceExternalIPs", o.service_external_ips);
  v("serviceClusterIPs", o.service_cluster_ips);
  v("serviceLoadBalancerAggregation", o.service_load_balancer_aggregation);
  v("communities", o.communities);
  v("prefixAdvertisements", o.prefix_advertisements);
  v("listenPort", o.listen_port);
  v("nodeMeshPassword", o.node_mesh_password);
  v("nodeMeshMaxRestartTime", DurationText{o.node_mesh_max_restart_time});
  v("bindMode", o.bind_mode);
  v("ignoredInterfaces", o.ignored_interfaces);
  v("localWorkloadPeeringIPV4", o.local_workload_peering_ipv4);
  v("localWorkloadPeeringIPV6", o.local_workload_peering_ipv6);
  v("programClusterRoutes", o.program_cluster_routes);
  v("ipv4NormalRoutePriority", o.ipv4_normal_route_priority);
  v("ipv6NormalRoutePriority", o.ipv6_normal_route_priority);
}
template <typename V>
void Spec(V& v, BGPPeer& o) {
  v("node", o.node);
  v("nodeSelector", o.node_selector);
  v("peerIP", o.peer_ip);
  v("asNumber", o.as_number);
  v("localASNumber", o.local_as_number);
  v("peerSelector", o.peer_selector);
  v("localWorkloadSelector", o.local_workload_selector);
  v("keepOriginalNextHop", o.keep_original_next_hop);
  v("nextHopMode", o.next_hop_mode);
  v("password", o.password);
  v("sourceAddress", o.source_address);
  v("maxRestartTime", DurationText{o.max_restart_time});
  v("keepaliveTime", DurationText{o.keepalive_time});
  v("numAllowedLocalASNumbers", o.num_allowed_local_as_numbers);
  v("ttlSecurity", o.ttl_security);
  v("reachableBy", o.reachable_by);
  v("filters", o.filters);
  v("reversePeering", o.reverse_peering);
}
template <typename V>
void Fields(V& v, BGPFilterPrefixLength& o) {
  v("min", o.min);
  v("max", o.max);
}
template <typename V>
void Fields(V& v, BGPFilterCommunities& o) {
  v("values", o.values);
}
template <typename V>
void Fields(V& v, BGPFilterAddCommunity& o) {
  v("value", o.value, kAlways);
}
template <typename V>
void Fields(V& v, BGPFilterPrependAsPath& o) {
  v("prefix", o.prefix, kAlways);
}
template <typename V>
void Fields(V& v, BGPFilterSetPriority& o) {
  v("value", o.value, kAlways);
}
template <typename V>
void Fields(V& v, BGPFilterOperation& o) {
  v("addCommunity", o.add_community);
  v("prependASPath", o.prepend_as_path);
  v("setPriority", o.set_priority);
}
template <typename V>
void Fields(V& v, BGPFilterRule& o) {
  v("cidr", o.cidr);
  v("prefixLength", o.prefix_length);
  v("source", o.source);
  v("interface", o.interface);
  v("matchOperator", o.match_operator);
  v("peerType", o.peer_type);
  v("communities", o.communities);
  v("asPathPrefix", o.as_path_prefix);
  v("priority", o.priority);
  v("action", o.action, kAlways);
  v("operations", o.operations);
}
template <typename V>
void Spec(V& v, BGPFilter& o) {
  v("exportV4", o.export_v4);
  v("importV4", o.import_v4);
  v("exportV6", o.export_v6);
  v("importV6", o.import_v6);
}

// --- the agents

template <typename V>
void Spec(V& v, ClusterInformation& o) {
  v("clusterGUID", o.cluster_guid);
  v("clusterType", o.cluster_type);
  v("calicoVersion", o.calico_version);
  v("datastoreReady", o.datastore_ready);
  v("variant", o.variant);
}
// Whether the parameter is a member of the struct; if so it has been visited.
template <typename V>
bool NamedFelixMember(V& v, FelixConfiguration& o, std::string_view field) {
  if (field == "logSeverityScreen")
    v("logSeverityScreen", o.log_severity_screen);
  else if (field == "interfacePrefix")
    v("interfacePrefix", o.interface_prefix);
  else if (field == "defaultEndpointToHostAction")
    v("defaultEndpointToHostAction", o.default_endpoint_to_host_action);
  else if (field == "healthEnabled")
    v("healthEnabled", o.health_enabled);
  else if (field == "healthHost")
    v("healthHost", o.health_host);
  else if (field == "healthPort")
    v("healthPort", o.health_port);
  else if (field == "prometheusMetricsEnabled")
    v("prometheusMetricsEnabled", o.prometheus_metrics_enabled);
  else if (field == "prometheusMetricsHost")
    v("prometheusMetricsHost", o.prometheus_metrics_host);
  else if (field == "prometheusMetricsPort")
    v("prometheusMetricsPort", o.prometheus_metrics_port);
  else if (field == "ipv6Support")
    v("ipv6Support", o.ipv6_support);
  else if (field == "reportingInterval")
    v("reportingInterval", DurationText{o.reporting_interval});
  else if (field == "claimBlocksAtStart")
    v("claimBlocksAtStart", o.claim_blocks_at_start);
  else
    return false;
  return true;
}
template <typename V>
void Spec(V& v, FelixConfiguration& o) {
  for (const FelixParameter& parameter : FelixParameters()) {
    if (!NamedFelixMember(v, o, parameter.field))
      v(parameter.field.data(), FelixMember{parameter, o.other_parameters});
  }
}
template <typename V>
void Fields(V& v, HostEndpointTemplate& o) {
  v("generateName", o.generate_name);
  v("interfaceCIDRs", o.interface_cidrs);
  v("interfacePattern", o.interface_pattern);
  v("labels", o.labels);
  v("nodeSelector", o.node_selector);
}
template <typename V>
void Fields(V& v, AutoHostEndpointConfig& o) {
  v("autoCreate", o.auto_create);
  v("createDefaultHostEndpoint", o.create_default_host_endpoint);
  v("templates", o.templates);
}
template <typename V>
void Fields(V& v, NodeControllerConfig& o) {
  v("reconcilerPeriod", DurationText{o.reconciler_period});
  v("syncLabels", o.sync_labels);
  v("hostEndpoint", o.host_endpoint);
  v("leakGracePeriod", DurationText{o.leak_grace_period});
}
template <typename V>
void Fields(V& v, PeriodicControllerConfig& o) {
  v("reconcilerPeriod", DurationText{o.reconciler_period});
}
template <typename V>
void Fields(V& v, LoadBalancerControllerConfig& o) {
  v("assignIPs", o.assign_ips);
}
template <typename V>
void Fields(V& v, PolicyMigrationControllerConfig& o) {
  v("enabled", o.enabled);
}
template <typename V>
void Fields(V& v, ControllersConfig& o) {
  v("node", o.node);
  v("policy", o.policy);
  v("workloadEndpoint", o.workload_endpoint);
  v("serviceAccount", o.service_account);
  v("namespace", o.ns);
  v("loadBalancer", o.load_balancer);
  v("policyMigration", o.policy_migration);
}
template <typename V>
void Fields(V& v, KubeControllersSpec& o) {
  v("logSeverityScreen", o.log_severity_screen);
  v("healthChecks", o.health_checks);
  v("etcdV3CompactionPeriod", DurationText{o.etcd_v3_compaction_period});
  v("prometheusMetricsPort", o.prometheus_metrics_port);
  v.Struct("controllers", o.controllers);
  v("debugProfilePort", o.debug_profile_port);
}
template <typename V>
void Spec(V& v, KubeControllersConfiguration& o) {
  Fields(v, o.spec);
}
template <typename V>
void StatusMembers(V& v, KubeControllersConfiguration& o) {
  v("runningConfig", o.running_config);
  v("environmentVars", o.environment_vars);
}
template <typename V>
void Fields(V& v, BgpDaemonStatus& o) {
  v("state", o.state);
  v("version", o.version);
  v("routerID", o.router_id);
  v("lastBootTime", o.last_boot_time);
  v("lastReconfigurationTime", o.last_reconfiguration_time);
}
template <typename V>
void Fields(V& v, AgentStatus& o) {
  v.Struct("birdV4", o.bird_v4);
  v.Struct("birdV6", o.bird_v6);
}
template <typename V>
void Fields(V& v, BgpPeerStatus& o) {
  v("peerIP", o.peer_ip);
  v("type", o.type);
  v("state", o.state);
  v("since", o.since);
}
template <typename V>
void Fields(V& v, BgpStatus& o) {
  v("numberEstablishedV4", o.number_established_v4, kAlways);
  v("numberNotEstablishedV4", o.number_not_established_v4, kAlways);
  v("numberEstablishedV6", o.number_established_v6, kAlways);
  v("numberNotEstablishedV6", o.number_not_established_v6, kAlways);
  v("peersV4", o.peers_v4);
  v("peersV6", o.peers_v6);
}
template <typename V>
void Fields(V& v, RouteSourceStatus& o) {
  v("sourceType", o.source_type);
  v("peerIP", o.peer_ip);
}
template <typename V>
void Fields(V& v, RouteStatus& o) {
  v("type", o.type);
  v("destination", o.destination);
  v("gateway", o.gateway);
  v("interface", o.interface);
  v.Struct("learnedFrom", o.learned_from);
}
template <typename V>
void Fields(V& v, RoutesStatus& o) {
  v("routesV4", o.routes_v4);
  v("routesV6", o.routes_v6);
}
template <typename V>
void Spec(V& v, CalicoNodeStatus& o) {
  v("node", o.node);
  v("classes", o.classes);
  v("updatePeriodSeconds", o.update_period_seconds);
}
template <typename V>
void StatusMembers(V& v, CalicoNodeStatus& o) {
  v("lastUpdated", TimeText{o.last_updated});
  v.Struct("agent", o.agent);
  v.Struct("bgp", o.bgp);
  v.Struct("routes", o.routes);
}
template <typename V>
void Fields(V& v, WorkloadEndpointIdentifier& o) {
  v("hostname", o.hostname);
  v("orchestratorID", o.orchestrator_id);
  v("workloadID", o.workload_id);
  v("endpointID", o.endpoint_id);
}
template <typename V>
void Fields(V& v, LiveMigrationSide& o) {
  v("workload", JsonText{o.workload_json});
  v("selector", o.selector);
  v("workloadEndpoint", o.workload_endpoint);
}
template <typename V>
void Spec(V& v, LiveMigration& o) {
  v("source", o.source);
  v("target", o.target);
}

// Ours.
template <typename V>
void Fields(V& v, DockerNetworkHost& o) {
  v("host", o.host);
  v("id", o.id);
  v("generation", o.generation);
  v("engine", o.engine);
  v("state", o.state);
  v("problem", o.problem);
}
template <typename V>
void Spec(V& v, DockerNetwork& o) {
  v("driver", o.driver);
  v("options", o.options);
  v("ipamDriver", o.ipam_driver);
  v("ipamOptions", o.ipam_options);
  v("subnets", o.subnets);
  v("ipv6", o.ipv6);
  v("internal", o.internal);
  v("attachable", o.attachable);
  v("labels", o.labels);
  v("createdBy", o.created_by);
  v("generation", o.generation);
}
template <typename V>
void StatusMembers(V& v, DockerNetwork& o) {
  v("hosts", o.hosts);
}

template <typename V>
void Fields(V& v, Metadata& o) {
  v("name", o.name);
  v("generateName", o.generate_name);
  v("namespace", o.ns);
  v("uid", o.uid);
  v("resourceVersion", o.resource_version);
  v("creationTimestamp", o.creation_timestamp);
  v("labels", o.labels);
  v("annotations", o.annotations);
}

// --- not resources

template <typename V>
void Fields(V& v, AllocationAttribute& o) {
  v("handle_id", o.handle_id);
  v("secondary", o.secondary);
}
template <typename V>
void Whole(V& v, IpamBlock& o) {
  v("cidr", o.cidr, kAlways);
  v("affinity", o.affinity, kAlways);
  v("affinity_claim_time", o.affinity_claim_time);
  v("allocations", o.allocations, kAlways);
  v("unallocated", o.unallocated, kAlways);
  v("attributes", o.attributes, kAlways);
  v("sequenceNumber", o.sequence_number, kAlways);
  v("sequenceNumberForAllocation", o.sequence_number_for_allocation, kAlways);
  v("deleted", o.deleted, kAlways);
}
template <typename V>
void Whole(V& v, IpamHandle& o) {
  v("block", o.blocks, kAlways);
  v("deleted", o.deleted, kAlways);
}
template <typename V>
void Whole(V& v, IpamConfig& o) {
  v("strict_affinity", o.strict_affinity);
  v("auto_allocate_blocks", o.auto_allocate_blocks);
  v("maxBlocksPerHost", o.max_blocks_per_host);
}
template <typename V>
void Whole(V& v, DockerNetworkName& o) {
  v("name", o.name, kAlways);
}
template <typename V>
void Whole(V& v, DockerNetworkHost& o) {
  Fields(v, o);
}

}  // namespace calico::model::codec
