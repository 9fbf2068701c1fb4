// SPDX-License-Identifier: Apache-2.0
// Tiers and names of policies (reference datastore-model A.7.2, A.7.3), and a store of Calico 2.6.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/resources.h"
#include "datastore/testing/fake_client.h"
#include "model/codec/json.h"

namespace calico::datastore {
namespace {

using model::GlobalNetworkPolicy;
using model::Key;
using model::Kind;
using ::testing::HasSubstr;

// Counts what a store is asked, and can be one of Calico 2.6.
class CountingClient final : public Client {
 public:
  Result<KeyValue> Get(const std::string& key) override { return ++reads_, store_.Get(key); }
  Result<ListResult> List(const std::string& prefix) override { return ++reads_, store_.List(prefix); }
  Result<Revision> Create(const std::string& key, const std::string& value) override {
    return store_.Create(key, value);
  }
  Result<Revision> Update(const std::string& key, const std::string& value, Revision expected) override {
    return store_.Update(key, value, expected);
  }
  Result<Revision> Put(const std::string& key, const std::string& value) override {
    return store_.Put(key, value);
  }
  Status Delete(const std::string& key, Revision expected) override { return store_.Delete(key, expected); }
  std::unique_ptr<Watch> StartWatch(const std::string& prefix, Revision from,
                                    WatchCallbacks callbacks) override {
    return store_.StartWatch(prefix, from, std::move(callbacks));
  }
  std::unique_ptr<Client> WithDeadline(TimePoint deadline) override { return store_.WithDeadline(deadline); }
  Dialect dialect() const override { return dialect_; }
  const std::string& name() const override { return store_.name(); }

  testing::FakeClient store_;
  Dialect dialect_ = Dialect::kV3;
  int reads_ = 0;
};

class ResourcePoliciesTest : public ::testing::Test {
 protected:
  void PutTier(const std::string& name) {
    ASSERT_TRUE(client_
                    .Put(model::ToPath(Key::Resource(Kind::kTier, name)),
                         R"({"metadata":{"name":")" + name + R"("},"spec":{}})")
                    .has_value());
  }
  static std::string Path(const std::string& name) {
    return model::ToPath(Key::Resource(Kind::kGlobalNetworkPolicy, name));
  }
  static GlobalNetworkPolicy Policy(const std::string& name, const std::string& tier = "") {
    GlobalNetworkPolicy policy;
    policy.metadata.name = name;
    policy.spec.tier = tier;
    return policy;
  }
  // As a release before v3.29 stored it.
  void PutOld(const std::string& name) {
    ASSERT_TRUE(
        client_
            .Put(Path("default." + name), R"({"metadata":{"name":"default.)" + name +
                                              R"(","uid":"u","creationTimestamp":"2020-01-01T00:00:00Z"},)"
                                              R"("spec":{"order":1,"types":["Ingress"]}})")
            .has_value());
  }
  CountingClient client_;
  const SystemClock clock_;
  Resources resources_{client_, clock_};
};

TEST_F(ResourcePoliciesTest, ThePolicysTierMustExistWhenItIsCreated) {
  EXPECT_EQ(resources_.Create(Policy("p")).error().message(),
            "resource does not exist: Tier(default) with error: <nil>");
  EXPECT_EQ(resources_.Create(Policy("p", "net")).error().message(),
            "resource does not exist: Tier(net) with error: <nil>");
  PutTier("net");
  EXPECT_TRUE(resources_.Create(Policy("p", "net")).has_value());
}

TEST_F(ResourcePoliciesTest, AnUpdateDoesNotAskForTheTier) {
  PutTier("net");
  const auto created = resources_.Create(Policy("p", "net"));
  ASSERT_TRUE(created.has_value());
  ASSERT_TRUE(client_.Delete(model::ToPath(Key::Resource(Kind::kTier, "net")), 0).has_value());
  EXPECT_TRUE(resources_.Update(created->object).has_value());
}

TEST_F(ResourcePoliciesTest, ManyPoliciesCostNoMoreReadsThanOne) {
  PutTier("default");
  ASSERT_TRUE(resources_.Create(Policy("p0")).has_value());
  const int reads = client_.reads_;
  for (int i = 1; i < 100; ++i) ASSERT_TRUE(resources_.Create(Policy("p" + std::to_string(i))).has_value());
  EXPECT_EQ(client_.reads_, reads);
}

TEST_F(ResourcePoliciesTest, ResultsWithoutATierLabelHaveIt) {
  ASSERT_TRUE(client_.Put(Path("p"), R"({"metadata":{"name":"p"},"spec":{}})").has_value());
  const auto read = resources_.Get(Key::Resource(Kind::kGlobalNetworkPolicy, "p"));
  EXPECT_EQ(model::MetadataOf(read->object).labels.at("projectcalico.org/tier"), "default");
}

TEST_F(ResourcePoliciesTest, APolicyOfAnOldReleaseIsFoundUnderTheNameThatListsShow) {
  PutOld("p");
  const auto listed = resources_.List(Kind::kGlobalNetworkPolicy);
  ASSERT_EQ(listed->items.size(), 1U);
  EXPECT_EQ(model::MetadataOf(listed->items[0].object).name, "p");
  const auto read = resources_.Get(Key::Resource(Kind::kGlobalNetworkPolicy, "p"));
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(model::MetadataOf(read->object).name, "p");
}

TEST_F(ResourcePoliciesTest, APolicyOfAnOldReleaseIsWrittenWhereItIs) {
  PutTier("default");
  PutOld("p");
  auto policy = Policy("p");
  policy.spec.order = 7;
  ASSERT_TRUE(resources_.Apply(policy).has_value());
  EXPECT_FALSE(client_.store_.content().contains(Path("p")));
  EXPECT_THAT(client_.store_.content().at(Path("default.p")), HasSubstr("\"order\":7"));
  ASSERT_TRUE(resources_.Delete(Key::Resource(Kind::kGlobalNetworkPolicy, "p")).has_value());
  EXPECT_FALSE(client_.store_.content().contains(Path("default.p")));
  EXPECT_TRUE(resources_.Create(policy).has_value());
}

TEST_F(ResourcePoliciesTest, AMissingPolicyIsNamedAsAsked) {
  EXPECT_EQ(resources_.Get(Key::Resource(Kind::kGlobalNetworkPolicy, "p")).error().message(),
            "resource does not exist: GlobalNetworkPolicy(p) with error: <nil>");
  EXPECT_EQ(resources_.Delete(Key::Resource(Kind::kGlobalNetworkPolicy, "p")).error().message(),
            "resource does not exist: GlobalNetworkPolicy(p) with error: <nil>");
}

TEST_F(ResourcePoliciesTest, AStoreOfCalico26HasNoTiersUidsAndOverlapChecks) {
  client_.dialect_ = Dialect::kCalico26;
  const auto created = resources_.Create(Policy("Web_Tier"));
  ASSERT_TRUE(created.has_value()) << created.error().message();
  EXPECT_EQ(model::MetadataOf(created->object).uid, "");
  EXPECT_EQ(model::MetadataOf(created->object).creation_timestamp, "");
  EXPECT_TRUE(resources_.Update(created->object).has_value());
  model::IPPool pool;
  pool.metadata.name = "a";
  pool.cidr = "10.0.0.0/16";
  ASSERT_TRUE(resources_.Create(pool).has_value());
  pool.metadata.name = "b";
  pool.cidr = "10.0.0.0/17";
  EXPECT_TRUE(resources_.Create(pool).has_value());
}

}  // namespace
}  // namespace calico::datastore
