// SPDX-License-Identifier: Apache-2.0
#include "bgp/gobgp/status.h"

#include <algorithm>
#include <ctime>
#include <map>

#include <fmt/format.h>

#include "bgp/gobgp/client.h"
#include "bgp/gobgp/messages.h"

namespace calico::bgp {
namespace {

using State = api::PeerState;

const char* WordOf(State::SessionState state) {
  switch (state) {
    case State::CONNECT:
      return "Connect";
    case State::ACTIVE:
      return "Active";
    case State::OPENSENT:
      return "OpenSent";
    case State::OPENCONFIRM:
      return "OpenConfirm";
    case State::ESTABLISHED:
      return "Established";
    default:
      return "Idle";
  }
}

std::string TypeOf(const std::string& session) {
  if (session.starts_with("Mesh_")) return "node-to-node mesh";
  if (session.starts_with("Local_")) return "local workload";
  return session.starts_with("Global_") ? "global" : "node specific";
}

std::string Ago(std::int64_t then, std::int64_t now) {
  if (then <= 0) return "never";
  const std::int64_t seconds = now > then ? now - then : 0;
  const std::string clock =
      fmt::format("{:02}:{:02}:{:02}", seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
  return seconds < 86400 ? clock : fmt::format("{}d {}", seconds / 86400, clock);
}

PeerStatus StatusOf(const api::Peer& peer, std::int64_t now) {
  PeerStatus status;
  const PeerDescription description = ParseDescription(peer.conf().description());
  status.session = description.session;
  status.node = description.node;
  status.address = peer.conf().neighbor_address();
  status.ipv6 = status.address.find(':') != std::string::npos;
  status.type = TypeOf(description.session);
  status.as_number = peer.conf().peer_asn();
  status.local_as_number = peer.conf().local_asn();
  const bool up = peer.state().session_state() == State::ESTABLISHED;
  const bool down = peer.state().admin_state() != State::UP;
  status.state = up ? "up" : down ? "down" : "start";
  if (!down) status.bgp_state = WordOf(peer.state().session_state());
  status.info = status.bgp_state;
  const auto& timers = peer.timers().state();
  const std::int64_t since = up ? timers.uptime().seconds() : timers.downtime().seconds();
  status.since = Ago(since, now);
  if (since > 0) status.since_time = WallTime(std::chrono::seconds(since));
  if (!up) return status;
  // To a peer that knows graceful restart GoBGP counts the word that these are all, too.
  const bool counts_end =
      std::any_of(peer.state().remote_cap().begin(), peer.state().remote_cap().end(),
                  [](const auto& one) { return one.type_url().ends_with(".GracefulRestartCapability"); });
  std::uint64_t in = 0, out = 0;
  for (const auto& family : peer.afi_safis()) {
    in += family.state().accepted();
    const std::uint64_t told = family.state().advertised();
    out += counts_end && told > 0 ? told - 1 : told;
  }
  status.routes_in = in;
  status.routes_out = out;
  const auto milliseconds = [](std::uint64_t seconds) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(seconds) * 1000);
  };
  status.hold_time = milliseconds(timers.negotiated_hold_time());
  status.keepalive_time = milliseconds(timers.keepalive_interval());
  return status;
}

}  // namespace

Result<std::vector<PeerStatus>> ReadGobgpPeers(const std::string& socket_path, Duration timeout) {
  GobgpClient client(socket_path, timeout);
  ASSIGN_OR_RETURN(const auto peers, client.Peers(/*told=*/true));
  std::vector<PeerStatus> all;
  for (const api::Peer& peer : peers) {
    // Somebody else's has no such description.
    if (!ParseDescription(peer.conf().description()).session.empty())
      all.push_back(StatusOf(peer, std::time(nullptr)));
  }
  std::sort(all.begin(), all.end(),
            [](const PeerStatus& a, const PeerStatus& b) { return a.session < b.session; });
  return all;
}

Result<std::vector<RouteStatus>> ReadGobgpRoutes(const std::string& socket_path, Duration timeout) {
  GobgpClient client(socket_path, timeout);
  ASSIGN_OR_RETURN(const auto peers, client.Peers(/*told=*/false));
  std::map<std::string, std::string> sessions;
  for (const api::Peer& peer : peers)
    sessions[peer.conf().neighbor_address()] = ParseDescription(peer.conf().description()).session;
  std::vector<RouteStatus> all;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const auto paths, client.Paths(family));
    for (const api::Path& path : paths) {
      const auto read = ReadPath(path);
      if (!read) continue;
      RouteStatus route;
      route.destination = read->prefix.ToString();
      route.ipv6 = family == net::Family::kV6;
      route.best = path.best();
      if (read->own) {
        route.source = read->prefix.is_host() ? RouteStatus::Source::kKernel : RouteStatus::Source::kStatic;
      } else {
        route.peer = path.neighbor_ip();
        route.source = sessions[route.peer].starts_with("Mesh_") ? RouteStatus::Source::kMesh
                                                                 : RouteStatus::Source::kPeer;
        if (read->next_hop) route.gateway = read->next_hop->ToString();
      }
      all.push_back(std::move(route));
    }
  }
  return all;
}

Result<DaemonStatus> ReadGobgpDaemon(const std::string& socket_path, Duration timeout) {
  GobgpClient client(socket_path, timeout);
  ASSIGN_OR_RETURN(const api::Global global, client.Global());
  ASSIGN_OR_RETURN(const auto peers, client.Peers(/*told=*/false));
  DaemonStatus status;
  status.router_id = global.router_id();
  status.restarting = std::any_of(peers.begin(), peers.end(), [](const api::Peer& peer) {
    return peer.graceful_restart().local_restarting();
  });
  return status;
}

}  // namespace calico::bgp
