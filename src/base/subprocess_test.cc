// SPDX-License-Identifier: Apache-2.0
#include "base/subprocess.h"

#include <csignal>
#include <string>

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/wait.h>

#include "base/file.h"

namespace calico {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

ProcessOutput MustRun(const std::vector<std::string>& argv, const std::string& input = {}) {
  auto output = RunProcess(argv, seconds(20), input);
  EXPECT_TRUE(output.has_value()) << output.error().message();
  return output.value_or(ProcessOutput{-1, {}, {}});
}

TEST(RunProcess, KeepsOutputErrorsAndExitCodeApart) {
  const ProcessOutput output = MustRun({"sh", "-c", "echo out; echo err >&2; exit 3"});
  EXPECT_EQ(output.out, "out\n");
  EXPECT_EQ(output.err, "err\n");
  EXPECT_EQ(output.exit_code, 3);
}

TEST(RunProcess, CountsASignalAsTheShellDoes) {
  EXPECT_EQ(MustRun({"sh", "-c", "kill -TERM $$"}).exit_code, 128 + SIGTERM);
}

TEST(RunProcess, PassesArgumentsWithoutAShell) {
  EXPECT_EQ(MustRun({"printf", "%s", "$HOME; `x` 'y'"}).out, "$HOME; `x` 'y'");
}

TEST(RunProcess, FeedsAndReadsMoreThanPipesHold) {
  const std::string input(1 << 20, 'x');
  EXPECT_EQ(MustRun({"cat"}, input).out, input);
}

TEST(RunProcess, SurvivesAProgramThatDoesNotReadItsInput) {
  EXPECT_EQ(MustRun({"true"}, std::string(1 << 20, 'x')).exit_code, 0);
}

TEST(RunProcess, SaysThatAProgramDoesNotExist) {
  const auto output = RunProcess({"/no/such/program"}, seconds(5));
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().code(), ErrorCode::kNotFound);
  EXPECT_NE(output.error().message().find("/no/such/program"), std::string::npos) << output.error().message();
}

TEST(RunProcess, KillsAProgramThatTakesTooLong) {
  const TimePoint begin = std::chrono::steady_clock::now();
  const auto output = RunProcess({"sleep", "60"}, milliseconds(30));
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(10));
}

TEST(RunProcess, KillsAProgramThatClosedItsOutputAndGoesOn) {
  const TimePoint begin = std::chrono::steady_clock::now();
  const auto output = RunProcess({"sh", "-c", "exec sleep 60 >&- 2>&-"}, milliseconds(50));
  ASSERT_FALSE(output.has_value());
  EXPECT_EQ(output.error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, seconds(10));
}

class StartDetachedTest : public ::testing::Test {
 protected:
  ~StartDetachedTest() override { ::unlink(log_.c_str()); }
  const std::string log_ = ::testing::TempDir() + "detached-" + std::to_string(::getpid()) + ".log";
};

bool EndsWithin(const StartedProcess& process, int timeout_ms) {
  pollfd fd{process.pidfd.get(), POLLIN, 0};
  return ::poll(&fd, 1, timeout_ms) == 1;
}

TEST_F(StartDetachedTest, AppendsOutputToTheLogAndTellsItsEnd) {
  for (int i = 0; i < 2; ++i) {
    auto process = StartDetached({"sh", "-c", "echo out; echo err >&2"}, log_);
    ASSERT_TRUE(process.has_value()) << process.error().message();
    EXPECT_TRUE(EndsWithin(*process, 20000));
    ::waitpid(process->pid, nullptr, 0);
  }
  EXPECT_EQ(ReadFile(log_).value_or(""), "out\nerr\nout\nerr\n");
}

TEST_F(StartDetachedTest, RunsInASessionOfItsOwn) {
  auto process = StartDetached({"sleep", "60"}, log_);
  ASSERT_TRUE(process.has_value()) << process.error().message();
  EXPECT_EQ(::getsid(process->pid), process->pid);

  const auto adopted = AdoptProcess(process->pid);
  ASSERT_TRUE(adopted.has_value());
  EXPECT_FALSE(EndsWithin(*adopted, 0));
  ::kill(process->pid, SIGKILL);
  EXPECT_TRUE(EndsWithin(*adopted, 20000));
  ::waitpid(process->pid, nullptr, 0);
  const auto gone = AdoptProcess(process->pid);
  ASSERT_FALSE(gone.has_value());
  EXPECT_EQ(gone.error().code(), ErrorCode::kNotFound);
}

TEST_F(StartDetachedTest, SaysThatAProgramDoesNotExist) {
  const auto process = StartDetached({"/no/such/program"}, log_);
  ASSERT_FALSE(process.has_value());
  EXPECT_EQ(process.error().code(), ErrorCode::kNotFound);
}

TEST(FollowProcess, GivesWhatIsWrittenAndTheExitCode) {
  std::string text;
  const auto code = FollowProcess({"sh", "-c", "echo a; echo b >&2; exit 4"}, seconds(20), [&](auto piece) {
    text += piece;
    return true;
  });
  ASSERT_TRUE(code.has_value()) << code.error().message();
  EXPECT_EQ(*code, 4);
  EXPECT_EQ(text, "a\nb\n");
}

TEST(FollowProcess, EndsTheProgramWhenToldSo) {
  const auto code =
      FollowProcess({"sh", "-c", "echo a; exec cat /dev/zero"}, std::nullopt, [](auto) { return false; });
  ASSERT_TRUE(code.has_value()) << code.error().message();
  EXPECT_EQ(*code, std::nullopt);
}

TEST(FollowProcess, EndsTheProgramAtItsLimit) {
  const auto code = FollowProcess({"tail", "-f", "/dev/null"}, milliseconds(50), [](auto) { return true; });
  ASSERT_TRUE(code.has_value()) << code.error().message();
  EXPECT_EQ(*code, std::nullopt);
}

TEST(FollowProcess, SaysThatAProgramDoesNotExist) {
  const auto code = FollowProcess({"/no/such/program"}, std::nullopt, [](auto) { return true; });
  ASSERT_FALSE(code.has_value());
  EXPECT_EQ(code.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace calico
