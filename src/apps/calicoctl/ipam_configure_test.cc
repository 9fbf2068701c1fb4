// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"

namespace calico::calicoctl::testing {
namespace {

using IpamConfigure = CommandTest;

constexpr char kConfigKey[] = "/calico/ipam/v2/config";

TEST_F(IpamConfigure, StoresWhatUpstreamStores) {
  EXPECT_EQ(Run({"ipam", "configure", "--strictaffinity=T"}),
            Printed("Successfully set StrictAffinity to: true\n"));
  EXPECT_EQ(client_.content().at(kConfigKey), R"({"strict_affinity":true,"auto_allocate_blocks":true})");
  EXPECT_EQ(Run({"ipam", "configure", "--max-blocks-per-host", "4", "--kubevirt-ip-persistence=Disabled"}),
            Printed("Successfully set MaxBlocksPerHost to: 4\n"
                    "Successfully set KubeVirtVMAddressPersistence to: Disabled\n"));
  EXPECT_EQ(client_.content().at(kConfigKey),
            R"({"strict_affinity":true,"auto_allocate_blocks":true,"maxBlocksPerHost":4,)"
            R"("kubeVirtVMAddressPersistence":"Disabled"})");
}

TEST_F(IpamConfigure, ShowsTheSettings) {
  EXPECT_EQ(Run({"ipam", "show", "--show-configuration"}),
            Printed("+------------------------------+---------+\n"
                    "|           PROPERTY           |  VALUE  |\n"
                    "+------------------------------+---------+\n"
                    "| StrictAffinity               | false   |\n"
                    "| AutoAllocateBlocks           | true    |\n"
                    "| MaxBlocksPerHost             |       0 |\n"
                    "| KubeVirtVMAddressPersistence | Enabled |\n"
                    "+------------------------------+---------+\n"));
}

TEST_F(IpamConfigure, WritesNothingWhenOneValueIsBad) {
  EXPECT_EQ(Run({"ipam", "configure", "--strictaffinity=yes"}),
            Refused("invalid value. Use true or false to set strictaffinity\n"));
  EXPECT_EQ(Run({"ipam", "configure", "--strictaffinity=true", "--max-blocks-per-host=-1"}),
            Refused("invalid value for maxblockhost. Use a valid number\n"));
  EXPECT_EQ(Run({"ipam", "configure", "--strictaffinity=true", "--kubevirt-ip-persistence=on"}),
            Refused("invalid value for --kubevirt-ip-persistence. Use Enabled or Disabled\n"));
  EXPECT_EQ(Run({"ipam", "configure", "--max-blocks-per-host=3"}),
            Refused("error: MaxBlocksPerHost requires StrictAffinity to be enabled\n"));
  EXPECT_TRUE(client_.content().empty());
}

TEST_F(IpamConfigure, NeedsAnOption) {
  EXPECT_EQ(Run({"ipam", "configure"}), Refused("at least one configuration option must be specified\n"));
}

}  // namespace
}  // namespace calico::calicoctl::testing
