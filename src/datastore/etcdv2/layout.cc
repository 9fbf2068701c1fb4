// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv2/layout.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"
#include "model/felix_parameters.h"
#include "model/v1_names.h"

namespace calico::datastore::etcdv2 {
namespace {

using model::Key;
using model::Kind;
using model::V1Identity;

constexpr std::string_view kHosts = "/calico/v1/host/";
constexpr std::string_view kConfig = "/calico/v1/config/";
constexpr std::string_view kReady = "/calico/v1/Ready";
constexpr std::string_view kPolicies = "/calico/v1/policy/tier/default/policy/";
constexpr std::string_view kProfiles = "/calico/v1/policy/profile/";
constexpr std::string_view kPools = "/calico/v1/ipam/";
constexpr std::string_view kBgpGlobal = "/calico/bgp/v1/global/";
constexpr std::string_view kBgpHosts = "/calico/bgp/v1/host/";
constexpr std::string_view kResources = "/calico/resources/v3/projectcalico.org/";
constexpr char kNodePrefix[] = "node.";
constexpr char kTunnelAddress[] = "IpInIpTunnelAddr";  // a setting of Felix that v3 has in Node

// Reference datastore-model B.2.
std::string Escape(const std::string& text) {
  return ReplaceAll(ReplaceAll(text, "%", "%25"), "/", "%2f");
}
std::string Unescape(const std::string& text) {
  return ReplaceAll(ReplaceAll(text, "%2f", "/"), "%25", "%");
}

bool IsClusterValue(std::string_view name) {
  return name == "ClusterGUID" || name == "ClusterType" || name == "CalicoVersion";
}
bool IsNodeValue(const std::string& name) {
  return name == "ip_addr_v4" || name == "ip_addr_v6" || name == "network_v4" || name == "network_v6" ||
         name == "as_num";
}
bool IsBgpSetting(const std::string& name) {
  return name == "as_num" || name == "node_mesh" || name == "loglevel";
}

// --- names of workload endpoints: segments joined by "-", dashes inside doubled

// nullopt if a segment is empty or would run into its neighbour.
std::optional<std::string> JoinName(const std::vector<std::string>& segments) {
  std::vector<std::string> escaped;
  for (const std::string& segment : segments) {
    if (segment.empty() || segment.front() == '-' || segment.back() == '-') return std::nullopt;
    escaped.push_back(ReplaceAll(segment, "-", "--"));
  }
  return Join(escaped, "-");
}
std::vector<std::string> SplitName(std::string_view name) {
  std::vector<std::string> segments(1);
  for (std::size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '-') {
      segments.back() += name[i];
    } else if (i + 1 < name.size() && name[i + 1] == '-') {
      segments.back() += '-';
      ++i;
    } else {
      segments.emplace_back();
    }
  }
  return segments;
}

std::optional<Place> WorkloadPlace(const std::string& node, const std::string& orchestrator,
                                   const std::string& workload, const std::string& endpoint) {
  Place place{Key::Resource(Kind::kWorkloadEndpoint, "", "default"),
              {node, orchestrator, workload, endpoint}};
  std::string third = workload;
  if (const std::size_t dot = workload.find('.'); orchestrator == "k8s" && dot != std::string::npos) {
    place.key.ns = workload.substr(0, dot);
    third = workload.substr(dot + 1);
  }
  const auto name = JoinName({node, orchestrator, third, endpoint});
  if (!name || place.key.ns.empty()) return std::nullopt;
  place.key.name = *name;
  return place;
}

Place PolicyPlace(const std::string& name) {
  return {Key::Resource(Kind::kGlobalNetworkPolicy, name), {"", "", "", name}};
}
Place ProfilePlace(const std::string& name) {
  return {Key::Resource(Kind::kProfile, name), {"", "", "", name}};
}
Place HostEndpointPlace(const std::string& node, const std::string& name) {
  return {Key::Resource(Kind::kHostEndpoint, node + "." + name), {node, "", "", name}};
}
Place NodePlace(const std::string& node) {
  return {Key::Resource(Kind::kNode, node), {node, "", "", ""}};
}
Place PoolPlace(const net::Cidr& cidr) {
  return {Key::Resource(Kind::kIPPool, model::V3PoolName(cidr.ToString())), {"", "", "", cidr.ToString()}};
}
Place PeerPlace(const std::string& node, const std::string& ip) {
  const std::string name = model::IpName(ip);
  return {Key::Resource(Kind::kBGPPeer, node.empty() ? name : node + "." + name), {node, "", "", ip}};
}
Place ConfigurationPlace(Kind kind, const std::string& node) {
  return {Key::Resource(kind, node.empty() ? "default" : kNodePrefix + node), {node, "", "", ""}};
}
Place ClusterPlace() {
  return {Key::Resource(Kind::kClusterInformation, "default"), {}};
}

// --- from raw keys

void AddHostParts(const std::vector<std::string>& parts, std::vector<Part>& found) {
  const std::string& host = parts[0];
  if (parts.size() == 2 &&
      (parts[1] == "metadata" || parts[1] == "bird_ip" || parts[1] == "orchestrator_refs")) {
    found.push_back({NodePlace(host), parts[1]});
    return;
  }
  if (parts.size() == 3 && parts[1] == "config" && parts[2] == kTunnelAddress) {
    found.push_back({NodePlace(host), kTunnelAddress});
    return;
  }
  if (parts.size() == 3 && parts[1] == "config" && model::FindFelixParameterByV1Name(parts[2]) != nullptr)
    found.push_back({ConfigurationPlace(Kind::kFelixConfiguration, host), parts[2]});
  if (parts.size() == 3 && parts[1] == "endpoint")
    found.push_back({HostEndpointPlace(host, Unescape(parts[2])), ""});
  if (parts.size() == 6 && parts[1] == "workload" && parts[4] == "endpoint") {
    if (auto place = WorkloadPlace(host, Unescape(parts[2]), Unescape(parts[3]), Unescape(parts[5])))
      found.push_back({*std::move(place), ""});
  }
  found.push_back({NodePlace(host), kExistence});
}

void AddBgpParts(const std::string& node, const std::vector<std::string>& parts, std::vector<Part>& found) {
  if (parts.size() == 2 && (parts[0] == "peer_v4" || parts[0] == "peer_v6")) {
    if (const auto ip = net::Ip::Parse(parts[1])) found.push_back({PeerPlace(node, ip->ToString()), ""});
  } else if (parts.size() == 1 && !node.empty() && IsNodeValue(parts[0])) {
    found.push_back({NodePlace(node), parts[0]});
  } else if (parts.size() == 1 && (node.empty() ? IsBgpSetting(parts[0]) : parts[0] == "loglevel")) {
    found.push_back({ConfigurationPlace(Kind::kBGPConfiguration, node), parts[0]});
  }
}

std::optional<net::Cidr> CidrOfSegment(const std::string& segment) {
  std::string text = segment;
  const std::size_t dash = text.find('-');
  if (dash == std::string::npos) return std::nullopt;
  text[dash] = '/';
  return net::Cidr::ParsePrefix(text);
}

// --- names of the kinds' keys

std::string_view FamilyOf(const std::string& address) {
  return address.find(':') == std::string::npos ? "v4" : "v6";
}

std::string HostKey(const V1Identity& identity, const std::string& rest) {
  return fmt::format("{}{}/{}", kHosts, identity.node, rest);
}

std::vector<std::string> FelixRoles() {
  std::vector<std::string> roles;
  for (const model::FelixParameter& parameter : model::FelixParameters()) {
    if (!parameter.v1_name.empty()) roles.emplace_back(parameter.v1_name);
  }
  return roles;
}

Error NameNotKept(const Key& key, const std::string& name) {
  return Error(
      ErrorCode::kUnsupported,
      fmt::format("etcdv2 names a {} after what it is for: use the name '{}' instead of '{}', or etcdv3",
                  model::KindName(key.kind), name, key.name));
}

}  // namespace

bool IsStored(Kind kind) {
  switch (kind) {
    case Kind::kWorkloadEndpoint:
    case Kind::kHostEndpoint:
    case Kind::kGlobalNetworkPolicy:
    case Kind::kProfile:
    case Kind::kIPPool:
    case Kind::kBGPPeer:
    case Kind::kNode:
    case Kind::kFelixConfiguration:
    case Kind::kBGPConfiguration:
    case Kind::kClusterInformation:
      return true;
    default:
      return false;
  }
}

bool IsIpam(Kind kind) {
  return kind == Kind::kIpamBlock || kind == Kind::kBlockAffinity || kind == Kind::kIpamHandle ||
         kind == Kind::kIpamConfig;
}

std::vector<Part> PartsAt(const std::string& raw_key) {
  std::vector<Part> found;
  std::string_view rest = raw_key;
  const auto take = [&rest](std::string_view prefix) {
    if (!rest.starts_with(prefix) || rest.size() == prefix.size()) return false;
    rest.remove_prefix(prefix.size());
    return true;
  };
  if (raw_key == kReady) {
    found.push_back({ClusterPlace(), "Ready"});
  } else if (take(kHosts)) {
    AddHostParts(Split(rest, '/'), found);
  } else if (take(kConfig)) {
    const std::string name(rest);
    if (IsClusterValue(name))
      found.push_back({ClusterPlace(), name});
    else if (model::FindFelixParameterByV1Name(name) != nullptr)
      found.push_back({ConfigurationPlace(Kind::kFelixConfiguration, ""), name});
  } else if (take(kPolicies)) {
    if (rest.find('/') == std::string_view::npos)
      found.push_back({PolicyPlace(Unescape(std::string(rest))), ""});
  } else if (take(kProfiles)) {
    const auto parts = Split(rest, '/');
    if (parts.size() == 2 && (parts[1] == "tags" || parts[1] == "labels" || parts[1] == "rules"))
      found.push_back({ProfilePlace(Unescape(parts[0])), parts[1]});
  } else if (take(kPools)) {
    const auto parts = Split(rest, '/');
    const auto cidr = parts.size() == 3 && parts[1] == "pool" ? CidrOfSegment(parts[2]) : std::nullopt;
    if (cidr && parts[0] == FamilyOf(parts[2])) found.push_back({PoolPlace(*cidr), ""});
  } else if (take(kBgpGlobal)) {
    AddBgpParts("", Split(rest, '/'), found);
  } else if (take(kBgpHosts)) {
    auto parts = Split(rest, '/');
    const std::string host = parts[0];
    parts.erase(parts.begin());
    if (!parts.empty() && !host.empty()) AddBgpParts(host, parts, found);
  }
  return found;
}

std::string RawKey(const Place& place, const std::string& role) {
  const V1Identity& identity = place.identity;
  switch (place.key.kind) {
    case Kind::kWorkloadEndpoint:
      return HostKey(identity, fmt::format("workload/{}/{}/endpoint/{}", Escape(identity.orchestrator),
                                           Escape(identity.workload), Escape(identity.name)));
    case Kind::kHostEndpoint:
      return HostKey(identity, "endpoint/" + Escape(identity.name));
    case Kind::kGlobalNetworkPolicy:
      return std::string(kPolicies) + Escape(identity.name);
    case Kind::kProfile:
      return fmt::format("{}{}/{}", kProfiles, Escape(identity.name), role);
    case Kind::kIPPool:
      return fmt::format("{}{}/pool/{}", kPools, FamilyOf(identity.name),
                         ReplaceAll(identity.name, "/", "-"));
    case Kind::kBGPPeer: {
      const std::string peer = fmt::format("peer_{}/{}", FamilyOf(identity.name), identity.name);
      return identity.node.empty() ? std::string(kBgpGlobal) + peer
                                   : fmt::format("{}{}/{}", kBgpHosts, identity.node, peer);
    }
    case Kind::kNode:
      if (role == kTunnelAddress) return HostKey(identity, "config/" + role);
      return IsNodeValue(role) ? fmt::format("{}{}/{}", kBgpHosts, identity.node, role)
                               : HostKey(identity, role);
    case Kind::kFelixConfiguration:
      return identity.node.empty() ? std::string(kConfig) + role : HostKey(identity, "config/" + role);
    case Kind::kBGPConfiguration:
      return identity.node.empty() ? std::string(kBgpGlobal) + role
                                   : fmt::format("{}{}/{}", kBgpHosts, identity.node, role);
    default:
      return role == "Ready" ? std::string(kReady) : std::string(kConfig) + role;
  }
}

const std::vector<std::string>& RolesOf(Kind kind, const V1Identity& identity) {
  static const std::vector<std::string> kWhole{""}, kProfileRoles{"tags", "labels", "rules"},
      kNodeRoles{"metadata",   "bird_ip",    "orchestrator_refs", kTunnelAddress, "ip_addr_v4",
                 "ip_addr_v6", "network_v4", "network_v6",        "as_num"},
      kFelixRoles = FelixRoles(), kBgpRoles{"as_num", "node_mesh", "loglevel"}, kNodeBgpRoles{"loglevel"},
      kClusterRoles{"ClusterGUID", "ClusterType", "CalicoVersion", "Ready"};
  switch (kind) {
    case Kind::kProfile:
      return kProfileRoles;
    case Kind::kNode:
      return kNodeRoles;
    case Kind::kFelixConfiguration:
      return kFelixRoles;
    case Kind::kBGPConfiguration:
      return identity.node.empty() ? kBgpRoles : kNodeBgpRoles;
    case Kind::kClusterInformation:
      return kClusterRoles;
    default:
      return kWhole;
  }
}

std::optional<std::string> PrimaryRole(Kind kind) {
  switch (kind) {
    case Kind::kFelixConfiguration:
    case Kind::kBGPConfiguration:
    case Kind::kClusterInformation:
      return std::nullopt;
    case Kind::kProfile:
      return "tags";
    case Kind::kNode:
      return "metadata";
    default:
      return "";
  }
}

std::optional<Key> ParseResourcePath(std::string_view path) {
  return path.starts_with(kResources) ? model::ParsePath(path) : std::nullopt;
}

std::vector<Place> PlacesOf(const Key& key) {
  const std::string& name = key.name;
  std::vector<Place> places;
  switch (key.kind) {
    case Kind::kWorkloadEndpoint: {
      const auto parts = SplitName(name);
      if (parts.size() != 4) break;
      if (parts[1] == "k8s") {
        if (auto place = WorkloadPlace(parts[0], parts[1], key.ns + "." + parts[2], parts[3]))
          places.push_back(*std::move(place));
      }
      if (key.ns != "default") break;
      if (auto place = WorkloadPlace(parts[0], parts[1], parts[2], parts[3]); place && place->key == key)
        places.push_back(*std::move(place));
      break;
    }
    case Kind::kHostEndpoint:
      // Both halves may hold dots: the last dot first.
      for (std::size_t dot = name.rfind('.'); dot != std::string::npos && dot > 0;
           dot = name.rfind('.', dot - 1))
        if (dot + 1 < name.size())
          places.push_back(HostEndpointPlace(name.substr(0, dot), name.substr(dot + 1)));
      break;
    case Kind::kGlobalNetworkPolicy:
      places.push_back(PolicyPlace(name));
      break;
    case Kind::kProfile:
      places.push_back(ProfilePlace(name));
      break;
    case Kind::kNode:
      places.push_back(NodePlace(name));
      break;
    case Kind::kIPPool:
      if (const auto text = model::CidrOfPoolName(name)) {
        if (const auto cidr = net::Cidr::ParsePrefix(*text); cidr && PoolPlace(*cidr).key == key)
          places.push_back(PoolPlace(*cidr));
      }
      break;
    case Kind::kBGPPeer: {
      const std::size_t dot = name.rfind('.');
      const std::string node = dot == std::string::npos ? "" : name.substr(0, dot);
      const auto ip = model::IpOfName(dot == std::string::npos ? name : name.substr(dot + 1));
      if (ip && PeerPlace(node, *ip).key == key) places.push_back(PeerPlace(node, *ip));
      break;
    }
    case Kind::kFelixConfiguration:
    case Kind::kBGPConfiguration:
      if (name == "default") places.push_back(ConfigurationPlace(key.kind, ""));
      if (name.starts_with(kNodePrefix) && name.size() > 5)
        places.push_back(ConfigurationPlace(key.kind, name.substr(5)));
      break;
    case Kind::kClusterInformation:
      if (name == "default") places.push_back(ClusterPlace());
      break;
    default:
      break;
  }
  return places;
}

Result<Place> PlaceFor(const Key& key, const model::Object& object) {
  std::optional<Place> place;
  if (const auto* endpoint = std::get_if<model::WorkloadEndpoint>(&object)) {
    const bool k8s = endpoint->orchestrator == "k8s", cni = endpoint->orchestrator == "cni";
    place = WorkloadPlace(endpoint->node, endpoint->orchestrator,
                          k8s   ? key.ns + "." + endpoint->pod
                          : cni ? endpoint->container_id
                                : endpoint->workload,
                          endpoint->endpoint);
    // The plugin for Docker leaves out what is always the same.
    if (!place && endpoint->orchestrator == "libnetwork")
      place = WorkloadPlace(endpoint->node, "libnetwork", "libnetwork", endpoint->endpoint);
    if (!place)
      return Error(ErrorCode::kInvalidArgument, model::Describe(key) +
                                                    ": node, orchestrator, workload and "
                                                    "endpoint must be set");
  } else if (const auto* host = std::get_if<model::HostEndpoint>(&object)) {
    const std::string prefix = host->node + ".";
    if (host->node.empty() || !key.name.starts_with(prefix) || key.name.size() == prefix.size())
      return NameNotKept(key, prefix + "<name>");
    return HostEndpointPlace(host->node, key.name.substr(prefix.size()));
  } else if (const auto* pool = std::get_if<model::IPPool>(&object)) {
    const auto cidr = net::Cidr::ParsePrefix(pool->cidr);
    if (!cidr) return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no CIDR", pool->cidr));
    place = PoolPlace(*cidr);
  } else if (const auto* peer = std::get_if<model::BGPPeer>(&object)) {
    const auto ip = net::Ip::Parse(peer->peer_ip);
    if (!ip) return model::NeedsEtcdV3(fmt::format("a BGPPeer with the peerIP '{}'", peer->peer_ip));
    place = PeerPlace(peer->node, ip->ToString());
  } else {
    auto places = PlacesOf(key);
    if (!places.empty()) place = std::move(places.front());
  }
  if (!place) return model::NeedsEtcdV3(fmt::format("a {} named '{}'", model::KindName(key.kind), key.name));
  if (place->key != key) return NameNotKept(key, place->key.name);
  return *std::move(place);
}

std::vector<std::string> RootsOf(std::string_view prefix) {
  const auto trimmed = [](std::string_view path) { return std::string(path.substr(0, path.size() - 1)); };
  if (!prefix.starts_with(kResources)) {
    // Above all resources, or beside them.
    if (!kResources.starts_with(prefix)) return {};
    return {"/calico/v1", "/calico/bgp/v1"};
  }
  std::string_view rest = prefix.substr(kResources.size());
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return {"/calico/v1", "/calico/bgp/v1"};
  const std::string_view plural = rest.substr(0, slash), name = rest.substr(slash + 1);
  const auto is = [&](Kind kind) { return plural == model::KindPlural(kind); };
  if (is(Kind::kWorkloadEndpoint)) {
    const std::size_t after_ns = name.find('/');
    const auto parts = after_ns == std::string_view::npos ? std::vector<std::string>{}
                                                          : SplitName(name.substr(after_ns + 1));
    // "a-" may be the beginning of "a--b", which is another host.
    if (parts.size() > 2 || (parts.size() == 2 && !parts[1].empty()))
      return {fmt::format("{}{}/workload", kHosts, parts[0])};
    return {trimmed(kHosts)};
  }
  if (is(Kind::kHostEndpoint)) return {trimmed(kHosts)};
  if (is(Kind::kNode)) return {trimmed(kHosts), trimmed(kBgpHosts)};
  if (is(Kind::kGlobalNetworkPolicy)) return {trimmed(kPolicies)};
  if (is(Kind::kProfile)) return {trimmed(kProfiles)};
  if (is(Kind::kIPPool)) return {trimmed(kPools)};
  if (is(Kind::kBGPPeer) || is(Kind::kBGPConfiguration)) return {"/calico/bgp/v1"};
  if (is(Kind::kFelixConfiguration)) return {trimmed(kConfig), trimmed(kHosts)};
  if (is(Kind::kClusterInformation)) return {std::string(kReady), trimmed(kConfig)};
  return {};
}

}  // namespace calico::datastore::etcdv2
