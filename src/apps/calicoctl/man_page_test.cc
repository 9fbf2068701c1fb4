// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/man_page.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/testing/command_fixture.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

using ::testing::HasSubstr;

class ManPages : public testing::CommandTest {
 protected:
  void TearDown() override { std::filesystem::remove_all(directory_); }
  const std::string directory_ = (std::filesystem::temp_directory_path() / ("man-" + RandomUuid())).string();
};

TEST_F(ManPages, AreWrittenForEveryCommandAndAcceptedByGroff) {
  const testing::Ran ran = Run({"man", directory_});
  ASSERT_EQ(ran.code, 0) << ran.err;
  std::vector<std::string> argv = {"groff", "-man", "-ww", "-z", "-Tutf8", directory_ + "/calicoctl.1"};
  for (const Command& command : AllCommands()) {
    if (command.hidden) continue;
    argv.push_back(directory_ + "/" + ManPageName(command.path) + ".1");
    EXPECT_TRUE(PathExists(argv.back())) << argv.back();
  }
  const auto checked = RunProcess(argv, std::chrono::seconds(60));
  ASSERT_TRUE(checked.has_value()) << checked.error().message();
  EXPECT_EQ(checked->exit_code, 0);
  EXPECT_EQ(checked->err, "");
}

// A reader copies options and examples out of the page: groff must leave dashes and backslashes alone.
TEST_F(ManPages, KeepCharactersThatRoffKnows) {
  Command command;
  command.path = {"dig"};
  command.summary = "Dig for addresses";
  command.options = {{"--depth", 'd', "DEPTH", "'quoted', \\back and -dash-"}};
  command.examples = ".hidden \\n 'x' -d 3\n\ncalicoctl dig";
  ASSERT_TRUE(MakeDirectories(directory_).has_value());
  ASSERT_TRUE(WriteFileAtomically(directory_ + "/dig.1", ManPage(command)).has_value());
  const auto shown = RunProcess({"groff", "-man", "-ww", "-Tascii", "-P-cbou", directory_ + "/dig.1"},
                                std::chrono::seconds(60));
  ASSERT_TRUE(shown.has_value()) << shown.error().message();
  EXPECT_EQ(shown->err, "");
  EXPECT_THAT(shown->out, HasSubstr("calicoctl-dig - dig for addresses\n"));
  EXPECT_THAT(shown->out, HasSubstr("calicoctl dig [--depth=<DEPTH>]\n"));
  EXPECT_THAT(shown->out, HasSubstr("-d, --depth=DEPTH\n"));
  EXPECT_THAT(shown->out, HasSubstr("'quoted', \\back and -dash-\n"));
  EXPECT_THAT(shown->out, HasSubstr(".hidden \\n 'x' -d 3\n\n"));
}

}  // namespace
}  // namespace calico::calicoctl
