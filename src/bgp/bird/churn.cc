// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/churn.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include <fmt/format.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace calico::bgp {
namespace {

constexpr char kComponent[] = "bgp";
constexpr int kSaveEvery = 100;  // so many are forgotten at most when the agent ends

}  // namespace

InterfaceChurn::InterfaceChurn(EventLoop& loop, std::string path, std::function<void()> on_new_interface)
    : path_(std::move(path)), on_new_interface_(std::move(on_new_interface)) {
  auto monitor = kernel::OpenLinkMonitor();
  if (!monitor.has_value()) {
    LogWarning(kComponent, "interfaces are not counted: {}", monitor.error().message());
    return;
  }
  monitor_ = std::move(*monitor);
  events_ = loop.WatchFd(monitor_->fd(), EventLoop::Interest::kRead, [this] { Read(); });
}

void InterfaceChurn::Begin(pid_t bird) {
  bird_ = bird;
  count_ = 0;
  if (const auto saved = ReadFile(path_); saved.has_value()) {
    std::istringstream words(*saved);
    pid_t of = -1;
    int count = 0;
    if (words >> of >> count && of == bird) count_ = count;
  }
}

void InterfaceChurn::Read() {
  const auto events = monitor_->Read();
  if (!events.has_value()) return;
  const int before = count_;
  for (const kernel::LinkChanged& changed : events->links) {
    std::string& name = names_[changed.link.ifindex];
    if (std::exchange(name, changed.link.name) != changed.link.name) ++count_;
  }
  for (const kernel::LinkRemoved& removed : events->links_removed) names_.erase(removed.ifindex);
  if (count_ / kSaveEvery != before / kSaveEvery) Save();
  if (count_ != before) on_new_interface_();
}

void InterfaceChurn::Save() const {
  if (const Status saved = WriteFileAtomically(path_, fmt::format("{} {}\n", bird_, count_));
      !saved.has_value())
    LogWarning(kComponent, "the count of interfaces: {}", saved.error().message());
}

Status ReadyForGracefulRestart(const std::vector<BirdReplyLine>& status,
                               const std::vector<BirdReplyLine>& protocols) {
  for (const BirdReplyLine& line : status) {
    if (line.text.find("Graceful restart recovery in progress") != std::string::npos)
      return Error(ErrorCode::kUnavailable, "BIRD has just been restarted");
  }
  // A session's part begins with its row; what the peer can do stands last in it.
  std::string session;
  enum class Peer { kNone, kDown, kUp, kAsked, kKeeps } peer = Peer::kNone;
  Status ready = Ok();
  const auto judge = [&] {
    if (peer == Peer::kDown && ready.has_value())
      ready = Error(ErrorCode::kUnavailable, session + " is not up");
    if (peer == Peer::kUp || peer == Peer::kAsked)
      ready =
          Error(ErrorCode::kUnsupported, "the peer of " + session + " does not keep routes over a restart");
  };
  for (const BirdReplyLine& line : protocols) {
    const std::string_view text = Trim(line.text);
    if (line.code == 1002) {
      judge();
      std::istringstream words{std::string(text)};
      std::string protocol;
      words >> session >> protocol;
      peer = protocol == "BGP" ? Peer::kDown : Peer::kNone;
    } else if (peer == Peer::kDown && text.starts_with("BGP state:") && text.ends_with("Established")) {
      peer = Peer::kUp;
    } else if (peer == Peer::kUp && text == "Neighbor capabilities") {
      peer = Peer::kAsked;
    } else if (peer == Peer::kAsked && text == "Graceful restart") {
      peer = Peer::kKeeps;
    }
  }
  judge();
  return ready;
}

}  // namespace calico::bgp
