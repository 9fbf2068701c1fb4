// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"
#include "ipam/allocator.h"

namespace calico::calicoctl::testing {
namespace {

constexpr char kPoolKey[] = "/calico/resources/v3/projectcalico.org/ippools/";

class IpamSplit : public CommandTest {
 protected:
  void SetUp() override {
    Create(kDefaultPool);
    Create(
        "{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: six}, spec: {cidr: "
        "'fd80:24e2:f998::/48', ipipMode: Never}}");
    ASSERT_EQ(Run({"datastore", "migrate", "lock"}).code, 0);
  }
  bool HasPool(const std::string& name) { return client_.content().count(kPoolKey + name) != 0; }
};

TEST_F(IpamSplit, ReplacesThePoolAndLeavesItsBlocks) {
  ipam::Allocator allocator(client_, clock_, "h1");
  ASSERT_TRUE(allocator.AssignIp(*net::Ip::Parse("192.168.200.1"), {"h", {}}).has_value());
  EXPECT_EQ(Run({"ipam", "split", "--name=default-ipv4-ippool", "4"}),
            Printed("IP Pool default-ipv4-ippool was successfully split into 4 smaller pools.\n"
                    "Created split-default-ipv4-ippool-0 with CIDR 192.168.0.0/18.\n"
                    "Created split-default-ipv4-ippool-1 with CIDR 192.168.64.0/18.\n"
                    "Created split-default-ipv4-ippool-2 with CIDR 192.168.128.0/18.\n"
                    "Created split-default-ipv4-ippool-3 with CIDR 192.168.192.0/18.\n"
                    "Please refer to the documentation for final steps.\n"));
  EXPECT_FALSE(HasPool("default-ipv4-ippool"));
  const std::string part = client_.content().at(std::string(kPoolKey) + "split-default-ipv4-ippool-3");
  EXPECT_NE(part.find(R"("natOutgoing":true)"), std::string::npos) << part;
  EXPECT_EQ(part.find("disabled"), std::string::npos);
  EXPECT_EQ(Run({"ipam", "show", "--ip=192.168.200.1"}).out.find("IP 192.168.200.1 is in use\n"), 0U);
}

TEST_F(IpamSplit, SplitsIpv6AboveTheLowerHalf) {
  const Ran ran = Run({"ipam", "split", "2", "--cidr=fd80:24e2:f998::/48"});
  EXPECT_NE(ran.out.find("Created split-six-1 with CIDR fd80:24e2:f998:8000::/49.\n"), std::string::npos)
      << ran.out << ran.err;
}

TEST_F(IpamSplit, FinishesWhatAnEarlierRunBegan) {
  client_.FailNext(datastore::testing::Operation::kDelete, Error(ErrorCode::kUnavailable, "away"));
  EXPECT_EQ(Run({"ipam", "split", "2", "--name=default-ipv4-ippool"}), Refused("away\n"));
  EXPECT_EQ(Run({"ipam", "split", "2", "--name=default-ipv4-ippool"}).code, 0);
  EXPECT_FALSE(HasPool("default-ipv4-ippool"));
  EXPECT_TRUE(HasPool("split-default-ipv4-ippool-1"));
}

TEST_F(IpamSplit, ChecksEverythingBeforeItDisablesThePool) {
  const auto before = client_.content();
  const std::string name = "--name=default-ipv4-ippool";
  EXPECT_EQ(Run({"ipam", "split", "2"}),
            Refused("no name or CIDR provided. Provide a name or CIDR to denote the IP pool to split\n"));
  EXPECT_EQ(Run({"ipam", "split", "x", name}),
            Refused("error reading number to split IP pools into. x is not a valid number: strconv.Atoi: "
                    "parsing \"x\": invalid syntax\n"));
  EXPECT_EQ(
      Run({"ipam", "split", "3", name}),
      Refused("error splitting the CIDR 192.168.0.0/16 into 3 CIDRs: number to split CIDR into is not a "
              "valid power of 2: 3\n"));
  EXPECT_EQ(Run({"ipam", "split", "2048", name}),
            Refused("error splitting the CIDR 192.168.0.0/16 into 2048 CIDRs: the CIDR 192.168.0.0/16 is not "
                    "large enough to be split into 2048 parts\n"));
  EXPECT_EQ(Run({"ipam", "split", "2", "--cidr=10.0.0.0/8"}),
            Refused("unable to find IP pool covering the specified CIDR 10.0.0.0/8\n"));
  EXPECT_EQ(
      Run({"ipam", "split", "2", "--name=none"}),
      Refused("unable to find IP pool with name none: resource does not exist: IPPool(none) with error: "
              "<nil>\n"));
  EXPECT_EQ(client_.content(), before);
}

TEST_F(IpamSplit, NeedsALock) {
  ASSERT_EQ(Run({"datastore", "migrate", "unlock"}), Printed("Datastore unlocked.\n"));
  EXPECT_EQ(
      Run({"ipam", "split", "2", "--name=six"}),
      Refused("datastore is not locked. Run the `calicoctl datastore migrate lock` command in order split "
              "the IP pools\n"));
}

}  // namespace
}  // namespace calico::calicoctl::testing
