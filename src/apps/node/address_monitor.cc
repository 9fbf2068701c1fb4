// SPDX-License-Identifier: Apache-2.0
#include "apps/node/address_monitor.h"

#include <algorithm>

#include "base/log.h"

namespace calico::node {
namespace {

constexpr char kComponent[] = "addresses";
// An interface that loses its address and gets it back, or another one, is looked at when that is over.
constexpr Duration kSettle = std::chrono::seconds(3);
constexpr Duration kRetry = std::chrono::seconds(5);
// A connection to the store from an address that has left ends of itself, after a while.
constexpr Duration kStoreRetry = std::chrono::seconds(1);

}  // namespace

AddressMonitor::AddressMonitor(Look look, std::vector<AddressChoice> at_start, Duration period)
    : look_(std::move(look)), period_(period), thread_("addresses") {
  for (const AddressChoice& choice : at_start) {
    if (!choice.problem.empty()) told_.push_back(choice.problem);
  }
  seen_ = std::make_shared<const Seen>(Seen{std::move(at_start), ""});
}

AddressMonitor::~AddressMonitor() {
  thread_.StopAndJoin();
  events_.reset();  // before the descriptor and the loop
  soon_.reset();
  ticks_.reset();
}

Status AddressMonitor::Start() {
  ASSIGN_OR_RETURN(monitor_, kernel::OpenRtnetlinkMonitor());
  events_ = thread_.loop().WatchFd(monitor_->fd(), EventLoop::Interest::kRead, [this] { Read(); });
  ticks_ = thread_.loop().Every(period_, [this] { Check(); });
  thread_.Start();
  return Ok();
}

std::vector<AddressChoice> AddressMonitor::Choices() const {
  return seen_.load()->choices;
}

std::vector<std::string> AddressMonitor::Problems() const {
  const std::shared_ptr<const Seen> seen = seen_.load();
  std::vector<std::string> problems;
  for (const AddressChoice& choice : seen->choices) {
    if (!choice.problem.empty()) problems.push_back(choice.problem);
  }
  if (!seen->error.empty()) problems.push_back(seen->error);
  return problems;
}

void AddressMonitor::Read() {
  const auto events = monitor_->Read();
  if (!events.has_value()) return;
  // Containers come and go, and each has a link-local address: no reason.
  const bool of_the_host = std::any_of(
      events->addresses.begin(), events->addresses.end(),
      [](const kernel::AddressChanged& event) { return event.address.address.ip().IsGlobalUnicast(); });
  if (!of_the_host && !events->overrun) return;
  if (soon_ == nullptr) soon_ = thread_.loop().After(kSettle, [this] { Check(); });
}

void AddressMonitor::Check() {
  soon_.reset();
  auto choices = look_();
  const std::shared_ptr<const Seen> before = seen_.load();
  Seen now{before->choices, ""};
  if (choices.has_value() && !choices->empty())  // none: our Node has been deleted
    now.choices = std::move(*choices);
  else if (!choices.has_value() &&
           choices.error().code() != ErrorCode::kUnavailable)  // the store is away: others say so
    now.error = choices.error().message();
  if (!choices.has_value()) {
    const bool store = choices.error().code() == ErrorCode::kUnavailable;
    soon_ = thread_.loop().After(store ? kStoreRetry : kRetry, [this] { Check(); });
  }
  if (!now.error.empty() && now.error != before->error)
    LogError(kComponent, "{}; going on with the address that is stored", now.error);
  std::vector<std::string> problems;
  for (const AddressChoice& choice : now.choices) {
    if (choice.problem.empty()) continue;
    problems.push_back(choice.problem);
    if (std::find(told_.begin(), told_.end(), choice.problem) == told_.end())
      LogWarning(kComponent, "{}", choice.problem);
  }
  told_ = std::move(problems);
  seen_ = std::make_shared<const Seen>(std::move(now));
}

}  // namespace calico::node
