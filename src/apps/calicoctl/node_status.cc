// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_status.h"

#include <unistd.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/peer_table.h"
#include "apps/calicoctl/session.h"
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

namespace {

// `node status` is asked when something is wrong: a store that is away must not hold it up for long.
constexpr Duration kPoolsTimeout = std::chrono::seconds(3);

Result<std::vector<model::IPPool>> ReadPools(const Session& session) {
  ASSIGN_OR_RETURN(const OpenedStore store, session.surroundings.open(session.arguments.Text("--config")));
  const auto hurried = store.client->WithDeadline(session.clock().Now() + kPoolsTimeout);
  ASSIGN_OR_RETURN(const datastore::ObjectList list,
                   datastore::Resources(*hurried, session.clock()).List(model::Kind::kIPPool));
  std::vector<model::IPPool> pools;
  for (const datastore::Stored& stored : list.items) pools.push_back(std::get<model::IPPool>(stored.object));
  return pools;
}

}  // namespace

std::vector<Command> NodeStatusCommands() {
  Command status;
  status.path = {"node", "status"};
  status.summary = "Show whether calico-node runs and which BGP peers this host has (as root)";
  status.options = ConnectionOptions();
  status.examples = "calicoctl node status";
  status.needs_store = false;  // it answers without one
  status.run = [](const Session& session) {
    NodeStatusSources sources;
    sources.is_root = ::geteuid() == 0;
    sources.pools = [&] { return ReadPools(session); };
    return RunNodeStatus(sources, session.out(), session.err());
  };
  return {status};
}

}  // namespace calico::calicoctl
