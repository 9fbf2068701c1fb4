// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/session_watch.h"

#include <algorithm>

#include <fmt/format.h>

#include "bgp/bird/config.h"

namespace calico::bgp {
namespace {

constexpr char kEstablished[] = "Established";
// A peer that goes to and fro about the limit need not tell everything again each time.
constexpr std::uint64_t kWellBelow = kRoutesOfOnePeer * 9 / 10;

const dataplane_api::BgpSecret* SecretOf(const PeerStatus& peer, const dataplane_api::BgpView& view) {
  const auto found = std::find_if(view.peers.begin(), view.peers.end(),
                                  [&](const auto& wanted) { return wanted.ip.ToString() == peer.address; });
  return found == view.peers.end() || !found->password ? nullptr : &*found->password;
}
// A peer that says no has at least been reached.
bool SaysNo(const PeerStatus& peer) {
  return peer.info.find("BGP Error") != std::string::npos || peer.info.find("Received") != std::string::npos;
}

}  // namespace

std::vector<std::string> SessionWatch::Update(const std::vector<PeerStatus>& peers,
                                              const dataplane_api::BgpView& view) {
  std::vector<std::string> below;
  std::set<std::string> limited;
  std::map<std::string, int> silent;
  problems_.clear();
  for (const PeerStatus& peer : peers) {
    if (peer.bgp_state == kEstablished) {
      const bool was = limited_.contains(peer.session);
      if (!was && !peer.routes_left_out) continue;
      if (peer.routes_in.value_or(0) < kWellBelow) {
        below.push_back(peer.session);
        continue;
      }
      limited.insert(peer.session);
      problems_.push_back(fmt::format("{}: tells more than {} routes; those beyond are left out",
                                      peer.address, kRoutesOfOnePeer));
      continue;
    }
    const dataplane_api::BgpSecret* secret = SecretOf(peer, view);
    if (secret == nullptr || SaysNo(peer)) continue;
    const auto before = silent_.find(peer.session);
    const int reports = silent[peer.session] = before == silent_.end() ? 1 : before->second + 1;
    if (reports > 1)
      problems_.push_back(
          fmt::format("{}: no answer; it may have another password than secret {}, key {}, or be away",
                      peer.address, secret->name, secret->key));
  }
  limited_ = std::move(limited);
  silent_ = std::move(silent);
  return below;
}

}  // namespace calico::bgp
