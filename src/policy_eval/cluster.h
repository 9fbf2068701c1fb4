// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "model/update.h"
#include "net/cidr.h"

// A deliberately simple evaluator of Calico's policy: objects in, verdict with reasons out. For each question
// it walks all objects; there is no index, no cache and no kernel in it, and calc neither includes it nor is
// included: it is what calc and the dataplane are compared with, and what explains a verdict to a user. The
// files follow the sections of reference felix 2:
//
//   cluster, host     what is known of the objects and of one host           2.1, 2.2, 4.1
//   selectors         how the selectors of policies and rules are put together     2.7
//   labels, members   labels of endpoints; whose address is it                     2.9, 1.5
//   rule_match        does a rule match a packet                                   2.6
//   policies          which policies, in which tiers, in which order               2.2 to 2.4, 2.15
//   evaluate          one endpoint, one stage, one direction                       2.5
//   host_endpoints    which host endpoint is an interface's; failsafe ports        2.11
//   path              a packet's way through a host, and through several           2.11 to 2.14
//
// What cannot be parsed fails closed, for stores may hold what no validation has seen:
//   * A rule with an unknown action or an unparsable selector, net, protocol, IP version or ICMP type:
//     Allow and Log never match; Deny and Pass match every packet and deny, as an unknown action does (the
//     reference's own treatment of Kubernetes' rules, 2.10). In a profile Pass stays without effect.
//   * A policy with an unparsable selector, namespaceSelector or serviceAccountSelector: selects each
//     endpoint of its namespace, or of the cluster when it is global, and denies all in the directions of
//     its types; in tier, order and stage (untracked, pre-DNAT, forward) it stays what it is.
//   * A policy or profile whose stored value is not what it should be (model::DecodeToEnforce): denies all
//     whom it selects, as far as its selection could be read.
//   * A net of an endpoint or of a network set that is no net: not there.
namespace calico::policy_eval {

enum class Dialect { kV3, kV26 };  // reference felix 2.18

// An address of a service, from Kubernetes' EndpointSlices; ready or not.
struct ServiceEndpoint {
  net::Ip ip;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  bool operator==(const ServiceEndpoint&) const = default;
};

struct Cluster {
  std::map<model::Key, std::shared_ptr<const model::Object>> objects;
  Dialect dialect = Dialect::kV3;

  // What no object of the model says.
  std::map<std::string, std::vector<ServiceEndpoint>> services;  // "namespace/name"
  std::set<model::Key> admin_down;                               // workloads that are switched off
  // Node -> interface -> its addresses. A node that is not here has the interfaces of its Node.
  std::map<std::string, std::map<std::string, std::vector<net::Ip>>> interfaces;

  // nullptr if there is none.
  template <typename T>
  const T* Find(const model::Key& key) const {
    const auto found = objects.find(key);
    return found == objects.end() || found->second == nullptr ? nullptr : std::get_if<T>(found->second.get());
  }
  // visit(key, object) for each object of a kind, in the order of names.
  template <typename T, typename Visit>
  void ForEach(Visit visit) const {
    for (const auto& [key, object] : objects) {
      if (object == nullptr) continue;
      if (const T* value = std::get_if<T>(object.get())) visit(key, *value);
    }
  }
};

// As it stands in a store: nothing is filled in, nothing is checked.
void Store(Cluster& cluster, model::Object object);
// As `calicoctl apply` would write it: defaults first, then the checks of the API.
Status Write(Cluster& cluster, model::Object object);
// The documents of a file (codec/document.h), written in their order.
Status WriteDocuments(Cluster& cluster, const std::string& text, const std::string& source);

// The profile, or the one that every cluster has: projectcalico-default-allow. nullopt if there is none.
std::optional<model::Profile> FindProfile(const Cluster& cluster, const std::string& name);

}  // namespace calico::policy_eval
