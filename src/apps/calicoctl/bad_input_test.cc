// SPDX-License-Identifier: Apache-2.0
// Malformed documents of every kind, through the whole program: one clear error, exit 1, nothing stored.
#include <filesystem>
#include <fstream>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"
#include "base/file.h"
#include "base/text.h"
#include "model/key.h"

namespace calico::calicoctl::testing {
namespace {

using ::testing::HasSubstr;

struct BadDocument {
  std::string name;      // "pools: host bits"
  std::string expected;  // in the error
  std::string text;
};

// testdata/bad-documents/README.md describes the form. Tests run in the folder of the sources.
std::vector<BadDocument> ReadBadDocuments() {
  std::vector<BadDocument> documents;
  for (const auto& entry : std::filesystem::directory_iterator("testdata/bad-documents")) {
    if (entry.path().extension() != ".txt") continue;
    std::ifstream file(entry.path());
    for (std::string line; std::getline(file, line);) {
      if (line.starts_with("#### ")) {
        documents.push_back({entry.path().stem().string() + ": " + line.substr(5), "", ""});
      } else if (line.starts_with("#! ")) {
        documents.back().expected = line.substr(3);
      } else {
        documents.back().text += line + "\n";
      }
    }
  }
  return documents;
}

class BadInput : public CommandTest {
 protected:
  // What the error says; checks all else.
  std::string ErrorOf(const std::string& text) {
    const std::string before = Resources();
    const Ran ran = Run({"create", "-f", "-"}, text);
    EXPECT_EQ(ran.code, 1);
    EXPECT_EQ(ran.out, "");
    EXPECT_EQ(Resources(), before) << "something was stored";
    // One error: a line, and a line for each field where several are wrong.
    const std::vector<std::string> lines = Split(ran.err, '\n');
    for (std::size_t i = 1; i + 1 < lines.size(); ++i)
      EXPECT_TRUE(lines[i].starts_with("-  ")) << ran.err.substr(0, 1000);
    EXPECT_LT(ran.err.size(), 2000U) << ran.err.substr(0, 1000);
    return ran.err;
  }

 private:
  // The names of all that is stored of what a user can store; what the first write sets up does not count.
  std::string Resources() {
    std::string keys;
    const auto listed = client_.List("/calico/resources/");
    EXPECT_TRUE(listed.has_value());
    for (const auto& item : listed->items) {
      const auto key = model::ParsePath(item.key);
      if (key && key->kind != model::Kind::kClusterInformation && key->kind != model::Kind::kTier)
        keys += item.key + "\n";
    }
    return keys;
  }
};

TEST_F(BadInput, OfEveryKindIsRefusedWithTheReason) {
  const std::vector<BadDocument> documents = ReadBadDocuments();
  ASSERT_GT(documents.size(), 200U);
  for (const BadDocument& document : documents) {
    SCOPED_TRACE(document.name);
    EXPECT_THAT(ErrorOf(document.text), HasSubstr(document.expected));
  }
}

const char kHead[] = "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata:\n  name: a\n";

TEST_F(BadInput, AScalarOfTenMegabytes) {
  EXPECT_THAT(ErrorOf(kHead + ("  labels: {x: " + std::string(10U << 20, 'y') + "}\n")),
              HasSubstr("a document is larger than 10 MiB"));
  EXPECT_THAT(ErrorOf(kHead + ("  labels: {x: " + std::string(9U << 20, 'y') + "}\n")),
              HasSubstr("Metadata.Labels (value)"));
  EXPECT_THAT(ErrorOf("apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: " +
                      std::string(9U << 20, 'y') + "}\n"),
              HasSubstr("Metadata.Name"));
}

TEST_F(BadInput, DeepNesting) {
  for (const std::size_t depth : {150U, 5000U, 200000U}) {
    SCOPED_TRACE(depth);
    ErrorOf(std::string(depth, '[') + std::string(depth, ']'));
    ErrorOf(std::string(depth, '['));
    std::string maps;
    for (std::size_t i = 0; i < depth; ++i) maps += "{a: ";
    ErrorOf(maps + std::string(depth, '}'));
    std::string dashes;
    for (std::size_t i = 0; i < depth; ++i) dashes += "- ";
    ErrorOf(dashes + "x\n");
    if (depth < 1000) continue;  // a selector may be that deep
    std::string selector(depth, '(');
    selector += "all()" + std::string(depth, ')');
    ErrorOf(
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: a}\nspec: {selector: "
        "'" +
        selector + "'}\n");
    ErrorOf(
        "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {name: a}\nspec: {selector: "
        "'" +
        std::string(depth, '!') + "x'}\n");
  }
}

TEST_F(BadInput, BytesThatAreNoUtf8) {
  for (const char* bytes : {"\xff\xfe", "\xc3\x28", "\xe2\x82", "\xf8\xa1\xa1\xa1\xa1", "\xed\xa0\x80"}) {
    EXPECT_THAT(ErrorOf(std::string(kHead) + "  labels: {x: \"" + bytes + "\"}\n"), HasSubstr("UTF-8"))
        << bytes;
  }
  ErrorOf(std::string(
      "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: \"a\0b\"}\n", 77));
  ErrorOf(
      std::string("\xff\xfe"
                  "k\0i\0n\0d\0:\0",
                  12));  // UTF-16
}

TEST_F(BadInput, AnchorsThatGrowWithoutEnd) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    bomb += fmt::format("a{0}: &a{0} [", i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    bomb += "]\n";
  }
  EXPECT_THAT(ErrorOf(kHead + bomb), HasSubstr("excessive aliasing"));
  EXPECT_THAT(ErrorOf("&a [*a]"), HasSubstr("line 1"));
  EXPECT_THAT(ErrorOf("apiVersion: &v projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: &m {name: a, "
                      "labels: *m}\n"),
              HasSubstr("line 3"));
}

TEST_F(BadInput, ABadDocumentAmongGoodOnesStoresNothingOfTheFile) {
  const std::string good =
      "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: good}\nspec: {nets: "
      "[10.0.0.0/8]}\n";
  EXPECT_THAT(ErrorOf(good + "---\nkind: IPPool\n---\n" + good), HasSubstr("line 6"));
}

// What only the store's side refuses does not keep the others back (reference calicoctl B.1).
TEST_F(BadInput, AnInvalidResourceAmongValidOnesIsReportedAndTheOthersAreStored) {
  const Ran ran = Run({"create", "-f", "-"},
                      "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: "
                      "one}\nspec: {nets: [10.0.0.0/8]}\n"
                      "---\n"
                      "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkSet\nmetadata: {name: "
                      "Two}\nspec: {nets: [10.0.0.0/8]}\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.out, "Partial success: created the first 1 out of 2 'GlobalNetworkSet' resources:\n");
  EXPECT_THAT(ran.err, HasSubstr("Metadata.Name = 'Two'"));
}

}  // namespace
}  // namespace calico::calicoctl::testing
