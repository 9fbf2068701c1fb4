// SPDX-License-Identifier: Apache-2.0
#include "model/codec/json.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

namespace calico::model {
namespace {

using ::testing::HasSubstr;

template <typename T>
T Decoded(const Key& key, const std::string& json) {
  auto object = DecodeValue(key, json);
  EXPECT_TRUE(object.has_value()) << (object ? "" : object.error().message());
  return object ? std::get<T>(*object) : T{};
}

TEST(StoredJson, WritesAnUnsetTimeAsNullBeforeTheLabels) {
  BGPPeer peer;
  peer.metadata.name = "p";
  peer.metadata.resource_version = "17";  // lives in the store only (A.3.3)
  peer.metadata.labels = {{"b", "2"}, {"a", "1"}};
  peer.peer_ip = "10.0.0.1";
  EXPECT_EQ(
      EncodeValue(KeyOf(peer), peer),
      R"({"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"p","creationTimestamp":null,)"
      R"("labels":{"a":"1","b":"2"}},"spec":{"peerIP":"10.0.0.1"}})");
}

TEST(StoredJson, EscapesLikeGo) {
  BGPPeer peer;
  peer.metadata.name = "p";
  peer.node_selector = "a == 'b' && c != \"<\xe2\x80\xa8>\" || bad(\xff)";
  const std::string stored = EncodeValue(KeyOf(peer), peer);
  EXPECT_THAT(stored, HasSubstr(R"("a == 'b' \u0026\u0026 c != \"\u003c\u2028\u003e\" || bad()"));
  peer.node_selector = "a == 'b' && c == '<>'";
  EXPECT_EQ(Decoded<BGPPeer>(KeyOf(peer), EncodeValue(KeyOf(peer), peer)), peer);
  // Readers take the plain characters as well (A.3.4).
  EXPECT_EQ(Decoded<BGPPeer>(KeyOf(peer),
                             R"({"metadata":{"name":"p"},"spec":{"nodeSelector":"a == 'b' && c == '<>'"}})"),
            peer);
}

TEST(StoredJson, WritesPortsAndProtocolsInTheirThreeForms) {
  Profile profile;
  profile.metadata.name = "p";
  Rule rule;
  rule.action = "Deny";
  rule.protocol = "6";
  rule.not_protocol = "UDPLite";
  rule.icmp = IcmpMatch{8, 0};
  rule.destination.ports = {net::PortRange{80, 80}, net::PortRange{8000, 8080}, std::string("http")};
  profile.ingress = {rule};
  const std::string stored = EncodeValue(KeyOf(profile), profile);
  EXPECT_THAT(
      stored,
      HasSubstr(
          R"({"action":"Deny","protocol":6,"icmp":{"type":8,"code":0},"notProtocol":"UDPLite","source":{},"destination":{"ports":[80,"8000:8080","http"]}})"));
  EXPECT_EQ(Decoded<Profile>(KeyOf(profile), stored), profile);
}

}  // namespace
}  // namespace calico::model
