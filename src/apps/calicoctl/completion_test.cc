// SPDX-License-Identifier: Apache-2.0
// The scripts are given to the shells themselves.
#include "apps/calicoctl/completion.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/testing/command_fixture.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "base/text.h"
#include "model/key.h"

namespace calico::calicoctl {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

class CompletionScript : public testing::CommandTest {
 protected:
  void SetUp() override { ASSERT_TRUE(MakeDirectories(directory_).has_value()); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // The path of the script as the program prints it.
  std::string Script(const std::string& shell) {
    const testing::Ran ran = Run({"completion", shell});
    EXPECT_EQ(ran.code, 0) << ran.err;
    const std::string path = directory_ + "/" + shell;
    EXPECT_TRUE(WriteFileAtomically(path, ran.out).has_value());
    return path;
  }
  std::string Shell(const std::vector<std::string>& argv) {
    const auto output = RunProcess(argv, std::chrono::seconds(30));
    if (!output.has_value()) {
      ADD_FAILURE() << output.error().message();
      return {};
    }
    EXPECT_EQ(output->exit_code, 0) << output->out << output->err;
    EXPECT_EQ(output->err, "");
    return output->out;
  }
  static std::vector<std::string> Lines(const std::string& text) {
    std::vector<std::string> lines = Split(text, '\n');
    while (!lines.empty() && lines.back().empty()) lines.pop_back();
    return lines;
  }
  // What bash offers for the last word.
  std::vector<std::string> Bash(const std::vector<std::string>& words) {
    std::string array;
    for (const std::string& word : words) array += " '" + word + "'";
    return Lines(Shell({"bash", "-c",
                        "source " + Script("bash") + "; cd " + directory_ + "; COMP_WORDS=(" + array +
                            " ); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _calicoctl; ((${#COMPREPLY[@]})) && "
                            "printf '%s\\n' \"${COMPREPLY[@]}\"; true"}));
  }
  // What fish offers, without the descriptions.
  std::vector<std::string> Fish(const std::string& line) {
    std::vector<std::string> words = Lines(Shell(
        {"env", "HOME=" + directory_, "XDG_DATA_HOME=" + directory_, "XDG_CONFIG_HOME=" + directory_, "fish",
         "-N", "-c", "source " + Script("fish") + "; cd " + directory_ + "; complete -C '" + line + "'"}));
    for (std::string& word : words) word = word.substr(0, word.find('\t'));
    return words;
  }

  const std::string directory_ =
      (std::filesystem::temp_directory_path() / ("completion-" + RandomUuid())).string();
};

TEST_F(CompletionScript, IsAcceptedByItsShell) {
  Shell({"bash", "-n", Script("bash")});
  Shell({"zsh", "-n", Script("zsh")});
  Shell({"fish", "-n", Script("fish")});
}

TEST_F(CompletionScript, IsRefusedForOtherShells) {
  const testing::Ran ran = Run({"completion", "csh"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err.substr(0, ran.err.find('\n')),
            "there is no completion for 'csh', only for bash, zsh and fish.");
}

TEST_F(CompletionScript, OffersCommandsInBash) {
  EXPECT_THAT(Bash({"calicoctl", ""}),
              IsSupersetOf({"get", "create", "node", "ipam", "version", "completion"}));
  EXPECT_THAT(Bash({"calicoctl", ""}), Not(Contains("man")));
  EXPECT_THAT(Bash({"calicoctl", "ver"}), ElementsAre("version"));
  EXPECT_THAT(Bash({"calicoctl", "-l", "debug", "ver"}), ElementsAre("version"));
  EXPECT_THAT(Bash({"calicoctl", "node", ""}), ElementsAre("run", "status", "diags", "checksystem"));
  EXPECT_THAT(Bash({"calicoctl", "completion", ""}), ElementsAre("bash", "zsh", "fish"));
}

TEST_F(CompletionScript, OffersKindsOptionsAndValuesInBash) {
  EXPECT_THAT(Bash({"calicoctl", "get", "ipp"}), ElementsAre("ippool"));
  EXPECT_THAT(Bash({"calicoctl", "get", "node", ""}), IsEmpty());
  EXPECT_THAT(Bash({"calicoctl", "get", "--out"}), ElementsAre("--output"));
  EXPECT_THAT(Bash({"calicoctl", "get", "-c", "file", "ipp"}), ElementsAre("ippool"));
  EXPECT_THAT(Bash({"calicoctl", "get", "--config", "=", "file", "ipp"}), ElementsAre("ippool"));
  EXPECT_THAT(Bash({"calicoctl", "node", "run", "--backend", "b"}), ElementsAre("bird"));
  EXPECT_THAT(Bash({"calicoctl", "node", "run", "--backend", "="}), ElementsAre("bird", "none", "gobgp"));
  EXPECT_THAT(Bash({"calicoctl", "node", "run", "--backend", "=", "no"}), ElementsAre("none"));
}

TEST_F(CompletionScript, OffersFilesInBash) {
  ASSERT_TRUE(WriteFileAtomically(directory_ + "/my pool.yaml", "").has_value());
  EXPECT_THAT(Bash({"calicoctl", "create", "-f", "my"}), ElementsAre("my pool.yaml"));
}

TEST_F(CompletionScript, OffersTheSameInFish) {
  EXPECT_THAT(Fish("calicoctl "), IsSupersetOf({"get", "create", "node", "ipam", "version"}));
  EXPECT_THAT(Fish("calicoctl -l debug ver"), ElementsAre("version"));
  EXPECT_THAT(Fish("calicoctl node "), ElementsAre("checksystem", "diags", "run", "status"));
  EXPECT_THAT(Fish("calicoctl get ipp"), ElementsAre("ippool"));
  EXPECT_THAT(Fish("calicoctl get --outp"), ElementsAre("--output"));
  EXPECT_THAT(Fish("calicoctl node run --backend no"), ElementsAre("none"));
  ASSERT_TRUE(WriteFileAtomically(directory_ + "/pool.yaml", "").has_value());
  EXPECT_THAT(Fish("calicoctl create -f po"), ElementsAre("pool.yaml"));
}

// zsh's own functions are replaced by ones that print what they are asked for.
TEST_F(CompletionScript, AsksTheRightThingsInZsh) {
  const std::string stubs =
      "compdef() { :; }; _describe() { print -l -- ${(P)2}; }; _arguments() { print -l -- \"$@\"; }; ";
  const std::string names = Shell({"zsh", "-f", "-c",
                                   stubs + "source " + Script("zsh") +
                                       "; state=name; "
                                       "_arguments() { state=name; }; _calicoctl_node"});
  EXPECT_THAT(Lines(names), Contains("checksystem:Check whether this host's kernel can run Calico"));
  const std::string get = Shell({"zsh", "-f", "-c", stubs + "source " + Script("zsh") + "; _calicoctl_get"});
  EXPECT_THAT(Lines(get), Contains(::testing::HasSubstr(")--output=[")));
  EXPECT_THAT(Lines(get), Contains(::testing::StartsWith("1:KIND:(bgp")));
  const std::string chosen = Shell(
      {"zsh", "-f", "-c",
       stubs + "source " + Script("zsh") +
           "; _arguments() { state=behind; line=(version); _arguments() { print -r -- $1 }; }; _calicoctl"});
  EXPECT_EQ(chosen, "-s\n");
}

TEST(KindWords, AreWhatTheParserTakes) {
  EXPECT_THAT(KindWords(), IsSupersetOf({"node", "ippool", "profile", "workloadendpoint", "bgppeer"}));
  for (const std::string& word : KindWords()) EXPECT_TRUE(model::ParseKindAlias(word)) << word;
}

}  // namespace
}  // namespace calico::calicoctl
