// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/help.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/testing/command_fixture.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

Command Example() {
  Command command;
  command.path = {"ipam", "dig"};
  command.summary = "Dig for addresses";
  command.options = {{"--depth", 'd', "DEPTH", "how deep"}, {"--shovel", 0, "", "with a shovel"}};
  command.options[0].required = true;
  command.positionals = {{"PLACE", "where"}, {"MORE", "and where else", true, true}};
  command.examples = "calicoctl ipam dig here";
  return command;
}

TEST(Help, IsMadeFromTheSpecification) {
  EXPECT_EQ(CommandHelp(Example()),
            "Usage:\n"
            "  calicoctl ipam dig <PLACE> [<MORE>...] --depth=<DEPTH> [--shovel]\n"
            "\n"
            "Dig for addresses.\n"
            "\n"
            "Examples:\n"
            "  calicoctl ipam dig here\n"
            "\n"
            "Arguments:\n"
            "  <PLACE>  where\n"
            "  <MORE>   and where else\n"
            "\n"
            "Options:\n"
            "  -h --help           show this text\n"
            "  -d --depth=<DEPTH>  how deep\n"
            "     --shovel         with a shovel\n");
}

TEST(Help, ShowsAKindAndAFileAsTwoWays) {
  Command command;
  command.path = {"fetch"};
  command.positionals = KindAndNames();
  command.options = {FilenameOption(), NamespaceOption()};
  EXPECT_EQ(UsageSection(command),
            "Usage:\n"
            "  calicoctl fetch <KIND> [<NAME>...] [--namespace=<NS>]\n"
            "  calicoctl fetch --filename=<FILENAME> [--namespace=<NS>]\n");
}

// Examples are pasted, not read: they stay in one line.
TEST(Help, KeepsToAHundredColumns) {
  for (const Command& command : AllCommands()) {
    for (const std::string& line : Split(CommandHelp(command), '\n')) {
      if (command.examples.find(line.substr(std::min<std::size_t>(2, line.size()))) != std::string::npos)
        continue;
      EXPECT_LE(line.size(), 100U) << line;
    }
  }
  for (const std::string& line : Split(GroupHelp(AllCommands(), {}), '\n'))
    EXPECT_LE(line.size(), 100U) << line;
}

TEST(Help, LeavesHiddenCommandsOut) {
  EXPECT_EQ(GroupHelp(AllCommands(), {}).find("\n  man "), std::string::npos);
  EXPECT_THAT(GroupHelp(AllCommands(), {}), HasSubstr("\n  version "));
}

TEST(ProgramName, OfAPluginOfKubectlIsInEveryText) {
  EXPECT_EQ(NamedAs("calicoctl", "calicoctl get"), "calicoctl get");
  EXPECT_EQ(NamedAs("kubectl-calico", "calicoctl get, 'calicoctl' or /etc/calico/calicoctl.cfg"),
            "kubectl-calico get, 'kubectl-calico' or /etc/calico/calicoctl.cfg");
}

class Plugin : public testing::CommandTest {};

TEST_F(Plugin, CallsItselfKubectlCalico) {
  std::istringstream in;
  std::ostringstream out, err;
  const auto open = [](const std::string&) -> Result<OpenedStore> {
    return Error(ErrorCode::kNotFound, "none");
  };
  EXPECT_EQ(RunCommand({"--help"}, {environment_, clock_, in, out, err, open, "kubectl-calico"}), 0);
  EXPECT_THAT(
      out.str(),
      StartsWith("Usage:\n  kubectl-calico [options] <command> [<args>...]\n\nThe calico kubectl plugin."));
  EXPECT_EQ(out.str().find("calicoctl "), std::string::npos) << out.str();
  EXPECT_THAT(out.str(), HasSubstr("/etc/calico/calicoctl.cfg"));
  EXPECT_EQ(RunCommand({"get"}, {environment_, clock_, in, out, err, open, "kubectl-ippool"}), 1);
  EXPECT_THAT(err.str(), HasSubstr("\n  kubectl-calico get <KIND>"));
}

}  // namespace
}  // namespace calico::calicoctl
