// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/table.h"

#include <algorithm>
#include <regex>

#include <fmt/format.h>

#include "base/text.h"

namespace calico::calicoctl {
namespace {

constexpr std::size_t kColumnGap = 3;
constexpr std::size_t kNarrowestColumn = 5;
constexpr std::size_t kWrapAt = 30;

// Greedy; a word longer than the limit gets a line of its own.
std::vector<std::string> Wrapped(const std::string& text) {
  if (text.size() <= kWrapAt) return {text};
  std::vector<std::string> lines;
  for (const std::string& word : Split(text, ' ')) {
    if (word.empty()) continue;
    if (lines.empty() || lines.back().size() + 1 + word.size() > kWrapAt) {
      lines.push_back(word);
    } else {
      lines.back() += " " + word;
    }
  }
  return lines;
}

bool IsNumber(const std::string& text) {
  static const std::regex kNumber(R"(^-?(\d{1,3}(,\d{3})*|\d+)(\.\d+)?$)");
  return std::regex_match(text, kNumber);
}

// A wrapped column is as wide as the limit even where its lines came out shorter, as upstream's is.
std::size_t WidthOf(const std::string& cell) {
  std::size_t width = std::min(cell.size(), kWrapAt);
  for (const std::string& line : Wrapped(cell)) width = std::max(width, line.size());
  return width;
}

std::string Border(const std::vector<std::size_t>& widths) {
  std::string line = "+";
  for (const std::size_t width : widths) line += std::string(width + 2, '-') + "+";
  return line + "\n";
}

std::string BoxRow(const Row& row, const std::vector<std::size_t>& widths) {
  std::vector<std::vector<std::string>> cells;
  std::size_t height = 1;
  for (const std::string& cell : row) {
    cells.push_back(Wrapped(cell));
    height = std::max(height, cells.back().size());
  }
  std::string out;
  for (std::size_t line = 0; line < height; ++line) {
    out += "|";
    for (std::size_t column = 0; column < cells.size(); ++column) {
      const std::string text = line < cells[column].size() ? cells[column][line] : "";
      out += IsNumber(row[column]) ? fmt::format(" {:>{}} |", text, widths[column])
                                   : fmt::format(" {:<{}} |", text, widths[column]);
    }
    out += "\n";
  }
  return out;
}

}  // namespace

std::string PaddedTable(const Row& headings, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < headings.size(); ++column) {
    std::size_t width = headings[column].size();
    for (const Row& row : rows) width = std::max(width, row[column].size());
    widths.push_back(std::max(kNarrowestColumn, width + kColumnGap));
  }
  std::string out;
  const auto add = [&](const Row& row) {
    for (std::size_t column = 0; column < row.size(); ++column) {
      out += fmt::format("{:<{}}", row[column], widths[column]);
    }
    out += "\n";
  };
  add(headings);
  for (const Row& row : rows) add(row);
  return out + "\n";
}

std::string BoxTable(const Row& headings, const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (std::size_t column = 0; column < headings.size(); ++column) {
    std::size_t width = headings[column].size();
    for (const Row& row : rows) width = std::max(width, WidthOf(row[column]));
    widths.push_back(width);
  }
  std::string out = Border(widths) + "|";
  for (std::size_t column = 0; column < headings.size(); ++column) {
    out += fmt::format(" {:^{}} |", headings[column], widths[column]);  // an odd blank goes to the right
  }
  out += "\n" + Border(widths);
  for (const Row& row : rows) out += BoxRow(row, widths);
  return out + Border(widths);
}

}  // namespace calico::calicoctl
