// SPDX-License-Identifier: Apache-2.0
#include "apps/node/bgp_password.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.h"

namespace calico::node {
namespace {

class BgpPasswordTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/calico-bgp-password-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }
  void File(const std::string& text) {
    ASSERT_TRUE(MakeDirectories(directory_ + "/tor").has_value());
    ASSERT_TRUE(WriteFileAtomically(directory_ + "/tor/pass.word", text).has_value());
  }
  std::optional<std::string> Read() {
    return ReadBgpPassword(Environment(variables_), {"tor", "pass.word"}, directory_);
  }

  std::string directory_;
  std::map<std::string, std::string> variables_;
};

TEST_F(BgpPasswordTest, StandsInAFileWithoutItsLineBreak) {
  EXPECT_EQ(Read(), std::nullopt);
  File("s3cret \n");
  EXPECT_EQ(Read(), "s3cret ");
}

TEST_F(BgpPasswordTest, StandsInAVariableIfThereIsNoFile) {
  variables_["CALICO_BGP_SECRET_TOR_PASS_WORD"] = "other";
  EXPECT_EQ(Read(), "other");
  File("s3cret");
  EXPECT_EQ(Read(), "s3cret");
}

TEST_F(BgpPasswordTest, IsNoneIfBirdOrTheKernelCannotTakeIt) {
  for (const std::string& text :
       {std::string(), std::string("a\"b"), std::string("a\nb"), std::string(81, 'x')}) {
    File(text);
    EXPECT_EQ(Read(), std::nullopt) << text;
  }
}

TEST_F(BgpPasswordTest, IsNotReadFromElsewhere) {
  EXPECT_EQ(ReadBgpPassword(Environment(variables_), {"..", "hostname"}, "/etc/calico"), std::nullopt);
  EXPECT_EQ(ReadBgpPassword(Environment(variables_), {"tor", "../../etc/hostname"}, "/tmp"), std::nullopt);
}

}  // namespace
}  // namespace calico::node
