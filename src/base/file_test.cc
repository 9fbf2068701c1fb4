// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <atomic>
#include <filesystem>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>

namespace calico {
namespace {

class FileTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "file-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  std::size_t FilesInDirectory() const {
    const std::filesystem::directory_iterator files(directory_);
    return static_cast<std::size_t>(std::distance(begin(files), end(files)));
  }
  std::string directory_;
};

TEST_F(FileTest, ReadsBackWhatItWroteAndLeavesNothingElse) {
  const std::string path = directory_ + "/a";
  for (const std::string& content : {std::string(100000, 'x'), std::string("short\0y", 7), std::string()}) {
    ASSERT_TRUE(WriteFileAtomically(path, content).has_value());
    EXPECT_EQ(ReadFile(path).value_or("?"), content);
  }
  EXPECT_EQ(FilesInDirectory(), 1u);
}

TEST_F(FileTest, GivesTheModeWhateverTheUmaskIs) {
  const mode_t before = ::umask(077);
  ASSERT_TRUE(WriteFileAtomically(directory_ + "/a", "x", 0664).has_value());
  ::umask(before);
  struct stat status {};
  ASSERT_EQ(::stat((directory_ + "/a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0664u);
}

TEST_F(FileTest, KeepsTheOldFileAndCleansUpWhenItCannotReplaceIt) {
  const std::string path = directory_ + "/taken";
  ASSERT_TRUE(MakeDirectories(path + "/inside").has_value());  // a rename cannot replace a directory
  EXPECT_FALSE(WriteFileAtomically(path, "x").has_value());
  EXPECT_TRUE(PathExists(path + "/inside"));
  EXPECT_EQ(FilesInDirectory(), 1u);
}

TEST_F(FileTest, NamesThePathInItsErrors) {
  const auto content = ReadFile(directory_ + "/absent");
  ASSERT_FALSE(content.has_value());
  EXPECT_EQ(content.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(content.error().message().find("/absent"), std::string::npos);
  EXPECT_FALSE(WriteFileAtomically(directory_ + "/no/directory", "x").has_value());
}

// Readers and several writers of one process at once: every read is one whole write.
TEST_F(FileTest, NeverShowsHalfAFile) {
  const std::string path = directory_ + "/a";
  ASSERT_TRUE(WriteFileAtomically(path, std::string(50000, '0')).has_value());
  std::atomic<int> failures = 0;
  std::atomic<bool> stop = false;
  std::vector<std::thread> writers;
  for (char c = '1'; c <= '3'; ++c) {
    writers.emplace_back([&, c] {
      for (int i = 0; i < 100; ++i) {
        if (!WriteFileAtomically(path, std::string(50000, c)).has_value()) ++failures;
      }
    });
  }
  std::thread reader([&] {
    while (!stop) {
      const std::string seen = ReadFile(path).value_or("");
      if (seen.size() != 50000 || seen.find_first_not_of(seen[0]) != std::string::npos) ++failures;
    }
  });
  for (std::thread& writer : writers) writer.join();
  stop = true;
  reader.join();
  EXPECT_EQ(failures, 0);
}

}  // namespace
}  // namespace calico
