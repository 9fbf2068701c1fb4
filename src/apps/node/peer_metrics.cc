// SPDX-License-Identifier: Apache-2.0
#include "apps/node/peer_metrics.h"

#include "base/metrics.h"

namespace calico::node {
namespace {

constexpr char kSpeaker[] = "calico_bgp_speaker_up", kUp[] = "calico_bgp_peer_up",
               kRoutesIn[] = "calico_bgp_peer_routes_in", kRoutesOut[] = "calico_bgp_peer_routes_out",
               kSince[] = "calico_bgp_peer_state_since_seconds", kFlaps[] = "calico_bgp_peer_flaps_total";

void SetIf(const char* name, const char* help, const MetricLabels& labels, std::optional<double> value) {
  if (value) RegisterGauge(name, help, labels).Set(*value);
}
std::optional<double> Number(const std::optional<std::uint64_t>& value) {
  return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
}

}  // namespace

void PeerMetrics::Update(const Result<std::vector<bgp::PeerStatus>>& peers) {
  RegisterGauge(kSpeaker, "Whether the BGP daemon answers.").Set(peers.has_value() ? 1 : 0);
  // What is known no more must not look as if it were.
  ForgetMetrics({kUp, kRoutesIn, kRoutesOut, kSince, kFlaps});
  if (!peers.has_value()) return;
  std::map<std::string, Session> sessions;
  for (const bgp::PeerStatus& peer : *peers) {
    const std::string& name = peer.session.empty() ? peer.address : peer.session;
    const auto before = sessions_.find(name);
    Session session{peer.established(), peer.since_time, 0};
    if (before != sessions_.end()) {
      const Session& old = before->second;
      // BIRD tells the time of day for 20 hours, and then the date.
      if (!session.since && old.up == session.up) session.since = old.since;
      // Also of a session that is up again by now. A clock that was set moves the time by less or for all.
      const bool anew = old.since && session.since && *session.since - *old.since > std::chrono::seconds(2);
      session.flaps = old.flaps + (old.up && (!session.up || anew) ? 1 : 0);
    }
    const MetricLabels labels{{"peer", peer.address},
                              {"node", peer.node},
                              {"type", peer.type},
                              {"family", peer.ipv6 ? "ipv6" : "ipv4"}};
    RegisterGauge(kUp, "Whether the BGP session is established.", labels).Set(session.up ? 1 : 0);
    SetIf(kRoutesIn, "Routes that the peer tells.", labels, Number(peer.routes_in));
    SetIf(kRoutesOut, "Routes that the peer is told.", labels, Number(peer.routes_out));
    SetIf(kSince, "When the session came up or went down, in seconds since 1970.", labels,
          session.since ? std::optional(static_cast<double>(UnixNanos(*session.since) / 1'000'000) / 1000)
                        : std::nullopt);
    RegisterCounter(kFlaps, "Times that an established session was found to be lost.", labels)
        .Add(static_cast<double>(session.flaps));
    sessions.insert_or_assign(name, session);
  }
  sessions_ = std::move(sessions);
}

}  // namespace calico::node
