// SPDX-License-Identifier: Apache-2.0
#include "apps/node/startup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/resources.h"
#include "datastore/testing/fake_client.h"
#include "ipam/testing/faulty_client.h"

namespace calico::node {
namespace {

using datastore::Resources;
using model::Key;
using model::Kind;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

class StartupTest : public ::testing::Test {
 protected:
  StartupTest() {
    kernel::Link link;
    link.ifindex = 2;
    link.name = "eth0";
    host_.links = {link};
    host_.addresses = {{2, *net::Cidr::Parse("172.30.200.36/24")}};
  }
  Status Run(const Variables& variables = {}, const std::string& node = "node1") {
    const Environment environment(variables);
    StartupInputs inputs{environment, store_, clock_, host_, KernelSourceTowards, node, "v9"};
    const auto choices = RunStartup(inputs);
    return choices.has_value() ? Ok() : Status(choices.error());
  }
  std::string Failure(const Variables& variables, const std::string& node = "node1") {
    const Status status = Run(variables, node);
    return status.has_value() ? "" : status.error().message();
  }
  template <typename T>
  T Get(Kind kind, const std::string& name) {
    auto stored = Resources(store_, clock_).Get(Key::Resource(kind, name));
    EXPECT_TRUE(stored.has_value()) << name;
    return stored.has_value() ? std::get<T>(stored->object) : T{};
  }
  std::vector<std::string> Pools() {
    const auto listed = Resources(store_, clock_).List(Kind::kIPPool);
    std::vector<std::string> cidrs;
    for (const auto& stored : listed->items) cidrs.push_back(std::get<model::IPPool>(stored.object).cidr);
    return cidrs;
  }

  datastore::testing::FakeClient store_;
  const SystemClock clock_;
  HostAddresses host_;
};

const Variables kFixedV6{{"CALICO_IPV6POOL_CIDR", "fd80:24e2:f998:72d6::/64"}};

TEST_F(StartupTest, WritesTheNodeWithItsDetectedAddress) {
  ASSERT_TRUE(Run().has_value());
  const auto node = Get<model::Node>(Kind::kNode, "node1");
  EXPECT_EQ(node.bgp->ipv4_address, "172.30.200.36/24");
  EXPECT_EQ(node.bgp->ipv6_address, "");
  ASSERT_EQ(node.addresses.size(), 1U);
  EXPECT_EQ(node.addresses[0].type, "CalicoNodeIP");
}

TEST_F(StartupTest, ASecondStartWritesNothing) {
  ASSERT_TRUE(Run().has_value());
  const int writes = store_.writes();
  ASSERT_TRUE(Run().has_value());
  EXPECT_EQ(store_.writes(), writes);
}

TEST_F(StartupTest, MakesTheDefaultPoolsAndConfigurations) {
  ASSERT_TRUE(Run(kFixedV6).has_value());
  EXPECT_THAT(Pools(), ElementsAre("192.168.0.0/16", "fd80:24e2:f998:72d6::/64"));
  EXPECT_TRUE(Get<model::IPPool>(Kind::kIPPool, "default-ipv4-ippool").nat_outgoing);
  EXPECT_EQ(Get<model::IPPool>(Kind::kIPPool, "default-ipv4-ippool").ipip_mode, "Never");
  const auto information = Get<model::ClusterInformation>(Kind::kClusterInformation, "default");
  EXPECT_EQ(information.calico_version, "v9");
  EXPECT_EQ(information.cluster_guid.size(), 32U);
  EXPECT_EQ(information.datastore_ready, true);
  EXPECT_EQ(
      Get<model::FelixConfiguration>(Kind::kFelixConfiguration, "node.node1").default_endpoint_to_host_action,
      "Return");
  Get<model::BGPConfiguration>(Kind::kBGPConfiguration, "default");
}

TEST_F(StartupTest, APoolOfAFamilyIsEnough) {
  model::IPPool pool;
  pool.metadata.name = "mine";
  pool.cidr = "10.254.0.0/24";
  pool.disabled = true;
  ASSERT_TRUE(Resources(store_, clock_).Create(pool).has_value());
  ASSERT_TRUE(Run(kFixedV6).has_value());
  EXPECT_THAT(Pools(), ElementsAre("fd80:24e2:f998:72d6::/64", "10.254.0.0/24"));
}

TEST_F(StartupTest, TheDefaultPoolAvoidsTheHostsOwnNetwork) {
  host_.addresses.push_back({2, *net::Cidr::Parse("192.168.7.1/24")});
  host_.addresses.push_back({2, *net::Cidr::Parse("172.16.0.1/16")});
  ASSERT_TRUE(Run({{"CALICO_IPV6POOL_CIDR", "none"}}).has_value());
  EXPECT_THAT(Pools(), ElementsAre("172.17.0.0/16"));
}

TEST_F(StartupTest, PoolVariablesAreHonoured) {
  ASSERT_TRUE(Run({{"CALICO_IPV4POOL_CIDR", "10.7.0.0/16"},
                   {"CALICO_IPV4POOL_IPIP", "cross-subnet"},
                   {"CALICO_IPV4POOL_NAT_OUTGOING", "false"},
                   {"CALICO_IPV4POOL_BLOCK_SIZE", "28"},
                   {"CALICO_IPV6POOL_CIDR", "none"}})
                  .has_value());
  const auto pool = Get<model::IPPool>(Kind::kIPPool, "default-ipv4-ippool");
  EXPECT_EQ(pool.cidr, "10.7.0.0/16");
  EXPECT_EQ(pool.ipip_mode, "CrossSubnet");
  EXPECT_FALSE(pool.nat_outgoing);
  EXPECT_EQ(pool.block_size, 28);
}

TEST_F(StartupTest, BadValuesNameTheVariableAndWriteNothing) {
  for (const auto& [variable, value] : Variables{{"CALICO_IPV4POOL_CIDR", "10.7.0.0"},
                                                 {"CALICO_IPV4POOL_IPIP", "perhaps"},
                                                 {"CALICO_IPV4POOL_BLOCK_SIZE", "33"},
                                                 {"CALICO_IPV6POOL_CIDR", "10.0.0.0/8"},
                                                 {"AS", "x"},
                                                 {"IP", "fd00::1"},
                                                 {"IP6", "10.0.0.1"}}) {
    EXPECT_THAT(Failure({{variable, value}}), HasSubstr(variable + "='" + value + "'"));
  }
  EXPECT_THAT(Failure({{"NO_DEFAULT_POOLS", "true"}, {"CALICO_IPV4POOL_CIDR", "10.0.0.0/8"}}),
              HasSubstr("NO_DEFAULT_POOLS"));
  EXPECT_THAT(Failure({{"IP", "none"}}), HasSubstr("set IP or IP6"));
  EXPECT_EQ(store_.writes(), 0);
}

TEST_F(StartupTest, AnAddressInUseIsRefusedByTheOthersName) {
  ASSERT_TRUE(Run().has_value());
  const int writes = store_.writes();
  EXPECT_THAT(Failure({}, "twin"),
              HasSubstr("Calico node 'node1' is already using the IPv4 address 172.30.200.36"));
  EXPECT_EQ(store_.writes(), writes);
  EXPECT_TRUE(Run({{"DISABLE_NODE_IP_CHECK", "true"}}, "twin").has_value());
}

TEST_F(StartupTest, AnAddressWithoutPrefixTakesThatOfItsInterface) {
  ASSERT_TRUE(Run({{"IP", "172.30.200.36"}}).has_value());
  EXPECT_EQ(Get<model::Node>(Kind::kNode, "node1").bgp->ipv4_address, "172.30.200.36/24");
  ASSERT_TRUE(Run({{"IP", "172.30.200.99"}}, "node2").has_value());
  EXPECT_EQ(Get<model::Node>(Kind::kNode, "node2").bgp->ipv4_address, "172.30.200.99/32");
}

TEST_F(StartupTest, AStoredAddressIsKeptUnlessAskedOtherwise) {
  ASSERT_TRUE(Run({{"IP", "10.0.0.9/24"}, {"AS", "65000.1"}}).has_value());
  ASSERT_TRUE(Run().has_value());
  EXPECT_EQ(Get<model::Node>(Kind::kNode, "node1").bgp->ipv4_address, "10.0.0.9/24");
  EXPECT_EQ(Get<model::Node>(Kind::kNode, "node1").bgp->as_number, 65000U * 65536U + 1);
  ASSERT_TRUE(Run({{"IP", "autodetect"}}).has_value());
  EXPECT_EQ(Get<model::Node>(Kind::kNode, "node1").bgp->ipv4_address, "172.30.200.36/24");
}

TEST_F(StartupTest, ClusterTypesAreMerged) {
  ASSERT_TRUE(Run({{"CLUSTER_TYPE", "docker,bgp"}}).has_value());
  ASSERT_TRUE(Run({{"CLUSTER_TYPE", "bgp,lab"}}).has_value());
  EXPECT_EQ(Get<model::ClusterInformation>(Kind::kClusterInformation, "default").cluster_type,
            "docker,bgp,lab");
}

// Before the first write that a start does on the Node, another node writes the same address.
class Overtaken final : public datastore::Client {
 public:
  Overtaken(datastore::Client& inner, std::function<void()> overtake)
      : inner_(inner), overtake_(std::move(overtake)) {}
  Result<datastore::KeyValue> Get(const std::string& key) override { return inner_.Get(key); }
  Result<datastore::ListResult> List(const std::string& prefix) override { return inner_.List(prefix); }
  Result<datastore::Revision> Create(const std::string& key, const std::string& value) override {
    Overtake(key);
    return inner_.Create(key, value);
  }
  Result<datastore::Revision> Update(const std::string& key, const std::string& value,
                                     datastore::Revision expected) override {
    Overtake(key);
    return inner_.Update(key, value, expected);
  }
  Result<datastore::Revision> Put(const std::string& key, const std::string& value) override {
    return inner_.Put(key, value);
  }
  Status Delete(const std::string& key, datastore::Revision expected) override {
    return inner_.Delete(key, expected);
  }
  std::unique_ptr<datastore::Watch> StartWatch(const std::string& prefix, datastore::Revision from,
                                               datastore::WatchCallbacks callbacks) override {
    return inner_.StartWatch(prefix, from, std::move(callbacks));
  }
  std::unique_ptr<datastore::Client> WithDeadline(TimePoint deadline) override {
    return inner_.WithDeadline(deadline);
  }
  const std::string& name() const override { return inner_.name(); }

 private:
  void Overtake(const std::string& key) {
    if (key.find("/nodes/") == std::string::npos || overtake_ == nullptr) return;
    std::exchange(overtake_, nullptr)();
  }
  datastore::Client& inner_;
  std::function<void()> overtake_;
};

TEST_F(StartupTest, OfTwoNodesThatStartWithOneAddressAtOnceTheLaterGivesWay) {
  Overtaken overtaken(store_, [this] { ASSERT_TRUE(Run({}, "node1").has_value()); });
  const Environment environment(kFixedV6);
  const auto second = RunStartup({environment, overtaken, clock_, host_, KernelSourceTowards, "node2", "v9"});
  ASSERT_FALSE(second.has_value());
  EXPECT_THAT(
      second.error().message(),
      HasSubstr("Calico node 'node1' is already using the IPv4 address 172.30.200.36 of this node 'node2'"));
  const auto nodes = Resources(store_, clock_).List(Kind::kNode);
  ASSERT_EQ(nodes->items.size(), 1U) << "the address is taken back";
  EXPECT_TRUE(Run({}, "node1").has_value());
}

TEST_F(StartupTest, OfTwoNodesThatMoveToOneAddressTheLaterKeepsItsOld) {
  ASSERT_TRUE(Run({{"IP", "10.0.0.2/24"}}, "node2").has_value());
  Overtaken overtaken(store_, [this] { ASSERT_TRUE(Run({}, "node1").has_value()); });
  const Environment environment(Variables{{"IP", "autodetect"}});
  const auto second =
      UpdateAddresses({environment, overtaken, clock_, host_, KernelSourceTowards, "node2", "v9"});
  EXPECT_FALSE(second.has_value());
  EXPECT_EQ(Get<model::Node>(Kind::kNode, "node2").bgp->ipv4_address, "10.0.0.2/24");
}

TEST_F(StartupTest, ARunningAgentFollowsItsAddressOnlyIfItIsAutodetected) {
  const auto update = [this](const Variables& variables) {
    const Environment environment(variables);
    return UpdateAddresses({environment, store_, clock_, host_, KernelSourceTowards, "node1", "v9"});
  };
  const auto stored = [this] { return Get<model::Node>(Kind::kNode, "node1").bgp->ipv4_address; };
  ASSERT_TRUE(Run().has_value());
  host_.addresses[0].address = *net::Cidr::Parse("172.30.200.99/24");
  for (const Variables& fixed : {Variables{}, Variables{{"IP", "172.30.200.36"}}}) {
    const int writes = store_.writes();
    ASSERT_TRUE(update(fixed).has_value());
    EXPECT_EQ(store_.writes(), writes);
  }
  const Variables automatic{{"IP", "autodetect"}};
  const auto choices = update(automatic);
  ASSERT_TRUE(choices.has_value()) << choices.error().message();
  EXPECT_EQ(stored(), "172.30.200.99/24");
  EXPECT_EQ(Get<model::Node>(Kind::kNode, "node1").addresses.at(0).address, "172.30.200.99/24");
  EXPECT_EQ(choices->at(0).reason, "autodetected by first-found on eth0: the only one that will do");
  // A newer interface with an address: the one in use stays.
  kernel::Link newer;
  newer.ifindex = 7;
  newer.name = "eth1";
  host_.links.push_back(newer);
  host_.addresses.push_back({7, *net::Cidr::Parse("10.7.0.1/24")});
  const int writes = store_.writes();
  ASSERT_TRUE(update(automatic).has_value());
  EXPECT_EQ(store_.writes(), writes);
  // And when there is none.
  host_.addresses.clear();
  const auto gone = update(automatic);
  ASSERT_TRUE(gone.has_value());
  EXPECT_EQ(store_.writes(), writes);
  EXPECT_THAT(gone->at(0).problem, HasSubstr("keeping 172.30.200.99/24"));
}

TEST_F(StartupTest, WhicheverWriteFailsTheNextStartCompletesIt) {
  using ipam::testing::Fault;
  int tried = 0;
  for (const Fault fault : {Fault::kRefused, Fault::kReplyLost, Fault::kDownFromHere}) {
    for (int index = 0;; ++index) {
      datastore::testing::FakeClient store;
      ipam::testing::FaultyClient faulty(store);
      const Environment environment(kFixedV6);
      StartupInputs inputs{environment, faulty, clock_, host_, KernelSourceTowards, "node1", "v9"};
      faulty.FailWrite(index, fault);
      const auto first = RunStartup(inputs);
      EXPECT_EQ(first.has_value(), !faulty.failed());
      faulty.FailNothing();
      const auto second = RunStartup(inputs);
      ASSERT_TRUE(second.has_value()) << second.error().message();
      EXPECT_EQ(store.content().size(), 10U)
          << "cluster information, three tiers, node, two pools, three configurations";
      if (!faulty.failed()) break;
      ++tried;
    }
  }
  EXPECT_EQ(tried, 3 * 10);
}

}  // namespace
}  // namespace calico::node
