// SPDX-License-Identifier: Apache-2.0
#include "model/codec/kubernetes_policy.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/visitor.h"
#include "model/v1_rules.h"

namespace calico::model::codec {
namespace {

// The document's parts, in the words of networking.k8s.io/v1.

struct Requirement {
  std::string key;
  std::string op;  // "In", "NotIn", "Exists", "DoesNotExist"
  std::vector<std::string> values;
};
struct LabelSelector {
  std::map<std::string, std::string> match_labels;
  std::vector<Requirement> match_expressions;
};
struct IpBlock {
  std::string cidr;
  std::vector<std::string> except;
};
struct Peer {
  std::optional<LabelSelector> pods;
  std::optional<LabelSelector> namespaces;
  std::optional<IpBlock> block;
};
struct PolicyPort {
  std::string protocol;
  std::string port;  // a number's text or a name
  int end_port = 0;
};
struct Direction {
  std::vector<Peer> peers;
  std::vector<PolicyPort> ports;
};
struct Policy {
  LabelSelector pods;
  std::vector<Direction> ingress;
  std::vector<Direction> egress;
  std::vector<std::string> types;
};

void Fields(Decoder& v, Requirement& o) {
  v("key", o.key);
  v("operator", o.op);
  v("values", o.values);
}
void Fields(Decoder& v, LabelSelector& o) {
  v("matchLabels", o.match_labels);
  v("matchExpressions", o.match_expressions);
}
void Fields(Decoder& v, IpBlock& o) {
  v("cidr", o.cidr);
  v("except", o.except);
}
void Fields(Decoder& v, Peer& o) {
  v("podSelector", o.pods);
  v("namespaceSelector", o.namespaces);
  v("ipBlock", o.block);
}
void Fields(Decoder& v, PolicyPort& o) {
  v("protocol", ProtocolText{o.protocol});
  v("port", NumberOrName{o.port});
  v("endPort", o.end_port);
}
void Fields(Decoder& v, Direction& o) {
  v("from", o.peers);
  v("to", o.peers);
  v("ports", o.ports);
}
void Fields(Decoder& v, Policy& o) {
  v("podSelector", o.pods);
  v("ingress", o.ingress);
  v("egress", o.egress);
  v("policyTypes", o.types);
}

std::string Set(const std::vector<std::string>& values) {
  std::vector<std::string> quoted;
  for (const std::string& value : values) quoted.push_back("'" + value + "'");
  return "{ " + Join(quoted, ", ") + " }";
}

std::vector<std::string> Terms(const LabelSelector& selector, const std::string& at) {
  std::vector<std::string> terms;
  for (const auto& [key, value] : selector.match_labels)
    terms.push_back(fmt::format("{} == '{}'", key, value));
  for (const Requirement& wanted : selector.match_expressions) {
    if (wanted.op == "In")
      terms.push_back(fmt::format("{} in {}", wanted.key, Set(wanted.values)));
    else if (wanted.op == "NotIn")
      terms.push_back(fmt::format("{} not in {}", wanted.key, Set(wanted.values)));
    else if (wanted.op == "Exists")
      terms.push_back(fmt::format("has({})", wanted.key));
    else if (wanted.op == "DoesNotExist")
      terms.push_back(fmt::format("! has({})", wanted.key));
    else
      Fail(at + "/matchExpressions", fmt::format("'{}' is no operator", wanted.op));
  }
  return terms;
}

// Only endpoints of Kubernetes are meant.
std::string PodSelector(const std::optional<LabelSelector>& selector, const std::string& at) {
  std::vector<std::string> terms{"projectcalico.org/orchestrator == 'k8s'"};
  if (selector) {
    const auto more = Terms(*selector, at);
    terms.insert(terms.end(), more.begin(), more.end());
  }
  return Join(terms, " && ");
}
std::string NamespaceSelector(const std::optional<LabelSelector>& selector, const std::string& at) {
  if (!selector) return {};
  const auto terms = Terms(*selector, at);
  return terms.empty() ? "all()" : Join(terms, " && ");
}

EntityRule Entity(const Peer& peer, const std::string& at) {
  EntityRule entity;
  if (peer.block) {
    entity.nets = {MaskedNet(peer.block->cidr)};
    for (const std::string& net : peer.block->except) entity.not_nets.push_back(MaskedNet(net));
    return entity;
  }
  entity.selector = PodSelector(peer.pods, at + "/podSelector");
  entity.namespace_selector = NamespaceSelector(peer.namespaces, at + "/namespaceSelector");
  return entity;
}

// The ports by protocol; a port without a number stands for all ports of its protocol.
using Ports = std::map<std::string, std::vector<Port>>;

Ports PortsOf(const Direction& direction, const std::string& at) {
  Ports ports;
  std::map<std::string, bool> all;
  for (const PolicyPort& wanted : direction.ports) {
    const std::string protocol = wanted.protocol.empty() ? "TCP" : wanted.protocol;
    std::vector<Port>& list = ports[protocol];
    if (wanted.port.empty()) {
      all[protocol] = true;
      continue;
    }
    const std::string text =
        wanted.end_port == 0 ? wanted.port : fmt::format("{}:{}", wanted.port, wanted.end_port);
    Read(Json(text), list.emplace_back(), at + "/ports");
  }
  for (const auto& [protocol, every] : all) ports[protocol].clear();
  if (direction.ports.empty()) ports[""];
  return ports;
}

// A rule for each protocol and peer.
std::vector<Rule> Rules(const std::vector<Direction>& directions, const char* name) {
  std::vector<Rule> rules;
  for (std::size_t i = 0; i < directions.size(); ++i) {
    const std::string at = fmt::format("/spec/{}/{}", name, i);
    const bool ingress = std::string_view(name) == "ingress";
    for (const auto& [protocol, ports] : PortsOf(directions[i], at)) {
      const auto add = [&, &wanted_protocol = protocol, &wanted_ports = ports](const EntityRule& peer) {
        Rule rule;
        rule.action = "Allow";
        rule.protocol = wanted_protocol;
        (ingress ? rule.source : rule.destination) = peer;
        rule.destination.ports = wanted_ports;
        rules.push_back(std::move(rule));
      };
      for (std::size_t j = 0; j < directions[i].peers.size(); ++j)
        add(Entity(directions[i].peers[j], fmt::format("{}/{}/{}", at, ingress ? "from" : "to", j)));
      if (directions[i].peers.empty()) add({});
    }
  }
  return rules;
}

NetworkPolicy Converted(const Metadata& metadata, const Policy& from) {
  constexpr double kOrder = 1000;  // what the controller gives all of them
  NetworkPolicy policy;
  policy.metadata.name = metadata.name;
  policy.metadata.ns = metadata.ns;
  policy.spec.order = kOrder;
  policy.spec.selector = PodSelector(from.pods, "/spec/podSelector");
  policy.spec.ingress = Rules(from.ingress, "ingress");
  policy.spec.egress = Rules(from.egress, "egress");
  policy.spec.types = from.types;
  if (from.types.empty()) {  // Kubernetes' default
    policy.spec.types = {"Ingress"};
    if (!from.egress.empty()) policy.spec.types.emplace_back("Egress");
  }
  return policy;
}

}  // namespace

Result<Object> DecodeKubernetesPolicy(const Json& json, DecodeNotes& notes) {
  UnknownMembers unknown;
  Leftovers left{unknown, {}};
  try {
    Metadata metadata;
    if (const auto found = json.find("metadata"); found != json.end() && found->is_object()) {
      // The rest of Kubernetes' metadata says nothing to Calico.
      if (found->contains("name")) Read((*found)["name"], metadata.name, "/metadata/name");
      if (found->contains("namespace")) Read((*found)["namespace"], metadata.ns, "/metadata/namespace");
    }
    Policy policy;
    if (const auto spec = json.find("spec"); spec != json.end() && !spec->is_null()) {
      if (!spec->is_object()) Fail("/spec", "must be a map");
      const Step at("/spec");
      Decoder decoder(*spec, at, left);
      Fields(decoder, policy);
      decoder.Finish();
    }
    if (!unknown.empty()) {
      notes.meant = std::move(left.meant);
      notes.bad_pointer = unknown.begin()->first;
      return UnknownField(notes.bad_pointer, notes);
    }
    return Object(Converted(metadata, policy));
  } catch (const Bad& bad) {
    notes.bad_pointer = bad.pointer;
    return Error(ErrorCode::kInvalidArgument, bad.text);
  }
}

}  // namespace calico::model::codec
