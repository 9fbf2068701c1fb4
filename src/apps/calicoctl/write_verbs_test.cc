// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>

#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"
#include "base/file.h"
#include "base/text.h"

namespace calico::calicoctl::testing {
namespace {

class WriteVerbs : public CommandTest {
 protected:
  // How many there are in the store.
  long Pools() const {
    const auto content = client_.content();
    return std::count_if(content.begin(), content.end(), [](const auto& entry) {
      return entry.first.find("/ippools/") != std::string::npos;
    });
  }
};

constexpr char kExists[] = "resource already exists: IPPool(default-ipv4-ippool) with error: <nil>";
constexpr char kMissing[] = "resource does not exist: IPPool(default-ipv4-ippool) with error: <nil>";

std::string Both() {
  return std::string(kDefaultPool) + "---" + kV1Pool;
}

TEST_F(WriteVerbs, CreateAnswersInTheDialectOfTheDocument) {
  EXPECT_EQ(Run({"create", "-f", "-"}, kV1Pool), Printed("Successfully created 1 'ipPool' resource(s)\n"));
  EXPECT_EQ(Run({"create", "-f", "-"}, kDefaultPool),
            Printed("Successfully created 1 'IPPool' resource(s)\n"));
}

TEST_F(WriteVerbs, CreateTakesSeveralDocumentsAndJson) {
  EXPECT_EQ(Run({"create", "-f", "-"}, Both()), Printed("Successfully created 2 resource(s)\n"));
  EXPECT_EQ(Run({"create", "-f", "-"},
                R"({"apiVersion": "projectcalico.org/v3", "kind": "Profile", "metadata": {"name": "p"}})"),
            Printed("Successfully created 1 'Profile' resource(s)\n"));
}

TEST_F(WriteVerbs, CreateRefusesWhatExists) {
  Create(kDefaultPool);
  EXPECT_EQ(Run({"create", "-f", "-"}, kDefaultPool),
            Refused(std::string("failed to create 'IPPool' resource: [") + kExists + "]\n"));
  EXPECT_EQ(Run({"create", "-f", "-", "--skip-exists"}, kDefaultPool),
            Printed("Successfully created 1 'IPPool' resource(s)\n"));
}

TEST_F(WriteVerbs, ThePoolOfAV1DocumentIsTheOneWithItsCidr) {
  Create(kDefaultPool);
  const std::string v1 = ReplaceAll(kV1Pool, "10.254.0.0/24", "192.168.0.0/16");
  EXPECT_EQ(Run({"create", "-f", "-"}, v1),
            Refused(std::string("failed to create 'ipPool' resource: [") + kExists + "]\n"));
  EXPECT_EQ(Run({"apply", "-f", "-"}, v1), Printed("Successfully applied 1 'ipPool' resource(s)\n"));
  EXPECT_EQ(Pools(), 1);
  EXPECT_EQ(Run({"delete", "-f", "-"}, v1), Printed("Successfully deleted 1 'ipPool' resource(s)\n"));
  EXPECT_EQ(Pools(), 0);
}

TEST_F(WriteVerbs, ReportHowManyWereDoneBesideAFailure) {
  Create(kDefaultPool);
  const Ran ran = Run({"create", "-f", "-"}, Both());
  EXPECT_EQ(ran, (Ran{1, "Partial success: created the first 1 out of 2 resources:\n",
                      std::string("hit error: [") + kExists + "]\n"}));
  EXPECT_EQ(Run({"create", "-f", "-"}, Both()).err.find("failed to create any resources: ["), 0U);
}

TEST_F(WriteVerbs, NothingIsWrittenWhenOneDocumentIsBroken) {
  const Ran ran = Run({"create", "-f", "-"}, std::string(kDefaultPool) + "---\nkind: [\n");
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err.find("failed to execute command: stdin: line "), 0U) << ran.err;
  EXPECT_EQ(std::count(ran.err.begin(), ran.err.end(), '\n'), 1);
  EXPECT_EQ(client_.writes(), 0);
}

TEST_F(WriteVerbs, AnOverlappingPoolNamesBoth) {
  Create(kV1Pool);
  const Ran ran = Run({"create", "-f", "-"}, ReplaceAll(kV1Pool, "10.254.0.0/24", "10.254.0.128/25"));
  EXPECT_EQ(
      ran,
      Refused("failed to create 'ipPool' resource: [error with field IPPool.Spec.CIDR = '10.254.0.128/25' "
              "(IPPool(10-254-0-128-25) CIDR overlaps with IPPool(10-254-0-0-24) CIDR 10.254.0.0/24)]\n"));
}

TEST_F(WriteVerbs, ApplyCreatesAndReplaces) {
  EXPECT_EQ(Run({"apply", "-f", "-"}, kDefaultPool),
            Printed("Successfully applied 1 'IPPool' resource(s)\n"));
  const std::string changed = ReplaceAll(kDefaultPool, "natOutgoing: true", "natOutgoing: false");
  EXPECT_EQ(Run({"apply", "-f", "-"}, changed), Printed("Successfully applied 1 'IPPool' resource(s)\n"));
  EXPECT_NE(Run({"get", "ippool", "-o", "custom-columns=NAT"}).out.find("false"), std::string::npos);
}

TEST_F(WriteVerbs, ReplaceNeedsWhatItReplaces) {
  EXPECT_EQ(Run({"replace", "-f", "-"}, kDefaultPool),
            Refused(std::string("failed to replace 'IPPool' resource: [") + kMissing + "]\n"));
  Create(kDefaultPool);
  EXPECT_EQ(Run({"replace", "-f", "-"}, kDefaultPool),
            Printed("Successfully replaced 1 'IPPool' resource(s)\n"));
}

TEST_F(WriteVerbs, WhatGetPrintedCanBeAppliedAgain) {
  Create(kDefaultPool);
  const std::string yaml = Run({"get", "ippool", "-o", "yaml"}).out;
  EXPECT_EQ(Run({"apply", "-f", "-"}, yaml), Printed("Successfully applied 1 'IPPool' resource(s)\n"));
  EXPECT_EQ(Run({"apply", "-f", "-"}, yaml).err,
            "failed to apply 'IPPool' resource: [update conflict: IPPool(default-ipv4-ippool)]\n");
}

TEST_F(WriteVerbs, DeleteTakesNamesAndCidrs) {
  Create(Both());
  EXPECT_EQ(Run({"delete", "ipPool", "192.168.0.0/16", "10-254-0-0-24"}),
            Printed("Successfully deleted 2 'IPPool' resource(s)\n"));
  EXPECT_EQ(Pools(), 0);
}

TEST_F(WriteVerbs, DeleteReportsWhatIsMissing) {
  Create(kDefaultPool);
  EXPECT_EQ(
      Run({"delete", "pool", "nope", "default-ipv4-ippool"}),
      (Ran{1, "Successfully deleted 1 'IPPool' resource(s)\n",
           "Failed to delete 'IPPool' resource: resource does not exist: IPPool(nope) with error: <nil>\n"}));
  EXPECT_EQ(Run({"delete", "pool", "nope", "-s"}), Printed("Successfully deleted 1 'IPPool' resource(s)\n"));
  EXPECT_EQ(Run({"delete", "pool"}),
            Refused("Failed to delete 'IPPool' resource: insufficient identifiers, missing 'name'\n"));
  EXPECT_EQ(Run({"delete", "foo", "x"}), Refused("resource type 'foo' is not supported\n"));
}

TEST_F(WriteVerbs, ClusterInformationIsReadOnly) {
  EXPECT_EQ(Run({"apply", "-f", "-"},
                "{apiVersion: projectcalico.org/v3, kind: ClusterInformation, metadata: {name: default}}"),
            Refused("failed to apply 'ClusterInformation' resource: [operation apply is not supported on "
                    "ClusterInformation: resource is readonly]\n"));
}

TEST_F(WriteVerbs, NamespacesOfFileAndCommandLineMustAgree) {
  const std::string endpoint =
      "{apiVersion: projectcalico.org/v3, kind: WorkloadEndpoint, metadata: {name: n1-cni-c-eth0, namespace: "
      "a}, "
      "spec: {node: n1, orchestrator: cni, containerID: c, endpoint: eth0, interfaceName: cali1, ipNetworks: "
      "[10.0.0.1/32]}}";
  EXPECT_EQ(Run({"create", "-n", "b", "-f", "-"}, endpoint),
            Refused("failed to create 'WorkloadEndpoint' resource: [resource namespace does not match client "
                    "namespace. a != b]\n"));
  EXPECT_EQ(Run({"create", "-n", "a", "-f", "-"}, endpoint).code, 0);
  EXPECT_EQ(Run({"delete", "wep", "n1-cni-c-eth0"}).err,
            "Failed to delete 'WorkloadEndpoint' resource: resource does not exist: "
            "WorkloadEndpoint(default/n1-cni-c-eth0) with error: <nil>\n");
}

TEST_F(WriteVerbs, ADirectoryGivesItsFilesInOrder) {
  const std::string directory =
      (std::filesystem::temp_directory_path() / ("calicoctl-" + RandomUuid())).string();
  ASSERT_TRUE(MakeDirectories(directory).has_value());
  ASSERT_TRUE(WriteFileAtomically(directory + "/b.yaml", kV1Pool).has_value());
  ASSERT_TRUE(WriteFileAtomically(directory + "/a.yml", kDefaultPool).has_value());
  ASSERT_TRUE(WriteFileAtomically(directory + "/notes.txt", "kind: [").has_value());
  EXPECT_EQ(Run({"create", "-f", directory}), Printed("Successfully created 2 resource(s)\n"));
  std::filesystem::remove_all(directory);
  EXPECT_EQ(Run({"create", "-f", directory}),
            Refused("failed to execute command: open " + directory + ": No such file or directory\n"));
  EXPECT_EQ(Run({"create", "-f", "-"}),
            Refused("failed to execute command: no resources specified in file -\n"));
  EXPECT_EQ(Run({"create"}).err.substr(0, 25), "--filename is required.\nU");
}

}  // namespace
}  // namespace calico::calicoctl::testing
