// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/network_round.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "apps/libnetwork/endpoints.h"
#include "apps/libnetwork/network_plan.h"
#include "datastore/testing/fake_client.h"
#include "ipam/testing/faulty_client.h"
#include "model/codec/json.h"

namespace calico::libnetwork {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// One host's Docker: what the rounds see of it, and what its user does.
class FakeDocker final : public DockerNetworks {
 public:
  Result<std::vector<DockerNetwork>> ListNetworks() override {
    if (away) return Error(ErrorCode::kUnavailable, "unix:///var/run/docker.sock: Connection refused");
    std::vector<DockerNetwork> listed = networks;
    DockerNetwork none;
    none.name = "none";
    none.id = fmt::format("engine-{}", engine);
    none.driver = "null";
    none.scope = "local";
    listed.push_back(none);
    return listed;
  }
  Result<std::string> CreateNetwork(const DockerNetwork& wanted) override {
    if (away) return Error(ErrorCode::kUnavailable, "unix:///var/run/docker.sock: Connection refused");
    if (!refusal.empty()) return Error(ErrorCode::kUnavailable, refusal);
    if (Find(wanted.name) != nullptr) return Error(ErrorCode::kConflict, "network with this name exists");
    static int made = 0;
    networks.push_back(wanted);
    networks.back().id = fmt::format("id{}", ++made);
    networks.back().scope = "local";
    if (networks.back().pools.empty()) networks.back().pools = {{"0.0.0.0/0", "", "0.0.0.0"}};
    return networks.back().id;
  }
  Status RemoveNetwork(const std::string& id) override {
    if (away) return Error(ErrorCode::kUnavailable, "unix:///var/run/docker.sock: Connection refused");
    for (auto it = networks.begin(); it != networks.end(); ++it) {
      if (it->id != id) continue;
      if (used.contains(it->name)) return Error(ErrorCode::kConflict, "network has active endpoints");
      networks.erase(it);
      return Ok();
    }
    return Error(ErrorCode::kNotFound, "no such network");
  }

  const DockerNetwork* Find(const std::string& name) const {
    for (const DockerNetwork& network : networks) {
      if (network.name == name) return &network;
    }
    return nullptr;
  }
  void UserCreates(const std::string& name, const std::string& subnet = "",
                   const std::string& driver = "calico") {
    DockerNetwork network;
    network.name = name;
    network.driver = driver;
    network.ipam_driver = "calico-ipam";
    if (!subnet.empty()) network.pools = {{subnet, "", "0.0.0.0"}};
    static_cast<void>(CreateNetwork(network));
  }
  bool UserRemoves(const std::string& name) {
    const DockerNetwork* network = Find(name);
    return network != nullptr && RemoveNetwork(network->id).has_value();
  }
  void LoseData() {
    networks.clear();
    used.clear();
    ++engine;
  }

  std::vector<DockerNetwork> networks;
  std::set<std::string> used;  // names of networks with containers
  std::string refusal;         // what it says instead of making a network
  bool away = false;
  int engine = 1;
};

struct Host {
  std::string name;
  FakeDocker docker;
};

class World {
 public:
  World() {
    for (int i = 1; i <= 3; ++i) hosts.push_back({fmt::format("calico-node{}", i), {}});
  }
  Result<NetworkRound::Outcome> Round(Host& host) {
    return NetworkRound{client, clock, host.name, host.docker}.Run();
  }
  void Connect(Host& host, const std::string& network) {
    if (host.docker.Find(network) == nullptr || host.docker.Find(network)->driver != "calico") return;
    host.docker.used.insert(network);
    model::WorkloadEndpoint endpoint;
    const model::Key key = EndpointKey(host.name, "e" + network).value();
    endpoint.metadata.name = key.name;
    endpoint.metadata.ns = key.ns;
    endpoint.metadata.annotations[kNetworkAnnotation] = host.docker.Find(network)->id;
    endpoint.node = host.name;
    endpoint.orchestrator = endpoint.workload = kOrchestrator;
    endpoint.endpoint = "e" + network;
    static_cast<void>(store.Put(model::ToPath(key), model::EncodeValue(key, endpoint)));
  }
  void Disconnect(Host& host, const std::string& network) {
    host.docker.used.erase(network);
    static_cast<void>(store.Delete(model::ToPath(EndpointKey(host.name, "e" + network).value()), 0));
  }
  // Rounds of all hosts until nothing is written any more; false: it does not come to rest.
  bool Settle() {
    for (int i = 0; i < 12; ++i) {
      const datastore::Revision before = store.List("/").value().revision;
      std::size_t networks_before = 0, networks_after = 0;
      for (Host& host : hosts) networks_before += host.docker.networks.size();
      for (Host& host : hosts) {
        if (!Round(host).has_value()) return false;
      }
      for (Host& host : hosts) networks_after += host.docker.networks.size();
      if (store.List("/").value().revision == before && networks_before == networks_after) return true;
    }
    return false;
  }
  std::map<std::string, model::DockerNetwork> Stored() {
    std::map<std::string, model::DockerNetwork> stored;
    const datastore::ListResult list = store.List(model::ListPrefix(model::Kind::kDockerNetwork)).value();
    for (const datastore::KeyValue& kv : list.items) {
      const model::Key key = *model::ParsePath(kv.key);
      stored[key.name] = std::get<model::DockerNetwork>(model::DecodeValue(key, kv.value).value());
    }
    return stored;
  }
  std::optional<model::DockerNetworkHost> Record(const Host& host, const std::string& network) {
    const model::Key key{model::Kind::kDockerNetworkHost, host.name, network};
    const auto kv = store.Get(model::ToPath(key));
    if (!kv.has_value()) return std::nullopt;
    return std::get<model::DockerNetworkHost>(model::DecodeValue(key, kv->value).value());
  }

  datastore::testing::FakeClient store;
  ipam::testing::FaultyClient client{store};
  SystemClock clock;
  std::vector<Host> hosts;
};

TEST(NetworkRound, ANetworkIsMadeEverywhereAndRemovedEverywhere) {
  World world;
  Host &one = world.hosts[0], &three = world.hosts[2];
  one.docker.UserCreates("net1", "10.254.0.0/24");
  ASSERT_TRUE(world.Settle());
  for (Host& host : world.hosts) {
    ASSERT_NE(host.docker.Find("net1"), nullptr) << host.name;
    EXPECT_EQ(host.docker.Find("net1")->pools.front().subnet, "10.254.0.0/24");
    EXPECT_EQ(world.Record(host, "net1")->state, kReady);
    EXPECT_EQ(world.Record(host, "net1")->id, host.docker.Find("net1")->id);
  }
  EXPECT_EQ(world.Stored().at("net1").created_by, "calico-node1");
  EXPECT_EQ(world.Stored().at("net1").generation, 1u);
  ASSERT_TRUE(three.docker.UserRemoves("net1"));  // a copy is as good as the original
  ASSERT_TRUE(world.Settle());
  for (Host& host : world.hosts) {
    EXPECT_EQ(host.docker.Find("net1"), nullptr) << host.name;
    EXPECT_EQ(world.Record(host, "net1"), std::nullopt);
  }
  EXPECT_THAT(world.Stored(), IsEmpty());
}

TEST(NetworkRound, RemovalComesBackWhileAnotherHostUsesTheNetwork) {
  World world;
  Host &one = world.hosts[0], &two = world.hosts[1];
  one.docker.UserCreates("net1");
  ASSERT_TRUE(world.Settle());
  world.Connect(two, "net1");
  ASSERT_TRUE(one.docker.UserRemoves("net1"));
  const auto outcome = world.Round(one);
  ASSERT_TRUE(outcome.has_value());
  ASSERT_EQ(outcome->problems.size(), 1u);
  EXPECT_THAT(outcome->problems.front(), HasSubstr("containers on calico-node2 use the network"));
  EXPECT_NE(one.docker.Find("net1"), nullptr);
  world.Disconnect(two, "net1");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.Record(one, "net1")->state, kReady);
  ASSERT_TRUE(one.docker.UserRemoves("net1"));
  ASSERT_TRUE(world.Settle());
  EXPECT_THAT(world.Stored(), IsEmpty());
  EXPECT_EQ(two.docker.Find("net1"), nullptr);
}

// A container that starts while the network is removed on another host keeps it, on its host alone.
TEST(NetworkRound, WhatIsUsedHereGoesWithTheLastContainer) {
  World world;
  Host &one = world.hosts[0], &two = world.hosts[1];
  one.docker.UserCreates("net1");
  ASSERT_TRUE(world.Settle());
  ASSERT_TRUE(one.docker.UserRemoves("net1"));
  ASSERT_TRUE(world.Round(one).has_value());
  two.docker.used.insert("net1");
  const auto outcome = world.Round(two);
  ASSERT_TRUE(outcome.has_value());
  EXPECT_THAT(outcome->waiting, ElementsAre("net1"));
  EXPECT_EQ(world.Record(two, "net1")->state, kStillUsed);
  two.docker.used.clear();
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(two.docker.Find("net1"), nullptr);
  EXPECT_EQ(world.Record(two, "net1"), std::nullopt);
}

TEST(NetworkRound, AHostThatWasAwayRemovesOrReplacesItsCopyWhenItReturns) {
  World world;
  Host &one = world.hosts[0], &two = world.hosts[1], &three = world.hosts[2];
  one.docker.UserCreates("net1");
  one.docker.UserCreates("net2");
  ASSERT_TRUE(world.Settle());
  ASSERT_TRUE(one.docker.UserRemoves("net1"));
  ASSERT_TRUE(one.docker.UserRemoves("net2"));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(world.Round(one).has_value());
    ASSERT_TRUE(world.Round(two).has_value());
  }
  EXPECT_THAT(world.Stored(), IsEmpty());
  two.docker.UserCreates("net2", "10.9.0.0/16");
  ASSERT_TRUE(world.Round(two).has_value());
  EXPECT_EQ(world.Stored().at("net2").generation, 2u) << "three has a record of generation 1";
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(three.docker.Find("net1"), nullptr);
  EXPECT_EQ(three.docker.Find("net2")->pools.front().subnet, "10.9.0.0/16");
}

TEST(NetworkRound, AHostThatLostItsDataGetsAllNetworksAgainEvenItsOwn) {
  World world;
  Host& one = world.hosts[0];
  one.docker.UserCreates("net1");
  world.hosts[1].docker.UserCreates("net2");
  ASSERT_TRUE(world.Settle());
  one.docker.LoseData();
  ASSERT_TRUE(world.Settle());
  for (Host& host : world.hosts) EXPECT_EQ(host.docker.networks.size(), 2u) << host.name;
  EXPECT_EQ(world.Stored().size(), 2u);
}

TEST(NetworkRound, TwoHostsAtOnceAgreeOrClash) {
  World world;
  Host &one = world.hosts[0], &two = world.hosts[1];
  one.docker.UserCreates("same");
  two.docker.UserCreates("same");
  one.docker.UserCreates("other", "10.1.0.0/16");
  two.docker.UserCreates("other", "10.2.0.0/16");
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.Record(two, "same")->state, kReady);
  EXPECT_EQ(world.Record(two, "other")->state, kClash);
  EXPECT_EQ(two.docker.Find("other")->pools.front().subnet, "10.2.0.0/16");
  EXPECT_EQ(world.hosts[2].docker.Find("other")->pools.front().subnet, "10.1.0.0/16");
  // The one that nobody else has goes: its host gets the network of the others.
  ASSERT_TRUE(two.docker.UserRemoves("other"));
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(two.docker.Find("other")->pools.front().subnet, "10.1.0.0/16");
  EXPECT_EQ(world.Stored().size(), 2u);
}

TEST(NetworkRound, WhatDockerRefusesIsToldAndTriedAgain) {
  World world;
  Host& two = world.hosts[1];
  world.hosts[0].docker.UserCreates("net1");
  two.docker.refusal = "IpamDriver.RequestPool: The requested subnet must match";
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.Record(two, "net1")->state, kFailed);
  EXPECT_THAT(world.Record(two, "net1")->problem, HasSubstr("must match"));
  two.docker.refusal.clear();
  ASSERT_TRUE(world.Settle());
  EXPECT_EQ(world.Record(two, "net1")->state, kReady);
  EXPECT_EQ(world.Record(two, "net1")->problem, "");
}

TEST(NetworkRound, DoesNothingWhileDockerIsAway) {
  World world;
  Host &one = world.hosts[0], &two = world.hosts[1];
  one.docker.UserCreates("net1");
  ASSERT_TRUE(world.Settle());
  two.docker.away = true;
  EXPECT_FALSE(world.Round(two).has_value());
  EXPECT_EQ(world.Record(two, "net1")->state, kReady);
}

TEST(NetworkRound, LeavesANetworkAloneThatItCannotRead) {
  World world;
  Host& one = world.hosts[0];
  one.docker.UserCreates("net1");
  ASSERT_TRUE(world.Settle());
  const std::string path = model::ToPath(model::Key::Resource(model::Kind::kDockerNetwork, "net1"));
  ASSERT_TRUE(world.store.Put(path, R"({"spec":{"driver":7}})").has_value());
  ASSERT_TRUE(world.Settle());
  for (Host& host : world.hosts) EXPECT_NE(host.docker.Find("net1"), nullptr) << host.name;
}

// Whatever users do on three hosts in whatever order, with agents that miss any part of it: in the end the
// hosts agree, or each disagreement is told; what is not ours stays; and then nobody writes any more.
TEST(NetworkRound, AnyHistoryComesToRestWithAllHostsAgreeing) {
  EXPECT_TRUE(rc::check([] {
    World world;
    const auto history = *rc::gen::container<std::vector<std::tuple<int, int, int>>>(
        rc::gen::tuple(rc::gen::inRange(0, 10), rc::gen::inRange(0, 3), rc::gen::inRange(0, 2)));
    std::set<std::pair<std::string, std::string>> foreign;
    for (const auto& [what, which, number] : history) {
      Host& host = world.hosts[static_cast<std::size_t>(which)];
      const std::string network = fmt::format("net{}", number);
      switch (what) {
        case 0:
          host.docker.UserCreates(network);
          break;
        case 1:
          host.docker.UserCreates(network, "10.1.0.0/16");
          break;
        case 2:
          if (host.docker.UserRemoves(network)) foreign.erase({host.name, network});
          break;
        case 3:
          world.Connect(host, network);
          break;
        case 4:
          world.Disconnect(host, network);
          break;
        case 5:
          if (number == 0) {
            host.docker.LoseData();
            for (const char* name : {"net0", "net1"}) {
              world.Disconnect(host, name);
              foreign.erase({host.name, name});
            }
          }
          break;
        case 6:
          if (host.docker.Find(network) == nullptr) {
            host.docker.UserCreates(network, "", "bridge");
            foreign.insert({host.name, network});
          }
          break;
        case 7: {  // the store fails in the middle of a round, or its answer is lost
          using ipam::testing::Fault;
          world.client.FailWrite(number, which == 0 ? Fault::kReplyLost : Fault::kDownFromHere);
          static_cast<void>(world.Round(host));
          world.client.FailNothing();
          break;
        }
        default:
          RC_ASSERT(world.Round(host).has_value());
      }
    }
    RC_ASSERT(world.Settle());
    const auto stored = world.Stored();
    for (Host& host : world.hosts) {
      for (const auto& [name, network] : stored) {
        const auto record = world.Record(host, name);
        RC_ASSERT(record.has_value());
        const DockerNetwork* local = host.docker.Find(name);
        RC_ASSERT(local != nullptr);
        if (record->state == kReady || record->state == kRemovalRefused)
          RC_ASSERT(local->id == record->id && Difference(*local, network).empty());
        else
          RC_ASSERT(!record->problem.empty());
      }
      for (const DockerNetwork& local : host.docker.networks) {
        if (local.driver == "calico" && !stored.contains(local.name))
          RC_ASSERT(world.Record(host, local.name)->state == kStillUsed);
      }
    }
    for (const auto& [host, network] : foreign) {
      for (Host& each : world.hosts) {
        if (each.name == host) RC_ASSERT(each.docker.Find(network)->driver == "bridge");
      }
    }
  }));
}

}  // namespace
}  // namespace calico::libnetwork
