// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "model/node.h"
#include "model/rule.h"
#include "model/workload_endpoint.h"

// The resources of the v1 API, that of Calico 2.6 (reference calicoctl D.6), as their documents have them:
// members of `metadata` first, then those of `spec`. Only documents and tables of that API use these;
// everything else works on v3 objects (v1_convert.h).
namespace calico::model::v1 {

struct Entity {
  std::string tag;
  std::string net;  // this style or `nets`, not both
  std::vector<std::string> nets;
  std::string selector;
  std::vector<Port> ports;
  std::string not_tag;
  std::string not_net;
  std::vector<std::string> not_nets;
  std::string not_selector;
  std::vector<Port> not_ports;
  bool operator==(const Entity&) const = default;
};
struct Rule {
  std::string action;  // "allow", "deny", "log", "pass"
  std::optional<int> ip_version;
  std::string protocol;  // "tcp" or a number's text; empty = any
  std::optional<IcmpMatch> icmp;
  std::string not_protocol;
  std::optional<IcmpMatch> not_icmp;
  Entity source;
  Entity destination;
  bool operator==(const Rule&) const = default;
};

struct BgpPeer {
  std::string scope;  // "global", "node"
  std::string node;
  std::string peer_ip;
  std::optional<std::uint32_t> as_number;
  bool operator==(const BgpPeer&) const = default;
};
struct HostEndpoint {
  std::string name;
  std::string node;
  std::map<std::string, std::string> labels;
  std::string interface_name;
  std::vector<std::string> expected_ips;
  std::vector<std::string> profiles;
  bool operator==(const HostEndpoint&) const = default;
};
struct Ipip {
  bool enabled = false;
  std::string mode;  // "always", "cross-subnet"; empty = always
  bool operator==(const Ipip&) const = default;
};
struct IpPool {
  std::string cidr;
  std::optional<Ipip> ipip;
  bool nat_outgoing = false;
  bool disabled = false;
  bool operator==(const IpPool&) const = default;
};
struct NodeBgp {
  std::optional<std::uint32_t> as_number;
  std::string ipv4_address;  // "10.20.0.7/24"; a bare address means a full mask
  std::string ipv6_address;
  bool operator==(const NodeBgp&) const = default;
};
struct Node {
  std::string name;
  std::optional<NodeBgp> bgp;
  std::vector<OrchRef> orch_refs;
  bool operator==(const Node&) const = default;
};
struct Policy {
  std::string name;
  std::map<std::string, std::string> annotations;
  std::optional<double> order;
  std::vector<Rule> ingress;
  std::vector<Rule> egress;
  std::string selector;
  bool do_not_track = false;
  bool pre_dnat = false;
  std::vector<std::string> types;  // "ingress", "egress"; empty: what the rules say
  bool operator==(const Policy&) const = default;
};
struct Profile {
  std::string name;
  std::vector<std::string> tags;
  std::map<std::string, std::string> labels;
  std::vector<Rule> ingress;
  std::vector<Rule> egress;
  bool operator==(const Profile&) const = default;
};
struct WorkloadEndpoint {
  std::string name;
  std::string workload;
  std::string orchestrator;
  std::string node;
  std::string active_instance_id;
  std::map<std::string, std::string> labels;
  std::vector<std::string> ip_networks;
  std::vector<IpNat> ip_nats;
  std::string ipv4_gateway;
  std::string ipv6_gateway;
  std::vector<std::string> profiles;
  std::string interface_name;
  std::string mac;
  bool operator==(const WorkloadEndpoint&) const = default;
};

using Resource = std::variant<BgpPeer, HostEndpoint, IpPool, Node, Policy, Profile, WorkloadEndpoint>;

}  // namespace calico::model::v1
