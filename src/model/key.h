// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "net/cidr.h"

namespace calico::model {

enum class Kind {
  kIPPool,
  kNode,
  kWorkloadEndpoint,
  kProfile,
  kBGPConfiguration,
  kBGPPeer,
  kClusterInformation,
  kFelixConfiguration,
  kBGPFilter,
  kBlockAffinityResource,
  kCalicoNodeStatus,
  kGlobalNetworkPolicy,
  kGlobalNetworkSet,
  kHostEndpoint,
  kIPAMConfigResource,
  kIPAMConfiguration,
  kIPReservation,
  kKubeControllersConfiguration,
  kLiveMigration,
  kNetworkPolicy,
  kNetworkSet,
  kStagedGlobalNetworkPolicy,
  kStagedKubernetesNetworkPolicy,
  kStagedNetworkPolicy,
  kTier,
  kDockerNetwork,
  // Not resources: no metadata, keys of their own.
  kIpamBlock,
  kBlockAffinity,
  kIpamHandle,
  kIpamConfig,
  kDockerNetworkName,
  kDockerNetworkHost,
};

// Identity of one stored object.
struct Key {
  Kind kind = Kind::kIPPool;
  std::string ns;    // namespaced kinds; for kBlockAffinity and kDockerNetworkHost the host
  std::string name;  // for kIpamBlock and kBlockAffinity the block's CIDR with "/"
  auto operator<=>(const Key&) const = default;

  static Key Resource(Kind kind, std::string name, std::string ns = {}) {
    return {kind, std::move(ns), std::move(name)};
  }
  static Key Block(const net::Cidr& cidr) { return {Kind::kIpamBlock, {}, cidr.ToString()}; }
  static Key Affinity(const std::string& host, const net::Cidr& cidr) {
    return {Kind::kBlockAffinity, host, cidr.ToString()};
  }
  static Key Handle(const std::string& id) { return {Kind::kIpamHandle, {}, id}; }
};

// The canonical path: upstream's etcdv3 key (reference datastore-model A.1), used by every driver.
std::string ToPath(const Key& key);
// nullopt for paths that are not ours or not known to this version.
std::optional<Key> ParsePath(std::string_view path);
// Prefix of all keys of a kind, ending in "/": for lists and watches.
std::string ListPrefix(Kind kind);
std::string ListPrefix(Kind kind, const std::string& ns);  // one namespace, or one host's affinities
std::string AffinityPrefix(const std::string& host, net::Family family);
std::string BlockPrefix(net::Family family);

inline constexpr Kind kLastResourceKind = Kind::kDockerNetwork;

// "IPPool", "ippools", namespaced or not. Only for resource kinds (kIPPool to kLastResourceKind).
std::string_view KindName(Kind kind);
std::optional<Kind> ParseKindName(std::string_view name);  // exactly as KindName() writes it
std::string_view KindPlural(Kind kind);
bool IsResource(Kind kind);
bool IsNamespaced(Kind kind);
// The four kinds whose policies live in a tier (reference datastore-model A.7.2, A.7.3).
bool IsTieredPolicy(Kind kind);
// Whether calicoctl shows and changes the kind (reference calicoctl A.6; CalicoNodeStatus and
// DockerNetwork are our additions).
bool IsManaged(Kind kind);
// All spellings that ParseKindAlias() takes, the shortest form of each first.
std::vector<std::string> KindAliases(Kind kind);
// Command line spellings, any case: "ippool", "pools", "wep", … (reference calicoctl A.6).
std::optional<Kind> ParseKindAlias(std::string_view text);
// "IPPool(pool-a)", "WorkloadEndpoint(default/x)": how errors name an object (A.16).
std::string Describe(const Key& key);

}  // namespace calico::model
