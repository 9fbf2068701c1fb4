// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/peer_table.h"

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

}  // namespace

// Upstream leaves peers without a BGP state out; a peer that is down is what one looks for here.
std::string PeerTable(const std::vector<bgp::PeerStatus>& peers, net::Family family, bool colour) {
  std::vector<Row> rows;
  for (const bgp::PeerStatus& peer : peers) {
    if (peer.ipv6 != (family == net::Family::kV6)) continue;
    rows.push_back({peer.address, peer.type, peer.state, peer.since, SingleBlanks(peer.info)});
  }
  const std::string name = fmt::format("IPv{}", static_cast<int>(family));
  std::string body = fmt::format("No {} peers found.\n", name);
  if (!rows.empty()) {
    body = BoxTable({"PEER ADDRESS", "PEER TYPE", "STATE", "SINCE", "INFO"}, rows);
    if (colour) body = WithColouredStates(body);
  }
  return fmt::format("{} BGP status\n{}\n", name, body);
}

}  // namespace calico::calicoctl
