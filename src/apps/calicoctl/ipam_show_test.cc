// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"
#include "base/text.h"
#include "ipam/allocator.h"

namespace calico::calicoctl::testing {
namespace {

class IpamShow : public CommandTest {
 protected:
  void SetUp() override {
    Create(ReplaceAll(kV1Pool, "10.254.0.0/24", "10.77.0.0/16"));
    Create(ReplaceAll(kV1Pool, "10.254.0.0/24", "fd80:24e2:f998:72d6::/64"));
    Create(
        "{apiVersion: projectcalico.org/v3, kind: Node, metadata: {name: rack1-host7}, "
        "spec: {bgp: {ipv4Address: 10.20.0.7/24}}}");
    ipam::Allocator allocator(client_, clock_, "rack1-host7");
    for (const char* address : {"10.77.3.5", "10.77.3.6", "10.77.3.200"}) {
      ipam::Owner owner;
      owner.handle_id = std::string("handle-") + address;
      owner.attributes = {{"node", "rack1-host7"}, {"endpoint", "e1"}};
      ASSERT_TRUE(allocator.AssignIp(*net::Ip::Parse(address), owner).has_value());
    }
  }
};

TEST_F(IpamShow, ShowsHowFullPoolsAre) {
  EXPECT_EQ(
      Run({"ipam", "show"}),
      Printed("+----------+--------------------------+------------+------------+-------------------+\n"
              "| GROUPING |           CIDR           | IPS TOTAL  | IPS IN USE |     IPS FREE      |\n"
              "+----------+--------------------------+------------+------------+-------------------+\n"
              "| IP Pool  | 10.77.0.0/16             |      65536 | 3 (0%)     | 65533 (100%)      |\n"
              "| IP Pool  | fd80:24e2:f998:72d6::/64 | 1.8447e+19 | 0 (0%)     | 1.8447e+19 (100%) |\n"
              "+----------+--------------------------+------------+------------+-------------------+\n"));
}

TEST_F(IpamShow, ShowsTheBlocksOfEachPool) {
  EXPECT_EQ(
      Run({"ipam", "show", "--show-blocks"}),
      Printed("+----------+--------------------------+------------+------------+-------------------+\n"
              "| GROUPING |           CIDR           | IPS TOTAL  | IPS IN USE |     IPS FREE      |\n"
              "+----------+--------------------------+------------+------------+-------------------+\n"
              "| IP Pool  | 10.77.0.0/16             |      65536 | 3 (0%)     | 65533 (100%)      |\n"
              "| Block    | 10.77.3.0/26             |         64 | 2 (3%)     | 62 (97%)          |\n"
              "| Block    | 10.77.3.192/26           |         64 | 1 (2%)     | 63 (98%)          |\n"
              "| IP Pool  | fd80:24e2:f998:72d6::/64 | 1.8447e+19 | 0 (0%)     | 1.8447e+19 (100%) |\n"
              "+----------+--------------------------+------------+------------+-------------------+\n"));
}

TEST_F(IpamShow, ShowsAllBlocksWhosePoolIsGone) {
  ASSERT_EQ(Run({"delete", "pool", "10.77.0.0/16"}).code, 0);
  EXPECT_EQ(Run({"ipam", "show"}).out.find("10.77."), std::string::npos);
  EXPECT_NE(Run({"ipam", "show", "--show-blocks"}).out.find("| Block    | 10.77.3.192/26 "),
            std::string::npos);
}

TEST_F(IpamShow, TellsWhoHasAnAddress) {
  EXPECT_EQ(Run({"ipam", "show", "--ip=10.77.3.5"}), Printed("IP 10.77.3.5 is in use\n"
                                                             "Handle ID: handle-10.77.3.5\n"
                                                             "Active Owner Attributes:\n"
                                                             "  endpoint: e1\n"
                                                             "  node: rack1-host7\n"));
  EXPECT_EQ(Run({"ipam", "show", "--ip=10.77.3.7"}), Printed("10.77.3.7 is not assigned\n"));
  EXPECT_EQ(Run({"ipam", "show", "--ip=x"}),
            Refused("Error executing command: invalid IP address specified: x\n"));
}

TEST_F(IpamShow, SaysThatTheStoreIsAway) {
  client_.FailNext(datastore::testing::Operation::kList,
                   Error(ErrorCode::kUnavailable, "etcd http://x: away"));
  EXPECT_EQ(Run({"ipam", "show"}), Refused("etcd http://x: away\n"));
}

using Version = CommandTest;

TEST_F(Version, NamesTheClusterAndTheStore) {
  const std::string client = "Client Version:    " CALICO_VERSION "\nGit commit:        unknown\n";
  const std::string store = "Datastore:         " + client_.name() + " (a test)\n";
  EXPECT_EQ(Run({"version"}),
            Printed(client + "Cluster Version:   unknown\nCluster Type:      unknown\n" + store));
  ASSERT_TRUE(
      client_
          .Create(
              "/calico/resources/v3/projectcalico.org/clusterinformations/default",
              R"({"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default"},)"
              R"("spec":{"clusterType":"docker,bgp","calicoVersion":"v0.1.0"}})")
          .has_value());
  EXPECT_EQ(Run({"version"}),
            Printed(client + "Cluster Version:   v0.1.0\nCluster Type:      docker,bgp\n" + store));
}

TEST_F(Version, OfTheClientNeedsNoStore) {
  const Environment environment{std::map<std::string, std::string>{}};
  std::istringstream in;
  std::ostringstream out, err;
  const Surroundings surroundings{
      environment, clock_,
      in,          out,
      err,         [&](const std::string& config_file) {
                                    return OpenChosenStore(environment, config_file); }};
  EXPECT_EQ(RunCommand({"version", "--client"}, surroundings), 0);
  EXPECT_EQ(out.str().find("Client Version:    v"), 0U);
  EXPECT_EQ(RunCommand({"get", "nodes", "-c", "/does/not/exist"}, surroundings), 1);
  EXPECT_EQ(err.str(), "Error reading config file: /does/not/exist\n");
}

}  // namespace
}  // namespace calico::calicoctl::testing
