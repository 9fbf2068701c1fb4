// SPDX-License-Identifier: Apache-2.0
#include "apps/node/show.h"

#include <fmt/format.h>

#include "apps/node/agent.h"
#include "base/http_client.h"
#include "bgp/peer_json.h"

namespace calico::node {
namespace {

// What does not keep the agent from being ready.
struct Trouble {
  std::string what;
  std::vector<std::string> items;
};
std::vector<Trouble> TroublesOf(const ShowSources& sources) {
  const DataplaneThread::Snapshot snapshot = sources.dataplane.TakeSnapshot();
  const bgp::Speaker::Health speaker = sources.speaker();
  std::vector<std::string> firewalls;
  for (const kernel::ForeignChain& chain : snapshot.foreign_firewalls) firewalls.push_back(chain.Describe());
  std::vector<Trouble> all{
      {"policy that cannot be read, and denies instead", sources.policy_problems()},
      {"firewalls of this host that may drop what policy allows (see calicoctl node checksystem)", firewalls},
      {"other hosts that cannot be reached", sources.unreachable()},
      {"BGP sessions that are left out for want of their password (see docs/bgp.md)",
       speaker.without_password},
      {"BGP sessions (see docs/bgp.md)", speaker.sessions},
      {"addresses of this host", sources.address_problems()},
      {"Docker networks of this host (see docs/docker-networks.md)", sources.docker_networks()},
      {"encryption that this host cannot do, and is reached in clear", snapshot.not_encrypted}};
  std::erase_if(all, [](const Trouble& trouble) { return trouble.items.empty(); });
  return all;
}

std::string StatusText(const ShowSources& sources) {
  std::string text = fmt::format("node: {}\nversion: {}\nstore: {} ({})\n", sources.node, kVersion,
                                 sources.store, sources.store_reason);
  const auto reasons = sources.health.NotReady();
  text += reasons.empty() ? "ready: yes\n" : "ready: no\n";
  for (const std::string& reason : reasons) text += "  " + reason + "\n";
  for (const Trouble& trouble : TroublesOf(sources)) {
    text += trouble.what + ":\n";
    for (const std::string& item : trouble.items) text += "  " + item + "\n";
  }
  return text;
}

// One line each, for `calicoctl node status`.
std::string Problems(const ShowSources& sources) {
  std::string text;
  for (const std::string& reason : sources.health.NotReady()) text += "not ready: " + reason + "\n";
  for (const Trouble& trouble : TroublesOf(sources)) {
    for (const std::string& item : trouble.items) text += trouble.what + ": " + item + "\n";
  }
  return text;
}

std::string Endpoints(const ShowSources& sources) {
  const auto snapshot = sources.dataplane.TakeSnapshot();
  std::string text = fmt::format("{:<16} {}\n", "INTERFACE", "STATE");
  for (const auto& [interface, state] : snapshot.endpoints) {
    const std::string word = state.programmed      ? "programmed"
                             : state.error.empty() ? "waiting for the interface"
                                                   : state.error;
    text += fmt::format("{:<16} {}\n", interface, word);
  }
  return text;
}

}  // namespace

HttpResponse HandleShow(const HttpRequest& request, const ShowSources& sources) {
  HttpResponse response;
  if (request.path == "/status") {
    response.body = StatusText(sources);
  } else if (request.path == "/endpoints") {
    response.body = Endpoints(sources);
  } else if (request.path == "/problems") {
    response.body = Problems(sources);
  } else if (request.path == "/peers") {
    const auto peers = sources.peers();
    if (!peers.has_value()) return {503, response.content_type, peers.error().message() + "\n"};
    response = {200, "application/json", bgp::PeersToJson(*peers)};
  } else if (request.path == "/addresses") {
    response = {200, "application/json", sources.addresses()};
  } else if (request.path == "/tables") {
    response.body = sources.dataplane.DescribeTables();
  } else {
    response.status = 404;
    response.body = "show status, endpoints or tables\n";
  }
  return response;
}

Status Show(const std::string& topic, std::ostream& out) {
  auto response =
      HttpCall(std::string("unix://") + kShowSocket, "GET", "/" + topic, "", std::chrono::seconds(10));
  if (!response.has_value()) {
    return Error(ErrorCode::kUnavailable,
                 fmt::format("calico-node is not running on this host ({}): start it with: calico-node run",
                             response.error().message()));
  }
  if (response->status != 200)
    return Error(ErrorCode::kInvalidArgument, response->body.substr(0, response->body.find('\n')));
  out << response->body;
  return Ok();
}

}  // namespace calico::node
