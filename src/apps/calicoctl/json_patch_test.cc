// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/json_patch.h"

#include <gtest/gtest.h>

namespace calico::calicoctl {
namespace {

constexpr char kDocument[] =
    R"({"metadata":{"name":"a","labels":{"x":"1","y":"2"}},"spec":{"nets":["n1","n2"],"order":1}})";

std::string Patched(const std::string& patch, PatchType type) {
  const auto result = PatchJson(kDocument, patch, type);
  return result.has_value() ? *result : "error: " + result.error().message();
}

TEST(JsonPatch, StrategicMergesMapsReplacesListsAndDeletesByNull) {
  EXPECT_EQ(
      Patched(R"({"metadata":{"labels":{"x":null,"z":"3"}},"spec":{"nets":["n3"]}})", PatchType::kStrategic),
      R"({"metadata":{"name":"a","labels":{"y":"2","z":"3"}},"spec":{"nets":["n3"],"order":1}})");
  EXPECT_EQ(Patched(R"({"metadata":{"labels":{"$patch":"replace","z":"3"}}})", PatchType::kStrategic),
            R"({"metadata":{"name":"a","labels":{"z":"3"}},"spec":{"nets":["n1","n2"],"order":1}})");
  EXPECT_EQ(Patched(R"({"spec":{"$setElementOrder/nets":[]}})", PatchType::kStrategic),
            "error: directive $setElementOrder/nets is not supported");
}

TEST(JsonPatch, MergeIsThatOfRfc7386) {
  EXPECT_EQ(Patched(R"({"spec":{"order":null,"nets":[]}})", PatchType::kMerge),
            R"({"metadata":{"name":"a","labels":{"x":"1","y":"2"}},"spec":{"nets":[]}})");
}

TEST(JsonPatch, JsonIsAListOfOperations) {
  EXPECT_EQ(
      Patched(R"([{"op":"remove","path":"/spec/nets/0"},{"op":"test","path":"/spec/order","value":1},
                       {"op":"add","path":"/metadata/labels/z","value":"3"}])",
              PatchType::kJson),
      R"({"metadata":{"name":"a","labels":{"x":"1","y":"2","z":"3"}},"spec":{"nets":["n2"],"order":1}})");
  EXPECT_EQ(Patched("{}", PatchType::kJson), "error: a patch of type json is a list of operations");
  EXPECT_EQ(Patched(R"([{"op":"remove","path":"/spec/nope"}])", PatchType::kJson),
            "error: key 'nope' not found");
}

TEST(JsonPatch, RefusesWhatIsNoPatch) {
  EXPECT_EQ(Patched("{", PatchType::kStrategic), "error: the patch is not JSON");
  EXPECT_EQ(Patched("[]", PatchType::kStrategic), "error: the patch must be a map");
  std::string deep;
  for (int i = 0; i < 500; ++i) deep += R"({"a":)";
  EXPECT_EQ(Patched(deep + "1" + std::string(500, '}'), PatchType::kStrategic),
            "error: the patch is nested too deeply");
}

}  // namespace
}  // namespace calico::calicoctl
