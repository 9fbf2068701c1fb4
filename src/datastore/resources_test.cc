// SPDX-License-Identifier: Apache-2.0
#include "datastore/resources.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/testing/fake_client.h"
#include "model/codec/json.h"

namespace calico::datastore {
namespace {

using model::Key;
using model::Kind;
using ::testing::HasSubstr;

model::IPPool Pool(const std::string& name, const std::string& cidr) {
  model::IPPool pool;
  pool.metadata.name = name;
  pool.cidr = cidr;
  return pool;
}
Key PoolKey(const std::string& name) {
  return Key::Resource(Kind::kIPPool, name);
}
const model::IPPool& PoolIn(const Stored& stored) {
  return std::get<model::IPPool>(stored.object);
}

class ResourcesTest : public ::testing::Test {
 protected:
  Stored Created(const model::Object& object) {
    auto stored = resources_.Create(object);
    EXPECT_TRUE(stored.has_value()) << stored.error().message();
    return *stored;
  }

  testing::FakeClient store_;
  const SystemClock clock_;
  Resources resources_{store_, clock_};
};

TEST_F(ResourcesTest, CreatingSetsUidTimeDefaultsAndRevision) {
  const Stored stored = Created(Pool("a", "10.0.0.0/16"));
  const model::IPPool& pool = PoolIn(stored);
  EXPECT_EQ(pool.metadata.uid.size(), 36U);
  EXPECT_THAT(pool.metadata.creation_timestamp, ::testing::EndsWith("Z"));
  EXPECT_EQ(pool.metadata.resource_version, std::to_string(stored.revision));
  EXPECT_EQ(pool.block_size, 26);
  EXPECT_EQ(resources_.Get(PoolKey("a"))->object, stored.object);
}

TEST_F(ResourcesTest, ASecondObjectOfANameIsRefused) {
  Created(Pool("a", "10.0.0.0/16"));
  const auto again = resources_.Create(Pool("a", "10.1.0.0/16"));
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(again.error().message(), "resource already exists: IPPool(a) with error: <nil>");
}

TEST_F(ResourcesTest, PoolsThatOverlapAreRefusedByBothNames) {
  Created(Pool("a", "10.0.0.0/16"));
  const auto other = resources_.Create(Pool("b", "10.0.128.0/17"));
  ASSERT_FALSE(other.has_value());
  EXPECT_THAT(other.error().message(), HasSubstr("IPPool(b) CIDR overlaps with IPPool(a) CIDR 10.0.0.0/16"));
  EXPECT_EQ(store_.writes(), 1);
}

TEST_F(ResourcesTest, AnInvalidObjectIsNotWritten) {
  EXPECT_FALSE(resources_.Create(Pool("a", "10.0.0.1/16")).has_value());
  EXPECT_FALSE(resources_.Create(Pool("", "10.0.0.0/16")).has_value() && store_.writes() > 1);
  EXPECT_EQ(store_.content().count(model::ToPath(PoolKey("a"))), 0U);
}

TEST_F(ResourcesTest, AnUpdateNeedsTheRevisionItRead) {
  Stored first = Created(Pool("a", "10.0.0.0/16"));
  auto changed = PoolIn(first);
  changed.nat_outgoing = true;
  ASSERT_TRUE(resources_.Update(changed).has_value());
  const auto stale = resources_.Update(changed);
  ASSERT_FALSE(stale.has_value());
  EXPECT_EQ(stale.error().code(), ErrorCode::kConflict);
  EXPECT_EQ(stale.error().message(), "update conflict: IPPool(a)");
}

TEST_F(ResourcesTest, ReplaceKeepsUidAndTimeAndTakesTheRest) {
  const Stored first = Created(Pool("a", "10.0.0.0/16"));
  auto next = Pool("a", "10.0.0.0/16");
  next.nat_outgoing = true;
  next.metadata.labels = {{"k", "v"}};
  const auto replaced = resources_.Replace(next);
  ASSERT_TRUE(replaced.has_value()) << replaced.error().message();
  EXPECT_EQ(PoolIn(*replaced).metadata.uid, PoolIn(first).metadata.uid);
  EXPECT_EQ(PoolIn(*replaced).metadata.labels, next.metadata.labels);
  EXPECT_TRUE(PoolIn(*replaced).nat_outgoing);
}

TEST_F(ResourcesTest, ReplaceTriesAgainAfterALostRace) {
  Created(Pool("a", "10.0.0.0/16"));
  store_.FailNext(testing::Operation::kUpdate, Error(ErrorCode::kConflict, "lost"));
  EXPECT_TRUE(resources_.Replace(Pool("a", "10.0.0.0/16")).has_value());
}

TEST_F(ResourcesTest, ReplaceOfWhatIsNotThereSaysSo) {
  const auto replaced = resources_.Replace(Pool("a", "10.0.0.0/16"));
  ASSERT_FALSE(replaced.has_value());
  EXPECT_EQ(replaced.error().message(), "resource does not exist: IPPool(a) with error: <nil>");
}

TEST_F(ResourcesTest, ApplyCreatesAndThenReplaces) {
  ASSERT_TRUE(resources_.Apply(Pool("a", "10.0.0.0/16")).has_value());
  auto next = Pool("a", "10.0.0.0/16");
  next.disabled = true;
  ASSERT_TRUE(resources_.Apply(next).has_value());
  EXPECT_TRUE(PoolIn(*resources_.Get(PoolKey("a"))).disabled);
}

TEST_F(ResourcesTest, UnknownMembersSurviveAReadModifyWrite) {
  const std::string path = model::ToPath(PoolKey("a"));
  Created(Pool("a", "10.0.0.0/16"));
  std::string value = store_.content().at(path);
  value.insert(value.find("\"spec\":{") + 8, "\"fromTheFuture\":{\"x\":[1,2]},");
  ASSERT_TRUE(store_.Put(path, value).has_value());
  auto read = resources_.Get(PoolKey("a"));
  ASSERT_TRUE(read.has_value());
  std::get<model::IPPool>(read->object).nat_outgoing = true;
  ASSERT_TRUE(resources_.Update(read->object).has_value());
  EXPECT_THAT(store_.content().at(path), HasSubstr("\"fromTheFuture\":{\"x\":[1,2]}"));
}

TEST_F(ResourcesTest, ListSkipsWhatDoesNotDecode) {
  Created(Pool("a", "10.0.0.0/16"));
  ASSERT_TRUE(store_.Put(model::ToPath(PoolKey("b")), "{broken").has_value());
  EXPECT_EQ(resources_.List(Kind::kIPPool)->items.size(), 1U);
}

TEST_F(ResourcesTest, TheBuiltInProfileExistsAndCannotBeTouched) {
  const Key key = Key::Resource(Kind::kProfile, "projectcalico-default-allow");
  ASSERT_TRUE(resources_.Get(key).has_value());
  EXPECT_EQ(resources_.Delete(key).error().code(), ErrorCode::kUnsupported);
  model::Profile profile;
  profile.metadata.name = key.name;
  EXPECT_FALSE(resources_.Create(profile).has_value());
  EXPECT_EQ(store_.writes(), 0);
}

TEST_F(ResourcesTest, AStoreThatIsAwayIsNamed) {
  store_.FailNext(testing::Operation::kGet, Error(ErrorCode::kUnavailable, "fake store: down"));
  EXPECT_EQ(resources_.Get(PoolKey("a")).error().message(), "fake store: down");
}

}  // namespace
}  // namespace calico::datastore
