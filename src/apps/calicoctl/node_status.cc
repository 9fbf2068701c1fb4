// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_status.h"

#include <optional>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <unistd.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/peer_table.h"
#include "apps/calicoctl/session.h"
#include "base/file.h"
#include "base/http_client.h"
#include "base/text.h"
#include "bgp/bird/control.h"
#include "bgp/peer_json.h"

namespace calico::calicoctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr Duration kBirdTimeout = std::chrono::seconds(2);
constexpr Duration kAgentTimeout = std::chrono::seconds(5);

std::string SocketPath(const NodeStatusSources& sources, const std::string& name) {
  for (const std::string& directory : sources.socket_directories) {
    if (PathExists(directory + "/" + name)) return directory + "/" + name;
  }
  return sources.socket_directories.front() + "/" + name;
}

// What is known before it is shown.
struct Seen {
  NodeProcesses running;
  std::vector<bgp::PeerStatus> peers;
  bool read_v4 = false, read_v6 = false;  // the sessions of this family
  bool both = false;                      // one daemon serves both families: there is no bird6
  bool failed = false;
  std::vector<std::string> errors, problems;
  Json addresses = Json::array();  // the agent's: how each was chosen
};

std::optional<std::string> AskAgent(const NodeStatusSources& sources, const std::string& what) {
  const auto answer =
      HttpCall("unix://" + SocketPath(sources, "calico-node.sock"), "GET", what, "", kAgentTimeout);
  // An agent of Calico's own has no such socket.
  if (!answer.has_value() || answer->status != 200) return std::nullopt;
  return answer->body;
}

void ReadBird(const NodeStatusSources& sources, const char* family, Seen& seen, bool& read, bool& both) {
  const std::string socket = SocketPath(sources, family == std::string("v4") ? "bird.ctl" : "bird6.ctl");
  const auto failed = [&](const std::string& text) {
    seen.errors.push_back("Error querying BIRD: " + text);
    seen.failed = true;
  };
  auto bird = bgp::BirdControl::Connect(socket, kBirdTimeout);
  if (!bird.has_value())
    return failed(fmt::format("unable to connect to BIRD{} socket: {}", family, bird.error().message()));
  both = !bird->greeting().starts_with("BIRD 1.");
  const auto peers = bird->Peers();
  if (!peers.has_value()) return failed(peers.error().message());
  seen.peers.insert(seen.peers.end(), peers->begin(), peers->end());
  read = true;
}

// GoBGP's API is the agent's business.
void ReadGoBgp(const NodeStatusSources& sources, Seen& seen) {
  const auto answer = AskAgent(sources, "/peers");
  if (answer) {
    if (auto peers = bgp::PeersFromJson(*answer); peers.has_value()) {
      seen.peers = std::move(*peers);
      seen.read_v4 = seen.read_v6 = seen.both = true;
      return;
    }
  }
  seen.errors.push_back(
      "Error retrieving neighbor info: GoBGP runs, and calico-node does not say what it has; see `gobgp "
      "neighbor`");
  seen.failed = true;
}

Seen Look(const NodeStatusSources& sources, const NodeProcesses& running) {
  Seen seen;
  seen.running = running;
  if (running.bird) ReadBird(sources, "v4", seen, seen.read_v4, seen.both);
  if (seen.both) seen.read_v6 = seen.read_v4;
  bool unused = false;
  if (running.bird6) ReadBird(sources, "v6", seen, seen.read_v6, unused);
  if (!running.bird && !running.bird6 && running.gobgp) ReadGoBgp(sources, seen);
  for (std::string& line : Split(AskAgent(sources, "/problems").value_or(""), '\n')) {
    if (!line.empty()) seen.problems.push_back(std::move(line));
  }
  if (sources.form != NodeStatusForm::kTable) {
    const Json addresses = Json::parse(AskAgent(sources, "/addresses").value_or("[]"), nullptr, false);
    if (addresses.is_array()) seen.addresses = addresses;
  }
  return seen;
}

// How this host's addresses were chosen.
void ShowAddresses(const Json& addresses, std::ostream& out) {
  for (const Json& address : addresses) {
    out << fmt::format("{} address: {}, {}\n", address.value("family", ""), address.value("address", "none"),
                       address.value("reason", ""));
    for (const Json& other : address.value("passedOver", Json::array()))
      out << fmt::format("  not {}: {}\n", other.value("interface", ""), other.value("reason", ""));
  }
  if (!addresses.empty()) out << '\n';
}

void ShowText(const NodeStatusSources& sources, const Seen& seen, std::ostream& out, std::ostream& err) {
  const NodeProcesses& running = seen.running;
  for (const std::string& error : seen.errors) err << error << '\n';
  if (!running.bird && !running.bird6 && !running.gobgp) {
    out << (sources.calico26 ? "None of the BGP backend processes (BIRD or GoBGP) are running.\n\n"
                             : "The BGP backend process (BIRD) is not running.\n\n");
  }
  if (!running.bird && running.bird6) out << "INFO: BIRDv4 process: 'bird' is not running.\n\n";
  // A BIRD that did not answer may be of either kind: better no word than a wrong one.
  if (!running.bird6 && running.bird && seen.read_v4 && !seen.both)
    out << "INFO: BIRDv6 process: 'bird6' is not running.\n\n";
  const WallTime now = SystemClock().WallNow();
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    if (!(family == net::Family::kV4 ? seen.read_v4 : seen.read_v6)) continue;
    out << (sources.form == NodeStatusForm::kWide ? WidePeerTable(seen.peers, family, sources.colour, now)
                                                  : PeerTable(seen.peers, family, sources.colour));
  }
  if (sources.form == NodeStatusForm::kWide) ShowAddresses(seen.addresses, out);
  for (const std::string& problem : seen.problems) err << "WARNING: " << problem << '\n';
}

void ShowJson(const Seen& seen, std::ostream& out) {
  const NodeProcesses& running = seen.running;
  Json json;
  json["running"] = running.agent;
  json["backend"] = running.bird || running.bird6 ? "bird" : running.gobgp ? "gobgp" : "none";
  json["errors"] = seen.errors;
  json["problems"] = seen.problems;
  json["addresses"] = seen.addresses;
  json["peers"] = Json::parse(bgp::PeersToJson(seen.peers));
  out << json.dump(2, ' ', false, Json::error_handler_t::replace) << '\n';
}

std::string Mistake(const Arguments& arguments) {
  const std::string output = arguments.Text("--output", "wide");
  return output == "wide" || output == "json" ? "" : "--output is wide or json";
}

}  // namespace

int RunNodeStatus(const NodeStatusSources& sources, std::ostream& out, std::ostream& err) {
  if (!sources.is_root) {
    err << "Need super user privileges: Operation not permitted\n";
    return 1;
  }
  const bool json = sources.form == NodeStatusForm::kJson;
  const NodeProcesses running = FindNodeProcesses(sources.proc);
  if (!running.agent) {
    Seen nothing;
    nothing.running = running;
    nothing.errors = {"Calico process is not running."};
    if (json)
      ShowJson(nothing, out);
    else
      err << nothing.errors[0] << '\n';
    return 1;
  }
  if (!json) out << "Calico process is running.\n\n" << std::flush;
  const Seen seen = Look(sources, running);
  if (json)
    ShowJson(seen, out);
  else
    ShowText(sources, seen, out, err);
  return seen.failed ? 1 : 0;
}

std::vector<Command> NodeStatusCommands() {
  Command status;
  status.path = {"node", "status"};
  status.summary = "Show whether calico-node runs and which BGP peers this host has (as root)";
  status.description =
      "As wide, each peer comes with its node, AS number, routes, hold timer and last error, and each "
      "address\n"
      "of the host with why it was chosen; as json with all that is known, in numbers and times.";
  status.options = Joined({{"--output", 'o', "FORM", "wide or json", Completion::kWords, {"wide", "json"}}},
                          ConnectionOptions());
  status.examples =
      "calicoctl node status\n"
      "calicoctl node status -o wide";
  status.mistake = Mistake;
  status.needs_store = false;  // it answers without one
  status.run = [](const Session& session) {
    NodeStatusSources sources;
    const std::string output = session.arguments.Text("--output");
    if (output == "wide") sources.form = NodeStatusForm::kWide;
    if (output == "json") sources.form = NodeStatusForm::kJson;
    sources.is_root = ::geteuid() == 0;
    sources.colour = session.surroundings.colour;
    const auto store = session.surroundings.open(session.arguments.Text("--config"));
    sources.calico26 = store.has_value() && store->client->dialect() == datastore::Dialect::kCalico26;
    return RunNodeStatus(sources, session.out(), session.err());
  };
  return {status};
}

}  // namespace calico::calicoctl
