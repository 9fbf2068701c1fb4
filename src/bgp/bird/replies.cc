// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/replies.h"

#include <charconv>
#include <cmath>
#include <cstdio>
#include <ctime>
#include <string_view>

#include "base/text.h"

namespace calico::bgp {
namespace {

bool IsCode(const std::string& line) {
  return line.size() >= 5 && line.substr(0, 4).find_first_not_of("0123456789") == std::string::npos &&
         (line[4] == ' ' || line[4] == '-');
}

std::vector<std::string> Words(const std::string& text) {
  std::vector<std::string> words;
  for (std::string& word : Split(ReplaceAll(text, "\t", " "), ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  return words;
}

// "node-to-node mesh" and so on; empty for protocols that are not ours.
std::string PeerType(const std::string& protocol) {
  if (protocol.starts_with("Mesh_")) return "node-to-node mesh";
  if (protocol.starts_with("Global_")) return "global";
  if (protocol.starts_with("Node_")) return "node specific";
  if (protocol.starts_with("Local_Workload_")) return "local workload";
  return "";
}

template <typename T>
std::optional<T> Number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}
// "220.042" and "80" in seconds.
std::optional<std::chrono::milliseconds> Seconds(std::string_view text) {
  const auto seconds = Number<double>(text);
  if (!seconds || !(*seconds >= 0) || *seconds > 1e9) return std::nullopt;
  return std::chrono::milliseconds(std::llround(*seconds * 1000));
}

// "21:22:07.903" is of the last 20 hours: later than now means yesterday.
std::optional<WallTime> TimeOfDay(const std::string& text, WallTime now) {
  int hour = 0, minute = 0;
  double second = 0;
  if (std::sscanf(text.c_str(), "%2d:%2d:%lf", &hour, &minute, &second) != 3) return std::nullopt;
  const std::time_t today = std::chrono::system_clock::to_time_t(now);
  std::tm parts{};
  ::localtime_r(&today, &parts);
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = 0;
  parts.tm_isdst = -1;
  const auto at = [&] {
    return std::chrono::system_clock::from_time_t(std::mktime(&parts)) +
           std::chrono::milliseconds(std::llround(second * 1000));
  };
  if (const WallTime time = at(); time <= now + std::chrono::minutes(1)) return time;
  --parts.tm_mday;
  parts.tm_isdst = -1;
  return at();
}

PeerStatus PeerFromRow(const std::string& row, WallTime now) {
  const std::vector<std::string> words = Words(row);
  PeerStatus peer;
  const auto word = [&](std::size_t index) { return index < words.size() ? words[index] : std::string(); };
  peer.session = word(0);
  peer.type = PeerType(peer.session);
  peer.state = word(3);
  peer.since = word(4);
  peer.since_time = TimeOfDay(peer.since, now);
  peer.bgp_state = word(5);
  for (std::size_t i = 5; i < words.size(); ++i) peer.info += (i == 5 ? "" : " ") + words[i];
  return peer;
}

// "Hold timer:       220.042/240" as name and value.
void AddDetail(PeerStatus& peer, const std::string& line) {
  const std::size_t colon = line.find(':');
  if (colon == std::string::npos) return;
  const std::string_view name = Trim(std::string_view(line).substr(0, colon));
  const std::string value(Trim(std::string_view(line).substr(colon + 1)));
  const std::size_t slash = value.find('/');
  if (name == "Description") {
    peer.node = value;
  } else if (name == "Neighbor address") {
    // The protocol's name garbles ports and IPv6.
    peer.address = value.substr(0, value.find('%'));
    peer.ipv6 = peer.address.find(':') != std::string::npos;
  } else if (name == "Neighbor AS") {
    peer.as_number = Number<std::uint32_t>(value).value_or(0);
  } else if (name == "Local AS") {
    peer.local_as_number = Number<std::uint32_t>(value).value_or(0);
  } else if (name == "Last error") {
    peer.last_error = value;
  } else if (name == "Hold timer" && slash != std::string::npos) {
    peer.hold_left = Seconds(value.substr(0, slash));
    peer.hold_time = Seconds(value.substr(slash + 1));
  } else if (name == "Keepalive timer" && slash != std::string::npos) {
    peer.keepalive_time = Seconds(value.substr(slash + 1));
  } else if (name == "Import limit") {
    peer.routes_left_out = value.ends_with("[HIT]");
  } else if (name == "Routes") {
    // "1 imported, 3 filtered, 1 exported, 1 preferred"; one line for each channel.
    for (const std::string& part : Split(value, ',')) {
      const std::vector<std::string> words = Words(part);
      if (words.size() != 2) continue;
      const auto count = Number<std::uint64_t>(words[0]);
      if (!count) continue;
      if (words[1] == "imported") peer.routes_in = peer.routes_in.value_or(0) + *count;
      if (words[1] == "exported") peer.routes_out = peer.routes_out.value_or(0) + *count;
    }
  }
}

// "Mesh_fd00__2", "Node_10_1_0_9_port_1790".
std::string AddressOf(std::string protocol, const std::string& type, bool ipv6) {
  protocol = protocol.substr(0, protocol.find("_port_"));
  const std::size_t prefix =
      type == "local workload" ? std::string_view("Local_Workload_").size() : protocol.find('_') + 1;
  return ReplaceAll(protocol.substr(prefix), "_", ipv6 ? ":" : ".");
}

}  // namespace

BirdReplyLine ReadLine(const std::string& line, int code_before) {
  // A continuation begins with one blank.
  if (!IsCode(line)) return {code_before, line.empty() ? line : line.substr(1)};
  // Codes that end a reply: success, run-time errors, syntax errors.
  const bool last = line[4] == ' ' && (line[0] == '0' || line[0] == '8' || line[0] == '9');
  return {std::stoi(line.substr(0, 4)), line.substr(5), last};
}

std::vector<PeerStatus> ReadPeers(const std::vector<BirdReplyLine>& show_protocols_all, WallTime now) {
  std::vector<PeerStatus> peers;
  bool ours = false;
  for (const BirdReplyLine& line : show_protocols_all) {
    if (line.code == 1002) {
      PeerStatus peer = PeerFromRow(line.text, now);
      ours = !peer.type.empty();
      if (ours) peers.push_back(std::move(peer));
    } else if (ours && line.code == 1006) {
      AddDetail(peers.back(), line.text);
    }
  }
  return peers;
}

DaemonStatus ReadDaemon(const std::vector<BirdReplyLine>& show_status) {
  DaemonStatus daemon;
  const auto after = [](const std::string& text, std::string_view begin, std::string& value) {
    if (text.starts_with(begin)) value = Trim(std::string_view(text).substr(begin.size()));
  };
  for (const BirdReplyLine& line : show_status) {
    const std::string text(Trim(line.text));
    if (line.code == 1000) daemon.version = text;
    after(text, "Router ID is ", daemon.router_id);
    after(text, "Last reboot on ", daemon.started);
    after(text, "Last reconfiguration on ", daemon.reconfigured);
    if (text.starts_with("Graceful restart recovery in progress")) daemon.restarting = true;
  }
  return daemon;
}

// A route is "10.65.2.0/26  unicast [Mesh_10_1_0_2 21:18:23.048 from 10.1.0.3] * (100) [i]", without its
// destination when that is the one of the line before, and its next hops are lines that begin with a tab:
// "via 10.1.0.2 on eth0", "dev eth0".
std::vector<RouteStatus> ReadRoutes(const std::vector<BirdReplyLine>& show_route) {
  std::vector<RouteStatus> routes;
  std::string destination;
  for (const BirdReplyLine& line : show_route) {
    if (line.code != 1007) continue;
    const std::vector<std::string> words = Words(line.text);
    if (line.text.starts_with('\t')) {
      // Of several next hops the first one stands for the route.
      if (routes.empty() || !routes.back().interface.empty()) continue;
      for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (words[i] == "via") routes.back().gateway = words[i + 1];
        if (words[i] == "on" || words[i] == "dev") routes.back().interface = words[i + 1];
      }
      continue;
    }
    const std::size_t open = line.text.find('['), close = line.text.find(']');
    if (words.empty() || open == std::string::npos || close == std::string::npos || close < open) continue;
    if (!line.text.starts_with(' ')) destination = words[0];
    RouteStatus route;
    route.destination = destination;
    route.ipv6 = destination.find(':') != std::string::npos;
    const std::string by = Split(line.text.substr(open + 1, close - open - 1), ' ').front();
    const std::vector<std::string> rest = Words(line.text.substr(close + 1));
    route.best = !rest.empty() && rest[0] == "*";
    if (by.starts_with("kernel")) route.source = RouteStatus::Source::kKernel;
    if (by.starts_with("direct")) route.source = RouteStatus::Source::kDirect;
    if (const std::string type = PeerType(by); !type.empty()) {
      route.source = by.starts_with("Mesh_") ? RouteStatus::Source::kMesh : RouteStatus::Source::kPeer;
      route.peer = AddressOf(by, type, route.ipv6);
    }
    routes.push_back(std::move(route));
  }
  return routes;
}

}  // namespace calico::bgp
