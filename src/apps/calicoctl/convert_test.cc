// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"
#include "base/file.h"

namespace calico::calicoctl::testing {
namespace {

using ::testing::HasSubstr;
using ConvertVerb = CommandTest;

constexpr char kPeer[] =
    "apiVersion: v1\nkind: bgpPeer\nmetadata: {scope: global, peerIP: 10.20.0.1}\nspec: {asNumber: 64567}\n";
constexpr char kConverted[] =
    "apiVersion: projectcalico.org/v3\nkind: BGPPeer\nmetadata:\n  creationTimestamp: null\n  name: "
    "10-20-0-1\n"
    "spec:\n  asNumber: 64567\n  peerIP: 10.20.0.1\n";

TEST_F(ConvertVerb, PrintsAndStoresNothing) {
  EXPECT_EQ(Run({"convert", "-f", "-"}, kPeer), Printed(kConverted));
  EXPECT_EQ(Run({"convert", "-f", "-", "-o", "yml", "--allow-version-mismatch"}, kPeer), Printed(kConverted));
  EXPECT_THAT(Run({"convert", "--filename=-", "--output=json"}, kPeer).out,
              HasSubstr("\"kind\": \"BGPPeer\""));
  EXPECT_TRUE(client_.content().empty());
}

TEST_F(ConvertVerb, ReadsAFile) {
  const std::string path = std::filesystem::temp_directory_path() / "calico-convert-verb-test.yaml";
  ASSERT_TRUE(WriteFileAtomically(path, kPeer, 0644).has_value());
  EXPECT_EQ(Run({"convert", "-f", path}), Printed(kConverted));
  std::filesystem::remove(path);
  EXPECT_THAT(Run({"convert", "-f", path}).err, HasSubstr("Failed to create resources from file: "));
}

TEST_F(ConvertVerb, SaysWhatIsWrongWithTheDocument) {
  EXPECT_EQ(
      Run({"convert", "-f", "-"}, "apiVersion: v1\nkind: ipPool\nmetadata: {}\n"),
      Refused(
          "Failed to create resources from file: stdin: line 3, column 1: insufficient identifiers, missing "
          "'cidr'\n"));
  const std::string profile =
      "apiVersion: v1\nkind: profile\nmetadata: {name: p}\nspec: {ingress: [{action: allow, icmp: {type: "
      "8}}]}\n";
  const Ran refused = Run({"convert", "-f", "-"}, profile);
  EXPECT_EQ(refused.code, 1);
  EXPECT_THAT(refused.err, HasSubstr("failed validation: "));
  EXPECT_EQ(Run({"convert", "-f", "-", "--ignore-validation"}, profile).code, 0);
}

TEST_F(ConvertVerb, RefusesFlagsThatMakeNoSense) {
  EXPECT_EQ(Run({"convert", "-f", "-", "-o", "wide"}, kPeer), Refused("unrecognized output format 'wide'\n"));
  EXPECT_THAT(Run({"convert"}).err, HasSubstr("--filename is required"));
}

}  // namespace
}  // namespace calico::calicoctl::testing
