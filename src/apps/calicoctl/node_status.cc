// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_status.h"

#include "apps/calicoctl/peer_table.h"
#include "bgp/bird/config.h"

namespace calico::calicoctl {
namespace {

constexpr Duration kBirdTimeout = std::chrono::seconds(2);

void ShowPeers(const NodeStatusSources& sources, std::ostream& out, std::ostream& err) {
  auto bird = bgp::BirdControl::Connect(sources.bird_socket, kBirdTimeout);
  if (!bird.has_value()) {
    out << "The BGP backend process (BIRD) is not running.\n\n";
    err << bird.error().message() << '\n';
    return;
  }
  const auto peers = bird->Peers();
  if (peers.has_value()) {
    out << PeerTables(*peers);
  } else {
    err << "Error querying BIRD: " << peers.error().message() << '\n';
  }
}

// The sessions may all be up and packets still have no way: say so where one looks first.
void ShowUnroutedPools(const NodeStatusSources& sources, std::ostream& out, std::ostream& err) {
  const auto pools = sources.pools();
  if (!pools.has_value()) {
    err << "unable to check the IP pools: " << pools.error().message() << '\n';
    return;
  }
  const std::vector<std::string> sentences = bgp::UnroutedPools(ViewOfPools(*pools));
  for (const std::string& sentence : sentences) out << sentence << '\n';
  if (!sentences.empty()) out << '\n';
}

}  // namespace

int RunNodeStatus(const NodeStatusSources& sources, std::ostream& out, std::ostream& err) {
  if (!sources.is_root) {
    err << "Need super user privileges: Operation not permitted\n";
    return 1;
  }
  if (!IsCalicoNodeRunning(sources.proc)) {
    err << "Calico process is not running.\n";
    return 1;
  }
  out << "Calico process is running.\n\n";
  ShowPeers(sources, out, err);
  ShowUnroutedPools(sources, out, err);
  return 0;
}

}  // namespace calico::calicoctl
