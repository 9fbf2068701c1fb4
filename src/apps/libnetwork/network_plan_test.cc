// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/network_plan.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calico::libnetwork {
namespace {

using Do = NetworkStep::Do;
using ::testing::HasSubstr;

// As Docker lists a network that a user made with calico-ipam and no subnet.
DockerNetwork InDocker(const std::string& id, const std::string& subnet = "") {
  DockerNetwork network;
  network.id = id;
  network.name = "net1";
  network.driver = "calico";
  network.scope = "local";
  network.ipam_driver = "calico-ipam";
  network.pools = {{subnet.empty() ? "0.0.0.0/0" : subnet, "", "0.0.0.0"}};
  network.labels = {{"team", "blue"}};
  return network;
}
DockerNetwork OtherDriver() {
  DockerNetwork network = InDocker("foreign");
  network.driver = "bridge";
  return network;
}
model::DockerNetwork Desired(std::uint64_t generation, const std::string& subnet = "") {
  return PublishedForm(InDocker("x", subnet), "calico-node1", generation);
}
model::DockerNetworkHost Record(const std::string& id, std::uint64_t generation,
                                const std::string& engine = "engine", const std::string& state = kReady) {
  model::DockerNetworkHost record;
  record.host = "calico-node2";
  record.id = id;
  record.generation = generation;
  record.engine = engine;
  record.state = state;
  return record;
}
NetworkView View() {
  NetworkView view;
  view.name = "net1";
  view.engine = "engine";
  return view;
}

TEST(NetworkPlan, AUsersNewNetworkIsPublishedWithoutWhatDockerAndCalicoPutIn) {
  NetworkView view = View();
  view.local = {InDocker("a", "10.254.0.0/24")};
  view.highest_generation = 4;  // hosts that were away have records of networks of this name
  const NetworkStep step = DecideNetwork(view);
  EXPECT_EQ(step.action, Do::kPublish);
  EXPECT_EQ(step.id, "a");
  EXPECT_EQ(step.network->generation, 5u);
  EXPECT_EQ(step.network->subnets, std::vector<std::string>{"10.254.0.0/24"});
  EXPECT_EQ(PublishedForm(InDocker("a"), "h", 1).subnets, std::vector<std::string>());
}

TEST(NetworkPlan, ACopyCarriesTheLabelsOfTheNetworkAndOursAndIsPublishedWithoutOurs) {
  const DockerNetwork copy = RequestedForm(Desired(7));
  EXPECT_EQ(copy.labels.at("team"), "blue");
  EXPECT_EQ(copy.labels.at(kFromLabel), "calico-node1");
  EXPECT_EQ(copy.labels.at(kGenerationLabel), "7");
  EXPECT_EQ(PublishedForm(copy, "calico-node1", 7), Desired(7));
  EXPECT_EQ(Difference(copy, Desired(7)), "");
}

TEST(NetworkPlan, ANetworkOfAnotherHostIsMade) {
  NetworkView view = View();
  view.desired = Desired(1);
  EXPECT_EQ(DecideNetwork(view).action, Do::kCreate);
  EXPECT_EQ(DecideNetwork(view).state, kReady);
}

TEST(NetworkPlan, EqualNetworksOfTwoHostsAreOne) {
  NetworkView view = View();
  view.desired = Desired(1);
  view.local = {InDocker("b")};
  view.local.front().labels = {{"team", "red"}};
  const NetworkStep step = DecideNetwork(view);
  EXPECT_EQ(step.action, Do::kNote);
  EXPECT_EQ(step.id, "b");
  EXPECT_EQ(step.state, kReady);
}

TEST(NetworkPlan, ADifferentNetworkOfThatNameIsAClashAndStays) {
  NetworkView view = View();
  view.desired = Desired(1, "10.254.0.0/24");
  view.local = {InDocker("b", "10.1.0.0/16")};
  NetworkStep step = DecideNetwork(view);
  EXPECT_EQ(step.action, Do::kNote);
  EXPECT_EQ(step.state, kClash);
  EXPECT_THAT(step.problem, HasSubstr("subnet 10.1.0.0/16 here, 10.254.0.0/24 there"));
  view.record = Record("", 1, "engine", kClash);
  EXPECT_EQ(DecideNetwork(view).state, kClash);
  view.local = {OtherDriver()};
  step = DecideNetwork(view);
  EXPECT_EQ(step.state, kClash);
  EXPECT_THAT(step.problem, HasSubstr("driver bridge"));
  // The other one goes away: this one is published, for it was never ours to remove.
  view.local = {InDocker("b", "10.1.0.0/16")};
  view.desired.reset();
  EXPECT_EQ(DecideNetwork(view).action, Do::kPublish);
  view.local = {OtherDriver()};
  EXPECT_EQ(DecideNetwork(view).action, Do::kForget);
}

TEST(NetworkPlan, WhatAUserRemovedHereIsUnpublished) {
  NetworkView view = View();
  view.desired = Desired(1);
  view.record = Record("a", 1);
  EXPECT_TRUE(AsksForUsers(view));
  EXPECT_EQ(DecideNetwork(view).action, Do::kUnpublish);
}

TEST(NetworkPlan, RemovalIsUndoneWhileOtherHostsUseTheNetwork) {
  NetworkView view = View();
  view.desired = Desired(1);
  view.record = Record("a", 1);
  view.users_elsewhere = {"calico-node2", "calico-node3"};
  NetworkStep step = DecideNetwork(view);
  EXPECT_EQ(step.action, Do::kCreate);
  EXPECT_EQ(step.state, kRemovalRefused);
  EXPECT_THAT(step.problem, HasSubstr("containers on calico-node2, calico-node3 use the network"));
  // The word stands while it is so.
  view.local = {InDocker("a2")};
  view.record = Record("a2", 1, "engine", kRemovalRefused);
  EXPECT_EQ(DecideNetwork(view).state, kRemovalRefused);
  view.users_elsewhere.clear();
  EXPECT_EQ(DecideNetwork(view).state, kReady);
  // Removed once more, now that nobody uses it.
  view.local.clear();
  EXPECT_EQ(DecideNetwork(view).action, Do::kUnpublish);
}

TEST(NetworkPlan, LostDataIsNoRemoval) {
  NetworkView view = View();
  view.desired = Desired(1);
  view.record = Record("a", 1, "the engine before");
  EXPECT_EQ(DecideNetwork(view).action, Do::kCreate);
  EXPECT_FALSE(AsksForUsers(view));
}

TEST(NetworkPlan, WhatWasRemovedElsewhereIsRemovedHere) {
  NetworkView view = View();
  view.local = {InDocker("a")};
  view.record = Record("a", 3);
  const NetworkStep step = DecideNetwork(view);
  EXPECT_EQ(step.action, Do::kRemove);
  EXPECT_EQ(step.id, "a");
  // Made by an agent that ended before it could note the ID.
  view.local = {RequestedForm(Desired(3))};
  view.local.front().scope = "local";
  view.record = Record("", 3, "engine", kCreating);
  EXPECT_EQ(DecideNetwork(view).action, Do::kRemove);
  // A store that knows nothing of it was made anew: the network is not lost with the old one.
  view.record.reset();
  EXPECT_EQ(DecideNetwork(view).action, Do::kPublish);
}

TEST(NetworkPlan, AnOlderCopyIsReplacedIfItDiffersAndNeverTakenForARemoval) {
  NetworkView view = View();
  view.desired = Desired(2, "10.254.0.0/24");
  view.record = Record("a", 1);
  view.local = {InDocker("a")};
  EXPECT_EQ(DecideNetwork(view).action, Do::kReplace);
  view.local = {InDocker("a", "10.254.0.0/24")};
  EXPECT_EQ(DecideNetwork(view).action, Do::kNote);
  view.local.clear();
  EXPECT_EQ(DecideNetwork(view).action, Do::kCreate);
}

TEST(NetworkPlan, ANetworkMadeAnewAtOnceOnItsHostReplacesTheOldOne) {
  NetworkView view = View();
  view.desired = Desired(2);
  view.record = Record("a", 2);
  view.highest_generation = 2;
  view.local = {InDocker("b", "10.254.0.0/24")};
  const NetworkStep step = DecideNetwork(view);
  EXPECT_EQ(step.action, Do::kPublish);
  EXPECT_EQ(step.network->generation, 3u);
  view.users_elsewhere = {"calico-node3"};
  EXPECT_EQ(DecideNetwork(view).state, kClash);
}

TEST(NetworkPlan, NetworksOfGlobalScopeAndOfOtherDriversAreNotLookedAt) {
  NetworkView view = View();
  view.local = {InDocker("a"), OtherDriver()};
  view.local.front().scope = "global";
  EXPECT_EQ(DecideNetwork(view).action, Do::kNothing);
}

}  // namespace
}  // namespace calico::libnetwork
