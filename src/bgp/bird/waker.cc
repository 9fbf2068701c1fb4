// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/waker.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/log.h"

namespace calico::bgp {
namespace {

constexpr char kComponent[] = "bgp";
// Looking is one system call.
constexpr Duration kPeriod = std::chrono::milliseconds(100);
// After a wake: what BIRD has run by then, it ran for that.
constexpr Duration kSettle = std::chrono::milliseconds(2);
// A wake for nothing costs BIRD less: 10 to 80 µs with few sessions, about 0.3 ms with 2000. So it is
// learned: the cheapest one, which rises slowly, as sessions may be added.
constexpr Duration kIdleWake = std::chrono::microseconds(500);
// Wakes that follow the last sign of work, further and further apart: what BIRD does for one may put
// something on the list again, and something else may have happened in the moment of a wake, where it is not
// told apart.
constexpr Duration kShortestPause = std::chrono::milliseconds(10);
constexpr Duration kLongestPause = std::chrono::seconds(3);  // by then BIRD has looked by itself
constexpr int kPauseGrowth = 4;

}  // namespace

Waker::Waker(EventLoop& loop, pid_t bird) : loop_(loop), bird_(bird), idle_wake_(kIdleWake) {
  auto opened = kernel::RtnetlinkWaker::Open();
  if (!opened.has_value() || ::clock_getcpuclockid(bird, &run_time_clock_) != 0) {
    LogWarning(kComponent, "BIRD may stand still for up to 3 s: {}",
               opened.has_value() ? "it is gone" : opened.error().message());
    return;
  }
  waker_ = std::move(*opened);
  LookAfter(kPeriod);
}

void Waker::LookAfter(Duration delay) {
  timer_ = loop_.After(delay, [this] { LookAfter(Look()); });
}

Duration Waker::Look() {
  timespec clock{};
  if (::clock_gettime(run_time_clock_, &clock) != 0) return kPeriod;  // it has just ended
  const Duration run_time = std::chrono::seconds(clock.tv_sec) + std::chrono::nanoseconds(clock.tv_nsec);
  const Duration ran = run_time - std::exchange(run_time_, run_time);
  bool for_our_wake = false;
  if (std::exchange(woken_, false) && ran > Duration::zero()) {
    for_our_wake = ran < 2 * idle_wake_;
    idle_wake_ = std::min({ran, idle_wake_ * 21 / 20, kIdleWake});
  }
  if (ran > Duration::zero() && !for_our_wake) {
    pause_ = kShortestPause;
    until_wake_ = Duration::zero();
  }
  if (until_wake_ > Duration::zero()) {
    const Duration delay = std::min(kPeriod, until_wake_);
    until_wake_ -= delay;
    return delay;
  }
  if (pause_ > kLongestPause) return kPeriod;  // it has nothing to do
  Wake();
  until_wake_ = pause_ - kSettle;
  pause_ *= kPauseGrowth;
  return kSettle;
}

void Waker::Wake() {
  const Status woken = waker_->Wake(bird_);
  woken_ = woken.has_value();
  // Not found: it has just started, or ended.
  if (woken_ || woken.error().code() == ErrorCode::kNotFound || woken.error().message() == problem_) return;
  problem_ = woken.error().message();
  LogWarning(kComponent, "BIRD may stand still for up to 3 s: {}", problem_);
}

}  // namespace calico::bgp
