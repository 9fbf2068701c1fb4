// SPDX-License-Identifier: Apache-2.0
#include "bgp/gobgp/speaker.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <map>
#include <set>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/file.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/subprocess.h"
#include "base/text.h"
#include "bgp/daemon.h"
#include "bgp/gobgp/client.h"
#include "bgp/gobgp/learned_routes.h"
#include "bgp/gobgp/messages.h"
#include "bgp/gobgp/policies.h"
#include "kernel/rtnetlink.h"

namespace calico::bgp {
namespace {

constexpr char kComponent[] = "bgp";
constexpr char kProgram[] = "gobgpd";
constexpr Duration kCallTimeout = std::chrono::milliseconds(1500);
constexpr Duration kPasswordPeriod = std::chrono::seconds(5);  // see bird/speaker.cc
constexpr Duration kStable = std::chrono::seconds(10);
// Routes come one by one: the kernel is told of those that have come meanwhile.
constexpr Duration kRoutesPause = std::chrono::milliseconds(20);
constexpr Duration kRoutesRetry = std::chrono::seconds(1);
constexpr Duration kStartPause = std::chrono::milliseconds(20);
constexpr Duration kStartLimit = std::chrono::seconds(5);
// After a start of GoBGP the routes of the one before stay until the peers have told theirs, at most so long.
constexpr Duration kSettlePeriod = std::chrono::seconds(1);
constexpr Duration kSettleLimit = std::chrono::seconds(120);
constexpr int kPolicyNumbers = 1000;  // then they begin anew
constexpr Duration kProbePeriod = std::chrono::seconds(3);
constexpr int kProbesUntilKilled = 3, kProbesUntilKilledWhileBusy = 12;

Counter& Starts() {
  static Counter& counter =
      RegisterCounter("calico_gobgp_starts_total", "Times that GoBGP was started by this agent.");
  return counter;
}

std::string ApiArgument(const GobgpSpeaker::Options& options) {
  return "--api-hosts=unix://" + options.socket_path;
}

// Whether the kernel routes as the last speaker of this host told: to its blocks, and to what peers told.
bool KernelHasKeptRoutes() {
  const auto rtnetlink = kernel::OpenRtnetlink();
  if (!rtnetlink.has_value()) return false;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    const auto routes = (*rtnetlink)->ListRoutes(family, kernel::kMainTable);
    if (!routes.has_value()) continue;
    for (const auto& [key, route] : *routes) {
      if (route.protocol == kernel::kProtoCalico || route.protocol == LearnedRoutes::kProtocol) return true;
    }
  }
  return false;
}

// Processor time that a process has used, in the kernel's ticks (fields 14 and 15 of proc(5)'s stat).
std::uint64_t WorkOf(pid_t pid) {
  const auto stat = ReadFile(fmt::format("/proc/{}/stat", pid));
  if (!stat.has_value()) return 0;
  const auto fields = Split(stat->substr(stat->rfind(')') + 1), ' ');  // [1] is the third
  return fields.size() < 14 ? 0
                            : std::strtoull(fields[12].c_str(), nullptr, 10) +
                                  std::strtoull(fields[13].c_str(), nullptr, 10);
}

}  // namespace

struct GobgpSpeaker::Impl : std::enable_shared_from_this<GobgpSpeaker::Impl> {
  // What the kernel has is looked at before this agent has written anything.
  Impl(EventLoop& l, const Clock& c, Options o)
      : loop(l), clock(c), options(std::move(o)), kernel_kept(KernelHasKeptRoutes()) {}

  // --- what is wanted -----------------------------------------------------------------------------------

  void OnView(const dataplane_api::BgpView& new_view) {
    view = new_view;
    has_view = true;
    if (!HasPasswords(view))
      password_timer.reset();
    else if (password_timer == nullptr)
      password_timer = loop.Every(kPasswordPeriod, [this] { OnPasswords(); });
    passwords = ReadPasswords(view, options.password_of);
    const auto said = std::exchange(limits, GobgpLimitsOf(view));
    for (const std::string& limit : limits) {
      if (std::find(said.begin(), said.end(), limit) == said.end()) LogWarning(kComponent, "{}", limit);
    }
    Sync();
  }
  void OnPasswords() {
    Passwords now = ReadPasswords(view, options.password_of);
    const bool same = now.known == passwords.known;
    passwords = std::move(now);
    if (!same) Sync();
  }

  // --- the daemon ---------------------------------------------------------------------------------------

  void Sync() {
    if (!has_view) return;
    const Status status = process ? Tell() : Begin();
    if (!status.has_value()) {
      Failed(status.error().message());
      return;
    }
    problem.clear();
    retry.reset();
    if (told && clock.Now() - started_at > kStable) backoff.Reset();
  }

  Status Begin() {
    RETURN_IF_ERROR(OpenKernel());
    if (auto running = FindDaemon(options.pid_path, kProgram, ApiArgument(options)); running.has_value()) {
      LogInfo(kComponent, "GoBGP of pid {} runs already", running->pid);
      client = std::make_shared<GobgpClient>(options.socket_path, kCallTimeout);
      restarting = false;
      Keep(std::move(*running));
      return Tell();
    }
    for (const std::string& path : {options.socket_path, options.pid_path, options.log_path}) {
      if (!path.empty()) RETURN_IF_ERROR(MakeDirectories(DirectoryOf(path)));
    }
    ::unlink(options.socket_path.c_str());
    // Peers go on with the routes that they have of us if we say that our kernel has kept its ones.
    restarting = kernel_kept;
    ASSIGN_OR_RETURN(
        StartedProcess started,
        StartDetached({options.binary, ApiArgument(options), "--pprof-disable"}, options.log_path));
    LogInfo(kComponent, "started GoBGP, pid {}{}", started.pid, restarting ? ", graceful restart" : "");
    Starts().Add();
    started_at = clock.Now();
    RETURN_IF_ERROR(WriteFileAtomically(options.pid_path, fmt::format("{}\n", started.pid)));
    Keep(std::move(started));
    AwaitSocket();
    return Ok();
  }
  void AwaitSocket() {
    if (!process) return;
    if (PathExists(options.socket_path)) {
      client = std::make_shared<GobgpClient>(options.socket_path, kCallTimeout);
      Sync();
    } else if (clock.Now() - started_at > kStartLimit) {
      Failed("GoBGP does not open " + options.socket_path);
    } else {
      start_timer = loop.After(kStartPause, [this] { AwaitSocket(); });
    }
  }
  void Keep(StartedProcess running) {
    process = std::move(running);
    told = false;
    failed_probes = busy_probes = 0;
    probe = loop.Every(kProbePeriod, [this] { Probe(); });
    ended = loop.WatchFd(process->pidfd.get(), EventLoop::Interest::kRead, [this] { OnEnded(); });
  }
  void OnEnded() {
    ::waitpid(process->pid, nullptr, WNOHANG);  // fails for an adopted one: somebody else's child
    ended.reset();
    probe.reset();
    process.reset();
    StopWatching();
    client.reset();
    routes->Restart();
    kernel_kept = !replacing;
    if (clock.Now() - started_at > kStable) backoff.Reset();
    if (std::exchange(replacing, false)) {
      Sync();
      return;
    }
    if (!refused.empty()) {
      Failed(std::exchange(refused, ""));
      return;
    }
    const auto log = ReadFile(options.log_path);
    Failed("GoBGP ended" + (log.has_value() ? LastLineOf(*log) : std::string()));
  }
  // One that hangs is started anew: peers go on with its routes meanwhile. One that works may have a hundred
  // thousand routes to look at.
  void Probe() {
    if (!told) return;
    const auto answer = client->Global();
    if (answer.has_value()) {
      if (failed_probes > 0) problem.clear();
      failed_probes = busy_probes = 0;
      return;
    }
    const std::uint64_t worked = WorkOf(process->pid);
    if (worked != std::exchange(work, worked)) ++busy_probes;
    problem = answer.error().message();
    LogError(kComponent, "GoBGP of pid {} does not answer: {}", process->pid, problem);
    const bool busy = busy_probes > 1;  // the first one counts what was before
    if (++failed_probes >= (busy ? kProbesUntilKilledWhileBusy : kProbesUntilKilled))
      ::kill(process->pid, SIGKILL);
  }
  void Failed(const std::string& what) {
    const Duration delay = backoff.Next();
    LogError(kComponent, "{}; trying again in {} ms", what, delay / std::chrono::milliseconds(1));
    problem = what;
    retry = loop.After(delay, [this] { Sync(); });
  }

  // --- what it is told ----------------------------------------------------------------------------------

  // Paths before peers: a peer that comes back is told that it has all of them as soon as its session is up
  // (reference bgp-and-node D2).
  Status Tell() {
    if (client == nullptr) return Ok();  // it is starting
    if (!view.node_exists || (!view.ipv4 && !view.ipv6)) return told ? DropPeers() : Ok();
    ASSIGN_OR_RETURN(const bool started, EnsureStarted());
    if (!started) return Ok();
    if (!told) RETURN_IF_ERROR(ReadWhatItHas());
    RETURN_IF_ERROR(EnsurePolicies());
    RETURN_IF_ERROR(TellPaths());
    RETURN_IF_ERROR(TellPeers());
    TellKernel();
    if (!told) Watch();
    told = true;
    restarting = false;
    return Ok();
  }

  Result<bool> EnsureStarted() {
    const api::Global wanted = GobgpGlobalOf(view);
    ASSIGN_OR_RETURN(const api::Global running, client->Global());
    if (running.asn() == 0) {
      const Status taken = client->Start(wanted);
      if (!taken.has_value()) {
        // It may listen at one of its addresses by now, and would refuse to do so again.
        refused = taken.error().message();
        ::kill(process->pid, SIGKILL);
        return taken.error();
      }
    } else if (IsAnother(running, wanted)) {
      LogInfo(kComponent, "GoBGP starts anew with another AS, address or port");
      replacing = true;
      ::kill(process->pid, SIGTERM);
      return false;
    }
    const auto level = GobgpLogLevelOf(view.log_severity);
    if (!told || level != log_level) RETURN_IF_ERROR(client->SetLogLevel(level));
    log_level = level;
    return true;
  }

  // From a former agent, or from an attempt that has failed half-way.
  Status ReadWhatItHas() {
    ASSIGN_OR_RETURN(const auto names, client->NamesOfLargeCommunitySets());
    policy = ParsePolicyTag(names);
    originated.clear();
    for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
      ASSIGN_OR_RETURN(const auto paths, client->Paths(family));
      for (const api::Path& path : paths) {
        if (const auto read = ReadPath(path); read && read->own) originated.insert(read->prefix);
      }
    }
    return Ok();
  }

  Status EnsurePolicies() {
    const std::string fingerprint = PolicyFingerprintOf(view);
    if (fingerprint == policy.fingerprint) return Ok();
    const int number = policy.number % kPolicyNumbers + 1;
    RETURN_IF_ERROR(client->SetPolicies(PoliciesOf(view, number)));
    if (policy.fingerprint.empty()) {
      RETURN_IF_ERROR(client->Assign(api::IMPORT, kImportPolicy));
      RETURN_IF_ERROR(client->Assign(api::EXPORT, kExportPolicy));
    } else {
      // Everything once more, with the new mark.
      for (const net::Cidr& prefix : originated) RETURN_IF_ERROR(client->AddPath(OwnPathOf(prefix)));
      RETURN_IF_ERROR(client->TakeInAgain());
    }
    policy = {number, fingerprint};
    return Ok();
  }

  // What this host is the way to: its blocks, services, and what the kernel routes here itself inside pools.
  std::set<net::Cidr> Own() const {
    std::set<net::Cidr> own;
    for (const net::Cidr& block : view.own_blocks) {
      if (!block.is_host()) own.insert(block);
    }
    own.insert(view.services.begin(), view.services.end());
    for (const auto& [key, route] : routes->others()) {
      // The agent's, and what a BIRD has left.
      const bool others = route.protocol == kernel::kProtoCalico || route.protocol == kernel::kProtoHeld ||
                          route.protocol == kernel::kProtoBird;
      if (others || route.type != kernel::RouteType::kUnicast) continue;
      if (std::any_of(view.pools.begin(), view.pools.end(),
                      [&](const auto& pool) { return pool.cidr.Contains(key.dst); }))
        own.insert(key.dst);
    }
    return own;
  }
  Status TellPaths() {
    const std::set<net::Cidr> own = Own();
    for (const net::Cidr& prefix : own) {
      if (originated.contains(prefix)) continue;
      RETURN_IF_ERROR(client->AddPath(OwnPathOf(prefix)));
      originated.insert(prefix);
    }
    for (auto prefix = originated.begin(); prefix != originated.end();) {
      if (own.contains(*prefix)) {
        ++prefix;
        continue;
      }
      RETURN_IF_ERROR(client->DeletePath(OwnPathOf(*prefix)));
      prefix = originated.erase(prefix);
    }
    return Ok();
  }

  Status TellPeers() {
    ASSIGN_OR_RETURN(const auto running, client->Peers(/*told=*/false));
    std::map<std::string, const api::Peer*> known;
    for (const api::Peer& peer : running) known[peer.conf().neighbor_address()] = &peer;
    const auto wanted = GobgpPeersOf(view, passwords, restarting);
    std::set<std::string> addresses;
    for (const api::Peer& peer : wanted) addresses.insert(peer.conf().neighbor_address());
    for (const auto& [address, peer] : known) {
      if (!addresses.contains(address)) RETURN_IF_ERROR(DropPeer(*peer));
    }
    for (const api::Peer& peer : wanted) {
      const auto found = known.find(peer.conf().neighbor_address());
      if (found == known.end())
        RETURN_IF_ERROR(client->AddPeer(peer));
      else if (found->second->conf().description() != peer.conf().description())
        RETURN_IF_ERROR(client->UpdatePeer(peer));
    }
    return Ok();
  }
  Status DropPeers() {
    ASSIGN_OR_RETURN(const auto running, client->Peers(/*told=*/false));
    for (const api::Peer& peer : running) RETURN_IF_ERROR(DropPeer(peer));
    return Ok();
  }
  // A peer that is deleted leaves its password in GoBGP's listening socket, which would refuse a later
  // session without one; a peer that is changed does not.
  Status DropPeer(const api::Peer& peer) {
    if (!peer.conf().auth_password().empty()) {
      api::Peer without;
      without.mutable_conf()->set_neighbor_address(peer.conf().neighbor_address());
      without.mutable_conf()->set_peer_asn(peer.conf().peer_asn());
      RETURN_IF_ERROR(client->UpdatePeer(without));
    }
    return client->DeletePeer(peer.conf().neighbor_address());
  }

  // --- the kernel ---------------------------------------------------------------------------------------

  Status OpenKernel() {
    if (routes) return Ok();
    ASSIGN_OR_RETURN(monitor, kernel::OpenRtnetlinkMonitor());  // first: no change may fall between
    ASSIGN_OR_RETURN(rtnetlink, kernel::OpenRtnetlink());
    routes.emplace(*rtnetlink);
    monitor_watch = loop.WatchFd(monitor->fd(), EventLoop::Interest::kRead, [this] { OnKernel(); });
    return routes->Apply();
  }
  void TellKernel() {
    std::vector<net::Cidr> foreign;
    for (const auto& pool : view.pools) {
      if (pool.encapsulation != dataplane_api::Encapsulation::kNone) foreign.push_back(pool.cidr);
    }
    foreign.insert(foreign.end(), view.services.begin(), view.services.end());
    std::map<net::Ip, net::Ip> gateways;
    for (const auto& peer : view.peers) {
      if (peer.reachable_by && peer.reachable_by->family() == peer.ip.family())
        gateways[peer.ip] = *peer.reachable_by;
    }
    routes->SetForeign(foreign);
    routes->SetGateways(gateways);
    RoutesSoon();
  }
  void RoutesSoon(Duration pause = kRoutesPause) {
    if (routes_timer == nullptr) routes_timer = loop.After(pause, [this] { ApplyRoutes(); });
  }
  void ApplyRoutes() {
    routes_timer.reset();
    const Status applied = routes->Apply();
    routes_problem.clear();
    if (applied.has_value()) return;
    routes_problem = applied.error().message();
    RoutesSoon(kRoutesRetry);
  }
  void OnKernel() {
    const auto events = monitor->Read();
    if (!events.has_value() || events->overrun) {
      routes->RereadNext();
      RoutesSoon();
      own_timer = loop.After(2 * kRoutesPause, [this] { OnOwnRoutes(); });
      return;
    }
    bool ours = false, own = false;
    for (const kernel::RouteChanged& event : events->routes) {
      ours = routes->OnRoute(event) || ours;
      own = own || std::any_of(view.pools.begin(), view.pools.end(),
                               [&](const auto& pool) { return pool.cidr.Contains(event.key.dst); });
    }
    // Links take routes with them without a word.
    if (std::any_of(events->links.begin(), events->links.end(),
                    [](const kernel::LinkChanged& event) { return !event.link.admin_up; }) ||
        !events->links_removed.empty()) {
      routes->RereadNext();
      ours = true;
      own = true;
    }
    if (ours) RoutesSoon();
    if (own) own_timer = loop.After(kRoutesPause + kStartPause, [this] { OnOwnRoutes(); });
  }
  // Addresses have come to this host or left it.
  void OnOwnRoutes() {
    own_timer.reset();
    if (!process || client == nullptr || !told) return;
    if (const Status status = TellPaths(); !status.has_value()) Failed(status.error().message());
  }

  // --- what it tells ------------------------------------------------------------------------------------

  void Watch() {
    StopWatching();
    watcher = std::make_unique<LoopThread>("gobgp");
    watcher->Start();
    const std::weak_ptr<Impl> weak = weak_from_this();
    watcher->loop().Post([weak, to = &loop, from = client] {
      const Status ended_with = from->Watch([&](const std::vector<api::Path>& paths) {
        std::map<net::Cidr, std::set<net::Ip>> told_of;
        for (const api::Path& path : paths) {
          const auto read = ReadPath(path);
          if (!read) continue;
          auto& next_hops = told_of[read->prefix];
          if (read->next_hop && !read->own) next_hops.insert(*read->next_hop);
        }
        to->Post([weak, from, told_of = std::move(told_of)] {
          if (const auto self = weak.lock(); self && self->client == from) self->OnPaths(told_of);
        });
      });
      to->Post([weak, from] {
        const auto self = weak.lock();
        if (self && self->client == from && self->process) self->OnWatchEnded();
      });
    });
    settle_until = clock.Now() + kSettleLimit;
    settle = loop.Every(kSettlePeriod, [this] { Settle(); });
  }
  void StopWatching() {
    if (watcher == nullptr) return;
    settle.reset();
    if (client) client->StopWatching();
    watcher->StopAndJoin();
    watcher.reset();
  }
  void OnPaths(const std::map<net::Cidr, std::set<net::Ip>>& told_of) {
    for (const auto& [prefix, next_hops] : told_of) routes->Set(prefix, next_hops);
    RoutesSoon();
  }
  void OnWatchEnded() {
    if (replacing) return;
    client = std::make_shared<GobgpClient>(options.socket_path, kCallTimeout);  // a context serves once
    told = false;
    Failed("GoBGP does not tell its routes any more");
  }
  // Peers that come back tell all their routes and then that they have done so.
  void Settle() {
    const auto peers = client ? client->Peers(/*told=*/false) : Result<std::vector<api::Peer>>({});
    if (!peers.has_value()) return;
    const bool all = std::all_of(peers->begin(), peers->end(), [](const api::Peer& peer) {
      return peer.state().session_state() == api::PeerState::ESTABLISHED &&
             std::all_of(peer.afi_safis().begin(), peer.afi_safis().end(), [](const api::AfiSafi& family) {
               const auto& restart = family.mp_graceful_restart().state();
               return !restart.received() || restart.end_of_rib_received();
             });
    });
    if (!all && clock.Now() < settle_until) return;
    settle.reset();
    routes->SetComplete();
    RoutesSoon();
  }

  EventLoop& loop;
  const Clock& clock;
  const Options options;
  dataplane_api::BgpView view;
  bool has_view = false;
  Passwords passwords;
  std::vector<std::string> limits;

  std::optional<StartedProcess> process;
  std::shared_ptr<GobgpClient> client;
  TimePoint started_at;
  bool kernel_kept;         // the kernel still routes what a former speaker told of
  bool restarting = false;  // and the present one says so
  bool replacing = false;   // it ends because we want it to
  bool told = false;        // it has been told everything once
  int failed_probes = 0, busy_probes = 0;
  std::uint64_t work = 0;  // processor time at the last failed probe
  PolicyTag policy;
  api::SetLogLevelRequest::Level log_level = api::SetLogLevelRequest::INFO;
  std::set<net::Cidr> originated;
  std::string problem, routes_problem;
  std::string refused;  // why it is ended
  Backoff backoff{std::chrono::milliseconds(100), std::chrono::seconds(5)};

  std::unique_ptr<kernel::RtnetlinkMonitor> monitor;
  std::unique_ptr<kernel::Rtnetlink> rtnetlink;
  std::optional<LearnedRoutes> routes;
  TimePoint settle_until;
  std::unique_ptr<LoopThread> watcher;
  std::unique_ptr<EventLoop::Handle> ended, retry, start_timer, password_timer, routes_timer, own_timer,
      settle, monitor_watch, probe;
};

GobgpSpeaker::GobgpSpeaker(EventLoop& loop, const Clock& clock, Options options)
    : impl_(std::make_shared<Impl>(loop, clock, std::move(options))) {}
GobgpSpeaker::~GobgpSpeaker() {
  impl_->StopWatching();
}

void GobgpSpeaker::OnView(const dataplane_api::BgpView& view) {
  impl_->OnView(view);
}

Speaker::Health GobgpSpeaker::health() const {
  return {impl_->process.has_value(), impl_->problem.empty() ? impl_->routes_problem : impl_->problem,
          impl_->passwords.missing, impl_->failed_probes * (kProbePeriod + kCallTimeout), impl_->limits};
}

Result<std::vector<PeerStatus>> GobgpSpeaker::Peers() const {
  return ReadGobgpPeers(impl_->options.socket_path, kAnswerTimeout);
}
Result<DaemonStatus> GobgpSpeaker::Daemon() const {
  ASSIGN_OR_RETURN(DaemonStatus status, ReadGobgpDaemon(impl_->options.socket_path, kAnswerTimeout));
  // "gobgpd version 3.10.0"
  if (const auto said = RunProcess({impl_->options.binary, "--version"}, kAnswerTimeout); said.has_value())
    status.version = "GoBGP " + std::string(Trim(said->out.substr(said->out.rfind(' ') + 1)));
  struct stat written {};
  if (::stat(impl_->options.pid_path.c_str(), &written) == 0) {
    struct tm local {};
    ::localtime_r(&written.st_mtim.tv_sec, &local);
    status.started = fmt::format("{:%Y-%m-%d %H:%M:%S}.{:03}", local, written.st_mtim.tv_nsec / 1'000'000);
  }
  return status;
}
Result<std::vector<RouteStatus>> GobgpSpeaker::Routes() const {
  return ReadGobgpRoutes(impl_->options.socket_path, kAnswerTimeout);
}

Result<bool> GobgpSpeaker::StopGobgp(const Options& options) {
  auto running = FindDaemon(options.pid_path, kProgram, ApiArgument(options));
  if (!running.has_value()) {
    if (running.error().code() == ErrorCode::kNotFound) return false;
    return std::move(running).error();
  }
  RETURN_IF_ERROR(StopDaemon(*running, kProgram));
  return true;
}

}  // namespace calico::bgp
