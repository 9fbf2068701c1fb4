// SPDX-License-Identifier: Apache-2.0
#include "base/subprocess.h"

#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace calico {
namespace {

struct Pipe {
  UniqueFd read, write;
};

Result<Pipe> MakePipe() {
  int fds[2];
  if (::pipe2(fds, O_CLOEXEC) != 0) return Error::FromErrno(errno, "pipe");
  return Pipe{UniqueFd(fds[0]), UniqueFd(fds[1])};
}

UniqueFd OpenPidfd(pid_t pid) {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

std::vector<char*> Pointers(const std::vector<std::string>& argv) {
  std::vector<char*> pointers;
  for (const std::string& arg : argv) pointers.push_back(const_cast<char*>(arg.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Between fork and exec only async-signal-safe calls are allowed, so everything is prepared before.
[[noreturn]] void ExecChild(char* const* argv, int in, int out, int err, int status_fd, bool new_session) {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  if (new_session) ::setsid();
  ::dup2(in, 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  // Libraries open some fds without close-on-exec: a BIRD that outlives us must not keep our listening
  // sockets.
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  ::execvp(argv[0], argv);
  const int error = errno;
  [[maybe_unused]] const ssize_t written = ::write(status_fd, &error, sizeof error);
  ::_exit(127);
}

// The errno of a failed exec arrives through a close-on-exec pipe; a successful exec closes it.
Status WaitForExec(UniqueFd status_read, pid_t pid, const std::string& program) {
  int error = 0;
  ssize_t n;
  do n = ::read(status_read.get(), &error, sizeof error);
  while (n < 0 && errno == EINTR);
  if (n != static_cast<ssize_t>(sizeof error)) return Ok();
  ::waitpid(pid, nullptr, 0);
  return Error::FromErrno(error, "run " + program);
}

int ExitCode(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

// Keeps SIGPIPE from ending us while we write to a program that may be gone; pipes know no MSG_NOSIGNAL.
class SigpipeBlocked final {
 public:
  SigpipeBlocked() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~SigpipeBlocked() {
    const timespec now{};
    while (::sigtimedwait(&sigpipe_, nullptr, &now) > 0) {  // takes the one that our write raised
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t sigpipe_, before_;
};

// Our ends of the pipes of a running program.
struct Conversation {
  UniqueFd in, out, err, pidfd;
  std::string_view unwritten;
  ProcessOutput output;
};

void ReadSome(const pollfd& fd, UniqueFd& pipe, std::string& text) {
  if (fd.fd < 0 || fd.revents == 0) return;
  char buffer[16384];
  const ssize_t n = ::read(fd.fd, buffer, sizeof buffer);
  if (n > 0)
    text.append(buffer, static_cast<std::size_t>(n));
  else if (n == 0 || errno != EINTR)
    pipe.Reset();
}

void WriteSome(const pollfd& fd, UniqueFd& pipe, std::string_view& text) {
  if (fd.fd < 0 || fd.revents == 0) return;
  const SigpipeBlocked blocked;
  const ssize_t n = ::write(fd.fd, text.data(), text.size());
  if (n > 0) text.remove_prefix(static_cast<std::size_t>(n));
  if (text.empty() || (n < 0 && errno != EINTR && errno != EAGAIN)) pipe.Reset();
}

// Feeds and reads until the program has closed its outputs and ended; false when the deadline comes first.
bool Converse(Conversation& with, TimePoint deadline) {
  for (;;) {
    const bool quiet = !with.out.valid() && !with.err.valid();
    // While output may come the end of the program says nothing: what it started may write as well.
    std::array<pollfd, 4> fds{pollfd{with.out.get(), POLLIN, 0}, pollfd{with.err.get(), POLLIN, 0},
                              pollfd{with.in.get(), POLLOUT, 0},
                              pollfd{quiet ? with.pidfd.get() : -1, POLLIN, 0}};
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    if (::poll(fds.data(), fds.size(), static_cast<int>(left.count())) < 0) {
      if (errno == EINTR) continue;
      return false;
    }
    ReadSome(fds[0], with.out, with.output.out);
    ReadSome(fds[1], with.err, with.output.err);
    WriteSome(fds[2], with.in, with.unwritten);
    if (fds[3].revents != 0) return true;
  }
}

}  // namespace

Result<ProcessOutput> RunProcess(const std::vector<std::string>& argv, Duration timeout,
                                 const std::string& input) {
  ASSIGN_OR_RETURN(Pipe in, MakePipe());
  ASSIGN_OR_RETURN(Pipe out, MakePipe());
  ASSIGN_OR_RETURN(Pipe err, MakePipe());
  ASSIGN_OR_RETURN(Pipe exec_status, MakePipe());
  std::vector<char*> pointers = Pointers(argv);
  const pid_t pid = ::fork();
  if (pid < 0) return Error::FromErrno(errno, "fork");
  if (pid == 0)
    ExecChild(pointers.data(), in.read.get(), out.write.get(), err.write.get(), exec_status.write.get(),
              false);
  in.read.Reset();
  out.write.Reset();
  err.write.Reset();
  exec_status.write.Reset();
  RETURN_IF_ERROR(WaitForExec(std::move(exec_status.read), pid, argv[0]));

  ::fcntl(in.write.get(), F_SETFL, O_NONBLOCK);
  Conversation with{std::move(in.write), std::move(out.read), std::move(err.read), OpenPidfd(pid), input, {}};
  if (input.empty()) with.in.Reset();
  const bool ended = Converse(with, std::chrono::steady_clock::now() + timeout);
  if (!ended) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) {
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(timeout);
    return Error(ErrorCode::kUnavailable, fmt::format("{} did not end within {} ms", argv[0], limit.count()));
  }
  with.output.exit_code = ExitCode(status);
  return std::move(with.output);
}

namespace {

// False when the program has to be killed: `on_output` said no, or the deadline came.
bool Follow(UniqueFd output, std::optional<TimePoint> deadline,
            const std::function<bool(std::string_view)>& on_output) {
  char buffer[16384];
  for (;;) {
    int wait_ms = -1;
    if (deadline) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      if (left.count() <= 0) return false;
      wait_ms = static_cast<int>(left.count());
    }
    pollfd fd{output.get(), POLLIN, 0};
    if (::poll(&fd, 1, wait_ms) <= 0) continue;  // EINTR, or the deadline, which the next round sees
    const ssize_t n = ::read(output.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return true;
    if (!on_output(std::string_view(buffer, static_cast<std::size_t>(n)))) return false;
  }
}

}  // namespace

Result<std::optional<int>> FollowProcess(const std::vector<std::string>& argv,
                                         std::optional<Duration> timeout,
                                         const std::function<bool(std::string_view)>& on_output) {
  const UniqueFd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSIGN_OR_RETURN(Pipe output, MakePipe());
  ASSIGN_OR_RETURN(Pipe exec_status, MakePipe());
  std::optional<TimePoint> deadline;
  if (timeout) deadline = std::chrono::steady_clock::now() + *timeout;
  std::vector<char*> pointers = Pointers(argv);
  const pid_t pid = ::fork();
  if (pid < 0) return Error::FromErrno(errno, "fork");
  if (pid == 0)
    ExecChild(pointers.data(), null.get(), output.write.get(), output.write.get(), exec_status.write.get(),
              false);
  output.write.Reset();
  exec_status.write.Reset();
  RETURN_IF_ERROR(WaitForExec(std::move(exec_status.read), pid, argv[0]));
  const bool ended = Follow(std::move(output.read), deadline, on_output);
  if (!ended) ::kill(pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) return std::optional<int>();
  return std::optional<int>(ExitCode(status));
}

Result<StartedProcess> StartDetached(const std::vector<std::string>& argv, const std::string& log_path) {
  const UniqueFd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const UniqueFd log(log_path.empty()
                         ? ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0)
                         : ::open(log_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!log.valid()) return Error::FromErrno(errno, "open " + log_path);
  ASSIGN_OR_RETURN(Pipe exec_status, MakePipe());
  std::vector<char*> pointers = Pointers(argv);
  const pid_t pid = ::fork();
  if (pid < 0) return Error::FromErrno(errno, "fork");
  if (pid == 0) ExecChild(pointers.data(), null.get(), log.get(), log.get(), exec_status.write.get(), true);
  exec_status.write.Reset();
  RETURN_IF_ERROR(WaitForExec(std::move(exec_status.read), pid, argv[0]));
  return AdoptProcess(pid);
}

Result<StartedProcess> AdoptProcess(pid_t pid) {
  StartedProcess process{pid, OpenPidfd(pid)};
  if (!process.pidfd.valid()) return Error::FromErrno(errno, fmt::format("process {}", pid));
  return process;
}

}  // namespace calico
