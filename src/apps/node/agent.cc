// SPDX-License-Identifier: Apache-2.0
#include "apps/node/agent.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <unistd.h>

#include "apps/libnetwork/container_labels.h"
#include "apps/libnetwork/docker_watch.h"
#include "apps/libnetwork/driver.h"
#include "apps/libnetwork/network_mirror.h"
#include "apps/libnetwork/network_names.h"
#include "apps/libnetwork/reconcile.h"
#include "apps/libnetwork/removal_guard.h"
#include "apps/node/address_monitor.h"
#include "apps/node/bgp_password.h"
#include "apps/node/bgp_variables.h"
#include "apps/node/bird_routes.h"
#include "apps/node/dataplane_thread.h"
#include "apps/node/felix_overrides.h"
#include "apps/node/health.h"
#include "apps/node/ipam_upkeep.h"
#include "apps/node/log_parts.h"
#include "apps/node/node_status_reporter.h"
#include "apps/node/peer_metrics.h"
#include "apps/node/peering_device.h"
#include "apps/node/plugin_sockets.h"
#include "apps/node/settings.h"
#include "apps/node/show.h"
#include "apps/node/shutdown_time.h"
#include "apps/node/startup.h"
#include "apps/node/store_wait.h"
#include "apps/node/unused_variables.h"
#include "base/file.h"
#include "base/host_lock.h"
#include "base/http_server.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "bgp/bird/speaker.h"
#include "bgp/gobgp/learned_routes.h"
#include "bgp/gobgp/speaker.h"
#include "calc/graph.h"
#include "datastore/choice.h"
#include "datastore/syncer.h"

namespace calico::node {
namespace {

constexpr char kComponent[] = "agent";
// Until a speaker that has just started knows its peers' routes.
constexpr Duration kTakeOverTime = std::chrono::seconds(60);
// A boot waits for us no longer than that: dockerd, which may have to start our store, comes after us.
constexpr Duration kMostStartTime = std::chrono::seconds(10);
// How long an agent that cannot start goes on saying so to those who call a socket that outlives it.
constexpr Duration kLastWords = std::chrono::seconds(2);
constexpr Duration kRotationPeriod = std::chrono::seconds(10);
constexpr char kBootIdFile[] = "/proc/sys/kernel/random/boot_id";

// One agent per host, in a container or not: the lock goes away with the process, however it ends.
Result<UniqueFd> TakeLock() {
  // A predecessor that has just ended: its last threads may still hold it when its first one is gone.
  const TimePoint give_up = std::chrono::steady_clock::now() + std::chrono::seconds(1);
  for (;;) {
    auto lock = TakeHostLock(kAgentLock);
    if (lock.has_value() || lock.error().code() != ErrorCode::kAlreadyExists) return lock;
    if (std::chrono::steady_clock::now() > give_up) {
      ASSIGN_OR_RETURN(const auto holder, FindHostLock(kAgentLock));
      if (holder) return Error(ErrorCode::kAlreadyExists, DescribeAgent(*holder));
    }
    SleepFor(std::chrono::milliseconds(10));
  }
}

Result<HostAddresses> ReadHostAddresses() {
  ASSIGN_OR_RETURN(const auto rtnetlink, kernel::OpenRtnetlink());
  HostAddresses host;
  ASSIGN_OR_RETURN(host.links, rtnetlink->ListLinks());
  ASSIGN_OR_RETURN(host.addresses, rtnetlink->ListAddresses());
  return host;
}

// Runs `use` on a socket of its own: it is called from several threads.
template <typename Use>
auto WithRtnetlink(const Use& use) -> decltype(use(std::declval<kernel::Rtnetlink&>())) {
  const auto rtnetlink = kernel::OpenRtnetlink();
  if (!rtnetlink.has_value()) return rtnetlink.error();
  return use(**rtnetlink);
}

bgp::BirdSpeaker::Options BirdOptions(const Environment& environment) {
  bgp::BirdSpeaker::Options options;
  options.kernel_has_bird_routes = [] {
    const Result<bool> has = WithRtnetlink(HasBirdRoutes);
    return has.has_value() && *has;
  };
  options.log_path = DaemonLog(environment, "bird");
  options.route_hold.hold = [](const std::vector<net::Cidr>& within) {
    return WithRtnetlink([&](kernel::Rtnetlink& rtnetlink) { return HoldBirdRoutes(rtnetlink, within); });
  };
  options.route_hold.release = [] { return WithRtnetlink(ReleaseHeldRoutes); };
  options.password_of = [environment](const dataplane_api::BgpSecret& secret) {
    return ReadBgpPassword(environment, secret);
  };
  return options;
}

bgp::GobgpSpeaker::Options GobgpOptions(const Environment& environment) {
  bgp::GobgpSpeaker::Options options;
  options.log_path = DaemonLog(environment, "calico-bgp-daemon");
  options.password_of = [environment](const dataplane_api::BgpSecret& secret) {
    return ReadBgpPassword(environment, secret);
  };
  return options;
}

Status RemoveGobgpRoutes() {
  return WithRtnetlink(bgp::LearnedRoutes::RemoveAll);
}

// All threads of a running agent. Members are in the order in which they depend on each other.
class Agent {
 public:
  Agent(const Environment& environment, datastore::Client& client, std::string store_reason, std::string node,
        model::FelixConfiguration overrides, Backend backend, BgpVariables bgp_variables,
        std::vector<AddressChoice> addresses, PluginSockets& plugin_sockets)
      : environment_(environment),
        plugin_sockets_(plugin_sockets),
        client_(client),
        store_reason_(std::move(store_reason)),
        node_(std::move(node)),
        overrides_(std::move(overrides)),
        backend_(backend),
        bgp_variables_(std::move(bgp_variables)),
        graph_(node_, overrides_, backend_ == Backend::kBird, backend_ == Backend::kGobgp),
        calc_("calc"),
        bgp_("bgp"),
        upkeep_(client_, clock_, node_, overrides_),
        addresses_([this] { return LookAtAddresses(); }, std::move(addresses), AddressPeriod(environment_)) {}

  Status Start(const FelixSettings& settings) {
    ASSIGN_OR_RETURN(dataplane_, DataplaneThread::Open(clock_));
    if (backend_ != Backend::kBird) RETURN_IF_ERROR(TakeOverFromBird());
    if (backend_ != Backend::kGobgp) RETURN_IF_ERROR(TakeOverFromGobgp());
    if (backend_ == Backend::kGobgp)
      speaker_ = std::make_unique<bgp::GobgpSpeaker>(bgp_.loop(), clock_, GobgpOptions(environment_));
    if (backend_ == Backend::kBird) {
      speaker_ = std::make_unique<bgp::BirdSpeaker>(bgp_.loop(), clock_, BirdOptions(environment_));
      dataplane_->OnIpipDevice([this] { bgp_.loop().Post([this] { speaker_->OnTunnelDevice(); }); });
    }
    dataplane_->OnWireguardKey(
        [this](net::Family family, const std::string& key) { upkeep_.SetWireguardKey(family, key); });
    dataplane_->OnWorkloadMtu([this](int mtu_bytes) { SetWorkloadMtu(mtu_bytes); });
    RETURN_IF_ERROR(dataplane_->Start());
    reporter_ = std::make_unique<NodeStatusReporter>(client_, clock_, node_, speaker_.get());
    reporter_->Start();
    calc_.Start();
    bgp_.Start();
    datastore::Syncer::Options options;
    options.prefixes = datastore::CalcPrefixes();
    syncer_ = std::make_unique<datastore::Syncer>(calc_.loop(), client_, options,
                                                  [this](model::UpdateBatch batch) { OnUpdates(batch); });
    syncer_->Start();
    upkeep_.Start();
    RETURN_IF_ERROR(addresses_.Start());
    health_ = std::make_unique<Health>(HealthSources());
    RETURN_IF_ERROR(StartPlugins());
    return StartServers(settings);  // `show` looks at all that is above
  }

  // Ends the process. Not one thread at a time: a call to a store that is away would hold us for seconds, and
  // the kernel's state must stay as it is anyway. What would outlive us is the socket files.
  [[noreturn]] void Leave(int exit_code) const {
    for (const std::string& socket : sockets_) ::unlink(socket.c_str());
    plugin_sockets_.RemoveFiles();
    std::fflush(nullptr);
    std::_Exit(exit_code);
  }

 private:
  // On the calc loop.
  void OnUpdates(const model::UpdateBatch& batch) {
    dataplane_->Send(graph_.Apply(batch), calc_.loop());
    if (!graph_.in_sync()) return;
    TellProblems();
    bool pools = false;
    for (const auto& [key, object] : batch.updates) {
      pools = pools || key.kind == model::Kind::kIPPool || key.kind == model::Kind::kFelixConfiguration ||
              (key.kind == model::Kind::kNode && key.name == node_);
      if (key.kind == model::Kind::kCalicoNodeStatus)
        reporter_->OnResource(
            key.name, object != nullptr ? std::get_if<model::CalicoNodeStatus>(object.get()) : nullptr);
    }
    if (pools) upkeep_.Recheck();
    // A workload or a policy says nothing of BGP.
    if (speaker_ == nullptr || !graph_.TakeBgpChanged()) return;
    dataplane_api::BgpView view = graph_.bgp_view();
    node::Apply(bgp_variables_, view);
    if (sent_view_ && *sent_view_ == view) return;
    sent_view_ = view;
    bgp_.loop().Post([this, view] {
      SyncPeering(view);
      speaker_->OnView(view);
    });
  }

  // Before BIRD listens there. On the bgp loop.
  void SyncPeering(const dataplane_api::BgpView& view) {
    std::set<net::Ip> addresses;
    for (const dataplane_api::BgpPeerView& peer : view.peers) {
      if (peer.local_ip) addresses.insert(*peer.local_ip);
    }
    const Status synced =
        WithRtnetlink([&](kernel::Rtnetlink& rtnetlink) { return SyncPeeringDevice(rtnetlink, addresses); });
    peering_.reset();
    if (synced.has_value()) return;
    LogWarning(kComponent, "address for BGP sessions of workloads: {}; trying again",
               synced.error().message());
    peering_ = bgp_.loop().After(std::chrono::seconds(5), [this, view] { SyncPeering(view); });
  }

  Result<std::vector<AddressChoice>> LookAtAddresses() {
    ASSIGN_OR_RETURN(const HostAddresses host, ReadHostAddresses());
    return UpdateAddresses({environment_, client_, clock_, host, KernelSourceTowards, node_, kVersion});
  }

  // The backend was bird before and is another one now: what that BIRD left in the kernel would stay for
  // ever.
  Status TakeOverFromBird() {
    ASSIGN_OR_RETURN(const bool stopped, bgp::BirdSpeaker::StopBird(BirdOptions(environment_)));
    if (!stopped) return Ok();
    LogInfo(kComponent, "stopped BIRD: CALICO_NETWORKING_BACKEND wants another backend");
    if (backend_ == Backend::kGobgp) {
      // GoBGP learns all of them again, those outside pools, too.
      bird_routes_ = calc_.loop().After(kTakeOverTime, [] {
        const std::vector<net::Cidr> everything{*net::Cidr::Parse("0.0.0.0/0"), *net::Cidr::Parse("::/0")};
        const Status removed = WithRtnetlink(
            [&](kernel::Rtnetlink& rtnetlink) { return RemoveBirdRoutes(rtnetlink, everything); });
        if (!removed.has_value())
          LogWarning(kComponent, "routes of the former BIRD: {}", removed.error().message());
      });
      return Ok();
    }
    // Not before our own routes stand beside them.
    bird_routes_ = calc_.loop().Every(std::chrono::milliseconds(200), [this] {
      if (!graph_.in_sync() || !dataplane_->TakeSnapshot().ready) return;
      if (const Status removed = WithRtnetlink([&](kernel::Rtnetlink& rtnetlink) {
            return RemoveBirdRoutes(rtnetlink, graph_.bgp_view().PoolCidrs());
          });
          !removed.has_value()) {
        LogWarning(kComponent, "routes of the former BIRD: {}; trying again", removed.error().message());
        return;
      }
      bird_routes_.reset();
    });
    return Ok();
  }

  // What routers outside told that GoBGP. With BIRD they stay until it has had the time to learn them.
  Status TakeOverFromGobgp() {
    const auto options = GobgpOptions(environment_);
    if (!PathExists(options.pid_path)) return Ok();  // it has never run here
    ASSIGN_OR_RETURN(const bool stopped, bgp::GobgpSpeaker::StopGobgp(options));
    if (stopped) LogInfo(kComponent, "stopped GoBGP: CALICO_NETWORKING_BACKEND wants another backend");
    const auto remove = [path = options.pid_path] {
      const Status removed = RemoveGobgpRoutes();
      if (removed.has_value())
        ::unlink(path.c_str());
      else
        LogWarning(kComponent, "routes of the former GoBGP: {}", removed.error().message());
    };
    if (backend_ == Backend::kBird)
      gobgp_routes_ = calc_.loop().After(kTakeOverTime, remove);
    else
      remove();
    return Ok();
  }

  // Read by the CNI plugin, and by ours. On the dataplane's loop.
  void SetWorkloadMtu(int mtu_bytes) {
    workload_mtu_ = mtu_bytes;
    const std::string path = std::string(kLibDirectory) + "/mtu";
    const std::string text = std::to_string(mtu_bytes);
    if (const auto before = ReadFile(path); before.has_value() && *before == text) return;
    if (const Status written = WriteFileAtomically(path, text); !written.has_value()) {
      LogWarning(kComponent, "MTU of new workloads: {}, which others cannot learn: {}", mtu_bytes,
                 written.error().message());
      return;
    }
    LogInfo(kComponent, "MTU of new workloads: {}", mtu_bytes);
  }

  // Each is logged once while it lasts. On the calc loop.
  void TellProblems() {
    static Gauge& count = RegisterGauge("calico_policy_problems",
                                        "Policies, profiles and rules that cannot be read and deny instead.");
    const std::vector<std::string> problems = graph_.warnings();
    count.Set(static_cast<double>(problems.size()));
    std::set<std::string> told;
    for (const std::string& problem : problems) {
      if (!told_.contains(problem)) LogWarning("calc", "{}", problem);
      told.insert(problem);
    }
    for (const std::string& reason : graph_.unreachable()) {
      if (!told_.contains(reason)) LogWarning("calc", "{}", reason);
      told.insert(reason);
    }
    told_ = std::move(told);
  }
  std::vector<std::string> Unreachable() {
    std::vector<std::string> reasons;
    calc_.RunSync([&] { reasons = graph_.unreachable(); });
    return reasons;
  }
  std::vector<std::string> PolicyProblems() {
    std::vector<std::string> problems;
    calc_.RunSync([&] { problems = graph_.warnings(); });
    return problems;
  }

  bgp::Speaker::Health SpeakerHealth() {
    bgp::Speaker::Health health;
    if (speaker_ != nullptr) bgp_.RunSync([&] { health = speaker_->health(); });
    return health;
  }

  Result<std::vector<bgp::PeerStatus>> Peers() const {
    if (speaker_ == nullptr) return std::vector<bgp::PeerStatus>();
    return speaker_->Peers();
  }

  Health::Sources HealthSources() {
    Health::Sources sources;
    sources.loops = {{"calc", &calc_.loop()}, {"dataplane", &dataplane_->loop()}, {"bgp", &bgp_.loop()}};
    sources.store_in_sync = [this] { return syncer_->state() == datastore::Syncer::State::kInSync; };
    sources.store_name = client_.name();
    sources.dataplane = [this] { return dataplane_->TakeSnapshot(); };
    sources.clock = &clock_;
    if (speaker_ != nullptr) {
      sources.bird = [this] { return SpeakerHealth(); };
      sources.daemon = [this] { return speaker_->Daemon(); };
      sources.peers = [this] { return speaker_->Peers(); };
    }
    return sources;
  }

  Status StartServers(const FelixSettings& settings) {
    if (settings.health_enabled) {
      HttpListen listen;
      listen.address = settings.health_host == "localhost" ? "127.0.0.1" : settings.health_host;
      listen.port = settings.health_port;
      listen.threads = 1;
      RETURN_IF_ERROR(Serve(listen, [this](const HttpRequest& request) { return health_->Handle(request); }));
    }
    if (settings.metrics_enabled) {
      HttpListen listen;
      listen.address = settings.metrics_host;
      listen.port = settings.metrics_port;
      listen.threads = 1;
      RETURN_IF_ERROR(Serve(listen, [this](const HttpRequest& request) { return HandleMetrics(request); }));
    }
    HttpListen show;
    show.unix_path = kShowSocket;
    show.unix_mode = 0600;
    show.threads = 1;
    return Serve(show, [this](const HttpRequest& request) {
      return HandleShow(
          request,
          {node_, client_.name(), store_reason_, *dataplane_, *health_, [this] { return PolicyProblems(); },
           [this] { return Unreachable(); }, [this] { return SpeakerHealth(); }, [this] { return Peers(); },
           [this] { return addresses_.Problems(); }, [this] { return ToJson(addresses_.Choices()); },
           [this] { return networks_ == nullptr ? std::vector<std::string>() : networks_->Problems(); }});
    });
  }

  Status StartPlugins() {
    if (!plugin_sockets_.wanted()) return Ok();
    ASSIGN_OR_RETURN(libnetwork::Options options, libnetwork::OptionsFromEnvironment(environment_, node_));
    ASSIGN_OR_RETURN(options.boot_id, ReadFile(kBootIdFile));
    while (options.boot_id.ends_with('\n')) options.boot_id.pop_back();
    reconciler_ = std::make_unique<libnetwork::Reconciler>(client_, clock_, options);
    plugin_ = std::make_unique<libnetwork::Driver>(
        client_, clock_, options,
        [this](const std::string& interface, TimePoint deadline) {
          dataplane_->WaitProgrammed(interface, deadline);
        },
        [this] { return workload_mtu_.load(); }, reconciler_->TakeUnfinished());
    names_ = std::make_unique<libnetwork::NetworkNames>(client_, clock_, options);
    labels_ = std::make_unique<libnetwork::ContainerLabels>(client_, clock_, options);
    networks_ = std::make_unique<libnetwork::NetworkMirror>(client_, clock_, options);
    networks_->Start();
    std::vector<libnetwork::DockerWatch::Listener*> listeners{names_.get(), labels_.get(), networks_.get(),
                                                              reconciler_.get()};
    docker_ = std::make_unique<libnetwork::DockerWatch>(options.docker_endpoint, clock_, listeners);
    reconciler_->Start();
    docker_->Start();
    plugin_sockets_.Serve([this](const HttpRequest& request) { return plugin_->HandleNetwork(request); },
                          [this](const HttpRequest& request) { return plugin_->HandleIpam(request); },
                          [this, options](const HttpRequest& request) {
                            return libnetwork::GuardRemoval(client_, clock_, options, request);
                          });
    return Ok();
  }

  Status Serve(const HttpListen& listen, HttpHandler handler) {
    ASSIGN_OR_RETURN(auto server, StartHttpServer(listen, std::move(handler)));
    servers_.push_back(std::move(server));
    if (!listen.unix_path.empty()) sockets_.push_back(listen.unix_path);
    return Ok();
  }

  HttpResponse HandleMetrics(const HttpRequest& request) {
    if (request.path != "/metrics") return {404, "text/plain; charset=utf-8", "see /metrics\n"};
    if (speaker_ != nullptr) peer_metrics_.Update(speaker_->Peers());
    if (const auto counters = dataplane_->ReadCounters(); counters.has_value()) {
      for (const auto& [name, value] : *counters) {
        if (!name.starts_with("denied-")) continue;
        Counter& metric =
            RegisterCounter("calico_denied_packets_total", "Packets dropped by this host's dataplane.",
                            {{"reason", name.substr(7)}});
        std::uint64_t& last = last_counters_[name];
        // A table that was made anew counts from zero.
        metric.Add(static_cast<double>(value.packets >= last ? value.packets - last : value.packets));
        last = value.packets;
      }
    }
    return {200, "text/plain; version=0.0.4; charset=utf-8", MetricsText()};
  }

  const Environment& environment_;
  PluginSockets& plugin_sockets_;
  datastore::Client& client_;
  const std::string store_reason_;
  const SystemClock clock_;
  const std::string node_;
  const model::FelixConfiguration overrides_;
  const Backend backend_;
  const BgpVariables bgp_variables_;
  std::atomic<int> workload_mtu_ = 0;
  calc::Graph graph_;           // the calc loop
  std::set<std::string> told_;  // problems of policy that last
  std::optional<dataplane_api::BgpView> sent_view_;
  std::unique_ptr<DataplaneThread> dataplane_;
  LoopThread calc_;
  std::unique_ptr<EventLoop::Handle> bird_routes_, gobgp_routes_;
  LoopThread bgp_;
  std::unique_ptr<EventLoop::Handle> peering_;  // the bgp loop
  std::unique_ptr<bgp::Speaker> speaker_;       // the bgp loop
  IpamUpkeep upkeep_;
  AddressMonitor addresses_;
  std::unique_ptr<NodeStatusReporter> reporter_;
  std::unique_ptr<datastore::Syncer> syncer_;
  std::unique_ptr<Health> health_;
  std::map<std::string, std::uint64_t> last_counters_;  // the metrics server's one thread
  PeerMetrics peer_metrics_;                            // the same
  std::unique_ptr<libnetwork::Driver> plugin_;
  std::unique_ptr<libnetwork::DockerWatch::Listener> names_, labels_;
  std::unique_ptr<libnetwork::NetworkMirror> networks_;
  std::unique_ptr<libnetwork::Reconciler> reconciler_;
  std::unique_ptr<libnetwork::DockerWatch> docker_;
  std::vector<std::unique_ptr<HttpServer>> servers_;
  std::vector<std::string> sockets_;
};

// How far the start is, for those who wait for it.
struct Beginning {
  const StopSignals& signals;
  const ServiceManager& manager;
  PluginSockets& plugins;
  TimePoint begun = std::chrono::steady_clock::now();

  void WaitsFor(const std::string& what) const {
    plugins.WaitFor(what);
    manager.Tell("STATUS=" + what);
    if (std::chrono::steady_clock::now() - begun > kMostStartTime) manager.Tell("READY=1");
  }
  void Fails(const std::string& why) const {
    plugins.Refuse("calico-node cannot start: " + why);
    manager.Tell("STATUS=cannot start: " + why);
    if (plugins.inherited()) signals.Await(kLastWords);
  }
};

Status Run(const Environment& environment, const Beginning& beginning) {
  ASSIGN_OR_RETURN(const model::FelixConfiguration overrides, FelixOverrides(environment));
  ASSIGN_OR_RETURN(const LogLevel startup_level, StartupLogLevel(environment, overrides));
  InitLogging(startup_level, "calico-node");
  RETURN_IF_ERROR(CheckRefusedVariables(environment));
  ASSIGN_OR_RETURN(const UniqueFd lock, TakeLock());
  RETURN_IF_ERROR(beginning.plugins.Listen());
  const OnWaiting on_waiting = [&](const std::string& what) { beginning.WaitsFor(what); };
  ASSIGN_OR_RETURN(const std::string node, DetermineNodeName(environment));
  ASSIGN_OR_RETURN(const Backend backend, BackendOf(environment));
  ASSIGN_OR_RETURN(BgpVariables bgp_variables, ReadBgpVariables(environment, node));
  for (const std::string& sentence : UnusedVariables(environment)) LogWarning(kComponent, "{}", sentence);
  ASSIGN_OR_RETURN(const std::optional<datastore::StoreChoice> chosen,
                   WaitForChoice(environment, beginning.signals, on_waiting));
  if (!chosen) return Ok();
  const datastore::StoreChoice& choice = *chosen;
  ASSIGN_OR_RETURN(const std::unique_ptr<datastore::Client> client, datastore::OpenStore(choice));
  LogInfo(kComponent, "calico-node {}, node {}, store {} ({})", kVersion, node, client->name(),
          choice.reason);
  ASSIGN_OR_RETURN(const bool store_answers, WaitForStore(choice, *client, beginning.signals, on_waiting));
  if (!store_answers) return Ok();

  ASSIGN_OR_RETURN(const HostAddresses host, ReadHostAddresses());
  const SystemClock clock;
  StartupInputs inputs{environment, *client, clock, host, KernelSourceTowards, node, kVersion};
  inputs.has_ipv6 = PathExists("/proc/sys/net/ipv6");
  ASSIGN_OR_RETURN(std::vector<AddressChoice> addresses, RunStartup(inputs));
  for (const char* directory : {kLogDirectory, kLibDirectory}) RETURN_IF_ERROR(MakeDirectories(directory));
  RETURN_IF_ERROR(WriteFileAtomically(
      environment.GetOr("CALICO_NODENAME_FILE", std::string(kLibDirectory) + "/nodename"), node));
  ASSIGN_OR_RETURN(const FelixSettings settings,
                   ReadFelixSettings(datastore::Resources(*client, clock), node, overrides));

  Agent agent(environment, *client, choice.reason, node, overrides, backend, std::move(bgp_variables),
              std::move(addresses), beginning.plugins);
  if (const Status started = agent.Start(settings); !started.has_value()) {
    fmt::print(stderr, "calico-node: {}\n", started.error().message());
    beginning.Fails(started.error().message());
    agent.Leave(1);
  }
  RemoveShutdownTime(environment);
  if (!environment.Get("CALICO_DEBUG")) SetLogLevel(settings.log_level);
  // `calicoctl node run` waits for this line, as upstream's does.
  fmt::print("Calico node started successfully\n");
  std::fflush(stdout);
  beginning.manager.Tell(fmt::format("READY=1\nSTATUS=node {}, store {}", node, client->name()));
  EventLoop main_loop;
  const auto watch = main_loop.WatchFd(beginning.signals.fd(), EventLoop::Interest::kRead, [&] {
    if (beginning.signals.Pending()) main_loop.Stop();
  });
  const auto rotation = main_loop.Every(kRotationPeriod, RotateDaemonLogs);
  main_loop.Run();
  LogInfo(kComponent, "stopping; routes, policy and BGP stay as they are");
  agent.Leave(0);
}

}  // namespace

Status RunAgent(const Environment& environment, const ServiceManager& manager) {
  const StopSignals signals;
  InitLogging(LogLevel::kInfo, "calico-node");
  BeginLogFiles(environment);
  PluginSockets plugins(environment, manager.sockets());
  const Beginning beginning{signals, manager, plugins};
  Status status = Run(environment, beginning);
  if (status.has_value()) return status;
  beginning.Fails(status.error().message());
  return status;
}

Status Clean() {
  InitLogging(LogLevel::kInfo, "calico-node");
  ASSIGN_OR_RETURN(const UniqueFd lock, TakeLock());
  ASSIGN_OR_RETURN([[maybe_unused]] const bool bird, bgp::BirdSpeaker::StopBird({}));
  ASSIGN_OR_RETURN([[maybe_unused]] const bool gobgp, bgp::GobgpSpeaker::StopGobgp({}));
  RETURN_IF_ERROR(RemoveGobgpRoutes());
  RETURN_IF_ERROR(
      WithRtnetlink([](kernel::Rtnetlink& rtnetlink) { return SyncPeeringDevice(rtnetlink, {}); }));
  ASSIGN_OR_RETURN(dataplane::KernelHandles kernel, dataplane::KernelHandles::Open());
  return dataplane::RemoveEverything(kernel.AsKernel());
}

}  // namespace calico::node
