// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/watchdog.h"

#include <sys/socket.h>

#include "base/unique_fd.h"
#include "bgp/bird/control.h"

namespace calico::bgp {

struct Watchdog::Impl {
  void Tick() {
    if (asked.valid()) {
      ++silent_periods;
    } else if (auto fd = BirdControl::Open(socket_path, SOCK_NONBLOCK); fd.has_value()) {
      asked = std::move(*fd);
      answer = loop.WatchFd(asked.get(), EventLoop::Interest::kRead, [this] { Answered(); });
    } else {
      ++silent_periods;  // no socket, or too many wait at it
    }
    if (silence() < limit) return;
    silent_periods = 0;
    Forget();
    on_hung();
  }
  void Answered() {
    char greeting[64];
    if (::recv(asked.get(), greeting, sizeof greeting, MSG_DONTWAIT) > 0) silent_periods = 0;
    Forget();
  }
  void Forget() {
    answer.reset();
    asked.Reset();
  }
  Duration silence() const { return silent_periods * period; }

  EventLoop& loop;
  const std::string socket_path;
  const Duration period, limit;
  const std::function<void()> on_hung;
  int silent_periods = 0;
  UniqueFd asked = {};
  std::unique_ptr<EventLoop::Handle> answer = {}, ticks = {};
};

Watchdog::Watchdog(EventLoop& loop, std::string socket_path, Duration period, Duration limit,
                   std::function<void()> on_hung)
    : impl_(new Impl{loop, std::move(socket_path), period, limit, std::move(on_hung)}) {
  impl_->ticks = loop.Every(period, [this] { impl_->Tick(); });
}
Watchdog::~Watchdog() = default;

Duration Watchdog::silence() const {
  return impl_->silence();
}

}  // namespace calico::bgp
