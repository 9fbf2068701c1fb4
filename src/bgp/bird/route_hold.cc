// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/route_hold.h"

#include "base/log.h"

namespace calico::bgp {
namespace {

constexpr char kComponent[] = "bgp";
constexpr Duration kPeriod = std::chrono::milliseconds(500);
constexpr int kRounds = 3;  // of sessions that are up, until their routes are there as well
constexpr Duration kLongest = std::chrono::seconds(30);

}  // namespace

RouteHold::RouteHold(EventLoop& loop, const Clock& clock, Kernel kernel,
                     std::function<bool()> sessions_are_up)
    : loop_(loop), clock_(clock), kernel_(std::move(kernel)), sessions_are_up_(std::move(sessions_are_up)) {}

void RouteHold::Hold(const std::vector<net::Cidr>& within) {
  watch_.reset();
  if (!kernel_.hold) return;
  if (const Status held = kernel_.hold(within); !held.has_value())
    LogWarning(kComponent, "routes cannot be held meanwhile: {}", held.error().message());
}

void RouteHold::ReleaseWhenUp() {
  if (!kernel_.release) return;  // nothing can be held: nobody need be asked
  watch_ = loop_.Every(kPeriod, [this, give_up = clock_.Now() + kLongest, rounds = 0]() mutable {
    rounds = sessions_are_up_() ? rounds + 1 : 0;
    if (rounds >= kRounds || clock_.Now() >= give_up) Release(rounds >= kRounds);
  });
}

void RouteHold::Release(bool up) {
  const Result<std::size_t> released = kernel_.release();
  if (!released.has_value()) {
    LogWarning(kComponent, "held routes stay: {}; trying again", released.error().message());
    return;
  }
  if (*released > 0) {
    LogInfo(kComponent, "{} held routes are released: {}", *released,
            up ? "all sessions are up" : "not all sessions are up, but it has been long");
  }
  watch_.reset();  // last: the caller is its
}

}  // namespace calico::bgp
