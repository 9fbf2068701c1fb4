// SPDX-License-Identifier: Apache-2.0
#include "apps/node/shutdown_time.h"

#include <filesystem>

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/file.h"

namespace calico::node {
namespace {

TEST(ShutdownTime, IsWrittenBeforeAStopAndRemovedByTheNextStart) {
  const auto directory = std::filesystem::temp_directory_path() / ("shutdown-" + std::to_string(::getpid()));
  const std::string path = (directory / "ts").string();
  const Environment environment(std::map<std::string, std::string>{{"CALICO_SHUTDOWN_TIMESTAMP_FILE", path}});
  const WallTime before = std::chrono::system_clock::now() - std::chrono::seconds(1);
  const Status written = WriteShutdownTime(environment, SystemClock());
  ASSERT_TRUE(written.has_value()) << written.error().message();
  const auto time = ParseRfc3339(ReadFile(path).value_or(""));
  ASSERT_TRUE(time.has_value()) << ReadFile(path).value_or("");
  EXPECT_GE(*time, before);
  RemoveShutdownTime(environment);
  EXPECT_FALSE(PathExists(path));
  RemoveShutdownTime(environment);  // nothing there: nothing to say
  std::filesystem::remove_all(directory);
}

}  // namespace
}  // namespace calico::node
