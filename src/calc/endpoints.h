// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "calc/ip_set_index.h"
#include "dataplane_api/updates.h"
#include "model/selector/selector.h"
#include "model/update.h"

// Reading the model's objects for the graph: pure functions of one object.
namespace calico::calc {

// Reference datastore-model A.7.1: this profile exists without being stored.
inline constexpr char kAllowProfile[] = "projectcalico-default-allow";
const model::Profile& AllowProfile();

// --- Workload endpoints, host endpoints and network sets: what has addresses.

std::string NodeOf(const model::Object& endpoint);
// Whose labels it inherits, in order (reference felix 2.9).
std::vector<std::string> ProfilesOf(const model::Object& object);
// Without those of its profiles. A workload cannot give itself the labels of a namespace or service account.
model::Labels OwnLabels(const model::Object& object);
std::vector<net::Cidr> AddressesOf(const model::Object& object);
// The container of an endpoint that shares it with other endpoints, by a name of the host; "" of all others.
std::string DockerContainerOf(const model::Object& object);
std::vector<NamedPort> NamedPortsOf(const model::Object& object);

dataplane_api::Endpoint ToDataplane(const model::WorkloadEndpoint& endpoint);  // without its policies
dataplane_api::HostEndpoint ToDataplane(const model::HostEndpoint& endpoint);

// --- Policies of every kind.

// Itself, or what one of Kubernetes says in Calico's words.
std::shared_ptr<const model::Object> AsCalicoPolicy(const std::shared_ptr<const model::Object>& policy);
// Whether a policy has its say in a direction, "Ingress" or "Egress" (reference felix 2.4). None: written by
// a very old client, both. A word that is no type cannot take a policy out of force.
bool IsFor(const model::PolicySpec& policy, std::string_view type);

struct PolicySelection {
  model::Selector selector = model::Selector::AllOf({});
  bool everywhere = false;            // wanted on every host, whether or not it applies there
  std::vector<std::string> problems;  // not empty: it denies everything
};
// A selector that does not parse selects everything that the policy could: its namespace, or all.
PolicySelection SelectionOf(const model::Key& key, const model::Object& policy);

struct PolicyRules {
  std::vector<model::Rule> ingress, egress;  // of the directions in its types
  bool staged = false;
};
PolicyRules RulesOf(const model::Object& policy);

}  // namespace calico::calc
