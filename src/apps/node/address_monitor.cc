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

}  // namespace

AddressMonitor::AddressMonitor(Look look, std::vector<AddressChoice> at_start, Duration period)
    : look_(std::move(look)), period_(period), choices_(std::move(at_start)), thread_("addresses") {
  for (const AddressChoice& choice : choices_) {
    if (!choice.problem.empty()) told_.push_back(choice.problem);
  }
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

std::vector<AddressChoice> AddressMonitor::Choices() {
  std::vector<AddressChoice> choices;
  thread_.RunSync([&] { choices = choices_; });
  return choices;
}

std::vector<std::string> AddressMonitor::Problems() {
  std::vector<std::string> problems;
  thread_.RunSync([&] {
    for (const AddressChoice& choice : choices_) {
      if (!choice.problem.empty()) problems.push_back(choice.problem);
    }
    if (!error_.empty()) problems.push_back(error_);
  });
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
  const std::string before = std::move(error_);
  error_.clear();
  if (choices.has_value())
    choices_ = std::move(*choices);
  else if (choices.error().code() != ErrorCode::kUnavailable)  // the store is away: others say so
    error_ = choices.error().message();
  if (!choices.has_value()) soon_ = thread_.loop().After(kRetry, [this] { Check(); });
  if (!error_.empty() && error_ != before)
    LogError(kComponent, "{}; going on with the address that is stored", error_);
  std::vector<std::string> problems;
  for (const AddressChoice& choice : choices_) {
    if (choice.problem.empty()) continue;
    problems.push_back(choice.problem);
    if (std::find(told_.begin(), told_.end(), choice.problem) == told_.end())
      LogWarning(kComponent, "{}", choice.problem);
  }
  told_ = std::move(problems);
}

}  // namespace calico::node
