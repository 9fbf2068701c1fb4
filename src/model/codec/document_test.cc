// SPDX-License-Identifier: Apache-2.0
// Documents of the v3 API. The v1 API: v1_test.cc.
#include "model/codec/document.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "model/codec/json.h"

namespace calico::model {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<Document> Parsed(const std::string& text) {
  auto documents = ParseDocuments(text, "file.yaml");
  EXPECT_TRUE(documents.has_value()) << (documents ? "" : documents.error().message());
  return documents.value_or(std::vector<Document>());
}
template <typename T>
T One(const std::string& text) {
  const auto documents = Parsed(text);
  EXPECT_EQ(documents.size(), 1u);
  return documents.size() == 1 ? std::get<T>(documents[0].object) : T{};
}
std::string Refused(const std::string& text) {
  const auto documents = ParseDocuments(text, "file.yaml");
  EXPECT_FALSE(documents.has_value()) << text;
  if (documents) return {};
  EXPECT_EQ(documents.error().code(), ErrorCode::kInvalidArgument);
  return documents.error().message();
}
std::string Pool(const std::string& name, const std::string& more = "") {
  return "apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata:\n  name: " + name +
         "\nspec:\n  cidr: 10.77.0.0/16\n" + more;
}
std::vector<std::string> Names(const std::vector<Document>& documents) {
  std::vector<std::string> names;
  for (const Document& document : documents) names.push_back(std::get<IPPool>(document.object).metadata.name);
  return names;
}

TEST(Documents, ReadYamlAndJson) {
  const auto yaml =
      One<IPPool>(Pool("a", "  natOutgoing: true\n  blockSize: 28\n  allowedUses:\n  - Tunnel\n"));
  EXPECT_EQ(yaml.cidr, "10.77.0.0/16");
  EXPECT_TRUE(yaml.nat_outgoing);
  EXPECT_EQ(yaml.block_size, 28);
  EXPECT_THAT(yaml.allowed_uses, ElementsAre("Tunnel"));
  EXPECT_EQ(One<IPPool>(R"({"apiVersion":"projectcalico.org/v3","kind":"IPPool","metadata":{"name":"a",)"
                        R"("creationTimestamp":null},"spec":{"cidr":"10.77.0.0/16","natOutgoing":true,)"
                        R"("blockSize":28,"allowedUses":["Tunnel"]}})"),
            yaml);
}

TEST(Documents, MayBeSeveralInOneFile) {
  EXPECT_THAT(Names(Parsed("---\n" + Pool("a") + "---\n" + Pool("b") + "--- # nothing\n---\n" + Pool("c"))),
              ElementsAre("a", "b", "c"));
  const std::string list =
      "apiVersion: projectcalico.org/v3\nkind: IPPoolList\nmetadata:\n  resourceVersion: \"7\"\nitems:\n"
      "- {apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: a}, spec: {cidr: 10.0.0.0/24}}\n"
      "- {apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: b}, spec: {cidr: 10.1.0.0/24}}\n";
  EXPECT_THAT(Names(Parsed(list)), ElementsAre("a", "b"));
  EXPECT_THAT(Names(Parsed(list.substr(list.find("- {")))), ElementsAre("a", "b"));
  EXPECT_THAT(Parsed(""), ElementsAre());
  EXPECT_THAT(Parsed("---\n# only a comment\n"), ElementsAre());
  EXPECT_THAT(Parsed("apiVersion: projectcalico.org/v3\nkind: IPPoolList\nitems: []\n"), ElementsAre());
}

// Reference calicoctl A.5.1.
TEST(Documents, ResolvePlainScalarsByYaml11) {
  const std::pair<const char*, const char*> texts[] = {
      {"true", "true"},
      {"yes", "true"},
      {"Y", "true"},
      {"off", "false"},
      {"10", "10"},
      {"010", "8"},
      {"0o17", "15"},
      {"0x1f", "31"},
      {"0b11", "3"},
      {"1_000", "1000"},
      {"1e3", "1000"},
      {"1.50", "1.5"},
      {".5", "0.5"},
      {"null", ""},
      {"~", ""},
      {"", ""},
      {"\"yes\"", "yes"},
      {"'010'", "010"},
      {"2001-01-01", "2001-01-01"},
      {"12:30:45", "12:30:45"},
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"::1", "::1"},
      {"1337495556942031415926535", "1337495556942031415926535"}};
  for (const auto& [written, read] : texts) {
    EXPECT_EQ(One<IPPool>(Pool("a", "  nodeSelector: " + std::string(written) + "\n")).node_selector, read)
        << written;
  }
  const auto size = [](const char* written) {
    return One<IPPool>(Pool("a", std::string("  blockSize: ") + written + "\n")).block_size;
  };
  EXPECT_EQ(size("0x1a"), 26);
  EXPECT_EQ(size("032"), 26);
  EXPECT_EQ(size("2.6e1"), 26);
  EXPECT_EQ(size("~"), 0);
  EXPECT_TRUE(One<IPPool>(Pool("a", "  disabled: On\n")).disabled);
  const auto node = One<Node>(
      "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: n, labels: {y: 1, n: on, 1: x}}\n"
      "spec: {bgp: {asNumber: 1.10, ipv4Address: 10.0.0.1}}\n");
  EXPECT_EQ(node.metadata.labels,
            (std::map<std::string, std::string>{{"true", "1"}, {"false", "true"}, {"1", "x"}}));
  EXPECT_EQ(node.bgp->as_number, (1u << 16) + 10);
}

TEST(Documents, NameTheMemberOfAWrongType) {
  EXPECT_THAT(Refused(Pool("a", "  blockSize: \"26\"\n")),
              AllOf(HasSubstr("file.yaml"), HasSubstr("spec.blockSize"), HasSubstr("26")));
  EXPECT_THAT(Refused(Pool("a", "  blockSize: 1.5\n")), HasSubstr("spec.blockSize"));
  EXPECT_THAT(Refused(Pool("a", "  natOutgoing: \"true\"\n")), HasSubstr("spec.natOutgoing"));
  EXPECT_THAT(Refused(Pool("a", "  natOutgoing: maybe\n")), HasSubstr("spec.natOutgoing"));
  EXPECT_THAT(Refused(Pool("a", "  allowedUses: Tunnel\n")), HasSubstr("spec.allowedUses"));
  EXPECT_THAT(Refused(Pool("a", "  nodeSelector: [a]\n")), HasSubstr("spec.nodeSelector"));
}

TEST(Documents, RefuseUnknownFieldsButNotUpstreamsOthers) {
  EXPECT_EQ(Refused(Pool("a", "  natoutgoin: true\n")),
            "file.yaml: line 7, column 3: field in document is not recognized or is in the wrong location: "
            "natoutgoin (did you mean natOutgoing?)");
  EXPECT_THAT(Refused(Pool("a") + "a/b: 1\n"), HasSubstr("in the wrong location: a/b"));
  EXPECT_THAT(Refused(Pool("a\n  color: red")), HasSubstr("in the wrong location: color"));
  EXPECT_TRUE(One<IPPool>(Pool("a", "  NATOutgoing: true\n")).nat_outgoing);  // another letter case will do
  const auto peer = One<BGPPeer>(
      "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata: {name: p}\nspec: {peerIP: 10.0.0.1, "
      "ttlSecurity: 1}\n");
  EXPECT_EQ(peer.ttl_security, 1);
  EXPECT_EQ(One<IPPool>(Pool("a\n  generation: 2")).unknown.at("/metadata/generation"), "2");
}

TEST(Documents, NameLineAndColumnOfBrokenYaml) {
  EXPECT_THAT(Refused("apiVersion: v1\nkind: [a\n"),
              AllOf(HasSubstr("file.yaml: line "), HasSubstr("column ")));
  EXPECT_THAT(Refused("a: 1\n\tb: 2\n"), HasSubstr("line 2"));
  EXPECT_THAT(Refused(Pool("a", "  cidr: 10.0.0.0/8\n")),
              HasSubstr("line 7, column 3: key \"cidr\" already set in map"));
  EXPECT_THAT(Refused("{\"apiVersion\": "), HasSubstr("file.yaml"));
  EXPECT_THAT(Refused("? [a]\n: b\n"), HasSubstr("a key must be a word"));
}

TEST(Documents, NameAKindThatIsUnknown) {
  EXPECT_EQ(
      Refused("apiVersion: projectcalico.org/v3\nkind: ippool\n"),
      "file.yaml: line 1, column 1: unknown resource type (ippool) and/or version (projectcalico.org/v3): "
      "did you mean IPPool?");
  EXPECT_EQ(
      Refused("kind: IPPool\n"),
      "file.yaml: line 1, column 1: unknown resource type (IPPool) and/or version (): apiVersion must be "
      "projectcalico.org/v3 or v1");
  EXPECT_EQ(
      Refused("---\napiVersion: v1\nkind: ipPol\n"),
      "file.yaml: line 2, column 1: unknown resource type (ipPol) and/or version (v1): did you mean ipPool?");
  EXPECT_EQ(Refused("apiVersion: v2\nkind: ipPool\n"),
            "file.yaml: line 1, column 1: unknown resource type (ipPool) and/or version (v2): apiVersion "
            "must be v1");
  // Kubernetes' list of anything.
  EXPECT_THAT(Refused("apiVersion: v1\nkind: List\nitems: []\n"), HasSubstr("unknown resource type (List)"));
  EXPECT_THAT(Refused("just a word\n"), HasSubstr("a document must be a resource"));
}

TEST(Documents, EndThoughTheirTextWouldNot) {
  EXPECT_THAT(Refused(",a: b\n"), HasSubstr("line 1, column 1: did not find expected node content"));
  EXPECT_THAT(Refused(Pool("a") + "---\n,"), HasSubstr("line 8, column 1"));
  EXPECT_THAT(Refused("&a [*a]\n"), HasSubstr("line 1, column 5: anchor 'a' value contains itself"));
  std::string laughs = "a: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string last = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 9; ++j) laughs += last + ", ";
    laughs += last + "]\n";
  }
  EXPECT_THAT(Refused(laughs), HasSubstr("excessive aliasing"));
  EXPECT_THAT(Refused(std::string(5000, '[')), HasSubstr("file.yaml"));
}

TEST(Documents, MergeTheMembersOfAnAnchor) {
  const auto documents = ParseDocuments(
      "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata:\n  name: a\n  annotations: &x {k: "
      "one, l: two}\n"
      "  labels: {<<: *x, l: own}\n",
      "f");
  ASSERT_TRUE(documents.has_value()) << documents.error().message();
  const auto& labels = MetadataOf(documents->front().object).labels;
  EXPECT_EQ(labels, (std::map<std::string, std::string>{{"k", "one"}, {"l", "own"}}));
  EXPECT_THAT(Refused("a: {<<: b}\n"), HasSubstr("map merge requires map or sequence of maps as the value"));
}

TEST(Documents, FindADuplicateAmongManyKeys) {
  std::string labels;
  for (int i = 0; i < 100; ++i) labels += "    k" + std::to_string(i) + ": x\n";
  EXPECT_THAT(Refused("metadata:\n  labels:\n" + labels + "    k7: y\n"),
              HasSubstr("line 103, column 5: key \"k7\" already set in map"));
}

TEST(Documents, RefuseWhatIsNoText) {
  EXPECT_THAT(Refused("kind: a\nname: \"\xff\"\n"),
              HasSubstr("line 2, column 8: the text is not valid UTF-8"));
  EXPECT_THAT(Refused(std::string("a: b\0", 5)),
              HasSubstr("line 1, column 5: control characters are not allowed"));
}

TEST(Documents, NameTheLineOfTheFileInALaterDocument) {
  EXPECT_THAT(Refused(Pool("a") + "--- # second\na: [\n"), HasSubstr("line 9"));
  EXPECT_THAT(Refused(Pool("a") + "---\n---\n" + Pool("b", "  cidr: x\n")), HasSubstr("line 15, column 3"));
}

// One bad byte anywhere: an error or other objects, never a crash.
TEST(Documents, SurviveAnyDamage) {
  const std::string sound =
      Pool("a", "  allowedUses: [Tunnel, \"Workload\"]\n  blockSize: 26\n") +
      "---\napiVersion: v1\nkind: profile\nmetadata: {name: p, tags: [t], labels: {a: b}}\n"
      "spec: {ingress: [{action: allow, source: {nets: [10.0.0.0/8], tag: t}}]}\n";
  EXPECT_TRUE(rc::check([&] {
    std::string text = sound;
    text[*rc::gen::inRange<std::size_t>(0, text.size())] =
        *rc::gen::elementOf(std::string("\"'[]{}:,-&*!|>%~ \n\t7\xff\x01"));
    if (const auto documents = ParseDocuments(text, "f"); documents) {
      for (const Document& document : *documents) RC_ASSERT(!PrintJson(document.object).empty());
    } else {
      RC_ASSERT(documents.error().code() == ErrorCode::kInvalidArgument);
    }
  }));
}

}  // namespace
}  // namespace calico::model
