// SPDX-License-Identifier: Apache-2.0
#include "datastore/initialisation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/resources.h"
#include "datastore/testing/fake_client.h"

namespace calico::datastore {
namespace {

using model::Key;
using model::Kind;

class InitialisationTest : public ::testing::Test {
 protected:
  Status Run(const ClusterFacts& facts = {}) { return EnsureInitialised(store_, clock_, facts); }
  model::ClusterInformation Information() {
    auto stored = Resources(store_, clock_).Get(Key::Resource(Kind::kClusterInformation, "default"));
    EXPECT_TRUE(stored.has_value());
    return stored.has_value() ? std::get<model::ClusterInformation>(stored->object)
                              : model::ClusterInformation{};
  }
  void Store(const model::ClusterInformation& information) {
    ASSERT_TRUE(Resources(store_, clock_).Update(information).has_value());
  }
  testing::FakeClient store_;
  const SystemClock clock_;
};

TEST_F(InitialisationTest, AnEmptyStoreGetsInformationAndTiers) {
  ASSERT_TRUE(Run({"v3.32.1", "k8s,bgp"}).has_value());
  const auto information = Information();
  EXPECT_THAT(information.cluster_guid, ::testing::MatchesRegex("[0-9a-f]+"));
  EXPECT_EQ(information.cluster_guid.size(), 32U);
  EXPECT_EQ(information.calico_version, "v3.32.1");
  EXPECT_EQ(information.cluster_type, "k8s,bgp");
  EXPECT_EQ(information.datastore_ready, true);
  const auto tiers = Resources(store_, clock_).List(Kind::kTier);
  ASSERT_EQ(tiers->items.size(), 3U);
  const auto tier = [&](std::size_t i) { return std::get<model::Tier>(tiers->items[i].object); };
  EXPECT_EQ(tier(0).metadata.name, "default");
  EXPECT_EQ(tier(0).order, 1'000'000);
  EXPECT_EQ(tier(0).default_action, "Deny");
  EXPECT_EQ(tier(1).metadata.name, "kube-admin");
  EXPECT_EQ(tier(1).order, 1'000);
  EXPECT_EQ(tier(1).default_action, "Pass");
  EXPECT_EQ(tier(2).metadata.name, "kube-baseline");
  EXPECT_EQ(tier(2).order, 10'000'000);
}

TEST_F(InitialisationTest, ASecondRunWritesNothing) {
  ASSERT_TRUE(Run({"v3.32.1", "bgp"}).has_value());
  const int writes = store_.writes();
  ASSERT_TRUE(Run({"v3.32.1", "bgp"}).has_value());
  ASSERT_TRUE(Run().has_value());
  EXPECT_EQ(store_.writes(), writes);
}

TEST_F(InitialisationTest, AVersionIsUpdatedAndTypesAreAppended) {
  ASSERT_TRUE(Run({"v1", "bgp"}).has_value());
  const std::string guid = Information().cluster_guid;
  ASSERT_TRUE(Run({"v2", "k8s,bgp,kdd"}).has_value());
  EXPECT_EQ(Information().calico_version, "v2");
  EXPECT_EQ(Information().cluster_type, "bgp,k8s,kdd");
  EXPECT_EQ(Information().cluster_guid, guid);
}

TEST_F(InitialisationTest, ALockedStoreStaysLocked) {
  ASSERT_TRUE(Run().has_value());
  auto information = Information();
  information.datastore_ready = false;
  Store(information);
  ASSERT_TRUE(Run({"v2", ""}).has_value());
  EXPECT_EQ(Information().datastore_ready, false);
}

TEST_F(InitialisationTest, ALostRaceIsRunAgain) {
  ASSERT_TRUE(Run({"v1", ""}).has_value());
  store_.FailNext(testing::Operation::kUpdate, Error(ErrorCode::kConflict, "lost"));
  ASSERT_TRUE(Run({"v2", ""}).has_value());
  EXPECT_EQ(Information().calico_version, "v2");
}

TEST_F(InitialisationTest, AFirstNodeInitialises) {
  model::Node node;
  node.metadata.name = "n";
  ASSERT_TRUE(Resources(store_, clock_).Create(node).has_value());
  EXPECT_EQ(Information().datastore_ready, true);
}

TEST_F(InitialisationTest, AStoreThatIsAwayIsAnError) {
  store_.FailNext(testing::Operation::kGet, Error(ErrorCode::kUnavailable, "fake store: down"));
  EXPECT_EQ(Run().error().message(), "fake store: down");
}

}  // namespace
}  // namespace calico::datastore
