// SPDX-License-Identifier: Apache-2.0
#include "bgp/passwords.h"

#include <algorithm>

#include <fmt/format.h>

namespace calico::bgp {

Passwords ReadPasswords(const dataplane_api::BgpView& view, const PasswordOf& password_of) {
  Passwords read;
  for (const dataplane_api::BgpPeerView& peer : view.peers) {
    if (!peer.password) continue;
    const auto [found, fresh] = read.known.try_emplace(*peer.password);
    if (fresh) found->second = password_of(*peer.password);
    if (!found->second)
      read.missing.push_back(
          fmt::format("{}: secret {}, key {}", peer.ip.ToString(), peer.password->name, peer.password->key));
  }
  return read;
}

bool HasPasswords(const dataplane_api::BgpView& view) {
  return std::any_of(view.peers.begin(), view.peers.end(),
                     [](const dataplane_api::BgpPeerView& peer) { return peer.password.has_value(); });
}

}  // namespace calico::bgp
