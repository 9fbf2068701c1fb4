// SPDX-License-Identifier: Apache-2.0
// One suite for /proc/sys of the program's own network namespace and for the fake.
#include "kernel/sysctl.h"

#include <cerrno>
#include <functional>

#include <gtest/gtest.h>

#include "kernel/testing/fake_sysctl.h"

namespace calico::kernel {
namespace {

constexpr char kKey[] = "net/ipv4/conf/lo/proxy_arp";

struct Case {
  std::string name;
  std::function<std::unique_ptr<Sysctl>()> open;
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.name;
}

class SysctlTest : public ::testing::TestWithParam<Case> {
 protected:
  const std::unique_ptr<Sysctl> sysctl_ = GetParam().open();
};

TEST_P(SysctlTest, ReadsBackWhatItWroteWithoutANewline) {
  for (const std::string value : {"1", "0"}) {
    ASSERT_TRUE(sysctl_->Write(kKey, value).has_value());
    const auto read = sysctl_->Read(kKey);
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(*read, value);
  }
}

TEST_P(SysctlTest, AMissingInterfacesKeyIsNotFound) {
  EXPECT_EQ(sysctl_->Read("net/ipv4/conf/nowhere/proxy_arp").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(sysctl_->Write("net/ipv4/conf/nowhere/proxy_arp", "1").error().code(), ErrorCode::kNotFound);
}

TEST_P(SysctlTest, AKeyCannotLeadOutOfProcSys) {
  EXPECT_EQ(sysctl_->Read("net/../kernel/hostname").error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(sysctl_->Write("../../tmp/nowhere", "1").error().code(), ErrorCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Both, SysctlTest,
                         ::testing::Values(Case{"kernel", OpenSysctl},
                                           Case{"fake", [] {
                                                  auto fake = std::make_unique<testing::FakeSysctl>();
                                                  fake->Add(kKey, "0");
                                                  return fake;
                                                }}));

TEST(Sysctl, AValueTheKernelRefusesIsAnErrorThatNamesKeyAndValue) {
  const Status status = OpenSysctl()->Write("net/ipv4/conf/lo/rp_filter", "many");
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().sys_errno(), EINVAL);
  EXPECT_NE(status.error().message().find("net/ipv4/conf/lo/rp_filter=many"), std::string::npos);
}

TEST(FakeSysctl, FailsTheCallItIsToldToAndLogsWrites) {
  testing::FakeSysctl fake;
  fake.Add(kKey, "0");
  fake.script().FailCall("write ", 2, Error(ErrorCode::kUnavailable, "scripted"));
  EXPECT_TRUE(fake.Write(kKey, "1").has_value());
  EXPECT_EQ(fake.Write(kKey, "2").error().message(), "scripted");
  EXPECT_EQ(*fake.Read(kKey), "1") << "a failed write changes nothing";
  EXPECT_TRUE(fake.Write(kKey, "3").has_value());
  EXPECT_EQ(fake.script().writes().size(), 3U);
}

}  // namespace
}  // namespace calico::kernel
