// SPDX-License-Identifier: Apache-2.0
#include "bgp/gobgp/messages.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "bgp/gobgp/policies.h"
#include "bgp/router_id.h"

namespace calico::bgp {
namespace {

using dataplane_api::BgpPeerView;
using dataplane_api::BgpView;
using net::Family;

// As BIRD's: see bird/config.cc.
constexpr std::uint64_t kHoldSeconds = 90;
constexpr std::uint64_t kConnectRetrySeconds = 5;  // GoBGP has no less
constexpr std::uint32_t kRestartSeconds = 120;
// How long a peer that does not come holds back what the others are told after a restart.
constexpr std::uint32_t kDeferralSeconds = 20;

api::Family* NewFamily(Family family) {
  auto* made = new api::Family;
  made->set_afi(family == Family::kV4 ? api::Family::AFI_IP : api::Family::AFI_IP6);
  made->set_safi(api::Family::SAFI_UNICAST);
  return made;
}

api::Peer PeerOf(const BgpView& view, const BgpPeerView& peer, const net::Ip& local,
                 const std::string& password) {
  api::Peer made;
  auto& conf = *made.mutable_conf();
  conf.set_neighbor_address(peer.ip.ToString());
  conf.set_peer_asn(peer.as_number);
  const std::uint32_t own_as = peer.local_as_number != 0 ? peer.local_as_number : view.as_number;
  conf.set_local_asn(own_as);
  conf.set_auth_password(password);
  if (peer.allowed_local_as) conf.set_allow_own_asn(static_cast<std::uint32_t>(*peer.allowed_local_as));

  auto& transport = *made.mutable_transport();
  if (peer.local_ip || peer.from_node_ip)
    transport.set_local_address(peer.local_ip.value_or(local).ToString());
  transport.set_passive_mode(peer.passive);
  transport.set_remote_port(peer.port);

  auto& timers = *made.mutable_timers()->mutable_config();
  timers.set_connect_retry(kConnectRetrySeconds);
  timers.set_hold_time(kHoldSeconds);
  if (peer.keepalive_seconds)
    timers.set_keepalive_interval(static_cast<std::uint64_t>(*peer.keepalive_seconds));

  if (peer.reflect) {
    made.mutable_route_reflector()->set_route_reflector_client(true);
    made.mutable_route_reflector()->set_route_reflector_cluster_id(view.cluster_id);
  }
  if (peer.ttl_hops) {
    made.mutable_ttl_security()->set_enabled(true);
    made.mutable_ttl_security()->set_ttl_min(static_cast<std::uint32_t>(256 - *peer.ttl_hops));
  } else if (own_as != peer.as_number) {
    made.mutable_ebgp_multihop()->set_enabled(true);
    made.mutable_ebgp_multihop()->set_multihop_ttl(64);
  }
  auto& restart = *made.mutable_graceful_restart();
  restart.set_enabled(true);
  restart.set_restart_time(peer.restart_seconds ? static_cast<std::uint32_t>(*peer.restart_seconds)
                                                : kRestartSeconds);
  restart.set_deferral_time(kDeferralSeconds);
  // Without the second one graceful restart is negotiated, but for no family (reference bgp-and-node D2).
  auto& family = *made.add_afi_safis();
  family.mutable_config()->set_allocated_family(NewFamily(peer.ip.family()));
  family.mutable_config()->set_enabled(true);
  family.mutable_mp_graceful_restart()->mutable_config()->set_enabled(true);

  conf.set_description(fmt::format("{} {} {}", SessionNameOf(peer), peer.node.empty() ? "-" : peer.node,
                                   Sha256Hex(made.SerializeAsString()).substr(0, 16)));
  return made;
}

}  // namespace

api::Global GobgpGlobalOf(const BgpView& view) {
  api::Global global;
  global.set_asn(view.as_number);
  global.set_router_id(RouterIdOf(view));
  global.set_listen_port(view.listen_port);
  global.set_use_multiple_paths(true);
  if (view.ipv4) global.add_listen_addresses(view.bind_to_node_ip ? view.ipv4->ip().ToString() : "0.0.0.0");
  if (view.ipv6) global.add_listen_addresses(view.bind_to_node_ip ? view.ipv6->ip().ToString() : "::");
  return global;
}

bool IsAnother(const api::Global& running, const api::Global& wanted) {
  return running.asn() != wanted.asn() || running.router_id() != wanted.router_id() ||
         running.listen_port() != wanted.listen_port() ||
         !std::equal(running.listen_addresses().begin(), running.listen_addresses().end(),
                     wanted.listen_addresses().begin(), wanted.listen_addresses().end());
}

api::SetLogLevelRequest::Level GobgpLogLevelOf(const std::string& severity) {
  if (EqualsIgnoreCase(severity, "none")) return api::SetLogLevelRequest::PANIC;
  if (EqualsIgnoreCase(severity, "debug")) return api::SetLogLevelRequest::DEBUG;
  if (EqualsIgnoreCase(severity, "warning")) return api::SetLogLevelRequest::WARN;
  if (EqualsIgnoreCase(severity, "error")) return api::SetLogLevelRequest::ERROR;
  if (EqualsIgnoreCase(severity, "fatal")) return api::SetLogLevelRequest::FATAL;
  return api::SetLogLevelRequest::INFO;
}

std::vector<api::Peer> GobgpPeersOf(const BgpView& view, const Passwords& passwords, bool restarting) {
  std::vector<api::Peer> peers;
  std::set<net::Ip> seen;
  for (const BgpPeerView& peer : view.peers) {
    const auto& local = peer.ip.family() == Family::kV4 ? view.ipv4 : view.ipv6;
    if (!local || seen.contains(peer.ip)) continue;
    std::string password;
    if (peer.password) {
      const auto known = passwords.known.find(*peer.password);
      if (known == passwords.known.end() || !known->second) continue;
      password = *known->second;
    }
    seen.insert(peer.ip);
    peers.push_back(PeerOf(view, peer, local->ip(), password));
    peers.back().mutable_graceful_restart()->set_local_restarting(restarting);
  }
  return peers;
}

PeerDescription ParseDescription(const std::string& text) {
  const auto words = Split(text, ' ');
  if (words.size() != 3) return {};
  return {words[0], words[1] == "-" ? "" : words[1], words[2]};
}

api::Path OwnPathOf(const net::Cidr& prefix) {
  api::Path path;
  const bool v4 = prefix.family() == Family::kV4;
  path.set_allocated_family(NewFamily(prefix.family()));
  api::IPAddressPrefix nlri;
  nlri.set_prefix(prefix.Masked().ip().ToString());
  nlri.set_prefix_len(static_cast<std::uint32_t>(prefix.prefix_length()));
  path.mutable_nlri()->PackFrom(nlri);
  api::OriginAttribute origin;
  origin.set_origin(0);  // IGP
  path.add_pattrs()->PackFrom(origin);
  // Unspecified: each peer is told the address that its session has on our side.
  if (v4) {
    api::NextHopAttribute next_hop;
    next_hop.set_next_hop("0.0.0.0");
    path.add_pattrs()->PackFrom(next_hop);
  } else {
    api::MpReachNLRIAttribute reach;
    reach.set_allocated_family(NewFamily(prefix.family()));
    reach.add_next_hops("::");
    reach.add_nlris()->PackFrom(nlri);
    path.add_pattrs()->PackFrom(reach);
  }
  return path;
}

std::optional<LearnedPath> ReadPath(const api::Path& path) {
  api::IPAddressPrefix nlri;
  if (!path.nlri().UnpackTo(&nlri)) return std::nullopt;
  const auto ip = net::Ip::Parse(nlri.prefix());
  if (!ip) return std::nullopt;
  LearnedPath read;
  read.prefix = net::Cidr(*ip, static_cast<int>(nlri.prefix_len()));
  read.own = !net::Ip::Parse(path.neighbor_ip());
  if (path.is_withdraw()) return read;
  for (const auto& attribute : path.pattrs()) {
    api::NextHopAttribute next_hop;
    api::MpReachNLRIAttribute reach;
    if (attribute.UnpackTo(&next_hop))
      read.next_hop = net::Ip::Parse(next_hop.next_hop());
    else if (attribute.UnpackTo(&reach) && !reach.next_hops().empty())
      read.next_hop = net::Ip::Parse(reach.next_hops(0));
  }
  return read;
}

std::vector<std::string> GobgpLimitsOf(const BgpView& view) {
  std::vector<std::string> limits;
  std::set<net::Ip> seen;
  for (const BgpPeerView& peer : view.peers) {
    if (!seen.insert(peer.ip).second)
      limits.push_back(fmt::format("{} port {}: GoBGP has one session with an address, whatever its ports",
                                   peer.ip.ToString(), peer.port));
  }
  if (view.bfd) limits.push_back("CALICO_BGP_BFD: GoBGP has no BFD");
  for (std::string& limit : PolicyLimitsOf(view)) limits.push_back(std::move(limit));
  return limits;
}

}  // namespace calico::bgp
