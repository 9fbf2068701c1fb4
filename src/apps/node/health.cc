// SPDX-License-Identifier: Apache-2.0
#include "apps/node/health.h"

#include <fmt/format.h>

#include "base/notification.h"
#include "base/text.h"

namespace calico::node {
namespace {

// A loop that does not come round for this long hangs: every call it makes is bounded by 5 s or 10 s.
constexpr Duration kLoopLimit = std::chrono::seconds(2);

bool Answers(EventLoop& loop) {
  const auto answered = std::make_shared<Notification>();  // outlives us when the loop comes round late
  loop.Post([answered] { answered->Notify(); });
  return answered->WaitUntil(std::chrono::steady_clock::now() + kLoopLimit);
}

}  // namespace

Health::Health(Sources sources) : sources_(std::move(sources)) {}

std::vector<std::string> Health::Dead() {
  std::vector<std::string> reasons;
  for (const auto& [name, loop] : sources_.loops) {
    if (!Answers(*loop)) reasons.push_back(fmt::format("the {} thread does not answer", name));
  }
  return reasons;
}

std::vector<std::string> Health::FelixNotReady() {
  std::vector<std::string> reasons;
  if (!sources_.store_in_sync()) reasons.push_back(fmt::format("not in sync with {}", sources_.store_name));
  const DataplaneThread::Snapshot snapshot = sources_.dataplane();
  if (!snapshot.ready) reasons.push_back("the kernel has not been programmed yet");
  for (const auto& pending : snapshot.pending)
    reasons.push_back(fmt::format("{}: {} (for {:.0f} s)", pending.what, pending.error, pending.age_seconds));
  return reasons;
}

std::vector<std::string> Health::BirdNotReady() {
  if (!sources_.bird) return {};
  const auto health = sources_.bird();
  if (health.running && health.error.empty()) return {};
  return {"bird: " + (health.error.empty() ? std::string("not running") : health.error)};
}

std::vector<std::string> Health::NotReady() {
  std::vector<std::string> reasons = Dead();
  if (!reasons.empty()) return reasons;  // the rest would wait for that thread
  reasons = FelixNotReady();
  for (std::string& reason : BirdNotReady()) reasons.push_back(std::move(reason));
  return reasons;
}

HttpResponse Health::Handle(const HttpRequest& request) {
  std::vector<std::string> reasons = Dead();
  if (reasons.empty()) {
    if (request.path == "/readiness")
      reasons = NotReady();
    else if (request.path == "/felix-ready")
      reasons = FelixNotReady();
    else if (request.path == "/bird-ready" || request.path == "/bird-live")
      reasons = BirdNotReady();
    else if (request.path != "/liveness" && request.path != "/felix-live") {
      return {404, "text/plain; charset=utf-8", "see /liveness and /readiness\n"};
    }
  }
  if (reasons.empty()) return {200, "text/plain; charset=utf-8", "ok\n"};
  return {503, "text/plain; charset=utf-8", Join(reasons, "\n") + "\n"};
}

}  // namespace calico::node
