// SPDX-License-Identifier: Apache-2.0
// What those who enforce policy make of stored values that are not what they should be.
#include <limits>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "model/codec/json.h"

namespace calico::model {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Json = nlohmann::json;

constexpr double kFirst = -std::numeric_limits<double>::infinity();

Key PolicyKey() {
  return Key::Resource(Kind::kNetworkPolicy, "p", "ns");
}
Json Policy() {
  return Json::parse(R"({"kind":"NetworkPolicy","apiVersion":"projectcalico.org/v3",
    "metadata":{"name":"p","namespace":"ns"},
    "spec":{"tier":"t1","order":7,"selector":"a == 'b'","types":["Ingress"],
            "ingress":[{"action":"Allow","protocol":"TCP","destination":{"ports":[80]}}]}})");
}
NetworkPolicy Enforced(const Json& json) {
  auto object = DecodeToEnforce(PolicyKey(), json.dump());
  EXPECT_TRUE(object.has_value());
  return std::get<NetworkPolicy>(*object);
}

TEST(DecodeToEnforce, IsTheValueWhenThereIsNothingWrongWithIt) {
  EXPECT_EQ(*DecodeToEnforce(PolicyKey(), Policy().dump()), *DecodeValue(PolicyKey(), Policy().dump()));
  EXPECT_THAT(Enforced(Policy()).spec.unreadable, IsEmpty());
}

TEST(DecodeToEnforce, KeepsSelectionAndPlaceOfAPolicyWithABadRule) {
  Json json = Policy();
  json["spec"]["ingress"][0]["destination"]["ports"] = "eighty";
  const NetworkPolicy policy = Enforced(json);
  EXPECT_THAT(policy.spec.unreadable, HasSubstr("ports"));
  EXPECT_EQ(policy.spec.selector, "a == 'b'");
  EXPECT_EQ(policy.spec.tier, "t1");
  EXPECT_EQ(policy.spec.order, 7);
  EXPECT_EQ(policy.spec.types, std::vector<std::string>{"Ingress"});
}

TEST(DecodeToEnforce, TakesABadSelectorForEverything) {
  Json json = Policy();
  json["spec"]["selector"] = {"a", "b"};
  EXPECT_EQ(Enforced(json).spec.selector, "");
}

TEST(DecodeToEnforce, TakesTypesWithABadOneForBoth) {
  Json json = Policy();
  json["spec"]["types"] = {"Ingress", Json::object()};
  EXPECT_THAT(Enforced(json).spec.types, IsEmpty());
}

TEST(DecodeToEnforce, PutsAPolicyWithABadOrderInFront) {
  Json json = Policy();
  json["spec"]["order"] = "first";
  EXPECT_EQ(Enforced(json).spec.order, kFirst);
}

TEST(DecodeToEnforce, HasAPolicyEvenForWhatIsNoJson) {
  for (const std::string text : {"", "{", "[]", "7", "\"Allow\"", R"({"spec": []})", R"({"metadata": 1})"}) {
    const auto object = DecodeToEnforce(PolicyKey(), text);
    ASSERT_TRUE(object.has_value()) << text;
    const auto& policy = std::get<NetworkPolicy>(*object);
    EXPECT_THAT(policy.spec.unreadable, ::testing::Not(IsEmpty())) << text;
    EXPECT_EQ(policy.metadata.name, "p");
    EXPECT_EQ(policy.metadata.ns, "ns");
    EXPECT_EQ(policy.spec.selector, "");
    EXPECT_EQ(KeyOf(*object), PolicyKey());
  }
}

TEST(DecodeToEnforce, HasAProfileThatKeepsTheLabelsThatCanBeRead) {
  const auto object =
      DecodeToEnforce(Key::Resource(Kind::kProfile, "n"),
                      R"({"metadata":{"name":"n"},"spec":{"ingress":{},"labelsToApply":{"pcns.a":"b"}}})");
  ASSERT_TRUE(object.has_value());
  EXPECT_THAT(WhyUnreadable(*object), HasSubstr("ingress"));
  EXPECT_EQ(std::get<Profile>(*object).labels_to_apply.at("pcns.a"), "b");
}

TEST(DecodeToEnforce, IsNoSubstituteForOtherKinds) {
  EXPECT_FALSE(DecodeToEnforce(Key::Resource(Kind::kIPPool, "p"), "{").has_value());
}

TEST(DecodeToEnforce, SaysWhatADriverCouldNotConvert) {
  const auto object = DecodeToEnforce(PolicyKey(), ValueForUnreadable("rule \"x\" is\xff no rule"));
  EXPECT_THAT(WhyUnreadable(*object), HasSubstr("no rule"));
}

// Wherever one value is replaced by one of another type, the policy selects no fewer endpoints.
TEST(DecodeToEnforce, NeverNarrowsASelection) {
  EXPECT_TRUE(rc::check([] {
    Json json = Policy();
    const auto pointer = *rc::gen::elementOf(
        std::vector<std::string>{"/spec", "/spec/selector", "/spec/types", "/spec/types/0", "/spec/order",
                                 "/spec/tier", "/spec/ingress", "/spec/ingress/0", "/spec/ingress/0/action",
                                 "/spec/ingress/0/destination", "/metadata"});
    json[Json::json_pointer(pointer)] = *rc::gen::elementOf(
        std::vector<Json>{Json(7), Json("x"), Json::array({1}), Json::object({{"a", "b"}}), Json(true)});
    if (DecodeValue(PolicyKey(), json.dump()).has_value()) return;
    const NetworkPolicy policy = Enforced(json);
    RC_ASSERT(!policy.spec.unreadable.empty());
    RC_ASSERT(policy.spec.selector.empty() || policy.spec.selector == "a == 'b'");
    RC_ASSERT(policy.spec.types.empty() || policy.spec.types == std::vector<std::string>{"Ingress"});
    RC_ASSERT(policy.spec.order == 7 || policy.spec.order == kFirst);
  }));
}

}  // namespace
}  // namespace calico::model
