// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/speaker.h"

#include <algorithm>
#include <csignal>
#include <map>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/subprocess.h"
#include "base/text.h"
#include "bgp/bird/churn.h"
#include "bgp/bird/config.h"
#include "bgp/bird/control.h"
#include "bgp/bird/route_hold.h"
#include "bgp/bird/session_watch.h"
#include "bgp/bird/waker.h"
#include "bgp/bird/watchdog.h"
#include "bgp/daemon.h"
#include "bgp/passwords.h"

namespace calico::bgp {
namespace {

constexpr char kComponent[] = "bgp";
constexpr Duration kCommandTimeout = std::chrono::seconds(2);
constexpr Duration kReloadPeriod = std::chrono::milliseconds(50);
constexpr Duration kCheckTimeout = std::chrono::seconds(10);
// How long the other end may take to learn of a change that closes the session.
constexpr Duration kHoldLead = std::chrono::milliseconds(500);
constexpr Duration kPasswordPeriod =
    std::chrono::seconds(5);  // files with passwords tell nobody that they change
constexpr Duration kWornPeriod = std::chrono::seconds(5);
constexpr mode_t kConfigMode = 0600;  // it may have passwords
constexpr Duration kLookPeriod = std::chrono::seconds(5);
constexpr Duration kLookTimeout = std::chrono::milliseconds(500);
// After so many ends in a row the status says so until it runs stably.
constexpr int kCrashLoop = 3;
// A BIRD that has run for this long ended for another reason than its start.
constexpr Duration kStable = std::chrono::seconds(10);

Counter& Starts() {
  static Counter& counter =
      RegisterCounter("calico_bird_starts_total", "Times that BIRD was started by this agent.");
  return counter;
}

// The BIRD of a former agent: the pid file's process, if it is a bird with our socket. It may hang: a second
// one beside it would be worse.
Result<StartedProcess> FindRunning(const BirdSpeaker::Options& options) {
  return FindDaemon(options.pid_path, "bird", options.socket_path);
}

}  // namespace

struct BirdSpeaker::Impl {
  Impl(EventLoop& l, const Clock& c, Options o)
      : loop(l),
        clock(c),
        options(std::move(o)),
        hold(l, c, options.route_hold, [this] { return SessionsAreUp(); }),
        churn(l, DirectoryOf(options.pid_path) + "/bird.interfaces", [this] {
          if (worn == nullptr && churn.count() > options.most_interfaces) Worn();
        }) {}

  void OnView(const dataplane_api::BgpView& new_view) {
    view = new_view;
    if (!HasPasswords(view))
      passwords.reset();
    else if (passwords == nullptr)
      passwords = loop.Every(kPasswordPeriod, [this] { Render(); });
    Render();
  }

  void Render() {
    const Passwords read = ReadPasswords(view, options.password_of);
    without_password = read.missing;
    const PasswordOf password_of = [&](const dataplane_api::BgpSecret& secret) {
      return read.known.at(secret);
    };
    const std::string text = RenderBirdConfig(view, password_of);
    const auto sessions_now = ClusterSessions(view, password_of);
    if (text == wanted && sessions_now == sessions) return;
    wanted = text;
    sessions = sessions_now;
    if (lead) return;  // it is what will be applied
    if (process && ResetsSessions())
      Hold();
    else
      Apply();
  }

  bool ResetsSessions() const {
    return std::any_of(applied_sessions.begin(), applied_sessions.end(), [&](const auto& entry) {
      const auto now = sessions.find(entry.first);
      return now == sessions.end() || now->second != entry.second;
    });
  }

  // A session that changes is closed, and with it go the routes that it brought, at both of its ends
  // (reference bgp-and-node B16): the other end must hold its routes, too, before ours closes. Each learns of
  // the change from the store at about the same time.
  void Hold() {
    LogInfo(kComponent, "sessions with other nodes change: their routes are held meanwhile");
    hold.Hold(view.PoolCidrs());
    lead = loop.After(kHoldLead, [this] {
      lead.reset();
      Apply();
      hold.ReleaseWhenUp();
    });
  }
  bool SessionsAreUp() const {
    auto control = BirdControl::Connect(options.socket_path, kCommandTimeout);
    if (!control.has_value()) return false;
    const auto peers = control->Peers();
    return peers.has_value() && std::all_of(peers->begin(), peers->end(), [](const PeerStatus& peer) {
             return peer.bgp_state == "Established";
           });
  }

  void Apply() {
    if (Status status = WriteConfig(); !status.has_value()) {
      Failed(status.error().message());
      // The last one that BIRD took is better than none.
      if (!process && PathExists(options.config_path)) {
        Begin();
        problem = status.error().message();
      }
      return;
    }
    if (!process) {
      Begin();
      return;
    }
    if (changed) {
      Reconfigure();
    } else {
      applied_sessions = sessions;
      problem.clear();  // what was refused before is not wanted any more
      retry.reset();
    }
  }

  // An unchanged file keeps its inode: a restarted agent touches nothing.
  Status WriteConfig() {
    const auto on_disk = ReadFile(options.config_path);
    changed = changed || !on_disk.has_value() || *on_disk != wanted;
    if (on_disk.has_value() && *on_disk == wanted) return Ok();
    for (const std::string& path :
         {options.config_path, options.socket_path, options.pid_path, options.log_path}) {
      if (!path.empty()) RETURN_IF_ERROR(MakeDirectories(DirectoryOf(path)));
    }
    // BIRD judges first: what it refuses never takes the place of what it runs with.
    const std::string candidate = options.config_path + ".new";
    RETURN_IF_ERROR(WriteFileAtomically(candidate, wanted, kConfigMode));
    auto judged = RunProcess({options.binary, "-p", "-c", candidate}, kCheckTimeout);
    ::unlink(candidate.c_str());
    if (!judged.has_value()) return std::move(judged).error();
    if (judged->exit_code != 0) {
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("BIRD refuses the configuration and keeps its former one{}", LastLineOf(judged->err)));
    }
    return WriteFileAtomically(options.config_path, wanted, kConfigMode);
  }

  void Begin() {
    if (auto running = FindRunning(options); running.has_value()) {
      LogInfo(kComponent, "BIRD of pid {} runs already", running->pid);
      Watch(std::move(*running));
      if (changed)
        Hold();  // which sessions it has is not known
      else
        Adopted();
      return;
    }
    if (EndUnseen()) return;
    std::vector<std::string> argv{
        options.binary, "-f", "-c", options.config_path, "-s", options.socket_path, "-P", options.pid_path};
    // Only while the kernel still has the routes of the last one: else waiting for peers would help nobody
    // (B16).
    if (std::exchange(restarting, false) ||
        (options.kernel_has_bird_routes && options.kernel_has_bird_routes()))
      argv.push_back("-R");
    ::unlink(options.socket_path.c_str());
    auto started = StartDetached(argv, options.log_path);
    if (!started.has_value()) {
      Failed(started.error().message());
      return;
    }
    LogInfo(kComponent, "started BIRD, pid {}{}", started->pid,
            argv.back() == "-R" ? ", graceful restart" : "");
    Starts().Add();
    started_at = clock.Now();
    changed = false;
    applied_sessions = sessions;
    if (ends < kCrashLoop) problem.clear();
    Watch(std::move(*started));
    // BIRD removes what it has not learned again when it has waited for long enough, and it shall not wait
    // long.
    if (argv.back() == "-R") hold.Hold({*net::Cidr::Parse("0.0.0.0/0"), *net::Cidr::Parse("::/0")});
    hold.ReleaseWhenUp();
  }

  // A BIRD that answers at our socket, but no process that we see: one that an agent of the host has left
  // there, and we are in a container. It could not be watched, so it ends in the way that keeps its routes
  // (B16), and ours comes after it. False: there is none.
  bool EndUnseen() {
    auto control = BirdControl::Connect(options.socket_path, kCommandTimeout);
    if (!control.has_value()) return false;
    if (!restarting)
      LogInfo(kComponent,
              "BIRD answers but is no process in here: it is replaced by a graceful restart, routes stay");
    if (const auto said = control->Command("graceful restart"); said.has_value()) {
      restarting = true;
      retry = loop.After(kReloadPeriod, [this] { Apply(); });
    } else {
      Failed(said.error().message());
    }
    return true;
  }

  // It runs with what is wanted. A former agent may have held routes.
  void Adopted() {
    applied_sessions = sessions;
    problem.clear();
    hold.ReleaseWhenUp();
  }

  void Watch(StartedProcess running) {
    process = std::move(running);
    waker = std::make_unique<Waker>(loop, process->pid);
    churn.Begin(process->pid);
    ended = loop.WatchFd(process->pidfd.get(), EventLoop::Interest::kRead, [this] { OnEnded(); });
    watchdog = std::make_unique<Watchdog>(loop, options.socket_path, options.watch_period, options.hung_after,
                                          [this] { OnHung(); });
  }

  // SIGKILL, so that the peers keep its routes until it is back; the kernel does anyway.
  void OnHung() {
    LogError(kComponent, "BIRD (pid {}) has not answered for {} s: it is started anew", process->pid,
             options.hung_after / std::chrono::seconds(1));
    ::kill(process->pid, SIGKILL);
  }

  void OnEnded() {
    ::waitpid(process->pid, nullptr, WNOHANG);  // fails for an adopted one: somebody else's child
    ended.reset();
    watchdog.reset();
    waker.reset();
    process.reset();
    if (restarting) return Begin();
    const bool stable = clock.Now() - started_at > kStable;
    if (stable) RunsStably();
    ++ends;
    const auto log = ReadFile(options.log_path);
    // Its peers wait for it.
    Failed((ends > 1 ? fmt::format("BIRD ended {} times in a row", ends) : "BIRD ended") +
               (log.has_value() ? LastLineOf(*log) : std::string()),
           stable ? Duration() : backoff.Next());
  }
  void RunsStably() {
    backoff.Reset();
    if (ends >= kCrashLoop) problem.clear();
    ends = 0;
  }

  // What BIRD knows and nobody else would notice.
  void Look() {
    if (!process || watchdog->silence() > Duration::zero()) return;
    if (ends > 0 && clock.Now() - started_at > kStable) RunsStably();
    auto control = BirdControl::Connect(options.socket_path, kLookTimeout);
    const auto peers = control.has_value() ? control->Peers() : std::move(control).error();
    if (!peers.has_value()) return;  // it is busy, or ends
    const std::vector<std::string> before = watch.problems(), below = watch.Update(*peers, view);
    for (const std::string& one : watch.problems()) {
      if (std::find(before.begin(), before.end(), one) == before.end()) LogWarning(kComponent, "{}", one);
    }
    if (below.empty()) return;
    Status status = control->Configure();  // by which BIRD looks at the limit anew
    for (const std::string& session : below) {
      if (status.has_value()) status = control->Refresh(session);
    }
    if (!status.has_value()) LogWarning(kComponent, "{}", status.error().message());
  }

  // It has seen too many interfaces. A restart over which nobody loses a route (B16): sessions end without a
  // word, and the next BIRD says that it has kept its routes.
  void Worn() {
    worn.reset();
    if (!process || restarting || churn.count() <= options.most_interfaces) return;
    worn = loop.After(kWornPeriod, [this] { Worn(); });
    if (changed || lead || hold.releases() || !problem.empty() ||
        clock.Now() - started_at < options.shortest_life)
      return;
    auto control = BirdControl::Connect(options.socket_path, kCommandTimeout);
    if (!control.has_value()) return;
    const auto status = control->Command("show status");
    const auto protocols = control->Command("show protocols all");
    if (!status.has_value() || !protocols.has_value()) return;
    const Status ready = ReadyForGracefulRestart(*status, *protocols);
    // A node that is down for long must not put it off for ever: the others keep the routes all the same.
    const bool wait = !ready.has_value() && (ready.error().code() == ErrorCode::kUnsupported ||
                                             churn.count() < 2 * options.most_interfaces);
    const std::string why =
        fmt::format("BIRD has seen more than {} interfaces and needs a restart", options.most_interfaces);
    if (wait) {
      const std::string waits = fmt::format("{}, which waits: {}", why, ready.error().message());
      if (std::exchange(worn_told, waits) != waits) LogWarning(kComponent, "{}", waits);
      return;
    }
    LogInfo(kComponent, "{}: a graceful one, routes stay", why);
    restarting = control->Command("graceful restart").has_value();
  }

  void Reconfigure() {
    auto control = BirdControl::Connect(options.socket_path, kCommandTimeout);
    Status status = control.has_value() ? control->Configure() : Status(std::move(control).error());
    if (!status.has_value()) {
      Failed(status.error().message());
      return;
    }
    LogInfo(kComponent, "BIRD reconfigured");
    changed = false;
    applied_sessions = sessions;
    problem.clear();
    backoff.Reset();
  }

  void Reload() {
    reload.reset();
    if (!process) return;  // it will look when it starts: the device is there
    auto control = BirdControl::Connect(options.socket_path, kCommandTimeout);
    const Status status = control.has_value() ? control->ReloadKernelRoutes(kTunnelInterface)
                                              : Status(std::move(control).error());
    if (status.has_value()) {
      LogInfo(kComponent, "BIRD's routes lead through {} now", kTunnelInterface);
      return;
    }
    reload = loop.After(kReloadPeriod, [this] { Reload(); });
  }

  void Failed(const std::string& what) { Failed(what, backoff.Next()); }
  void Failed(const std::string& what, Duration delay) {
    LogError(kComponent, "{}; trying again in {} ms", what, delay / std::chrono::milliseconds(1));
    problem = what;
    retry = loop.After(delay, [this] { Apply(); });
  }

  EventLoop& loop;
  const Clock& clock;
  const Options options;
  RouteHold hold;
  dataplane_api::BgpView view;
  std::string wanted;
  std::map<std::string, std::string> sessions, applied_sessions;  // with nodes of the cluster: wanted, BIRD's
  bool changed = false;                                           // BIRD has not read the file as it is now
  std::optional<StartedProcess> process;
  TimePoint started_at;
  std::string problem;
  std::vector<std::string> without_password;
  int ends = 0;  // of BIRD, each soon after its start
  SessionWatch watch;
  Backoff backoff{std::chrono::milliseconds(100), std::chrono::seconds(5)};
  std::unique_ptr<Waker> waker;
  std::unique_ptr<Watchdog> watchdog;
  std::unique_ptr<EventLoop::Handle> ended, retry, reload, passwords, lead, worn;
  std::unique_ptr<EventLoop::Handle> look = loop.Every(kLookPeriod, [this] { Look(); });
  bool restarting = false;  // its end is our doing
  std::string worn_told;
  InterfaceChurn churn;
};

BirdSpeaker::BirdSpeaker(EventLoop& loop, const Clock& clock, Options options)
    : impl_(std::make_shared<Impl>(loop, clock, std::move(options))) {}
BirdSpeaker::~BirdSpeaker() = default;

void BirdSpeaker::OnView(const dataplane_api::BgpView& view) {
  impl_->OnView(view);
}

void BirdSpeaker::OnTunnelDevice() {
  impl_->Reload();
}

Speaker::Health BirdSpeaker::health() const {
  return {impl_->process.has_value(), impl_->problem, impl_->without_password,
          impl_->watchdog != nullptr ? impl_->watchdog->silence() : Duration::zero(),
          impl_->watch.problems()};
}

Result<std::vector<PeerStatus>> BirdSpeaker::Peers() const {
  ASSIGN_OR_RETURN(BirdControl bird, BirdControl::Connect(impl_->options.socket_path, kAnswerTimeout));
  return bird.Peers();
}
Result<DaemonStatus> BirdSpeaker::Daemon() const {
  ASSIGN_OR_RETURN(BirdControl bird, BirdControl::Connect(impl_->options.socket_path, kAnswerTimeout));
  return bird.Daemon();
}
Result<std::vector<RouteStatus>> BirdSpeaker::Routes() const {
  ASSIGN_OR_RETURN(BirdControl bird, BirdControl::Connect(impl_->options.socket_path, kAnswerTimeout));
  return bird.Routes();
}

Result<bool> BirdSpeaker::StopBird(const Options& options) {
  auto running = FindRunning(options);
  if (!running.has_value()) {
    if (running.error().code() == ErrorCode::kNotFound || running.error().code() == ErrorCode::kUnavailable)
      return false;
    return std::move(running).error();
  }
  RETURN_IF_ERROR(StopDaemon(*running, "BIRD"));
  return true;
}

}  // namespace calico::bgp
