// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_checksystem.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/subprocess.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(KernelVersion, IsComparedAsNumbers) {
  for (const char* good : {"5.10", "5.10.0-28-amd64", "5.9999", "6.1.0-18-amd64", "10.0"})
    EXPECT_TRUE(IsKernelNewEnough(good)) << good;
  for (const char* bad : {"5.9.16", "4.19.0", "3.10.0-1160.el7.x86_64", "", "five", "5", "5.x"})
    EXPECT_FALSE(IsKernelNewEnough(bad)) << bad;
}

TEST(ModuleFiles, AreFoundByTheirName) {
  const std::string dep =
      "kernel/net/netfilter/xt_set.ko: kernel/net/netfilter/ipset/ip_set.ko\n"
      "kernel/drivers/vfio/pci/vfio-pci.ko.xz:\n";
  EXPECT_TRUE(ListsModuleFile(dep, "xt_set"));
  EXPECT_TRUE(ListsModuleFile(dep, "vfio_pci"));
  EXPECT_FALSE(ListsModuleFile(dep, "ip_set")) << "needed by another, but not there itself";
  EXPECT_FALSE(ListsModuleFile(dep, "set"));
  EXPECT_TRUE(ListsModuleFile("kernel/net/ipv4/netfilter/ip_tables.ko\n", "ip_tables"));
  EXPECT_FALSE(ListsModuleFile("", "ip_tables"));
}

TEST(LoadedModules, AreFoundByTheirWholeName) {
  const std::string loaded = "ip_set_hash_net 49152 1 - Live 0x0\nvfio_pci 16384 0 ip_set, Live 0x0\n";
  EXPECT_TRUE(ListsLoadedModule(loaded, "vfio-pci"));
  EXPECT_FALSE(ListsLoadedModule(loaded, "ip_set"));
}

TEST(KernelConfig, HasWhatIsBuiltInOrAModule) {
  const std::string config = "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=m\nCONFIG_D_E=y\n";
  EXPECT_TRUE(ConfigHas(config, "CONFIG_A"));
  EXPECT_FALSE(ConfigHas(config, "CONFIG_B"));
  EXPECT_TRUE(ConfigHas(config, "CONFIG_C"));
  EXPECT_FALSE(ConfigHas(config, "CONFIG_D"));
}

// A file tree in the place of the host's.
class SystemFiles : public ::testing::Test {
 protected:
  void SetUp() override { Add("/proc/sys/kernel/osrelease", "5.10.0-28-amd64\n"); }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void Add(const std::string& path, const std::string& text) {
    ASSERT_TRUE(MakeDirectories(std::filesystem::path(root_ + path).parent_path().string()).has_value());
    ASSERT_TRUE(WriteFileAtomically(root_ + path, text).has_value());
  }
  KernelFacts Facts() { return ReadKernelFacts(root_, "").value(); }
  const std::string root_ = (std::filesystem::temp_directory_path() / ("root-" + RandomUuid())).string();
};

TEST_F(SystemFiles, AreReadOfTheRunningKernel) {
  Add("/lib/modules/5.10.0-28-amd64/modules.dep", "dep");
  Add("/lib/modules/5.10.0-28-amd64/modules.builtin", "builtin");
  Add("/proc/modules", "loaded");
  Add("/proc/net/ip_tables_matches", "icmp\n");
  Add("/lib/modules/5.10.0-28-amd64/build/.config", "last");
  Add("/boot/config-5.10.0-28-amd64", "first");
  const KernelFacts facts = Facts();
  EXPECT_EQ(facts.release, "5.10.0-28-amd64");
  EXPECT_EQ(facts.modules_dep, "dep");
  EXPECT_EQ(facts.modules_builtin, "builtin");
  EXPECT_EQ(facts.loaded, "loaded");
  EXPECT_EQ(facts.config, "first");
  EXPECT_TRUE(HasModule(facts, {"xt_icmp", "icmp", false}));
  EXPECT_EQ(ReadKernelFacts(root_, root_ + "/proc/modules")->config, "loaded") << "the user's file wins";
  EXPECT_FALSE(ReadKernelFacts(root_, "/no/config").has_value());
}

TEST_F(SystemFiles, MayBeMissingWhenTheKernelHasItsConfiguration) {
  Add("/proc/config", "CONFIG_NF_TABLES=y\n");
  ASSERT_EQ(RunProcess({"gzip", root_ + "/proc/config"}, std::chrono::seconds(20))->exit_code, 0);
  EXPECT_EQ(Facts().config, "CONFIG_NF_TABLES=y\n");
}

KernelFacts Fit() {
  KernelFacts facts;
  facts.release = "6.1.0-18-amd64";
  facts.config = "CONFIG_NF_TABLES=y\nCONFIG_NFT_CT=m\nCONFIG_NFT_FIB=m\nCONFIG_NFT_MASQ=m\nCONFIG_VETH=m\n";
  return facts;
}

TEST(CheckSystem, AcceptsAHostWithNfTables) {
  std::ostringstream out, err;
  EXPECT_EQ(CheckSystem(Fit(), {}, out, err), 0);
  EXPECT_THAT(out.str(), StartsWith("Checking kernel version...\n"
                                    "\t\t6.1.0-18-amd64      \t\t\t\t\tOK\n"
                                    "Checking kernel modules...\n"
                                    "\t\tnf_tables           \t\t\t\t\tOK\n"));
  EXPECT_THAT(out.str(), HasSubstr("\t\txt_set              \t\t\t\t\tFAIL\n"));
  EXPECT_THAT(
      out.str(),
      EndsWith("Modules of iptables and IP sets that are missing do no harm: this Calico uses nf_tables.\n"
               "System meets minimum system requirements to run Calico!\n"));
  EXPECT_THAT(err.str(),
              HasSubstr("WARNING: Unable to detect the xt_set module as Loaded/Builtin module or lsmod\n"));
}

TEST(CheckSystem, SaysNothingAboutModulesThatAreAllThere) {
  KernelFacts facts = Fit();
  for (const KernelModule& module : KernelModules())
    facts.loaded += ReplaceAll(module.name, "-", "_") + " 1 0\n";
  std::ostringstream out, err;
  EXPECT_EQ(CheckSystem(facts, {}, out, err), 0);
  EXPECT_EQ(out.str().find("FAIL"), std::string::npos);
  EXPECT_EQ(out.str().find("do no harm"), std::string::npos);
  EXPECT_EQ(err.str(), "");
}

TEST(CheckSystem, RefusesAnOldKernelAndOneWithoutNfTables) {
  KernelFacts old = Fit();
  old.release = "4.19.0-26-amd64";
  std::ostringstream out, err;
  EXPECT_EQ(CheckSystem(old, {}, out, err), 1);
  EXPECT_THAT(
      err.str(),
      StartsWith("Minimum kernel version to run Calico is 5.10. Detected kernel version: 4.19.0-26-amd64\n"));
  EXPECT_THAT(err.str(),
              EndsWith("\nsystem doesn't meet one or more minimum systems requirements to run Calico\n"));
  KernelFacts without = Fit();
  without.config = "# CONFIG_NF_TABLES is not set\n";
  EXPECT_EQ(CheckSystem(without, {}, out, err), 1);
}

TEST(CheckSystem, NamesAForeignFirewallAndTheCommandThatHelps) {
  std::ostringstream out, err;
  kernel::ForeignChain drops{"inet", "filter", "forward", true, 0, false, false};
  kernel::ForeignChain harmless{"inet", "mine", "forward", false, 0, false, false};
  EXPECT_EQ(CheckSystem(Fit(), {drops, harmless}, out, err), 0) << "it is the owner's to decide";
  EXPECT_THAT(err.str(),
              HasSubstr("may drop what policy allows: table inet filter, chain forward: policy drop\n"));
  EXPECT_THAT(
      out.str(),
      HasSubstr("    nft insert rule inet filter forward meta mark and 0x10000 == 0x10000 accept comment "
                "'\"calico: accept what policy allowed\"'\n"));
  EXPECT_THAT(out.str() + err.str(), ::testing::Not(HasSubstr("mine")));
  kernel::ForeignChain input{"inet", "filter", "input", true, 0, false, true};
  EXPECT_EQ(CheckSystem(Fit(), {input}, out, err), 0);
  EXPECT_THAT(err.str(), HasSubstr("may drop what other hosts tunnel to it: table inet filter, chain input"));
}

}  // namespace
}  // namespace calico::calicoctl
