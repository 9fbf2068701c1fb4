// SPDX-License-Identifier: Apache-2.0
// Rules of reference datastore-model A.3 that the goldens show only in passing.
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/codec/json.h"

namespace calico::model {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;

// What is stored after `json` has been read.
std::string Again(const Key& key, const std::string& json) {
  const auto object = DecodeValue(key, json);
  EXPECT_TRUE(object.has_value()) << (object ? "" : object.error().message());
  return object ? EncodeValue(key, *object) : "";
}
std::string Resource(Kind kind, const std::string& spec, const std::string& metadata = "") {
  const Key key = Key::Resource(kind, "n", IsNamespaced(kind) ? "ns" : "");
  const std::string ns = IsNamespaced(kind) ? R"(,"namespace":"ns")" : "";
  return Again(key, R"({"metadata":{"name":"n")" + ns + metadata + R"(},"spec":)" + spec + "}");
}

TEST(StoredMembers, KindAndVersionAreOurs) {
  EXPECT_EQ(
      Again(Key::Resource(Kind::kGlobalNetworkSet, "n"),
            R"({"spec":{"nets":["10.0.0.1"]},"apiVersion":"v9","metadata":{"name":"n"},"kind":"Else"})"),
      R"({"kind":"GlobalNetworkSet","apiVersion":"projectcalico.org/v3","metadata":{"name":"n",)"
      R"("creationTimestamp":null},"spec":{"nets":["10.0.0.1"]}})");
}

TEST(StoredMembers, MetadataHasTheOrderOfKubernetes) {
  EXPECT_THAT(
      Resource(Kind::kTier, "{}",
               R"(,"resourceVersion":"7","selfLink":"/x","annotations":{"b":"2","a":"1"},"finalizers":["f"],)"
               R"("managedFields":[],"ownerReferences":[],"labels":{"l":"1"},"generation":3,"uid":"u")"),
      HasSubstr(
          R"("metadata":{"name":"n","uid":"u","generation":3,"creationTimestamp":null,"labels":{"l":"1"},)"
          R"("annotations":{"a":"1","b":"2"},"ownerReferences":[],"finalizers":["f"],"managedFields":[]})"));
}

TEST(StoredMembers, StatusIsThereForTheKindsThatAlwaysHaveOne) {
  EXPECT_THAT(Resource(Kind::kNode, "{}"), EndsWith(R"("spec":{},"status":{}})"));
  EXPECT_THAT(Resource(Kind::kTier, "{}"), EndsWith(R"("spec":{},"status":{}})"));
  EXPECT_THAT(Resource(Kind::kKubeControllersConfiguration, "{}"),
              EndsWith(R"("spec":{"controllers":{}},"status":{}})"));
  EXPECT_THAT(Resource(Kind::kCalicoNodeStatus, "{}"),
              EndsWith(R"("status":{"lastUpdated":null,"agent":{"birdV4":{},"birdV6":{}},"bgp":{)"
                       R"("numberEstablishedV4":0,"numberNotEstablishedV4":0,"numberEstablishedV6":0,)"
                       R"("numberNotEstablishedV6":0},"routes":{}}})"));
  EXPECT_THAT(Resource(Kind::kIPPool, R"({"cidr":"10.0.0.0/8"})"), Not(HasSubstr("status")));
}

TEST(StoredMembers, EmptyMembersAreLeftOut) {
  EXPECT_THAT(
      Resource(Kind::kGlobalNetworkPolicy,
               R"({"tier":"","order":null,"selector":"","types":[],"doNotTrack":false,"preDNAT":false,)"
               R"("ingress":[],"namespaceSelector":""})"),
      EndsWith(R"("spec":{}})"));
  EXPECT_THAT(Resource(Kind::kBGPFilter, R"({"exportV4":[],"importV6":[]})"), EndsWith(R"("spec":{}})"));
}

TEST(StoredMembers, SourceAndDestinationAreWrittenWhenEmpty) {
  EXPECT_THAT(Resource(Kind::kProfile, R"({"egress":[{"action":"Deny"}]})"),
              EndsWith(R"("spec":{"egress":[{"action":"Deny","source":{},"destination":{}}]}})"));
}

TEST(StoredMembers, MembersWithoutOmissionAreWrittenWhenEmpty) {
  EXPECT_THAT(Resource(Kind::kFelixConfiguration, "{}"), EndsWith(R"("spec":{"bpfLogLevel":""}})"));
  EXPECT_THAT(Resource(Kind::kStagedKubernetesNetworkPolicy, "{}"),
              EndsWith(R"("spec":{"podSelector":{}}})"));
  EXPECT_THAT(Resource(Kind::kIPPool, R"({"cidr":"10.0.0.0/8"})"),
              HasSubstr(R"("spec":{"cidr":"10.0.0.0/8")"));
  EXPECT_THAT(Resource(Kind::kWorkloadEndpoint, R"({"ports":[{"protocol":"TCP"}]})"),
              HasSubstr(R"({"name":"","protocol":"TCP","port":0,"hostPort":0,"hostIP":""})"));
}

TEST(StoredMembers, NumbersHaveTheFormsOfA39) {
  EXPECT_THAT(
      Resource(Kind::kProfile, R"({"ingress":[{"action":"Allow","protocol":"17","notProtocol":"icmpv6",)"
                               R"("destination":{"ports":["80","1:2",53,"name","7:7"]}}]})"),
      HasSubstr(R"("protocol":17,"notProtocol":"ICMPv6","source":{},)"
                R"("destination":{"ports":[80,"1:2",53,"name",7]})"));
  EXPECT_THAT(Resource(Kind::kBGPPeer, R"({"asNumber":"1.10","localASNumber":"65000"})"),
              HasSubstr(R"("asNumber":65546,"localASNumber":65000)"));
  EXPECT_THAT(Resource(Kind::kNode, R"({"bgp":{"asNumber":"4200000000"}})"),
              HasSubstr(R"("asNumber":4200000000)"));
  EXPECT_THAT(Resource(Kind::kTier, R"({"order":10.50})"), HasSubstr(R"("order":10.5})"));
  EXPECT_THAT(Resource(Kind::kTier, R"({"order":1e6})"), HasSubstr(R"("order":1000000})"));
}

TEST(StoredMembers, DurationsAreNormal) {
  EXPECT_THAT(Resource(Kind::kBGPPeer, R"({"maxRestartTime":"90s","keepaliveTime":"1500ms"})"),
              HasSubstr(R"("maxRestartTime":"1m30s","keepaliveTime":"1.5s")"));
  EXPECT_THAT(
      Resource(Kind::kFelixConfiguration, R"({"iptablesLockProbeInterval":"0.05s","reportingInterval":"0"})"),
      HasSubstr(R"("iptablesLockProbeInterval":"50ms","reportingInterval":"0s")"));
  EXPECT_THAT(Resource(Kind::kKubeControllersConfiguration, R"({"etcdV3CompactionPeriod":"600s"})"),
              HasSubstr(R"("etcdV3CompactionPeriod":"10m0s")"));
}

TEST(StoredMembers, DeletedOfABlockAffinityIsText) {
  EXPECT_THAT(Resource(Kind::kBlockAffinityResource,
                       R"({"state":"confirmed","node":"n","cidr":"10.0.0.0/26","deleted":true})"),
              HasSubstr(R"("cidr":"10.0.0.0/26","deleted":"true"})"));
}

TEST(StoredMembers, KubernetesRulesAreInTheirOrder) {
  EXPECT_THAT(
      Resource(
          Kind::kStagedKubernetesNetworkPolicy,
          R"({"podSelector":{"matchExpressions":[{"values":["v"],"operator":"In","key":"k"}],"matchLabels":{"b":"2","a":"1"}},)"
          R"("egress":[{"to":[{"ipBlock":{"except":["10.1.0.0/16"],"cidr":"10.0.0.0/8"}}],"ports":[{"port":"dns","protocol":"UDP"}]}]})"),
      HasSubstr(
          R"("podSelector":{"matchLabels":{"a":"1","b":"2"},"matchExpressions":[{"key":"k","operator":"In","values":["v"]}]},)"
          R"("egress":[{"ports":[{"protocol":"UDP","port":"dns"}],"to":[{"ipBlock":{"cidr":"10.0.0.0/8","except":["10.1.0.0/16"]}}]}])"));
}

TEST(StoredMembers, TheAnnotationOfATieredPolicyHoldsItsName) {
  const std::string annotation = R"("annotations":{"projectcalico.org/metadata":"{\"name\":\"n\"}"})";
  for (const Kind kind : {Kind::kNetworkPolicy, Kind::kGlobalNetworkPolicy, Kind::kStagedNetworkPolicy,
                          Kind::kStagedGlobalNetworkPolicy})
    EXPECT_THAT(Resource(kind, "{}"), HasSubstr(annotation));
  EXPECT_THAT(Resource(Kind::kStagedKubernetesNetworkPolicy, "{}"), Not(HasSubstr("annotations")));
}

// Reference datastore-model A.7.2: one reader for the names of all releases.
TEST(StoredMembers, NamesOfPoliciesAreReadAsTheUserGaveThem) {
  const auto name = [](const std::string& stored, const std::string& metadata, const std::string& spec) {
    const Key key = Key::Resource(Kind::kGlobalNetworkPolicy, stored);
    const auto object =
        DecodeValue(key, R"({"metadata":{"name":")" + stored + "\"" + metadata + R"(},"spec":)" + spec + "}");
    EXPECT_TRUE(object.has_value());
    return object ? MetadataOf(*object).name : "";
  };
  EXPECT_EQ(name("default.foo", "", "{}"), "foo");                     // up to v3.28
  EXPECT_EQ(name("default.foo", "", R"({"tier":"default"})"), "foo");  // v3.29
  EXPECT_EQ(name("net.foo", "", R"({"tier":"net"})"), "net.foo");      // v3.29, another tier
  EXPECT_EQ(name("knp.default.foo", "", "{}"), "knp.default.foo");     // from Kubernetes
  EXPECT_EQ(
      name("default.foo", R"(,"annotations":{"projectcalico.org/metadata":"{\"name\":\"foo\"}"})", "{}"),
      "foo");  // v3.30
  EXPECT_EQ(name("default.foo",
                 R"(,"annotations":{"projectcalico.org/metadata":"{\"name\":\"default.foo\"}"})", "{}"),
            "default.foo");
}

TEST(StoredMembers, AnItemsUnknownMembersStayWithTheItem) {
  const std::string spec =
      R"({"ingress":[{"action":"Allow","source":{"later":1},"destination":{},"other":[]},{"action":"Deny","source":{},"destination":{}}]})";
  EXPECT_THAT(Resource(Kind::kProfile, spec), EndsWith("\"spec\":" + spec + "}"));
}

}  // namespace
}  // namespace calico::model
