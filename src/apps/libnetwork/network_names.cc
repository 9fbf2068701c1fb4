// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/network_names.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "apps/libnetwork/profiles.h"
#include "apps/libnetwork/protocol.h"
#include "base/backoff.h"
#include "base/event_loop.h"
#include "base/http_client.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "model/codec/json.h"
#include "model/key.h"

namespace calico::libnetwork {
namespace {

constexpr char kDriver[] = "calico";
// {"driver":["calico"]} and {"type":["network"]}, percent-encoded for a query.
constexpr char kListTarget[] = "/networks?filters=%7B%22driver%22%3A%5B%22calico%22%5D%7D";
constexpr char kEventsTarget[] = "/events?since={}&filters=%7B%22type%22%3A%5B%22network%22%5D%7D";
constexpr Duration kListTimeout = std::chrono::seconds(2);
constexpr Duration kStoreTimeout = std::chrono::seconds(5);
// Events are asked for from a little before the list, so that none falls between the two.
constexpr std::int64_t kOverlapSeconds = 2;
constexpr std::size_t kLongestEvent = 1 << 20;

}  // namespace

struct NetworkNames::Impl {
  Impl(datastore::Client& store, const Clock& time, const Options& chosen)
      : client(store),
        clock(time),
        options(chosen),
        cancel(::eventfd(0, EFD_CLOEXEC)),
        thread("docker-names") {}

  void Run();
  void FollowOnce();
  Status LearnList();
  void OnData(std::string_view data);
  void OnEvent(const std::string& line);
  Status Learn(const DockerNetworkName& network);
  Status Forget(const std::string& network_id);
  void Rename();
  void Pause(Duration duration);

  datastore::Client& client;
  const Clock& clock;
  const Options options;
  const UniqueFd cancel;
  std::atomic<bool> stopping = false;
  Backoff backoff{std::chrono::milliseconds(500), std::chrono::seconds(10)};
  std::string unread;  // of the event stream, up to the next newline
  bool reported = false;
  LoopThread thread;  // last: it must end before what it uses
};

NetworkNames::NetworkNames(datastore::Client& client, const Clock& clock, const Options& options)
    : impl_(std::make_unique<Impl>(client, clock, options)) {}

NetworkNames::~NetworkNames() {
  impl_->stopping = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(impl_->cancel.get(), &one, sizeof(one));
  impl_->thread.StopAndJoin();
}

void NetworkNames::Start() {
  impl_->thread.Start();
  // One callback for the thread's whole life: the HTTP calls block, and `cancel` interrupts them.
  impl_->thread.loop().Post([impl = impl_.get()] { impl->Run(); });
}

void NetworkNames::Impl::Run() {
  while (!stopping) {
    FollowOnce();
    if (!stopping) Pause(backoff.Next());
  }
}

// From a list to the end of the event stream, which is where dockerd stops.
void NetworkNames::Impl::FollowOnce() {
  const std::int64_t since = UnixNanos(clock.WallNow()) / 1'000'000'000 - kOverlapSeconds;
  const Status listed = LearnList();
  if (!listed.has_value()) {
    // While dockerd is away or busy starting containers this repeats: one line for all of it.
    Log(reported ? LogLevel::kDebug : LogLevel::kInfo, "libnetwork", "network names not learned: {}",
        listed.error().message());
    reported = true;
    return;
  }
  if (reported) LogInfo("libnetwork", "network names learned");
  reported = false;
  backoff.Reset();
  Rename();
  unread.clear();
  const Status ended = HttpStream(options.docker_endpoint, fmt::format(kEventsTarget, since), cancel.get(),
                                  [this](std::string_view data) {
                                    OnData(data);
                                    return !stopping.load();
                                  });
  if (!ended.has_value() && !stopping) {
    LogInfo("libnetwork", "Docker's network events ended: {}", ended.error().message());
  }
}

Status NetworkNames::Impl::LearnList() {
  ASSIGN_OR_RETURN(const HttpResponse response,
                   HttpCall(options.docker_endpoint, "GET", kListTarget, "", kListTimeout));
  if (response.status != 200) {
    return Error(ErrorCode::kUnavailable, fmt::format("Docker answered status {}", response.status));
  }
  ASSIGN_OR_RETURN(const std::vector<DockerNetworkName> networks, ParseDockerNetworks(response.body));
  for (const DockerNetworkName& network : networks) RETURN_IF_ERROR(Learn(network));
  return Ok();
}

void NetworkNames::Impl::OnData(std::string_view data) {
  unread += data;
  std::size_t start = 0;
  for (std::size_t end = unread.find('\n'); end != std::string::npos; end = unread.find('\n', start)) {
    OnEvent(unread.substr(start, end - start));
    start = end + 1;
  }
  unread.erase(0, start);
  if (unread.size() > kLongestEvent) unread.clear();  // no Docker: do not grow for ever
}

void NetworkNames::Impl::OnEvent(const std::string& line) {
  const auto event = ParseDockerEvent(line);
  if (!event.has_value() || event->network.driver != kDriver) return;
  Status done;
  if (event->action == "create") {
    done = Learn(event->network);
    if (done.has_value()) Rename();
  } else if (event->action == "destroy") {
    done = Forget(event->network.id);
  }
  // A name missed here is asked for by CreateEndpoint, or learned with the next list.
  if (!done.has_value())
    LogWarning("libnetwork", "network {}: {}", event->network.id, done.error().message());
}

Status NetworkNames::Impl::Learn(const DockerNetworkName& network) {
  if (network.driver != kDriver || network.id.empty() || network.name.empty()) return Ok();
  const auto store = client.WithDeadline(clock.Now() + kStoreTimeout);
  ASSIGN_OR_RETURN(const std::string known, StoredNetworkName(*store, network.id));
  if (known == network.name) return Ok();
  RETURN_IF_ERROR(StoreNetworkName(*store, network.id, network.name));
  LogInfo("libnetwork", "network {} is called {}", network.id.substr(0, 12), network.name);
  return Ok();
}

Status NetworkNames::Impl::Forget(const std::string& network_id) {
  const auto store = client.WithDeadline(clock.Now() + kStoreTimeout);
  const model::Key key = model::Key::Resource(model::Kind::kDockerNetwork, network_id);
  auto deleted = store->Delete(model::ToPath(key), 0);
  if (deleted.has_value() || deleted.error().code() == ErrorCode::kNotFound) return Ok();
  return std::move(deleted).error();
}

void NetworkNames::Impl::Rename() {
  if (!options.create_profiles) return;
  const auto store = client.WithDeadline(clock.Now() + kStoreTimeout);
  const Status renamed = RenameProfiles(*store, clock, options.node_name);
  if (!renamed.has_value()) LogWarning("libnetwork", "profiles not renamed: {}", renamed.error().message());
}

void NetworkNames::Impl::Pause(Duration duration) {
  pollfd waited{.fd = cancel.get(), .events = POLLIN, .revents = 0};
  ::poll(&waited, 1,
         static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()));
}

}  // namespace calico::libnetwork
