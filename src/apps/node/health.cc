// SPDX-License-Identifier: Apache-2.0
#include "apps/node/health.h"

#include <fmt/format.h>

#include "base/notification.h"
#include "base/text.h"

namespace calico::node {
namespace {

constexpr Duration kThreshold = std::chrono::seconds(30);
// The speaker is asked every 5 s whether it lives: once may be a busy moment.
constexpr Duration kSilenceLimit = std::chrono::seconds(10);

bool Answers(EventLoop& loop, Duration limit) {
  const auto answered = std::make_shared<Notification>();  // outlives us when the loop comes round late
  loop.Post([answered] { answered->Notify(); });
  return answered->WaitUntil(std::chrono::steady_clock::now() + limit);
}

// "30" or Go's "30s", of "threshold=30s".
Duration ThresholdOf(const std::string& query) {
  constexpr std::string_view kName = "threshold=";
  if (!query.starts_with(kName)) return kThreshold;
  const std::string text = query.substr(kName.size());
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
  const auto duration = ParseGoDuration(digits ? text + "s" : text);
  return duration ? Duration(*duration) : kThreshold;
}

}  // namespace

Health::Health(Sources sources)
    : sources_(std::move(sources)),
      started_(sources_.clock != nullptr ? sources_.clock->Now() : TimePoint()) {}

std::vector<std::string> Health::Dead() {
  std::vector<std::string> reasons;
  for (const auto& [name, loop] : sources_.loops) {
    if (!Answers(*loop, sources_.loop_limit))
      reasons.push_back(fmt::format("the {} thread does not answer", name));
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

// Of a daemon that is up; one that is not is started anew anyway.
std::vector<std::string> Health::BirdHangs() {
  if (!sources_.bird) return {};
  const Duration silence = sources_.bird().silence;
  if (silence < kSilenceLimit) return {};
  return {fmt::format("bird: has not answered for {} s", silence / std::chrono::seconds(1))};
}

std::vector<std::string> Health::BirdNotLive() {
  if (!sources_.bird) return {};
  const auto health = sources_.bird();
  if (!health.running) return {"bird: " + (health.error.empty() ? std::string("not running") : health.error)};
  if (const auto daemon = sources_.daemon(); !daemon.has_value())
    return {"bird: " + daemon.error().message()};
  return {};
}

std::vector<std::string> Health::BirdNotReady(const std::vector<net::Family>& families, Duration threshold) {
  if (!sources_.bird) return {};
  const auto health = sources_.bird();
  if (!health.running || !health.error.empty())
    return {"bird: " + (health.error.empty() ? std::string("not running") : health.error)};
  const auto daemon = sources_.daemon();
  if (!daemon.has_value()) return {"bird: " + daemon.error().message()};
  const auto peers = sources_.peers();
  if (!peers.has_value()) return {"bird: " + peers.error().message()};

  const bool starting = sources_.clock->Now() - started_ < threshold;
  std::vector<std::string> missing;
  for (const net::Family family : families) {
    std::vector<std::string> down;
    std::size_t all = 0;
    for (const bgp::PeerStatus& peer : *peers) {
      // A container that does not speak BGP yet is not this host's trouble.
      if (peer.ipv6 != (family == net::Family::kV6) || peer.type == "local workload") continue;
      ++all;
      if (!peer.established()) down.push_back(peer.address);
    }
    if (starting || down.size() == all) missing.insert(missing.end(), down.begin(), down.end());
  }
  std::vector<std::string> reasons;
  if (!missing.empty()) reasons.push_back("BGP not established with " + Join(missing, ","));
  if (starting && daemon->restarting) reasons.push_back("graceful restart in progress");
  return reasons;
}

std::vector<std::string> Health::NotReady() {
  std::vector<std::string> reasons = Dead();
  if (!reasons.empty()) return reasons;  // the rest would wait for that thread
  reasons = FelixNotReady();
  for (std::string& reason : BirdNotReady({net::Family::kV4, net::Family::kV6}, kThreshold))
    reasons.push_back(std::move(reason));
  return reasons;
}

HttpResponse Health::Handle(const HttpRequest& request) {
  const std::string& path = request.path;
  std::vector<std::string> reasons = Dead();
  if (reasons.empty()) {
    if (path == "/readiness")
      reasons = NotReady();
    else if (path == "/felix-ready")
      reasons = FelixNotReady();
    else if (path == "/bird-ready")
      reasons = BirdNotReady({net::Family::kV4}, ThresholdOf(request.query));
    else if (path == "/bird6-ready")
      reasons = BirdNotReady({net::Family::kV6}, ThresholdOf(request.query));
    else if (path == "/bird-live" || path == "/bird6-live")
      reasons = BirdNotLive();
    else if (path == "/liveness")
      reasons = BirdHangs();
    else if (path != "/felix-live")
      return {404, "text/plain; charset=utf-8", "see /liveness and /readiness\n"};
  }
  if (reasons.empty()) return {200, "text/plain; charset=utf-8", "ok\n"};
  return {503, "text/plain; charset=utf-8", Join(reasons, "\n") + "\n"};
}

}  // namespace calico::node
