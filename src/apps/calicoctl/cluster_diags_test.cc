// SPDX-License-Identifier: Apache-2.0
#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "apps/calicoctl/testing/command_fixture.h"
#include "base/subprocess.h"

namespace calico::calicoctl::testing {
namespace {

namespace fs = std::filesystem;

class ClusterDiags : public CommandTest {
 protected:
  void SetUp() override {
    before_ = fs::current_path();
    folder_ = fs::path(::testing::TempDir()) / ("diags-" + std::to_string(::getpid()));
    fs::create_directories(folder_);
    fs::current_path(folder_);
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(folder_);
  }
  std::string Contents(const std::vector<std::string>& tar) {
    const auto ran = RunProcess(tar, std::chrono::seconds(20));
    return ran.has_value() ? ran->out : ran.error().message();
  }
  fs::path before_, folder_;
};

constexpr char kBundle[] = "./calico-diagnostics-20260302_101112.tar.gz";

TEST_F(ClusterDiags, CollectWhatTheStoreHas) {
  Create(kDefaultPool);
  const Ran ran = Run({"cluster", "diags"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out.find("==== Begin collecting diagnostics. ====\nCreated temporary directory: /"), 0U)
      << ran.out;
  EXPECT_NE(ran.out.find("\n[1] Collecting versions\n"), std::string::npos) << ran.out;
  const std::string end = std::string(
                              "kubectl is not in PATH: collected from the datastore only\n\n"
                              "==== Producing a diagnostics bundle. ====\n"
                              "Diagnostic bundle created at ") +
                          kBundle + "\n";
  EXPECT_EQ(ran.out.substr(ran.out.size() - end.size()), end);
  EXPECT_EQ(ran.out.find("Failed"), std::string::npos) << ran.out;
  const std::string names = Contents({"tar", "-tzf", kBundle});
  for (const char* name :
       {"cluster/version.yaml", "cluster/resources/ippools.yaml", "cluster/ipam/check.txt"}) {
    EXPECT_NE(names.find(name), std::string::npos) << names;
  }
  EXPECT_NE(
      Contents({"tar", "-xzOf", kBundle, "calico-diagnostics-20260302_101112/cluster/resources/ippools.yaml"})
          .find("name: default-ipv4-ippool"),
      std::string::npos);
}

TEST_F(ClusterDiags, GoOnAfterAFailure) {
  client_.FailNext(datastore::testing::Operation::kList, Error(ErrorCode::kUnavailable, "away"));
  const Ran ran = Run({"cluster", "diags"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find(": away\n"), std::string::npos);
  EXPECT_TRUE(fs::exists(kBundle));
}

TEST_F(ClusterDiags, RefuseBadOptions) {
  EXPECT_EQ(Run({"cluster", "diags", "--since=1d"}),
            Refused("Error executing command: invalid duration for since flag (try 10s, 5m, or 1h): 1d\n"));
  EXPECT_EQ(Run({"cluster", "diags", "--max-logs=-1"}),
            Refused("Error executing command: negative value for max-logs flag\n"));
  EXPECT_EQ(Run({"cluster", "diags", "--max-parallelism=x"}),
            Refused("Error executing command: invalid value for max-parallelism flag: x\n"));
  EXPECT_FALSE(fs::exists(kBundle));
}

}  // namespace
}  // namespace calico::calicoctl::testing
