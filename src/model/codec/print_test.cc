// SPDX-License-Identifier: Apache-2.0
// How calicoctl prints objects (reference calicoctl B.3).
#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

#include "model/codec/document.h"

namespace calico::model {
namespace {

using ::testing::HasSubstr;

IPPool Pool() {
  IPPool pool;
  pool.metadata.name = "pool-a";
  pool.metadata.uid = "7f0a1c7e-6f0b-4c0b-9a30-0a4f3d7c1f11";
  pool.metadata.creation_timestamp = "2026-03-02T10:11:12Z";
  pool.metadata.resource_version = "314";
  pool.cidr = "10.77.0.0/16";
  pool.ipip_mode = "Always";
  pool.vxlan_mode = "Never";
  pool.nat_outgoing = true;
  pool.block_size = 26;
  pool.node_selector = "all()";
  pool.allowed_uses = {"Workload", "Tunnel"};
  pool.assignment_mode = "Automatic";
  return pool;
}

TEST(Print, ListsAsTheReferenceDoes) {
  EXPECT_EQ(PrintListYaml(Kind::kIPPool, {Pool()}, "320"), R"(apiVersion: projectcalico.org/v3
items:
- apiVersion: projectcalico.org/v3
  kind: IPPool
  metadata:
    creationTimestamp: "2026-03-02T10:11:12Z"
    name: pool-a
    resourceVersion: "314"
    uid: 7f0a1c7e-6f0b-4c0b-9a30-0a4f3d7c1f11
  spec:
    allowedUses:
    - Workload
    - Tunnel
    assignmentMode: Automatic
    blockSize: 26
    cidr: 10.77.0.0/16
    ipipMode: Always
    natOutgoing: true
    nodeSelector: all()
    vxlanMode: Never
kind: IPPoolList
metadata:
  resourceVersion: "320"
)");
  EXPECT_EQ(
      PrintListYaml(Kind::kIPPool, {}, "7"),
      "apiVersion: projectcalico.org/v3\nitems: []\nkind: IPPoolList\nmetadata:\n  resourceVersion: \"7\"\n");
  EXPECT_EQ(PrintArrayYaml({}), "[]\n");
}

TEST(Print, WritesJsonInTheOrderOfTheStructWithGosEscapes) {
  IPPool pool;
  pool.metadata.name = "p";
  pool.metadata.creation_timestamp = "2026-03-02T10:11:12Z";
  pool.cidr = "10.0.0.0/24";
  pool.node_selector = "has(a) && b == '<>'";
  EXPECT_EQ(PrintJson(pool), R"({
  "kind": "IPPool",
  "apiVersion": "projectcalico.org/v3",
  "metadata": {
    "name": "p",
    "creationTimestamp": "2026-03-02T10:11:12Z"
  },
  "spec": {
    "cidr": "10.0.0.0/24",
    "nodeSelector": "has(a) \u0026\u0026 b == '\u003c\u003e'"
  }
})");
  EXPECT_EQ(nlohmann::json::parse(PrintArrayJson({pool, pool})).size(), 2u);
  EXPECT_EQ(nlohmann::json::parse(PrintListJson(Kind::kIPPool, {pool}, "7"))["items"].size(), 1u);
}

TEST(Print, DropsEmptySidesOfARule) {
  Profile profile;
  profile.metadata.name = "p";
  profile.metadata.creation_timestamp = "2026-03-02T10:11:12Z";
  profile.ingress.resize(1);
  profile.ingress[0].action = "Allow";
  EXPECT_THAT(PrintYaml(profile), HasSubstr("spec:\n  ingress:\n  - action: Allow\n"));
}

std::string Shown(const std::string& text) {
  IPPool pool;
  pool.cidr = text;
  const std::string yaml = PrintYaml(pool);
  const std::size_t start = yaml.find("  cidr: ") + 8;
  return yaml.substr(start, yaml.size() - 1 - start);
}

TEST(Print, QuotesWhereTheReferenceDoes) {
  for (const char* text : {"true", "yes", "on", "y", "n", "null", "~", "123", "1.5", "1e3", "007", "0x1f",
                           "1_000", "12:30", "", "2026-03-02T10:11:12Z", ".inf", "<<"}) {
    EXPECT_EQ(Shown(text), std::string("\"") + text + "\"");
  }
  for (const char* text : {"!has(x)", "*", "@x", "%x", "{x}", "-", "key:", "a: b", "a #b", " a", "a ", "---"})
    EXPECT_EQ(Shown(text), std::string("'") + text + "'");
  EXPECT_EQ(Shown("'q'"), "'''q'''");
  for (const char* text :
       {"all()", "10.0.0.0/8", "::1", "role == 'web'", "a == \"b\" && c", "-x", "?x", "a:b", "a#b"})
    EXPECT_EQ(Shown(text), text);
  EXPECT_EQ(Shown("a\tb"), "\"a\\tb\"");
  EXPECT_EQ(Shown("a\nb"), "|-\n    a\n    b");
  EXPECT_EQ(Shown("a\nb\n"), "|\n    a\n    b");
}

TEST(Print, FoldsLongPlainText) {
  const std::string words =
      "role == 'web' && tier in {\"one\", \"two\"} && has(projectcalico.org/orchestrator)";
  EXPECT_EQ(
      Shown(words + " && has(x)"),
      "role == 'web' && tier in {\"one\", \"two\"} && has(projectcalico.org/orchestrator)\n    && has(x)");
}

// Any text from pieces that mean something to YAML.
std::string AnyText() {
  const auto pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
      "a", "B", "0", "9", "1e3", "yes", " ", "  ", "\n", "\t", "\r", "'", "\"", ":", ": ", " #", "#", "-",
      "- ", "?", "? ", "!", "&", "*", "|", ">", "%", "@", "`", "{", "}", "[", "]", ",", "\\", "\\n", "---",
      "...", "~", "<<", "=", ".", "_", "\x02", "\x7f", "\xc3\xa4", "\xc2\x85", "\xe2\x80\xa8", "\xef\xbb\xbf",
      "word and word and another word ", "x y z "));
  std::string text;
  for (const std::string& piece : pieces) text += piece;
  return text;
}

// A key may not be of any length in YAML; cut between characters.
std::string AnyKey() {
  std::string text = AnyText();
  std::size_t end = std::min<std::size_t>(text.size(), 40);
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

TEST(Print, IsReadBackAsTheSameObject) {
  EXPECT_TRUE(rc::check([] {
    IPPool pool = Pool();
    pool.cidr = AnyText();
    pool.node_selector = AnyText();
    pool.allowed_uses = {"x", AnyText(), AnyText()};
    for (int i = 0; i < 3; ++i) pool.metadata.labels["k" + AnyKey()] = AnyText();
    pool.metadata.annotations[AnyKey() + "k"] = AnyText();
    for (const std::string& text :
         {PrintYaml(pool), PrintListYaml(Kind::kIPPool, {pool}, "1"), PrintJson(pool)}) {
      const auto documents = ParseDocuments(text, "printed");
      if (!documents) RC_FAIL(documents.error().message() + "\n" + text);
      RC_ASSERT(documents->size() == 1u);
      if (documents->front().object != Object(pool)) RC_LOG() << text;
      RC_ASSERT(documents->front().object == Object(pool));
    }
  }));
}

}  // namespace
}  // namespace calico::model
