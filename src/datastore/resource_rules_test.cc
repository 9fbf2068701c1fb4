// SPDX-License-Identifier: Apache-2.0
// Metadata rules and the checks that look at other objects, with upstream's words (reference datastore-model
// A.4, A.7.1, A.7.4, A.15, A.16, C.6.1).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/resources.h"
#include "datastore/testing/fake_client.h"
#include "model/codec/json.h"

namespace calico::datastore {
namespace {

using model::Key;
using model::Kind;
using ::testing::HasSubstr;

template <typename T>
T Named(const std::string& name) {
  T object;
  object.metadata.name = name;
  return object;
}

class ResourceRulesTest : public ::testing::Test {
 protected:
  std::string CreateError(const model::Object& object) {
    const auto created = resources_.Create(object);
    return created.has_value() ? "" : created.error().message();
  }
  std::string UpdateError(const model::Object& object) {
    const auto updated = resources_.Update(object);
    return updated.has_value() ? "" : updated.error().message();
  }
  std::string DeleteError(Kind kind, const std::string& name) {
    const auto deleted = resources_.Delete(Key::Resource(kind, name));
    return deleted.has_value() ? "" : deleted.error().message();
  }
  testing::FakeClient store_;
  const SystemClock clock_;
  Resources resources_{store_, clock_};
};

TEST_F(ResourceRulesTest, CreateNeedsAName) {
  model::GlobalNetworkSet set;
  EXPECT_EQ(CreateError(set), "error with field Metadata.Name (field must be set for a Create request)");
  set.metadata.generate_name = "web-";
  EXPECT_EQ(CreateError(set),
            "error with field Metadata.Name (field must be set for a Create request (GenerateName is not "
            "supported))");
}

TEST_F(ResourceRulesTest, CreateTakesNoResourceVersion) {
  auto set = Named<model::GlobalNetworkSet>("s");
  set.metadata.resource_version = "7";
  EXPECT_EQ(CreateError(set),
            "error with field Metadata.ResourceVersion = '7' (field must not be set for a Create request)");
}

TEST_F(ResourceRulesTest, NamespacedKindsNeedANamespace) {
  const std::string text =
      "error with field Metadata.Namespace (namespace is not specified on namespaced resource)";
  EXPECT_EQ(CreateError(Named<model::NetworkSet>("s")), text);
  EXPECT_EQ(DeleteError(Kind::kNetworkSet, "s"), text);
  EXPECT_EQ(resources_.Get(Key::Resource(Kind::kNetworkSet, "s")).error().message(), text);
}

TEST_F(ResourceRulesTest, CreateKeepsUidAndTimeOfTheCaller) {
  auto set = Named<model::GlobalNetworkSet>("s");
  set.metadata.uid = "u";
  set.metadata.creation_timestamp = "2020-01-01T00:00:00Z";
  ASSERT_EQ(CreateError(set), "");
  const auto stored = resources_.Get(Key::Resource(Kind::kGlobalNetworkSet, "s"));
  EXPECT_EQ(model::MetadataOf(stored->object).uid, "u");
  EXPECT_EQ(model::MetadataOf(stored->object).creation_timestamp, "2020-01-01T00:00:00Z");
}

TEST_F(ResourceRulesTest, UpdateNeedsRevisionTimeAndUidInThisOrder) {
  auto set = Named<model::GlobalNetworkSet>("s");
  EXPECT_EQ(UpdateError(set),
            "error with field Metadata.ResourceVersion (field must be set for an Update request)");
  set.metadata.resource_version = "soon";
  EXPECT_EQ(UpdateError(set),
            "error with field Metadata.CreationTimestamp (field must be set for an Update request)");
  set.metadata.creation_timestamp = "2020-01-01T00:00:00Z";
  EXPECT_EQ(UpdateError(set), "error with field Metadata.UID (field must be set for an Update request)");
  set.metadata.uid = "u";
  EXPECT_THAT(UpdateError(set), HasSubstr("error with field ResourceVersion = 'soon'"));
  set.metadata.resource_version = "7";
  EXPECT_EQ(UpdateError(set), "resource does not exist: GlobalNetworkSet(s) with error: <nil>");
}

TEST_F(ResourceRulesTest, ErrorsNameNamespacedObjectsWhole) {
  auto set = Named<model::NetworkSet>("s");
  set.metadata.ns = "shop";
  ASSERT_EQ(CreateError(set), "");
  EXPECT_EQ(CreateError(set), "resource already exists: NetworkSet(shop/s) with error: <nil>");
  EXPECT_EQ(resources_.Delete(Key::Resource(Kind::kNetworkSet, "s", "shop"), 1).error().message(),
            "update conflict: NetworkSet(shop/s)");
}

TEST_F(ResourceRulesTest, TheStaticProfileIsAloneInItsList) {
  ASSERT_EQ(CreateError(Named<model::Profile>("web")), "");
  const auto listed = resources_.List(Kind::kProfile);
  ASSERT_EQ(listed->items.size(), 2U);
  const auto& last = std::get<model::Profile>(listed->items[1].object);
  EXPECT_EQ(last.metadata.name, "projectcalico-default-allow");
  EXPECT_EQ(last.metadata.resource_version, "1");
  EXPECT_EQ(last.ingress.size(), 1U);
  EXPECT_EQ(last.egress.size(), 1U);
}

TEST_F(ResourceRulesTest, TheStaticProfileCannotBeTouched) {
  const auto profile = Named<model::Profile>("projectcalico-default-allow");
  EXPECT_EQ(CreateError(profile),
            "resource already exists: projectcalico-default-allow with error: projectcalico-default-allow "
            "already exists. The profile \"projectcalico-default-allow\" is default provided by Calico");
  EXPECT_EQ(UpdateError(profile),
            "operation Update is not supported on projectcalico-default-allow: The profile "
            "\"projectcalico-default-allow\" is a default provided by Calico and cannot be updated");
  EXPECT_EQ(DeleteError(Kind::kProfile, "projectcalico-default-allow"),
            "operation Delete is not supported on projectcalico-default-allow: The profile "
            "\"projectcalico-default-allow\" is a default provided by Calico and cannot be deleted");
}

TEST_F(ResourceRulesTest, TiersListWithTheirDefaultsAndReadAsStored) {
  ASSERT_TRUE(store_
                  .Put(model::ToPath(Key::Resource(Kind::kTier, "t")),
                       R"({"metadata":{"name":"t"},"spec":{},"status":{}})")
                  .has_value());
  const auto listed = resources_.List(Kind::kTier);
  const auto& tier = std::get<model::Tier>(listed->items.at(0).object);
  EXPECT_EQ(tier.order, 1'000'000);
  EXPECT_EQ(tier.default_action, "Deny");
  const auto read = resources_.Get(Key::Resource(Kind::kTier, "t"));
  EXPECT_EQ(std::get<model::Tier>(read->object).order, std::nullopt);
}

TEST_F(ResourceRulesTest, BuiltInTiersStay) {
  for (const std::string name : {"default", "kube-admin", "kube-baseline"}) {
    EXPECT_EQ(DeleteError(Kind::kTier, name),
              "operation Delete is not supported on " + name + ": Cannot delete " + name + " tier");
  }
}

TEST_F(ResourceRulesTest, ATierWithPoliciesStays) {
  auto tier = Named<model::Tier>("net");
  tier.order = 5;
  ASSERT_EQ(CreateError(tier), "");
  auto policy = Named<model::StagedNetworkPolicy>("p");
  policy.metadata.ns = "shop";
  policy.spec.tier = "net";
  ASSERT_EQ(CreateError(policy), "");
  EXPECT_EQ(DeleteError(Kind::kTier, "net"),
            "operation delete is not supported on net: Cannot delete a non-empty tier");
  ASSERT_TRUE(resources_.Delete(Key::Resource(Kind::kStagedNetworkPolicy, "p", "shop")).has_value());
  EXPECT_EQ(DeleteError(Kind::kTier, "net"), "");
}

TEST_F(ResourceRulesTest, FiltersOfAPeerMustExist) {
  auto peer = Named<model::BGPPeer>("p");
  peer.peer_ip = "192.0.2.1";
  peer.as_number = 65001;
  peer.filters = {"here", "away", "gone"};
  auto filter = Named<model::BGPFilter>("here");
  ASSERT_EQ(CreateError(filter), "");
  EXPECT_EQ(CreateError(peer),
            "error with field BGPPeer.Spec.Filters = 'away, gone' (BGPFilter(s) not found)");
  peer.filters = {"here"};
  const auto created = resources_.Create(peer);
  ASSERT_TRUE(created.has_value()) << created.error().message();
  auto changed = std::get<model::BGPPeer>(created->object);
  changed.filters = {"away"};
  EXPECT_EQ(UpdateError(changed), "error with field BGPPeer.Spec.Filters = 'away' (BGPFilter(s) not found)");
}

TEST_F(ResourceRulesTest, PoolsMayNotOverlapEvenDisabledOnes) {
  auto pool = Named<model::IPPool>("a");
  pool.cidr = "10.0.0.0/16";
  pool.disabled = true;
  ASSERT_EQ(CreateError(pool), "");
  auto other = Named<model::IPPool>("b");
  other.cidr = "10.0.128.0/17";
  EXPECT_EQ(
      CreateError(other),
      "error with field IPPool.Spec.CIDR = '10.0.128.0/17' (IPPool(b) CIDR overlaps with IPPool(a) CIDR "
      "10.0.0.0/16)");
}

TEST_F(ResourceRulesTest, BlocksOfAnotherSizeRefuseAPool) {
  const auto block = net::Cidr::Parse("10.0.1.0/28");
  ASSERT_TRUE(store_.Put(model::ToPath(Key::Block(*block)), "{}").has_value());
  auto pool = Named<model::IPPool>("a");
  pool.cidr = "10.0.0.0/16";
  EXPECT_EQ(CreateError(pool),
            "error with field IPPool.Spec.BlockSize = '26' (IPPool blocksSize conflicts with existing "
            "allocations that use a different blockSize)");
  pool.block_size = 28;
  EXPECT_EQ(CreateError(pool), "");
}

TEST_F(ResourceRulesTest, ReplaceKeepsWhatItDoesNotKnowOfMetadata) {
  const std::string path = model::ToPath(Key::Resource(Kind::kGlobalNetworkSet, "s"));
  ASSERT_TRUE(store_
                  .Put(path,
                       R"({"metadata":{"name":"s","uid":"u","creationTimestamp":"2020-01-01T00:00:00Z",)"
                       R"("finalizers":["f"]},"spec":{"nets":["10.0.0.1"],"later":1}})")
                  .has_value());
  auto set = Named<model::GlobalNetworkSet>("s");
  set.nets = {"10.0.0.2"};
  ASSERT_TRUE(resources_.Replace(set).has_value());
  EXPECT_EQ(
      store_.content().at(path),
      R"({"kind":"GlobalNetworkSet","apiVersion":"projectcalico.org/v3","metadata":{"name":"s","uid":"u",)"
      R"("creationTimestamp":"2020-01-01T00:00:00Z","finalizers":["f"]},"spec":{"nets":["10.0.0.2"]}})");
}

TEST_F(ResourceRulesTest, AWalkGivesWhatTheListHas) {
  for (const char* name : {"a", "b", "c"}) ASSERT_EQ(CreateError(Named<model::GlobalNetworkSet>(name)), "");
  std::string names;
  const auto revision = resources_.ForEach(Kind::kGlobalNetworkSet, "", [&](const Stored& stored) {
    names += model::MetadataOf(stored.object).name;
    return Ok();
  });
  ASSERT_TRUE(revision.has_value());
  EXPECT_EQ(names, "abc");
  EXPECT_EQ(*revision, resources_.List(Kind::kGlobalNetworkSet)->revision);
}

}  // namespace
}  // namespace calico::datastore
