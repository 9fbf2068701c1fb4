// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/docker_watch.h"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/backoff.h"
#include "base/event_loop.h"
#include "base/http_client.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace calico::libnetwork {
namespace {

// {"type":["network","container"]}, percent-encoded for a query.
constexpr char kEventsTarget[] =
    "/events?since={}&filters=%7B%22type%22%3A%5B%22network%22%2C%22container%22%5D%7D";
// Events are asked for from a little before the look at what there is, so that none falls between the two.
constexpr std::int64_t kOverlapSeconds = 2;
constexpr std::size_t kLongestEvent = 1 << 20;

}  // namespace

struct DockerWatch::Impl {
  Impl(std::string docker_endpoint, const Clock& time, std::vector<Listener*> all)
      : endpoint(std::move(docker_endpoint)),
        clock(time),
        listeners(std::move(all)),
        cancel(::eventfd(0, EFD_CLOEXEC)),
        thread("docker-watch") {}

  void Run();
  void FollowOnce();
  void OnData(std::string_view data);
  void OnLine(const std::string& line);
  void Pause(Duration duration);

  const std::string endpoint;
  const Clock& clock;
  const std::vector<Listener*> listeners;
  const UniqueFd cancel;
  std::atomic<bool> stopping = false;
  Backoff backoff{std::chrono::milliseconds(500), std::chrono::seconds(10)};
  std::string unread;  // of the event stream, up to the next newline
  bool reported = false;
  LoopThread thread;  // last: it must end before what it uses
};

DockerWatch::DockerWatch(std::string endpoint, const Clock& clock, std::vector<Listener*> listeners)
    : impl_(std::make_unique<Impl>(std::move(endpoint), clock, std::move(listeners))) {}

DockerWatch::~DockerWatch() {
  impl_->stopping = true;
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(impl_->cancel.get(), &one, sizeof(one));
  impl_->thread.StopAndJoin();
}

void DockerWatch::Start() {
  impl_->thread.Start();
  // One callback for the thread's whole life: the HTTP calls block, and `cancel` interrupts them.
  impl_->thread.loop().Post([impl = impl_.get()] { impl->Run(); });
}

void DockerWatch::Impl::Run() {
  while (!stopping) {
    FollowOnce();
    if (!stopping) Pause(backoff.Next());
  }
}

// From a look at what there is to the end of the event stream, which is where dockerd stops.
void DockerWatch::Impl::FollowOnce() {
  const std::int64_t since = UnixNanos(clock.WallNow()) / 1'000'000'000 - kOverlapSeconds;
  for (Listener* listener : listeners) {
    const Status seen = listener->OnDockerUp();
    if (seen.has_value()) continue;
    // While dockerd is away or busy starting containers this repeats: one line for all of it.
    Log(reported ? LogLevel::kDebug : LogLevel::kInfo, "libnetwork", "Docker is not followed: {}",
        seen.error().message());
    reported = true;
    return;
  }
  if (reported) LogInfo("libnetwork", "Docker answers and is followed");
  reported = false;
  backoff.Reset();
  unread.clear();
  const Status ended =
      HttpStream(endpoint, fmt::format(kEventsTarget, since), cancel.get(), [this](std::string_view data) {
        OnData(data);
        return !stopping.load();
      });
  if (stopping) return;
  for (Listener* listener : listeners) listener->OnDockerGone();
  if (!ended.has_value()) LogInfo("libnetwork", "Docker's events ended: {}", ended.error().message());
}

void DockerWatch::Impl::OnData(std::string_view data) {
  unread += data;
  std::size_t start = 0;
  for (std::size_t end = unread.find('\n'); end != std::string::npos; end = unread.find('\n', start)) {
    OnLine(unread.substr(start, end - start));
    start = end + 1;
  }
  unread.erase(0, start);
  if (unread.size() > kLongestEvent) unread.clear();  // no Docker: do not grow for ever
}

void DockerWatch::Impl::OnLine(const std::string& line) {
  const auto event = ParseDockerEvent(line);
  if (!event.has_value()) return;
  for (Listener* listener : listeners) listener->OnDockerEvent(*event);
}

void DockerWatch::Impl::Pause(Duration duration) {
  pollfd waited{.fd = cancel.get(), .events = POLLIN, .revents = 0};
  ::poll(&waited, 1,
         static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count()));
}

}  // namespace calico::libnetwork
