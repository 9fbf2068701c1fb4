// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/network_mirror.h"

#include <atomic>
#include <set>
#include <utility>

#include "apps/libnetwork/docker_scope.h"
#include "apps/libnetwork/network_round.h"
#include "base/backoff.h"
#include "base/event_loop.h"
#include "base/log.h"
#include "datastore/syncer.h"
#include "model/key.h"

namespace calico::libnetwork {
namespace {

constexpr char kComponent[] = "libnetwork";
constexpr Duration kScopeTimeout = std::chrono::seconds(2);
constexpr Duration kDockerTimeout = std::chrono::seconds(10);
constexpr Duration kStoreTimeout = std::chrono::seconds(15);
constexpr Duration kPeriod = std::chrono::seconds(60);  // e.g. a network that Docker refused to make

class Dockerd final : public DockerNetworks {
 public:
  explicit Dockerd(const std::string& endpoint) : api_(endpoint, kDockerTimeout) {}
  Result<std::vector<DockerNetwork>> ListNetworks() override { return api_.ListNetworks(); }
  Result<std::string> CreateNetwork(const DockerNetwork& network) override {
    return api_.CreateNetwork(network);
  }
  Status RemoveNetwork(const std::string& id) override { return api_.RemoveNetwork(id); }

 private:
  DockerApi api_;
};

using Texts = std::vector<std::string>;

}  // namespace

struct NetworkMirror::Impl {
  Impl(datastore::Client& store, const Clock& time, const Options& all)
      : client(store), clock(time), options(all), docker(all.docker_endpoint), thread("docker-networks") {}

  void Look();
  void Run();
  void LookAfter(Duration duration) {
    timer = thread.loop().After(duration, [this] { Look(); });
  }

  datastore::Client& client;
  const Clock& clock;
  const Options options;
  Dockerd docker;
  // All below is the loop's.
  bool active = false;     // Docker answered, and shares no networks
  bool scheduled = false;  // a round is to come
  bool reported = false;
  std::set<std::string> waiting;
  Backoff backoff{std::chrono::milliseconds(500), std::chrono::seconds(10)};
  Backoff race{std::chrono::milliseconds(50), std::chrono::seconds(10)};
  std::unique_ptr<datastore::Syncer> syncer;
  std::unique_ptr<EventLoop::Handle> timer;
  std::atomic<std::shared_ptr<const Texts>> problems;  // of the last round
  LoopThread thread;
};

NetworkMirror::NetworkMirror(datastore::Client& client, const Clock& clock, const Options& options)
    : impl_(std::make_unique<Impl>(client, clock, options)) {}

NetworkMirror::~NetworkMirror() {
  impl_->thread.StopAndJoin();
  impl_->timer.reset();
  impl_->syncer.reset();
}

void NetworkMirror::Start() {
  impl_->thread.Start();
  impl_->thread.loop().Post([impl = impl_.get()] {
    // Only tells when to look: a round reads for itself, so that what does not decode is not taken for
    // absent.
    datastore::Syncer::Options watched;
    watched.prefixes = {model::ListPrefix(model::Kind::kDockerNetwork)};
    impl->syncer = std::make_unique<datastore::Syncer>(impl->thread.loop(), impl->client, std::move(watched),
                                                       [impl](const model::UpdateBatch&) { impl->Look(); });
    impl->syncer->Start();
  });
}

Status NetworkMirror::OnDockerUp() {
  ASSIGN_OR_RETURN(const std::string scope, AskDockerScope(impl_->options, kScopeTimeout));
  impl_->thread.loop().Post([impl = impl_.get(), local = scope == kLocalScope] {
    if (impl->active != local)
      LogInfo(kComponent, "{}",
              local ? "networks are made known to other hosts" : "Docker shares its networks itself");
    impl->active = local;
    impl->Look();
  });
  return Ok();
}

void NetworkMirror::OnDockerEvent(const DockerEvent& event) {
  if (event.type != "network") return;
  const bool leaves = event.action == "disconnect";
  if (event.action != "create" && event.action != "destroy" && !leaves) return;
  const auto name = event.attributes.find("name");
  impl_->thread.loop().Post(
      [impl = impl_.get(), leaves, name = name == event.attributes.end() ? "" : name->second] {
        // Containers come and go all the time: only those count that a removal waits for.
        if (!leaves || impl->waiting.contains(name)) impl->Look();
      });
}

std::vector<std::string> NetworkMirror::Problems() const {
  const std::shared_ptr<const Texts> last = impl_->problems.load();
  return last == nullptr ? Texts() : *last;
}

// What happens until the round begins is in it.
void NetworkMirror::Impl::Look() {
  if (!active || scheduled) return;
  scheduled = true;
  thread.loop().Post([this] {
    scheduled = false;
    if (active) Run();
  });
}

void NetworkMirror::Impl::Run() {
  const auto store = client.WithDeadline(clock.Now() + kStoreTimeout);
  auto outcome = NetworkRound{*store, clock, options.node_name, docker}.Run();
  if (!outcome.has_value()) {
    Log(reported ? LogLevel::kDebug : LogLevel::kWarning, kComponent, "networks are not compared: {}",
        outcome.error().message());
    reported = true;
    LookAfter(backoff.Next());
    return;
  }
  reported = false;
  backoff.Reset();
  waiting = std::move(outcome->waiting);
  problems = std::make_shared<const Texts>(std::move(outcome->problems));
  if (!outcome->again) race.Reset();
  LookAfter(outcome->again ? race.Next() : kPeriod);
}

}  // namespace calico::libnetwork
