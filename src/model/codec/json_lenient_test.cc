// SPDX-License-Identifier: Apache-2.0
// What the reader forgives, keeps and refuses.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "model/codec/json.h"

namespace calico::model {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::json;

Key PoolKey() {
  return Key::Resource(Kind::kIPPool, "p");
}

template <typename T>
T Decoded(const Key& key, const std::string& json) {
  auto object = DecodeValue(key, json);
  EXPECT_TRUE(object.has_value()) << (object ? "" : object.error().message());
  return object ? std::get<T>(*object) : T{};
}

// Names from a small alphabet with the characters that RFC 6901 escapes and JSON quotes.
std::string MemberName() {
  const auto letters = rc::gen::element('a', '/', '~', '0', '1', '"', '&', '.');
  return "x" + *rc::gen::container<std::string>(letters);
}
Json AnyValue() {
  const Json nested{{"deep", Json::array({1, nullptr, "a/b"})}, {MemberName(), false}};
  return *rc::gen::elementOf(std::vector<Json>{nested, Json("text"), Json(7), Json(nullptr), Json::array(),
                                               Json::object(), Json(true)});
}

TEST(UnknownMembers, SurviveAReadModifyWrite) {
  EXPECT_TRUE(rc::check([] {
    Json stored =
        Json::parse(R"({"kind":"Node","apiVersion":"projectcalico.org/v3",)"
                    R"("metadata":{"name":"n","creationTimestamp":null},)"
                    R"("spec":{"bgp":{"ipv4Address":"10.0.0.1/24"},"addresses":[{"address":"10.0.0.1"}]},)"
                    R"("status":{}})");
    const auto strangers = *rc::gen::inRange(1, 6);
    for (int i = 0; i < strangers; ++i) {
      const std::string parent = *rc::gen::element<std::string>("", "/metadata", "/spec", "/spec/bgp",
                                                                "/spec/addresses/0", "/status");
      stored[Json::json_pointer(parent)][MemberName()] = AnyValue();
    }
    const Key key = Key::Resource(Kind::kNode, "n");
    Result<Object> object = DecodeValue(key, stored.dump());
    RC_ASSERT(object.has_value());
    std::get<Node>(*object).bgp->ipv4_address = "10.0.0.2/24";
    stored["spec"]["bgp"]["ipv4Address"] = "10.0.0.2/24";
    RC_ASSERT(Json::parse(EncodeValue(key, *object)) == stored);
  }));
}

TEST(UnknownMembers, GoWithTheListItemTheyBelongedTo) {
  const Key key = Key::Resource(Kind::kNode, "n");
  auto node = Decoded<Node>(
      key, R"({"metadata":{"name":"n"},"spec":{"addresses":[{"address":"10.0.0.1","zone":"a"}]}})");
  EXPECT_EQ(node.unknown.size(), 1u);
  node.addresses.clear();
  EXPECT_THAT(EncodeValue(key, node), ::testing::Not(HasSubstr("zone")));
}

TEST(DecodeValue, FillsThePoolsReadDefaults) {
  const auto pool = Decoded<IPPool>(PoolKey(), R"({"metadata":{"name":"p"},"spec":{"cidr":"fd00:1::/64"}})");
  EXPECT_EQ(pool.block_size, 122);
  EXPECT_EQ(pool.node_selector, "all()");
  EXPECT_EQ(pool.ipip_mode, "Never");
  EXPECT_EQ(pool.vxlan_mode, "Never");
  EXPECT_EQ(pool.allowed_uses, (std::vector<std::string>{"Workload", "Tunnel"}));
}

TEST(DecodeValue, TakesNamesInOtherLetterCase) {
  EXPECT_EQ(Decoded<IPPool>(PoolKey(), R"({"spec":{"CIDR":"10.0.0.0/24","natoutgoing":true}})").cidr,
            "10.0.0.0/24");
  // The exact name wins, wherever it stands.
  const auto both = Decoded<IPPool>(PoolKey(), R"({"spec":{"CIDR":"10.1.0.0/24","cidr":"10.2.0.0/24"}})");
  EXPECT_EQ(both.cidr, "10.2.0.0/24");
}

TEST(DecodeValue, TakesWhatOldVersionsWrote) {
  const Key affinity = Key::Affinity("h", *net::Cidr::Parse("10.0.0.0/26"));
  EXPECT_EQ(Decoded<BlockAffinity>(affinity, "").state, AffinityState::kConfirmed);
  EXPECT_EQ(Decoded<BlockAffinity>(affinity, "{}").state, AffinityState::kConfirmed);
  EXPECT_FALSE(Decoded<IpamConfig>(Key::Resource(Kind::kIpamConfig, ""), "{}").auto_allocate_blocks);

  const Key key = Key::Block(*net::Cidr::Parse("10.0.0.0/31"));
  auto block = Decoded<IpamBlock>(
      key,
      R"({"cidr":"10.0.0.0/31","affinity":null,"hostAffinity":"h","strictAffinity":false,"allocations":[0,null],)"
      R"("unallocated":[1],"attributes":[{"handle_id":"net.abc\r garbage","secondary":null}]})");
  EXPECT_EQ(block.affinity, "host:h");
  EXPECT_EQ(block.attributes.at(0).handle_id, "net.abc");
  // A released block must not get its old host back from the legacy member.
  block.affinity.reset();
  EXPECT_EQ(Decoded<IpamBlock>(key, EncodeValue(key, block)).affinity, std::nullopt);
}

TEST(DecodeValue, NamesTheMemberThatIsWrong) {
  const struct {
    Key key;
    std::string json;
    std::string named;
  } cases[] = {
      {PoolKey(), R"({"spec":{"blockSize":"26"}})", "spec.blockSize"},
      {PoolKey(), R"({"spec":{"natOutgoing":"yes"}})", "spec.natOutgoing"},
      {PoolKey(), R"({"spec":{"allowedUses":"Workload"}})", "spec.allowedUses"},
      {PoolKey(), R"({"spec":{"allowedUses":[{}]}})", "spec.allowedUses.0"},
      {PoolKey(), R"({"spec":7})", "spec"},
      {PoolKey(), R"({"metadata":{"labels":["a"]}})", "metadata.labels"},
      {Key::Resource(Kind::kNode, "n"), R"({"spec":{"bgp":{"asNumber":"65536.1"}}})", "spec.bgp.asNumber"},
      {Key::Resource(Kind::kNode, "n"), R"({"spec":{"bgp":{"asNumber":4294967296}}})", "spec.bgp.asNumber"},
      {Key::Resource(Kind::kProfile, "p"),
       R"({"spec":{"egress":[{"action":"Allow","destination":{"ports":["9:1"]}}]}})",
       "spec.egress.0.destination.ports.0"},
      {Key::Block(*net::Cidr::Parse("10.0.0.0/26")), R"({"cidr":"10.0.0.0/33"})", "cidr"},
      {Key::Block(*net::Cidr::Parse("10.0.0.0/26")), R"({"cidr":"10.0.0.0/26","allocations":["a"]})",
       "allocations.0"},
      {PoolKey(), "{", "IPPool(p)"},
      {PoolKey(), "[]", "IPPool(p)"},
      {PoolKey(), "", "IPPool(p)"},
      {PoolKey(), "{}}", "IPPool(p)"},
      {PoolKey(), std::string(R"({"spec":{"cidr":")") + "\xff\"}}", "IPPool(p)"},
  };
  for (const auto& c : cases) {
    const Result<Object> object = DecodeValue(c.key, c.json);
    ASSERT_FALSE(object.has_value()) << c.json;
    EXPECT_EQ(object.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(object.error().message(), HasSubstr(c.named)) << c.json;
  }
}

TEST(DecodeValue, NeverThrowsWhateverIsStored) {
  EXPECT_TRUE(rc::check([] {
    const std::string golden =
        R"({"metadata":{"name":"n","labels":{"a":"b"}},"spec":{"bgp":{"asNumber":1},"orchRefs":[{"orchestrator":"k8s"}]},)"
        R"("attributes":[{"handle_id":"h","alternateOwnerAttrs":{}}],"allocations":[0,null],"hostAffinity":7})";
    std::string text = golden;
    const std::size_t at = *rc::gen::inRange<std::size_t>(0, golden.size());
    text[at] = *rc::gen::element('7', '"', '{', '[', ']', ':', ' ', '\x01');
    const Kind kind = static_cast<Kind>(*rc::gen::inRange(0, 13));
    const Key key{kind, "", "n"};
    if (const Result<Object> object = DecodeValue(key, text); object.has_value()) {
      // What was read can be written and read again.
      const std::string again = EncodeValue(key, *object);
      const Result<Object> second = DecodeValue(key, again);
      RC_ASSERT(second.has_value());
      RC_ASSERT(EncodeValue(key, *second) == again);
    }
  }));
}

}  // namespace
}  // namespace calico::model
