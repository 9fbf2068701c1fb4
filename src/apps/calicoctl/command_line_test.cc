// SPDX-License-Identifier: Apache-2.0
// Upstream's rules for command lines (reference calicoctl A.1).
#include "apps/calicoctl/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/commands.h"

namespace calico::calicoctl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

ParsedLine Parse(const std::vector<std::string>& words) {
  return ParseCommandLine(words, AllCommands());
}
// The arguments of a line that must be right.
Arguments Right(const std::vector<std::string>& words) {
  ParsedLine parsed = Parse(words);
  EXPECT_TRUE(parsed.arguments.has_value()) << parsed.err;
  return parsed.arguments ? *parsed.arguments : Arguments(AllCommands().front());
}
std::string Mistake(const std::vector<std::string>& words) {
  const ParsedLine parsed = Parse(words);
  EXPECT_FALSE(parsed.arguments.has_value());
  EXPECT_EQ(parsed.exit_code, 1);
  EXPECT_THAT(parsed.out, IsEmpty());
  return parsed.err.substr(0, parsed.err.find('\n'));
}

TEST(CommandLine, TakesOptionsAnywhere) {
  for (const auto& words : std::vector<std::vector<std::string>>{{"get", "node", "a", "b", "-o", "yaml"},
                                                                 {"get", "-o", "yaml", "node", "a", "b"},
                                                                 {"get", "node", "--output=yaml", "a", "b"},
                                                                 {"get", "node", "a", "-oyaml", "b"}}) {
    const Arguments arguments = Right(words);
    EXPECT_EQ(arguments.Text("KIND"), "node");
    EXPECT_THAT(arguments.All("NAME"), ElementsAre("a", "b"));
    EXPECT_EQ(arguments.Text("--output"), "yaml");
  }
}

TEST(CommandLine, TakesAPrefixThatIsUnambiguousWithinTheCommand) {
  EXPECT_EQ(Right({"get", "node", "--conf=x"}).Text("--config"), "x");
  EXPECT_EQ(Mistake({"get", "node", "--co=x"}), "--co is not a unique prefix: --config, --context?");
}

TEST(CommandLine, TakesStackedShortOptions) {
  const Arguments arguments = Right({"get", "wep", "-Ac", "file"});
  EXPECT_TRUE(arguments.Has("--all-namespaces"));
  EXPECT_EQ(arguments.Text("--config"), "file");
}

TEST(CommandLine, KeepsTheEqualsSignOfAShortOption) {
  EXPECT_EQ(Right({"get", "node", "-o=json"}).Text("--output"), "=json");
}

TEST(CommandLine, GivesDashesAsArguments) {
  EXPECT_EQ(Right({"get", "--", "node"}).Text("KIND"), "--");
  EXPECT_EQ(Right({"create", "-f", "-"}).Text("--filename"), "-");
}

TEST(CommandLine, NamesTheMistake) {
  EXPECT_EQ(Mistake({"get", "node", "--output"}), "--output requires argument.");
  EXPECT_EQ(Mistake({"get", "node", "-o"}), "-o requires argument.");
  EXPECT_EQ(Mistake({"get", "node", "-A", "--all-namespaces"}), "--all-namespaces is given twice.");
  EXPECT_EQ(Mistake({"get", "node", "--all-namespaces=x"}), "--all-namespaces must not have an argument.");
  EXPECT_EQ(Mistake({"get", "node", "--ouptut=x"}), "unknown option --ouptut: did you mean --output?");
  EXPECT_EQ(Mistake({"create"}), "--filename is required.");
  EXPECT_EQ(Mistake({"get"}), "give either a KIND or --filename.");
  EXPECT_EQ(Mistake({"get", "node", "-R"}), "--recursive and --skip-empty need --filename.");
  EXPECT_EQ(Mistake({"version", "x"}), "unexpected argument 'x'.");
  EXPECT_THAT(Parse({"create"}).err, HasSubstr("\nUsage:\n  calicoctl create "));
}

TEST(CommandLine, NamesAnUnknownCommandAndTheOneMeant) {
  EXPECT_EQ(Mistake({"gte"}), "unknown command: \"gte\". Did you mean get?");
  EXPECT_EQ(Mistake({"ipam", "sohw"}), "unknown command: \"ipam sohw\". Did you mean show?");
  EXPECT_EQ(Mistake({}), "a command is missing.");
}

TEST(CommandLine, ReadsTheOptionsBeforeTheCommand) {
  EXPECT_EQ(Parse({"-l", "debug", "version"}).log_level, "debug");
  EXPECT_EQ(Parse({"--log-level=info", "version"}).log_level, "info");
  EXPECT_THAT(Parse({"-l", "loud", "version"}).err,
              HasSubstr("Unknown log level: loud, expected one of: \n"));
  EXPECT_EQ(Parse({"--version"}).out, "Run 'calicoctl version' to see version information.\n");
  EXPECT_EQ(Mistake({"-x", "get"}),
            "invalid option: '-x get'. Use flag '--help' to read about a specific subcommand.");
}

TEST(CommandLine, HelpsWithEveryCommandByAnExample) {
  for (const Command& command : AllCommands()) {
    std::vector<std::string> words = command.path;
    words.emplace_back("--help");
    const ParsedLine parsed = Parse(words);
    EXPECT_EQ(parsed.exit_code, 0);
    EXPECT_THAT(parsed.out, HasSubstr("Examples:\n  calicoctl " + command.path.front()))
        << command.path.front();
    EXPECT_TRUE(command.run) << command.path.front();
  }
}

}  // namespace
}  // namespace calico::calicoctl
