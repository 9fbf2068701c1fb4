// SPDX-License-Identifier: Apache-2.0
#include "bgp/router_id.h"

#include <fmt/format.h>

#include "base/text.h"

namespace calico::bgp {

using dataplane_api::BgpPeerView;

std::string RouterIdOf(const dataplane_api::BgpView& view) {
  if (view.router_id) return view.router_id->ToString();
  if (view.ipv4) return view.ipv4->ip().ToString();
  if (!view.ipv6) return "127.0.0.1";
  // Without an IPv4 address: four bytes that depend on the IPv6 one, below the multicast range.
  const std::string hash = Sha256Hex(view.ipv6->ip().ToString());
  const auto byte = [&](std::size_t index) { return std::stoi(hash.substr(index * 2, 2), nullptr, 16); };
  const int first = byte(0) % 223 + 1;
  return fmt::format("{}.{}.{}.{}", first, byte(1), byte(2), byte(3));
}

std::string SessionNameOf(const BgpPeerView& peer) {
  const char* prefix = peer.type == BgpPeerView::Type::kMesh            ? "Mesh_"
                       : peer.type == BgpPeerView::Type::kGlobal        ? "Global_"
                       : peer.type == BgpPeerView::Type::kLocalWorkload ? "Local_Workload_"
                                                                        : "Node_";
  std::string name = prefix + ReplaceAll(ReplaceAll(peer.ip.ToString(), ".", "_"), ":", "_");
  if (peer.port != 179) name += fmt::format("_port_{}", peer.port);
  return name;
}

}  // namespace calico::bgp
