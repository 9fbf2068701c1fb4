// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/control.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "base/unique_fd.h"

namespace calico::bgp {
namespace {

bool IsCode(const std::string& line) {
  return line.size() >= 5 && line.substr(0, 4).find_first_not_of("0123456789") == std::string::npos &&
         (line[4] == ' ' || line[4] == '-');
}
// Codes that end a reply: success, run-time errors, syntax errors.
bool Ends(const std::string& line) {
  return line[4] == ' ' && (line[0] == '0' || line[0] == '8' || line[0] == '9');
}

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  for (const std::string& word : Split(ReplaceAll(text, "\t", " "), ' ')) {
    if (!word.empty()) words.push_back(word);
  }
  return words;
}

// "node-to-node mesh" and so on; empty for protocols that are not ours.
std::string PeerType(const std::string& protocol) {
  if (protocol.starts_with("Mesh_")) return "node-to-node mesh";
  if (protocol.starts_with("Global_")) return "global";
  if (protocol.starts_with("Node_")) return "node specific";
  return "";
}

PeerStatus PeerFromRow(const std::string& row) {
  const std::vector<std::string> words = Words(row);
  PeerStatus peer;
  const auto word = [&](std::size_t index) { return index < words.size() ? words[index] : std::string(); };
  peer.session = word(0);
  peer.type = PeerType(peer.session);
  peer.state = word(3);
  peer.since = word(4);
  peer.bgp_state = word(5);
  for (std::size_t i = 5; i < words.size(); ++i) peer.info += (i == 5 ? "" : " ") + words[i];
  return peer;
}

}  // namespace

BirdControl::BirdControl(int fd, Duration timeout) : fd_(fd), timeout_(timeout) {}
BirdControl::BirdControl(BirdControl&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      timeout_(other.timeout_),
      buffer_(std::move(other.buffer_)),
      greeting_(std::move(other.greeting_)) {}
BirdControl::~BirdControl() {
  if (fd_ >= 0) ::close(fd_);
}

Result<BirdControl> BirdControl::Connect(const std::string& socket_path, Duration timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path)
    return Error(ErrorCode::kInvalidArgument, socket_path + ": too long for a socket");
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return Error::FromErrno(errno, "BIRD's control socket");
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return Error(ErrorCode::kUnavailable,
                 Error::FromErrno(errno, "BIRD does not answer at " + socket_path).message());
  }
  BirdControl control(fd.Release(), timeout);
  ASSIGN_OR_RETURN(const auto greeting, control.Command(""));
  control.greeting_ = greeting.back().text;
  return control;
}

// An empty command only reads: the greeting.
Result<std::vector<BirdReplyLine>> BirdControl::Command(const std::string& command) {
  if (!command.empty()) {
    const std::string line = command + "\n";
    if (::send(fd_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
      return Error(ErrorCode::kUnavailable, Error::FromErrno(errno, "BIRD: " + command).message());
    }
  }
  const TimePoint deadline = std::chrono::steady_clock::now() + timeout_;
  std::vector<BirdReplyLine> reply;
  for (;;) {
    const std::size_t end = buffer_.find('\n');
    if (end == std::string::npos) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
              .count();
      pollfd ready{fd_, POLLIN, 0};
      if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0)
        return Error(ErrorCode::kUnavailable, "BIRD does not answer in time: " + command);
      char chunk[4096];
      const ssize_t size = ::read(fd_, chunk, sizeof chunk);
      if (size <= 0) return Error(ErrorCode::kUnavailable, "BIRD closed its control socket");
      buffer_.append(chunk, static_cast<std::size_t>(size));
      continue;
    }
    const std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    if (line.starts_with("+")) continue;  // an asynchronous message
    if (!IsCode(line)) {
      // A continuation: one blank, and the code of the line before.
      reply.push_back({reply.empty() ? 0 : reply.back().code, line.empty() ? line : line.substr(1)});
      continue;
    }
    reply.push_back({std::stoi(line.substr(0, 4)), line.substr(5)});
    if (Ends(line)) return reply;
  }
}

Status BirdControl::Configure() {
  ASSIGN_OR_RETURN(const auto reply, Command("configure"));
  if (reply.back().code < 8000) return Ok();
  return Error(ErrorCode::kInvalidArgument, "BIRD refuses its configuration: " + reply.back().text);
}

Status BirdControl::ReloadKernelRoutes(const std::string& interface) {
  ASSIGN_OR_RETURN(const auto interfaces, Command("show interfaces summary"));
  const bool known = std::any_of(interfaces.begin(), interfaces.end(), [&](const BirdReplyLine& line) {
    return Trim(line.text).starts_with(interface + " ");
  });
  if (!known) return Error(ErrorCode::kUnavailable, "BIRD does not know " + interface + " yet");
  ASSIGN_OR_RETURN(const auto reply, Command("reload out kernel4"));
  if (reply.back().code < 8000) return Ok();
  return Error(ErrorCode::kUnavailable, "BIRD does not reload its routes: " + reply.back().text);
}

Result<std::vector<PeerStatus>> BirdControl::Peers() {
  ASSIGN_OR_RETURN(const auto reply, Command("show protocols all"));
  std::vector<PeerStatus> peers;
  bool ours = false;
  for (const BirdReplyLine& line : reply) {
    if (line.code == 1002) {
      PeerStatus peer = PeerFromRow(line.text);
      ours = !peer.type.empty();
      if (ours) peers.push_back(std::move(peer));
      continue;
    }
    // The protocol's name garbles ports and IPv6: the details have the address.
    const std::string text(Trim(line.text));
    if (ours && line.code == 1006 && text.starts_with("Neighbor address:")) {
      PeerStatus& peer = peers.back();
      peer.address = std::string(Trim(text.substr(17)));
      peer.address = peer.address.substr(0, peer.address.find('%'));
      peer.ipv6 = peer.address.find(':') != std::string::npos;
    }
  }
  return peers;
}

}  // namespace calico::bgp
