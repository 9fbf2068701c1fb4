// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_status.h"

#include <unistd.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/peer_table.h"
#include "apps/calicoctl/session.h"
#include "base/file.h"
#include "base/http_client.h"
#include "base/text.h"
#include "bgp/bird/control.h"

namespace calico::calicoctl {
namespace {

constexpr Duration kBirdTimeout = std::chrono::seconds(2);
constexpr Duration kAgentTimeout = std::chrono::seconds(5);

std::string SocketPath(const NodeStatusSources& sources, const std::string& name) {
  for (const std::string& directory : sources.socket_directories) {
    if (PathExists(directory + "/" + name)) return directory + "/" + name;
  }
  return sources.socket_directories.front() + "/" + name;
}

// Whether the peers could be read. `both` says whether this BIRD serves IPv6, too: then there is no bird6.
bool ReadPeers(const std::string& socket, const char* family, std::vector<bgp::PeerStatus>& peers, bool& both,
               std::ostream& err) {
  auto bird = bgp::BirdControl::Connect(socket, kBirdTimeout);
  if (!bird.has_value()) {
    err << "Error querying BIRD: unable to connect to BIRD" << family << " socket: " << bird.error().message()
        << '\n';
    return false;
  }
  both = !bird->greeting().starts_with("BIRD 1.");
  const auto read = bird->Peers();
  if (!read.has_value()) {
    err << "Error querying BIRD: " << read.error().message() << '\n';
    return false;
  }
  peers.insert(peers.end(), read->begin(), read->end());
  return true;
}

int ShowPeers(const NodeStatusSources& sources, const NodeProcesses& running, std::ostream& out,
              std::ostream& err) {
  if (!running.bird && !running.bird6) {
    if (running.gobgp) {
      err << "Error retrieving neighbor info: GoBGP runs, and this calicoctl can not ask it; see `gobgp "
             "neighbor`\n";
      return 1;
    }
    out << (sources.calico26 ? "None of the BGP backend processes (BIRD or GoBGP) are running.\n\n"
                             : "The BGP backend process (BIRD) is not running.\n\n");
    return 0;
  }
  std::vector<bgp::PeerStatus> peers;
  bool both = false, read_v4 = false, read_v6 = false;
  if (running.bird) read_v4 = ReadPeers(SocketPath(sources, "bird.ctl"), "v4", peers, both, err);
  read_v6 = both;
  if (running.bird6) {
    bool unused = false;
    read_v6 = ReadPeers(SocketPath(sources, "bird6.ctl"), "v6", peers, unused, err);
  }
  if (!running.bird) out << "INFO: BIRDv4 process: 'bird' is not running.\n\n";
  // A BIRD that did not answer may be of either kind: better no word than a wrong one.
  if (!running.bird6 && read_v4 && !both) out << "INFO: BIRDv6 process: 'bird6' is not running.\n\n";
  if (read_v4) out << PeerTable(peers, net::Family::kV4, sources.colour);
  if (read_v6) out << PeerTable(peers, net::Family::kV6, sources.colour);
  return (!running.bird || read_v4) && (!running.bird6 || read_v6) ? 0 : 1;
}

void ShowProblems(const NodeStatusSources& sources, std::ostream& err) {
  const auto answer =
      HttpCall("unix://" + SocketPath(sources, "calico-node.sock"), "GET", "/problems", "", kAgentTimeout);
  // An agent of Calico's own has no such socket.
  if (!answer.has_value() || answer->status != 200) return;
  for (const std::string& line : Split(answer->body, '\n')) {
    if (!line.empty()) err << "WARNING: " << line << '\n';
  }
}

}  // namespace

int RunNodeStatus(const NodeStatusSources& sources, std::ostream& out, std::ostream& err) {
  if (!sources.is_root) {
    err << "Need super user privileges: Operation not permitted\n";
    return 1;
  }
  const NodeProcesses running = FindNodeProcesses(sources.proc);
  if (!running.agent) {
    err << "Calico process is not running.\n";
    return 1;
  }
  out << "Calico process is running.\n\n";
  const int exit_code = ShowPeers(sources, running, out, err);
  ShowProblems(sources, err);
  return exit_code;
}

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
    sources.colour = session.surroundings.colour;
    const auto store = session.surroundings.open(session.arguments.Text("--config"));
    sources.calico26 = store.has_value() && store->client->dialect() == datastore::Dialect::kCalico26;
    return RunNodeStatus(sources, session.out(), session.err());
  };
  return {status};
}

}  // namespace calico::calicoctl
