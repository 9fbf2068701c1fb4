// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/peer_table.h"

#include <fmt/format.h>

#include "apps/calicoctl/table.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

using Encapsulation = dataplane_api::BgpPoolView::Encapsulation;

// BIRD pads what it shows with blanks: "Active        Socket: Connection refused".
std::string SingleBlanks(const std::string& text) {
  std::vector<std::string> words;
  for (std::string& word : Split(text, ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  return Join(words, " ");
}

// Upstream leaves peers without a BGP state out; a peer that is down is what one looks for here.
std::string Section(const std::vector<bgp::BirdPeer>& peers, bool ipv6) {
  std::vector<Row> rows;
  for (const bgp::BirdPeer& peer : peers) {
    if (peer.ipv6 != ipv6) continue;
    rows.push_back({peer.address, peer.type, peer.state, peer.since, SingleBlanks(peer.info)});
  }
  const std::string family = ipv6 ? "IPv6" : "IPv4";
  const std::string body = rows.empty()
                               ? fmt::format("No {} peers found.\n", family)
                               : BoxTable({"PEER ADDRESS", "PEER TYPE", "STATE", "SINCE", "INFO"}, rows);
  return fmt::format("{} BGP status\n{}\n", family, body);
}

}  // namespace

std::string PeerTables(const std::vector<bgp::BirdPeer>& peers) {
  return Section(peers, false) + Section(peers, true);
}

dataplane_api::BgpView ViewOfPools(const std::vector<model::IPPool>& pools) {
  dataplane_api::BgpView view;
  view.node_exists = true;
  for (const model::IPPool& pool : pools) {
    const auto cidr = net::Cidr::ParsePrefix(pool.cidr);
    if (!cidr) continue;
    dataplane_api::BgpPoolView entry;
    entry.cidr = *cidr;
    entry.name = pool.metadata.name;
    entry.disable_bgp_export = pool.disable_bgp_export;
    const bool vxlan = !pool.vxlan_mode.empty() && pool.vxlan_mode != "Never";
    const bool ipip = !pool.ipip_mode.empty() && pool.ipip_mode != "Never";
    if (vxlan) entry.encapsulation = Encapsulation::kVxlan;
    if (ipip) entry.encapsulation = Encapsulation::kIpip;
    entry.cross_subnet = (ipip ? pool.ipip_mode : pool.vxlan_mode) == "CrossSubnet";
    view.pools.push_back(std::move(entry));
  }
  return view;
}

}  // namespace calico::calicoctl
