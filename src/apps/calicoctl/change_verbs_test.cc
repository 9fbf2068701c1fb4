// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"

namespace calico::calicoctl::testing {
namespace {

using ChangeVerbs = CommandTest;

constexpr char kNode[] = R"(
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: n1, labels: {rack: "1"}}
spec: {bgp: {ipv4Address: 10.20.0.7/24, asNumber: 64600}}
)";

TEST_F(ChangeVerbs, PatchMergesAndWritesOnce) {
  Create(kDefaultPool);
  EXPECT_EQ(Run({"patch", "ippool", "default-ipv4-ippool", "-p", R"({"spec":{"natOutgoing":false}})"}),
            Printed("Successfully patched 1 'IPPool' resource\n"));
  EXPECT_NE(Run({"get", "ippool", "-o", "custom-columns=NAT"}).out.find("false"), std::string::npos);
  // By its CIDR, and with a list of operations.
  EXPECT_EQ(Run({"patch", "pool", "192.168.0.0/16", "--type=json", "-p",
                 R"([{"op":"add","path":"/spec/natOutgoing","value":true}])"}),
            Printed("Successfully patched 1 'IPPool' resource\n"));
  EXPECT_NE(Run({"get", "ippool", "-o", "custom-columns=NAT"}).out.find("true"), std::string::npos);
}

TEST_F(ChangeVerbs, PatchSaysWhatIsWrong) {
  Create(kNode);
  EXPECT_EQ(Run({"patch", "node", "nope", "-p", "{}"}),
            Refused("hit error: resource does not exist: Node(nope) with error: <nil>\n"));
  EXPECT_EQ(Run({"patch", "node", "n1", "-p", "{"}),
            Refused("hit error: performing strategic merge patch: the patch is not JSON\n"));
  const Ran unknown = Run({"patch", "node", "n1", "-p", R"({"spec":{"foo":1}})"});
  EXPECT_EQ(unknown.code, 1);
  EXPECT_NE(unknown.err.find("field in document is not recognized or is in the wrong location: foo"),
            std::string::npos)
      << unknown.err;
  EXPECT_EQ(Run({"patch", "node", "n1", "-p", R"({"metadata":{"name":"n2"}})"}),
            Refused("hit error: creating resource from patched data: a patch can not change kind, name or "
                    "namespace\n"));
  EXPECT_EQ(Run({"patch", "node", ""}).code, 1);
  EXPECT_EQ(Run({"patch", "node", "n1"}).err.substr(0, 20), "--patch is required.");
  EXPECT_EQ(Run({"patch", "node", "n1", "-p", "{}", "-t", "x"}).err.substr(0, 37),
            "--type is strategic, merge or json.\nU");
}

TEST_F(ChangeVerbs, LabelSetsUpdatesAndRemoves) {
  Create(kNode);
  EXPECT_EQ(Run({"label", "nodes", "n1", "zone=a"}), Printed("Successfully set label zone on nodes n1\n"));
  EXPECT_EQ(
      Run({"label", "nodes", "n1", "zone=b"}),
      Refused("failed to update label of nodes n1, key zone is already present. please use '--overwrite' "
              "to set a new value\n"));
  EXPECT_EQ(Run({"label", "nodes", "n1", "zone=a"}),
            Printed("Successfully updated label zone on nodes n1\n"));
  EXPECT_EQ(Run({"label", "nodes", "n1", "zone=b", "--overwrite"}),
            Printed("Successfully updated label zone on nodes n1\n"));
  EXPECT_NE(Run({"get", "node", "n1", "-o", "yaml"}).out.find("  labels:\n    rack: \"1\"\n    zone: b\n"),
            std::string::npos);
  EXPECT_EQ(Run({"label", "nodes", "n1", "zone", "--remove"}),
            Printed("Successfully removed label zone from nodes n1\n"));
  EXPECT_EQ(Run({"label", "nodes", "n1", "empty="}), Printed("Successfully set label empty on nodes n1\n"));
}

TEST_F(ChangeVerbs, LabelRefuses) {
  Create(kNode);
  EXPECT_EQ(Run({"label", "nodes", "n1", "zone", "--remove"}),
            Refused("cannot remove label of nodes n1, key zone does not exist\n"));
  EXPECT_EQ(Run({"label", "nodes", "n1", "zone"}), Refused("invalid label zone\n"));
  EXPECT_EQ(Run({"label", "nodes", "n1", "a=b=c"}), Refused("invalid label a=b=c\n"));
  EXPECT_EQ(Run({"label", "nodes", "n9", "a=b"}), Refused("nodes n9 not found\n"));
  EXPECT_EQ(Run({"label", "foo", "n9", "a=b"}), Refused("resource type 'foo' is not supported\n"));
  const Ran invalid = Run({"label", "nodes", "n1", "a b=c"});
  EXPECT_EQ(invalid.code, 1);
  EXPECT_NE(invalid.err.find("failed to update nodes n1, label not changed\n"), std::string::npos)
      << invalid.err;
}

TEST_F(ChangeVerbs, ValidateNeedsNoStoreAndReportsEachFault) {
  EXPECT_EQ(Run({"validate", "-f", "-"}, std::string(kNode) + "---" + kNode),
            Printed("Successfully validated 2 'Node' resource(s)\n"));
  const std::string bad =
      "{apiVersion: projectcalico.org/v3, kind: Node, metadata: {name: n1}, spec: {bgp: {ipv4Address: x}}}";
  const Ran one = Run({"validate", "-f", "-"}, bad);
  EXPECT_EQ(one.code, 1);
  EXPECT_EQ(one.err.find("failed to validate 'Node' resource: ["), 0U) << one.err;
  const Ran some = Run({"validate", "-f", "-"}, bad + "\n---" + kNode);
  EXPECT_EQ(some.code, 1);
  EXPECT_EQ(some.out, "Partial success: validated the first 1 out of 2 'Node' resources:\n");
  EXPECT_EQ(some.err.find("hit error(s): ["), 0U) << some.err;
  EXPECT_EQ(client_.writes(), 0);
}

}  // namespace
}  // namespace calico::calicoctl::testing
