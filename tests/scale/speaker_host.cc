// SPDX-License-Identifier: Apache-2.0
// speaker_host [MOST_INTERFACES SHORTEST_LIFE_SECONDS]
// The agent's speaker without the rest of the agent: keeps BIRD running with the view that stdin says, one
// line for each thing. Answers "applied" to `apply`.
//   node 10.0.0.1/24     pool 10.65.0.0/16     block 10.65.1.0/26     cluster-id 244.0.0.1
//   peer 10.0.0.2 [passive] [reflect] [keepalive]     no-peer 10.0.0.2     no-pool 10.65.0.0/16
//   no-block 10.65.1.0/26
// When it is killed its BIRD stays, and is not woken any more: what a test compares with.
#include <algorithm>
#include <iostream>
#include <sstream>
#include <string>

#include "base/event_loop.h"
#include "base/log.h"
#include "bgp/bird/speaker.h"

namespace calico {
namespace {

using dataplane_api::BgpPeerView;
using dataplane_api::BgpView;

// False: no such word.
bool Take(const std::string& line, BgpView& view) {
  std::istringstream words(line);
  std::string what, value, option;
  words >> what >> value;
  const auto cidr = net::Cidr::Parse(value);
  if (what == "node" && cidr) {
    view.node_exists = true;
    view.ipv4 = cidr;
  } else if (what == "peer" && cidr) {
    BgpPeerView peer;
    peer.ip = cidr->ip();
    peer.as_number = view.as_number;
    while (words >> option) {
      if (option == "passive") peer.passive = true;
      if (option == "reflect") peer.reflect = true;
      if (option == "keepalive") peer.keepalive_seconds = 1;
    }
    if (peer.reflect) peer.type = BgpPeerView::Type::kNode;
    view.peers.push_back(peer);
  } else if (what == "no-peer" && cidr) {
    std::erase_if(view.peers, [&](const BgpPeerView& peer) { return peer.ip == cidr->ip(); });
  } else if (what == "pool" && cidr) {
    view.pools.push_back({*cidr, value});
  } else if (what == "no-pool" && cidr) {
    std::erase_if(view.pools, [&](const auto& pool) { return pool.cidr == *cidr; });
  } else if (what == "cluster-id") {
    view.cluster_id = value;
  } else if (what == "block" && cidr) {
    view.own_blocks.push_back(*cidr);
  } else if (what == "no-block" && cidr) {
    std::erase(view.own_blocks, *cidr);
  } else {
    return false;
  }
  return true;
}

int Run(int argc, char** argv) {
  InitLogging(LogLevel::kInfo, "speaker_host");
  const SystemClock clock;
  LoopThread thread("bgp");
  bgp::BirdSpeaker::Options options;
  options.kernel_has_bird_routes = [] { return false; };
  options.watch_period = std::chrono::hours(1);  // nobody asks BIRD anything while it is measured
  options.password_of = [](const dataplane_api::BgpSecret&) { return std::nullopt; };
  if (argc == 3) {
    options.most_interfaces = std::stoi(argv[1]);
    options.shortest_life = std::chrono::seconds(std::stoi(argv[2]));
  }
  bgp::BirdSpeaker speaker(thread.loop(), clock, options);
  thread.Start();
  BgpView view;
  for (std::string line; std::getline(std::cin, line);) {
    if (line == "apply") {
      thread.RunSync([&] { speaker.OnView(view); });
      std::cout << "applied" << std::endl;
    } else if (!Take(line, view)) {
      std::cerr << "what is: " << line << std::endl;
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace calico

int main(int argc, char** argv) {
  return calico::Run(argc, argv);
}
