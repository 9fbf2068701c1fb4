// SPDX-License-Identifier: Apache-2.0
#include "model/key.h"

#include <array>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"

namespace calico::model {
namespace {

constexpr std::string_view kResources = "/calico/resources/v3/projectcalico.org/";
constexpr std::string_view kBlocks = "/calico/ipam/v2/assignment/";
constexpr std::string_view kAffinities = "/calico/ipam/v2/host/";
constexpr std::string_view kHandles = "/calico/ipam/v2/handle/";
constexpr std::string_view kConfig = "/calico/ipam/v2/config";
constexpr std::string_view kDockerNames = "/calico/docker/v1/network/";
constexpr std::string_view kDockerNetworks = "/calico/docker/v1/networks/";
constexpr std::string_view kDockerHosts = "/calico/docker/v1/network-status/";

struct KindFacts {
  Kind kind;
  std::string_view name, plural;
  bool namespaced;
  bool managed;
  std::array<std::string_view, 5> more_aliases;  // beside name and plural
};
// Reference datastore-model A.2, calicoctl A.6.
constexpr std::array<KindFacts, static_cast<std::size_t>(kLastResourceKind) + 1> kKinds{{
    {Kind::kIPPool, "IPPool", "ippools", false, true, {"ipp", "ipps", "pool", "pools"}},
    {Kind::kNode, "Node", "nodes", false, true, {"no", "nos"}},
    {Kind::kWorkloadEndpoint, "WorkloadEndpoint", "workloadendpoints", true, true, {"wep", "weps"}},
    {Kind::kProfile, "Profile", "profiles", false, true, {"pro", "pros"}},
    {Kind::kBGPConfiguration,
     "BGPConfiguration",
     "bgpconfigurations",
     false,
     true,
     {"bgpconfig", "bgpconfigs"}},
    {Kind::kBGPPeer, "BGPPeer", "bgppeers", false, true, {"bp", "bps", "bgpp", "bgpps"}},
    {Kind::kClusterInformation,
     "ClusterInformation",
     "clusterinformations",
     false,
     true,
     {"clusterinfo", "clusterinfos"}},
    {Kind::kFelixConfiguration,
     "FelixConfiguration",
     "felixconfigurations",
     false,
     true,
     {"felixconfig", "felixconfigs"}},
    {Kind::kBGPFilter, "BGPFilter", "bgpfilters", false, true, {"bf", "bfs", "bgpf", "bgpfs"}},
    {Kind::kBlockAffinityResource, "BlockAffinity", "blockaffinities", false, false, {}},
    {Kind::kCalicoNodeStatus, "CalicoNodeStatus", "caliconodestatuses", false, true, {}},
    {Kind::kGlobalNetworkPolicy,
     "GlobalNetworkPolicy",
     "globalnetworkpolicies",
     false,
     true,
     {"gnp", "gnps"}},
    {Kind::kGlobalNetworkSet, "GlobalNetworkSet", "globalnetworksets", false, true, {"gnetsets"}},
    {Kind::kHostEndpoint, "HostEndpoint", "hostendpoints", false, true, {"hep", "heps"}},
    {Kind::kIPAMConfigResource, "IPAMConfig", "ipamconfigs", false, false, {}},
    {Kind::kIPAMConfiguration, "IPAMConfiguration", "ipamconfigurations", false, false, {}},
    {Kind::kIPReservation, "IPReservation", "ipreservations", false, true, {"reservation", "reservations"}},
    {Kind::kKubeControllersConfiguration,
     "KubeControllersConfiguration",
     "kubecontrollersconfigurations",
     false,
     true,
     {"kubecontrollersconfig", "kubecontrollersconfigs"}},
    {Kind::kLiveMigration, "LiveMigration", "livemigrations", true, false, {}},
    {Kind::kNetworkPolicy,
     "NetworkPolicy",
     "networkpolicies",
     true,
     true,
     {"np", "pol", "pols", "policy", "policies"}},
    {Kind::kNetworkSet, "NetworkSet", "networksets", true, true, {"netsets"}},
    {Kind::kStagedGlobalNetworkPolicy,
     "StagedGlobalNetworkPolicy",
     "stagedglobalnetworkpolicies",
     false,
     true,
     {"sgnp", "sgnps"}},
    {Kind::kStagedKubernetesNetworkPolicy,
     "StagedKubernetesNetworkPolicy",
     "stagedkubernetesnetworkpolicies",
     true,
     true,
     {"sknp", "skpol", "skpols", "stagedkubernetespolicy", "stagedkubernetespolicies"}},
    {Kind::kStagedNetworkPolicy,
     "StagedNetworkPolicy",
     "stagednetworkpolicies",
     true,
     true,
     {"snp", "spol", "spols", "stagedpolicy", "stagedpolicies"}},
    {Kind::kTier, "Tier", "tiers", false, true, {}},
    {Kind::kDockerNetwork, "DockerNetwork", "dockernetworks", false, true, {"dockernet", "dockernets"}},
}};

const KindFacts& Facts(Kind kind) {
  CHECK(kind <= kLastResourceKind, "not a resource kind");
  const KindFacts& facts = kKinds[static_cast<std::size_t>(kind)];
  CHECK(facts.kind == kind, "kKinds is in the order of Kind");
  return facts;
}

// "10.0.0.0/26" <-> "10.0.0.0-26"
std::string CidrToSegment(const std::string& cidr) {
  return ReplaceAll(cidr, "/", "-");
}
std::optional<net::Cidr> SegmentToCidr(std::string_view segment) {
  const std::size_t dash = segment.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  std::string text(segment);
  text[dash] = '/';
  return net::Cidr::ParsePrefix(text);
}

std::string_view FamilySegment(net::Family family) {
  return family == net::Family::kV4 ? "ipv4" : "ipv6";
}

std::string FamilySegmentOf(const std::string& cidr) {
  const auto parsed = net::Cidr::ParsePrefix(cidr);
  CHECK(parsed.has_value(), "an IPAM key must hold a CIDR");
  return std::string(FamilySegment(parsed->family()));
}

// "ipv4/block/10.0.0.0-26" -> 10.0.0.0/26
std::optional<net::Cidr> ParseBlockSegments(std::string_view rest) {
  const std::vector<std::string> parts = Split(rest, '/');
  if (parts.size() != 3 || parts[1] != "block") return std::nullopt;
  auto cidr = SegmentToCidr(parts[2]);
  if (!cidr || parts[0] != FamilySegment(cidr->family())) return std::nullopt;
  return cidr;
}

// Names of v3 never need it; names of a store of Calico 2.6 may hold anything.
std::string Escaped(const std::string& segment) {
  return ReplaceAll(ReplaceAll(segment, "%", "%25"), "/", "%2f");
}

std::string Unescaped(std::string text) {
  return ReplaceAll(ReplaceAll(std::move(text), "%2f", "/"), "%25", "%");
}

std::optional<Key> ParseResource(std::string_view rest) {
  const std::vector<std::string> parts = Split(rest, '/');
  for (const KindFacts& facts : kKinds) {
    if (parts.empty() || parts[0] != facts.plural) continue;
    if (parts.size() != (facts.namespaced ? 3u : 2u)) return std::nullopt;
    for (const std::string& part : parts) {
      if (part.empty()) return std::nullopt;
    }
    return facts.namespaced ? Key{facts.kind, Unescaped(parts[1]), Unescaped(parts[2])}
                            : Key{facts.kind, {}, Unescaped(parts[1])};
  }
  return std::nullopt;
}

}  // namespace

std::string ToPath(const Key& key) {
  switch (key.kind) {
    case Kind::kIpamBlock:
      return fmt::format("{}{}/block/{}", kBlocks, FamilySegmentOf(key.name), CidrToSegment(key.name));
    case Kind::kBlockAffinity:
      return fmt::format("{}{}/{}/block/{}", kAffinities, key.ns, FamilySegmentOf(key.name),
                         CidrToSegment(key.name));
    case Kind::kIpamHandle:
      return fmt::format("{}{}", kHandles, key.name);
    case Kind::kIpamConfig:
      return std::string(kConfig);
    case Kind::kDockerNetworkName:
      return fmt::format("{}{}", kDockerNames, key.name);
    case Kind::kDockerNetwork:
      return fmt::format("{}{}", kDockerNetworks, Escaped(key.name));
    case Kind::kDockerNetworkHost:
      return fmt::format("{}{}/{}", kDockerHosts, Escaped(key.ns), Escaped(key.name));
    default:
      break;
  }
  const KindFacts& facts = Facts(key.kind);
  if (facts.namespaced)
    return fmt::format("{}{}/{}/{}", kResources, facts.plural, Escaped(key.ns), Escaped(key.name));
  return fmt::format("{}{}/{}", kResources, facts.plural, Escaped(key.name));
}

std::optional<Key> ParsePath(std::string_view path) {
  const auto take = [&path](std::string_view prefix) {
    if (!path.starts_with(prefix)) return false;
    path.remove_prefix(prefix.size());
    return true;
  };
  if (path == kConfig) return Key{Kind::kIpamConfig, {}, {}};
  if (take(kResources)) return ParseResource(path);
  if (take(kBlocks)) {
    const auto cidr = ParseBlockSegments(path);
    return cidr ? std::optional(Key::Block(*cidr)) : std::nullopt;
  }
  if (take(kAffinities)) {
    const std::size_t slash = path.find('/');
    if (slash == 0 || slash == std::string_view::npos) return std::nullopt;
    const auto cidr = ParseBlockSegments(path.substr(slash + 1));
    return cidr ? std::optional(Key::Affinity(std::string(path.substr(0, slash)), *cidr)) : std::nullopt;
  }
  if (take(kHandles)) return path.empty() ? std::nullopt : std::optional(Key::Handle(std::string(path)));
  if (take(kDockerNames)) {
    return path.empty() ? std::nullopt : std::optional(Key{Kind::kDockerNetworkName, {}, std::string(path)});
  }
  if (take(kDockerNetworks)) {
    if (path.empty() || path.find('/') != std::string_view::npos) return std::nullopt;
    return Key{Kind::kDockerNetwork, {}, Unescaped(std::string(path))};
  }
  if (take(kDockerHosts)) {
    const std::vector<std::string> parts = Split(path, '/');
    if (parts.size() != 2 || parts[0].empty() || parts[1].empty()) return std::nullopt;
    return Key{Kind::kDockerNetworkHost, Unescaped(parts[0]), Unescaped(parts[1])};
  }
  return std::nullopt;
}

std::string ListPrefix(Kind kind) {
  switch (kind) {
    case Kind::kIpamBlock:
      return std::string(kBlocks);
    case Kind::kBlockAffinity:
      return std::string(kAffinities);
    case Kind::kIpamHandle:
      return std::string(kHandles);
    case Kind::kIpamConfig:
      return std::string(kConfig);
    case Kind::kDockerNetworkName:
      return std::string(kDockerNames);
    case Kind::kDockerNetwork:
      return std::string(kDockerNetworks);
    case Kind::kDockerNetworkHost:
      return std::string(kDockerHosts);
    default:
      return fmt::format("{}{}/", kResources, Facts(kind).plural);
  }
}
std::string ListPrefix(Kind kind, const std::string& ns) {
  return ListPrefix(kind) + (IsResource(kind) ? Escaped(ns) : ns) + "/";
}
std::string AffinityPrefix(const std::string& host, net::Family family) {
  return fmt::format("{}{}/{}/block/", kAffinities, host, FamilySegment(family));
}
std::string BlockPrefix(net::Family family) {
  return fmt::format("{}{}/block/", kBlocks, FamilySegment(family));
}

std::string_view KindName(Kind kind) {
  switch (kind) {
    case Kind::kIpamBlock:
      return "IPAMBlock";
    case Kind::kBlockAffinity:
      return "BlockAffinity";
    case Kind::kIpamHandle:
      return "IPAMHandle";
    case Kind::kIpamConfig:
      return "IPAMConfig";
    case Kind::kDockerNetworkName:
      return "DockerNetworkName";
    case Kind::kDockerNetworkHost:
      return "DockerNetworkHost";
    default:
      return Facts(kind).name;
  }
}
std::string_view KindPlural(Kind kind) {
  return Facts(kind).plural;
}
bool IsResource(Kind kind) {
  return kind <= kLastResourceKind;
}
bool IsNamespaced(Kind kind) {
  return IsResource(kind) && Facts(kind).namespaced;
}

bool IsTieredPolicy(Kind kind) {
  return kind == Kind::kNetworkPolicy || kind == Kind::kGlobalNetworkPolicy ||
         kind == Kind::kStagedNetworkPolicy || kind == Kind::kStagedGlobalNetworkPolicy;
}
bool IsManaged(Kind kind) {
  return IsResource(kind) && Facts(kind).managed;
}
std::optional<Kind> ParseKindName(std::string_view name) {
  for (const KindFacts& facts : kKinds) {
    if (facts.name == name) return facts.kind;
  }
  return std::nullopt;
}
std::vector<std::string> KindAliases(Kind kind) {
  std::vector<std::string> aliases;
  for (std::string_view alias : Facts(kind).more_aliases) {
    if (!alias.empty()) aliases.emplace_back(alias);
  }
  aliases.push_back(ToLower(Facts(kind).name));
  aliases.emplace_back(Facts(kind).plural);
  return aliases;
}

std::optional<Kind> ParseKindAlias(std::string_view text) {
  const std::string lower = ToLower(text);
  for (const KindFacts& facts : kKinds) {
    if (!facts.managed) continue;
    if (lower == ToLower(facts.name) || lower == facts.plural) return facts.kind;
    for (std::string_view alias : facts.more_aliases) {
      if (!alias.empty() && lower == alias) return facts.kind;
    }
  }
  return std::nullopt;
}

std::string Describe(const Key& key) {
  if (key.ns.empty()) return fmt::format("{}({})", KindName(key.kind), key.name);
  return fmt::format("{}({}/{})", KindName(key.kind), key.ns, key.name);
}

}  // namespace calico::model
