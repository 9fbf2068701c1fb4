// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_diags.h"

#include <filesystem>
#include <regex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/command_line.h"
#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/testing/command_fixture.h"
#include "apps/calicoctl/testing/fake_programs.h"
#include "base/subprocess.h"

namespace calico::calicoctl {
namespace {

using ::testing::HasSubstr;
using ::testing::IsSupersetOf;

class NodeDiags : public testing::CommandTest {
 protected:
  void SetUp() override { ASSERT_TRUE(MakeDirectories(directory_).has_value()); }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  testing::Ran Collect(const std::vector<DiagnosticCommand>& commands, const std::string& logs) {
    std::istringstream in;
    std::ostringstream out, err;
    const auto open = [](const std::string&) -> Result<OpenedStore> {
      return Error(ErrorCode::kNotFound, "none");
    };
    const Surroundings surroundings{environment_, clock_, in, out, err, open};
    const Arguments arguments = *ParseCommandLine({"node", "diags"}, AllCommands()).arguments;
    const int code = CollectDiagnostics({arguments, surroundings}, commands, logs, directory_);
    return {code, out.str(), err.str()};
  }
  // Files of the bundle that `out` names.
  std::vector<std::string> Unpack(const std::string& out) {
    std::smatch saved;
    EXPECT_TRUE(
        std::regex_search(out, saved, std::regex("\nDiags saved to (.*/diags-[0-9]{8}_[0-9]{6}.tar.gz)\n")))
        << out;
    EXPECT_EQ(RunProcess({"tar", "-C", directory_, "-zxf", saved[1]}, std::chrono::seconds(30))->exit_code,
              0);
    std::vector<std::string> files;
    const std::string top = directory_ + "/diagnostics";
    for (const auto& entry : std::filesystem::recursive_directory_iterator(top)) {
      if (entry.is_regular_file()) files.push_back(std::filesystem::relative(entry.path(), top).string());
    }
    return files;
  }
  std::string Content(const std::string& file) {
    return ReadFile(directory_ + "/diagnostics/" + file).value_or("missing");
  }

  testing::FakePrograms programs_;
  const std::string directory_ =
      (std::filesystem::temp_directory_path() / ("diags-" + RandomUuid())).string();
};

TEST_F(NodeDiags, PacksWhatCommandsAndContainersSay) {
  programs_.Add("docker",
                "case \"$1 $2\" in\n"
                "'ps -a') echo \"calico-node: 2026-03-02\"; echo 'k8s_POD_calico: 2026-03-01';;\n"
                "'logs calico-node') echo out; echo err >&2;;\n"
                "*) exit 9;; esac");
  ASSERT_TRUE(MakeDirectories(directory_ + "/logs/felix").has_value());
  ASSERT_TRUE(WriteFileAtomically(directory_ + "/logs/felix/current", "a log").has_value());
  const testing::Ran ran =
      Collect({{"", {"echo", "now"}, "date"},
               {"Dumping lies", {"sh", "-c", "echo broken; echo pipe >&2; exit 3"}, "lies"},
               {"Dumping nothing", {"/no/such/program", "-x"}, "nothing"},
               {"Dumping felix stats", {"false"}, "", 1}},
              directory_ + "/logs");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(Unpack(ran.out), ::testing::UnorderedElementsAre("date", "logs/felix/current",
                                                               "container_creation_time", "calico-node.log"));
  EXPECT_EQ(Content("date"), "now\n");
  EXPECT_EQ(Content("logs/felix/current"), "a log");
  EXPECT_EQ(Content("container_creation_time"), "calico-node: 2026-03-02\n");
  EXPECT_EQ(Content("calico-node.log"), "out\nerr\n");
  EXPECT_EQ(
      ran.err,
      "Failed to run command: sh -c echo broken; echo pipe >&2; exit 3\nError: broken\npipe\n"
      "Failed to run command: /no/such/program -x\nError: run /no/such/program: No such file or directory\n");
  EXPECT_THAT(ran.out,
              ::testing::StartsWith("Collecting diagnostics\nUsing temp dir: " + directory_ + "/calico"));
  EXPECT_THAT(ran.out, HasSubstr("\nDumping lies\nDumping nothing\nDumping felix stats\nCopying Calico logs\n"
                                 "Copying logs from Calico containers\n\nDiags saved to "));
  EXPECT_THAT(ran.out,
              ::testing::EndsWith(
                  "\nIf required, you can upload the diagnostics bundle to a file sharing service.\n"));
}

TEST_F(NodeDiags, WorkWithoutLogsAndDocker) {
  programs_.Add("docker", "echo Cannot connect to the Docker daemon >&2; exit 1");
  const testing::Ran ran = Collect({{"", {"echo", "now"}, "date"}}, "/no/logs");
  EXPECT_EQ(ran.code, 0);
  EXPECT_THAT(ran.out, HasSubstr("\nNo logs found in /no/logs; skipping log copying\n"));
  EXPECT_EQ(ran.err, "Could not run docker command: Cannot connect to the Docker daemon\n");
  EXPECT_THAT(Unpack(ran.out), ::testing::ElementsAre("date"));
}

TEST_F(NodeDiags, FailWhenTheBundleCanNotBeMade) {
  programs_.Add("docker", "exit 1");
  programs_.Add("tar", "echo no space >&2; exit 2");
  const testing::Ran ran = Collect({}, "/no/logs");
  EXPECT_EQ(ran.code, 1);
  EXPECT_THAT(ran.err, ::testing::EndsWith("Error compressing the diagnostics: no space\n"));
}

TEST(DiagnosticCommands, AreUpstreamsAndOurs) {
  std::vector<std::string> files;
  for (const DiagnosticCommand& command : DiagnosticCommands(true)) files.push_back(command.file);
  EXPECT_THAT(files, IsSupersetOf({"date", "hostname", "ipv4_route", "ipv6_route", "ipv4_addr", "ipv6_addr",
                                   "nft_ruleset", "ipv4_tables", "ipv6_tables", "ipsets", "ipset_container",
                                   "journalctl_calico_node", "netstat", "calico_node_status"}));
  EXPECT_EQ(DiagnosticCommands(false).back().file, "ss");
  for (const DiagnosticCommand& command : DiagnosticCommands(false)) {
    if (command.argv[0] == "docker") {
      EXPECT_THAT(command.argv, ::testing::Contains("--pull=never"));
    }
  }
}

}  // namespace
}  // namespace calico::calicoctl
