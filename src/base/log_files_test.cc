// SPDX-License-Identifier: Apache-2.0
#include "base/log_files.h"

#include <filesystem>
#include <string>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace calico {
namespace {

class LogFilesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = fmt::format("{}logs-{}-{}", ::testing::TempDir(), ::getpid(),
                             ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(directory_);
  }
  std::string Text(const std::string& name) const { return ReadFile(directory_ + "/" + name).value_or("-"); }
  std::string directory_;
};

TEST_F(LogFilesTest, EachPartHasItsFileWhichRotates) {
  const auto part_of = [](std::string_view component) { return component == "bgp" ? "confd" : "felix"; };
  ASSERT_TRUE(LogToFiles(directory_, part_of, 1000).has_value());
  LogWarning("bgp", "one session");
  LogWarning("calc", "a policy");
  LogDebug("calc", "not at this level");
  EXPECT_NE(Text("confd/current").find("bgp: one session\n"), std::string::npos);
  EXPECT_NE(Text("felix/current").find("[WARNING]"), std::string::npos);
  EXPECT_NE(Text("felix/current").find("calc: a policy\n"), std::string::npos);
  EXPECT_EQ(Text("felix/current").find("level"), std::string::npos);
  for (int i = 0; i < 100; ++i) LogWarning("calc", "line {} of many, none of which is short", i);
  EXPECT_LE(Text("felix/current").size(), 1000u);
  for (std::size_t old = 1; old <= kOldLogs; ++old)
    EXPECT_TRUE(PathExists(fmt::format("{}/felix/current.{}", directory_, old))) << old;
  EXPECT_FALSE(PathExists(fmt::format("{}/felix/current.{}", directory_, kOldLogs + 1)));
  EXPECT_EQ(Text("confd/current.1"), "-");
}

TEST_F(LogFilesTest, TheLogOfAnotherProcessIsEmptiedAndItWritesOn) {
  ASSERT_TRUE(MakeDirectories(directory_).has_value());
  const std::string path = directory_ + "/current";
  EXPECT_TRUE(RotateByCopy(path, 10).has_value());  // not there yet
  const UniqueFd other(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  const auto write = [&](const std::string& text) {
    EXPECT_EQ(::write(other.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  };
  write("short\n");
  EXPECT_TRUE(RotateByCopy(path, 10).has_value());
  EXPECT_EQ(Text("current"), "short\n");
  for (int i = 0; i < 7; ++i) {
    write(fmt::format("a longer line {}\n", i));
    EXPECT_TRUE(RotateByCopy(path, 10).has_value());
  }
  write("after\n");
  EXPECT_EQ(Text("current"), "after\n");
  EXPECT_EQ(Text("current.1"), "a longer line 6\n");
  EXPECT_EQ(Text("current.4"), "a longer line 3\n");
  EXPECT_EQ(Text("current.5"), "-");
}

}  // namespace
}  // namespace calico
