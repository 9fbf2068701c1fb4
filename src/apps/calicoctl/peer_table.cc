// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/peer_table.h"

#include <algorithm>

#include <fmt/format.h>

#include "apps/calicoctl/table.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

// BIRD pads what it shows with blanks: "Active        Socket: Connection refused".
std::string SingleBlanks(const std::string& text) {
  std::vector<std::string> words;
  for (std::string& word : Split(text, ' ')) {
    if (!word.empty()) words.push_back(std::move(word));
  }
  return Join(words, " ");
}

// The third cell of each row, after the table was laid out: colours have no width.
std::string WithColouredStates(const std::string& table) {
  constexpr std::size_t kStateColumn = 3;
  std::string coloured;
  bool heading = true;
  for (const std::string& line : Split(table, '\n')) {
    std::vector<std::string> cells = Split(line, '|');
    if (line.starts_with('|') && cells.size() > kStateColumn) {
      std::string& cell = cells[kStateColumn];
      const std::string_view state = Trim(cell);
      if (!heading && !state.empty()) {
        const char* colour = state == "up" ? "32" : state == "down" ? "31" : "33";  // green, red, yellow
        cell = fmt::format("\033[{}m{}\033[0m", colour, cell);
      }
      heading = false;
      coloured += Join(cells, "|") + "\n";
    } else if (!line.empty()) {
      coloured += line + "\n";
    }
  }
  return coloured;
}

// "6s", "1h2m3s", "12d4h"; from a date alone the days.
std::string Uptime(const bgp::PeerStatus& peer, WallTime now) {
  if (!peer.established()) return "";
  if (peer.since_time) {
    const auto seconds = std::max<std::int64_t>(0, (now - *peer.since_time) / std::chrono::seconds(1));
    const auto days = seconds / 86400, hours = seconds / 3600 % 24, minutes = seconds / 60 % 60;
    if (days > 0) return fmt::format("{}d{}h", days, hours);
    if (hours > 0) return fmt::format("{}h{}m{}s", hours, minutes, seconds % 60);
    return minutes > 0 ? fmt::format("{}m{}s", minutes, seconds % 60) : fmt::format("{}s", seconds);
  }
  const auto midnight = ParseRfc3339(peer.since + "T00:00:00Z");
  return midnight ? fmt::format("{}d", (now - *midnight) / std::chrono::hours(24)) : "";
}

template <typename T>
std::string Cell(const std::optional<T>& number) {
  return number ? std::to_string(*number) : "";
}
// "78s/90s": left, of the time agreed on.
std::string HoldTimer(const bgp::PeerStatus& peer) {
  if (!peer.hold_left || !peer.hold_time) return "";
  return fmt::format("{}s/{}s", *peer.hold_left / std::chrono::seconds(1),
                     *peer.hold_time / std::chrono::seconds(1));
}

std::string Tables(const Row& headings, const std::vector<Row>& rows, net::Family family, bool colour) {
  const std::string name = fmt::format("IPv{}", static_cast<int>(family));
  std::string body = fmt::format("No {} peers found.\n", name);
  if (!rows.empty()) {
    body = BoxTable(headings, rows);
    if (colour) body = WithColouredStates(body);
  }
  return fmt::format("{} BGP status\n{}\n", name, body);
}

}  // namespace

// Upstream leaves peers without a BGP state out; a peer that is down is what one looks for here.
std::string PeerTable(const std::vector<bgp::PeerStatus>& peers, net::Family family, bool colour) {
  std::vector<Row> rows;
  for (const bgp::PeerStatus& peer : peers) {
    if (peer.ipv6 != (family == net::Family::kV6) || peer.type == "local workload") continue;
    rows.push_back({peer.address, peer.type, peer.state, peer.since, SingleBlanks(peer.info)});
  }
  return Tables({"PEER ADDRESS", "PEER TYPE", "STATE", "SINCE", "INFO"}, rows, family, colour);
}

std::string WidePeerTable(const std::vector<bgp::PeerStatus>& peers, net::Family family, bool colour,
                          WallTime now) {
  std::vector<Row> rows;
  for (const bgp::PeerStatus& peer : peers) {
    if (peer.ipv6 != (family == net::Family::kV6)) continue;
    rows.push_back({peer.address, peer.type, peer.state, peer.since, peer.bgp_state, peer.node,
                    peer.as_number == 0 ? "" : std::to_string(peer.as_number), Uptime(peer, now),
                    Cell(peer.routes_in), Cell(peer.routes_out), HoldTimer(peer), peer.last_error});
  }
  return Tables({"PEER ADDRESS", "PEER TYPE", "STATE", "SINCE", "BGP STATE", "NODE", "AS", "UPTIME",
                 "ROUTES IN", "ROUTES OUT", "HOLD TIMER", "LAST ERROR"},
                rows, family, colour);
}

}  // namespace calico::calicoctl
