// SPDX-License-Identifier: Apache-2.0
#include "calc/graph.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/codec/json.h"
#include "model/codec/v1_stored.h"

namespace calico::calc {
namespace {

using dataplane_api::Batch;
using model::Key;
using model::Kind;
using model::Object;
using ::testing::ElementsAre;

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}

Object Endpoint(const std::string& node, const std::string& interface, const std::string& ip,
                const std::string& profile) {
  model::WorkloadEndpoint endpoint;
  endpoint.node = node;
  endpoint.orchestrator = "libnetwork";
  endpoint.workload = "libnetwork";
  endpoint.endpoint = interface;
  endpoint.interface_name = interface;
  endpoint.ip_networks = {ip + "/32"};
  endpoint.mac = "ee:ee:ee:ee:ee:ee";
  endpoint.profiles = {profile};
  return endpoint;
}
constexpr char kAllow[] = "projectcalico-default-allow";

Key EndpointKey(const std::string& name) {
  return Key::Resource(Kind::kWorkloadEndpoint, name, "default");
}

class GraphTest : public ::testing::Test {
 protected:
  Batch Put(const Key& key, Object object) {
    model::UpdateBatch batch;
    batch.updates[key] = std::make_shared<const Object>(std::move(object));
    return graph_.Apply(batch);
  }
  Batch Remove(const Key& key) {
    model::UpdateBatch batch;
    batch.updates[key] = nullptr;
    return graph_.Apply(batch);
  }
  Batch PutProfile(const std::string& name) {
    return Put(Key::Resource(Kind::kProfile, name), model::ProfileOfDockerNetwork(name));
  }
  Batch InSync() {
    model::UpdateBatch batch;
    batch.in_sync = true;
    return graph_.Apply(batch);
  }

  Graph graph_{"node1"};
};

TEST_F(GraphTest, SaysNothingBeforeTheFirstWholeSnapshot) {
  EXPECT_TRUE(PutProfile("net1").empty());
  EXPECT_TRUE(Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "net1")).empty());
  const Batch batch = InSync();
  EXPECT_TRUE(batch.in_sync);
  EXPECT_EQ(batch.endpoints.size(), 1U);
  EXPECT_EQ(batch.profiles.size(), 1U);
  EXPECT_EQ(batch.ip_sets.size(), 1U);
  EXPECT_TRUE(batch.host.has_value());
}

TEST_F(GraphTest, ADockerNetworksProfileAllowsFromItsMembersOnEveryHost) {
  PutProfile("net1");
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "net1"));
  Put(EndpointKey("b"), Endpoint("node2", "cali2", "10.0.1.1", "net1"));
  Put(EndpointKey("c"), Endpoint("node2", "cali3", "10.0.1.2", "net2"));
  const Batch batch = InSync();
  const auto& rules = *batch.profiles.at("net1");
  ASSERT_EQ(rules.ingress.size(), 1U);
  EXPECT_EQ(rules.ingress[0].action, dataplane_api::RuleAction::kAllow);
  ASSERT_EQ(rules.ingress[0].source.ip_sets.size(), 1U);
  EXPECT_THAT(batch.ip_sets.at(rules.ingress[0].source.ip_sets[0])->members,
              ElementsAre(C("10.0.0.1"), C("10.0.1.1")));
  ASSERT_EQ(rules.egress.size(), 1U);
  EXPECT_EQ(rules.egress[0], dataplane_api::Rule{});
}

TEST_F(GraphTest, OnlyLocalEndpointsAndTheirProfilesReachTheDataplane) {
  PutProfile("net1");
  PutProfile("net2");
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "net1"));
  Put(EndpointKey("b"), Endpoint("node2", "cali2", "10.0.1.1", "net2"));
  const Batch batch = InSync();
  ASSERT_EQ(batch.endpoints.size(), 1U);
  EXPECT_EQ(batch.endpoints.begin()->second->interface_name, "cali1");
  EXPECT_EQ(batch.profiles.size(), 1U);
}

TEST_F(GraphTest, ARemoteEndpointIsADeltaOfASet) {
  PutProfile("net1");
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "net1"));
  InSync();
  const Batch added = Put(EndpointKey("b"), Endpoint("node2", "cali2", "10.0.1.1", "net1"));
  EXPECT_TRUE(added.ip_sets.empty());
  ASSERT_EQ(added.ip_set_deltas.size(), 1U);
  EXPECT_THAT(added.ip_set_deltas.begin()->second.added.members, ElementsAre(C("10.0.1.1")));
  const Batch removed = Remove(EndpointKey("b"));
  EXPECT_THAT(removed.ip_set_deltas.begin()->second.removed.members, ElementsAre(C("10.0.1.1")));
}

TEST_F(GraphTest, AnAddressThatMovesToAnotherHostStaysInTheSet) {
  PutProfile("net1");
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "net1"));
  Put(EndpointKey("old"), Endpoint("node2", "cali2", "10.0.1.1", "net1"));
  InSync();
  EXPECT_TRUE(Put(EndpointKey("new"), Endpoint("node3", "cali3", "10.0.1.1", "net1")).ip_set_deltas.empty());
  EXPECT_TRUE(Remove(EndpointKey("old")).ip_set_deltas.empty());
}

TEST_F(GraphTest, TheLastEndpointTakesProfileAndSetAway) {
  PutProfile("net1");
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "net1"));
  InSync();
  const Batch batch = Remove(EndpointKey("a"));
  EXPECT_EQ(batch.endpoints.at("default/a"), std::nullopt);
  EXPECT_EQ(batch.profiles.at("net1"), std::nullopt);
  ASSERT_EQ(batch.ip_sets.size(), 1U);
  EXPECT_EQ(batch.ip_sets.begin()->second, nullptr);
}

TEST_F(GraphTest, AMissingProfileDeniesEverythingUntilItComes) {
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "net1"));
  const Batch before = InSync();
  ASSERT_EQ(before.profiles.at("net1")->ingress.size(), 1U);
  EXPECT_EQ(before.profiles.at("net1")->ingress[0].action, dataplane_api::RuleAction::kDeny);
  const Batch after = PutProfile("net1");
  ASSERT_EQ(after.profiles.at("net1")->ingress.size(), 1U);
  EXPECT_EQ(after.profiles.at("net1")->ingress[0].action, dataplane_api::RuleAction::kAllow);
}

TEST_F(GraphTest, AnUnchangedObjectChangesNothing) {
  PutProfile("net1");
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "net1"));
  InSync();
  const Batch batch = Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "net1"));
  EXPECT_TRUE(batch.endpoints.empty());
  EXPECT_TRUE(batch.profiles.empty());
  EXPECT_TRUE(batch.ip_set_deltas.empty());
}

TEST_F(GraphTest, TheBuiltInProfileAllowsEverything) {
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "projectcalico-default-allow"));
  const Batch batch = InSync();
  EXPECT_EQ(batch.profiles.at("projectcalico-default-allow")->ingress.size(), 1U);
}

TEST_F(GraphTest, ARuleThatIsNotUnderstoodFailsClosed) {
  model::Profile profile;
  model::Rule rule;
  rule.protocol = "carrier-pigeon";
  rule.action = "Allow";
  profile.ingress.push_back(rule);
  rule.action = "Deny";
  profile.ingress.push_back(rule);
  Put(Key::Resource(Kind::kProfile, "p"), profile);
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "p"));
  const Batch batch = InSync();
  ASSERT_EQ(batch.profiles.at("p")->ingress.size(), 1U);
  EXPECT_EQ(batch.profiles.at("p")->ingress[0].action, dataplane_api::RuleAction::kDeny);
  EXPECT_THAT(
      graph_.warnings(),
      ElementsAre("profile p ingress rule 1: protocol 'carrier-pigeon' is not understood: it is left out",
                  "profile p ingress rule 2: protocol 'carrier-pigeon' is not understood: it denies "
                  "everything"));
}

TEST_F(GraphTest, APolicyThatCannotBeReadDeniesTheEndpointsItSelects) {
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", kAllow));
  model::GlobalNetworkPolicy policy;
  policy.spec.selector = "all()";
  policy.spec.types = {"Ingress"};
  policy.spec.ingress.resize(1);
  policy.spec.ingress[0].action = "Allow";
  policy.spec.unreadable = "spec.ingress: not a list";
  Put(Key::Resource(Kind::kGlobalNetworkPolicy, "p"), policy);
  const Batch batch = InSync();
  EXPECT_EQ(batch.endpoints.at("default/a")->policies.ingress.size(), 1U);
  EXPECT_TRUE(batch.endpoints.at("default/a")->policies.egress.empty());
  ASSERT_EQ(batch.policies.at("gnp/p")->ingress.size(), 1U);
  EXPECT_EQ(batch.policies.at("gnp/p")->ingress[0].action, dataplane_api::RuleAction::kDeny);
  EXPECT_THAT(graph_.warnings(),
              ElementsAre("GlobalNetworkPolicy(p) cannot be read and denies everything that "
                          "it selects: spec.ingress: not a list"));
  policy.spec.unreadable.clear();
  Put(Key::Resource(Kind::kGlobalNetworkPolicy, "p"), policy);
  EXPECT_TRUE(graph_.warnings().empty());
}

TEST_F(GraphTest, AnEndpointThatCalico26HasSwitchedOffIsAsIfItWereNotThere) {
  const Key key = EndpointKey("a");
  const auto off = model::ObjectFromV1(
      key, {"node1", "libnetwork", "libnetwork", "a"},
      {{"", R"({"state":"inactive","name":"cali1","ipv4_nets":["10.0.0.1/32"],"profile_ids":["net1"]})"}});
  ASSERT_TRUE(off.has_value()) << off.error().message();
  // As it comes from the store's driver.
  const auto stored = model::DecodeValue(key, model::EncodeValue(key, *off));
  InSync();
  EXPECT_TRUE(Put(key, *stored).endpoints.empty());
  const auto written = model::ObjectToV1(key, {"node1", "libnetwork", "libnetwork", "a"}, *stored, {});
  EXPECT_NE(written->at("").find(R"("state":"inactive")"), std::string::npos);
}

TEST_F(GraphTest, AProfileThatCannotBeReadDeniesEverything) {
  model::Profile profile;
  profile.ingress.resize(1);
  profile.ingress[0].action = "Allow";
  profile.unreadable = "spec.egress: not a list";
  Put(Key::Resource(Kind::kProfile, "p"), profile);
  Put(EndpointKey("a"), Endpoint("node1", "cali1", "10.0.0.1", "p"));
  const Batch batch = InSync();
  EXPECT_EQ(batch.profiles.at("p")->ingress.at(0).action, dataplane_api::RuleAction::kDeny);
  EXPECT_EQ(batch.profiles.at("p")->egress.at(0).action, dataplane_api::RuleAction::kDeny);
  EXPECT_EQ(graph_.warnings().size(), 1U);
  Remove(EndpointKey("a"));
  EXPECT_TRUE(graph_.warnings().empty());
}

TEST_F(GraphTest, AStagedPolicyOfKubernetesIsCountedLikeOneOfCalico) {
  Object pod = Endpoint("node1", "cali1", "10.0.0.1", kAllow);
  std::get<model::WorkloadEndpoint>(pod).orchestrator = "k8s";
  std::get<model::WorkloadEndpoint>(pod).metadata.ns = "default";
  Put(EndpointKey("a"), pod);
  model::StagedKubernetesNetworkPolicy staged;
  staged.metadata.name = "p";
  staged.metadata.ns = "default";
  staged.ingress_json = R"([{"ports":[{"protocol":"TCP","port":80}]}])";
  staged.policy_types = {"Ingress"};
  const Key key = Key::Resource(Kind::kStagedKubernetesNetworkPolicy, "p", "default");
  Put(key, staged);
  const Batch batch = InSync();
  ASSERT_EQ(batch.endpoints.at("default/a")->policies.ingress.size(), 1U);
  EXPECT_TRUE(batch.endpoints.at("default/a")->policies.ingress[0].pass_at_end);
  const auto& rules = *batch.policies.at("sknp/default/p");
  EXPECT_TRUE(rules.staged);
  ASSERT_EQ(rules.ingress.size(), 1U);
  EXPECT_EQ(rules.ingress[0].protocol, net::kTcp);
  const Batch removed = Remove(key);
  EXPECT_TRUE(removed.endpoints.at("default/a")->policies.ingress.empty());
}

TEST_F(GraphTest, HostSettingsComeFromPoolsBlocksAndConfiguration) {
  model::IPPool nat;
  nat.cidr = "10.254.0.0/24";
  nat.nat_outgoing = true;
  Put(Key::Resource(Kind::kIPPool, "a"), nat);
  model::IPPool plain;
  plain.cidr = "192.168.0.0/16";
  plain.disabled = true;
  Put(Key::Resource(Kind::kIPPool, "b"), plain);
  Put(Key::Affinity("node1", C("10.254.0.0/26")), model::BlockAffinity{});
  Put(Key::Affinity("node2", C("10.254.0.64/26")), model::BlockAffinity{});
  model::BlockAffinity pending;
  pending.state = model::AffinityState::kPending;
  Put(Key::Affinity("node1", C("10.254.0.128/26")), pending);
  model::FelixConfiguration global;
  global.default_endpoint_to_host_action = "Return";
  Put(Key::Resource(Kind::kFelixConfiguration, "default"), global);
  model::FelixConfiguration own;
  own.default_endpoint_to_host_action = "Accept";
  Put(Key::Resource(Kind::kFelixConfiguration, "node.node1"), own);
  const auto host = *InSync().host;
  EXPECT_THAT(host.nat.pools, ElementsAre(C("10.254.0.0/24")));
  EXPECT_THAT(host.all_pools, ElementsAre(C("10.254.0.0/24"), C("192.168.0.0/16")));
  EXPECT_THAT(host.own_blocks, ElementsAre(C("10.254.0.0/26")));
  EXPECT_EQ(host.endpoint_to_host, dataplane_api::HostSettings::EndpointToHost::kAccept);
}

TEST_F(GraphTest, EndpointsOfOneDockerContainerMaySendFromEachOthersAddresses) {
  InSync();
  const auto of = [](const char* node, const char* ip, const char* container) {
    Object object = Endpoint(node, "cali1", ip, kAllow);
    std::get<model::WorkloadEndpoint>(object).container_id = container;
    return object;
  };
  Put(EndpointKey("a"), of("node1", "10.0.0.1", "c1"));
  Put(EndpointKey("stranger"), of("node1", "10.0.0.8", "c2"));
  Put(EndpointKey("remote"), of("node2", "10.0.0.9", "c1"));
  const Batch both = Put(EndpointKey("b"), of("node1", "10.0.0.2", "c1"));
  ASSERT_EQ(both.endpoints.size(), 2U);
  EXPECT_THAT(both.endpoints.at("default/a")->spoofable, ElementsAre(C("10.0.0.2/32")));
  EXPECT_THAT(both.endpoints.at("default/b")->spoofable, ElementsAre(C("10.0.0.1/32")));
  const Batch left = Remove(EndpointKey("a"));
  EXPECT_TRUE(left.endpoints.at("default/b")->spoofable.empty());
}

TEST_F(GraphTest, FloatingAddressesAreInForceWhereTheyAreEnabled) {
  InSync();
  Object object = Endpoint("node1", "cali1", "10.0.0.1", kAllow);
  std::get<model::WorkloadEndpoint>(object).ip_nats = {{"10.0.0.1", "203.0.113.9"}};
  const auto floating = [](const Batch& batch) { return batch.endpoints.at("default/a")->floating_ips; };
  EXPECT_TRUE(floating(Put(EndpointKey("a"), object)).empty());
  model::FelixConfiguration felix;
  felix.other_parameters["floatingIPs"] = "\"Enabled\"";
  const dataplane_api::FloatingIp expected{*net::Ip::Parse("203.0.113.9"), *net::Ip::Parse("10.0.0.1")};
  EXPECT_THAT(floating(Put(Key::Resource(Kind::kFelixConfiguration, "default"), felix)),
              ElementsAre(expected));
  felix.other_parameters["floatingIPs"] = "\"Disabled\"";
  EXPECT_TRUE(Put(Key::Resource(Kind::kFelixConfiguration, "node.node1"), felix).endpoints.empty())
      << "what every object gets by default takes nothing back";
  EXPECT_TRUE(floating(Remove(Key::Resource(Kind::kFelixConfiguration, "default"))).empty());
  std::get<model::WorkloadEndpoint>(object).orchestrator = "openstack";
  EXPECT_THAT(floating(Put(EndpointKey("a"), object)), ElementsAre(expected)) << "OpenStack's always are";
}

}  // namespace
}  // namespace calico::calc
