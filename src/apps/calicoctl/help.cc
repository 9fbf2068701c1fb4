// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/help.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace calico::calicoctl {
namespace {

constexpr std::size_t kWidth = 100;
// Names wider than this have their description on the next line.
constexpr std::size_t kWidestName = 36;

// "-f --filename=<FILENAME>"
std::string Spelled(const Option& option) {
  const std::string value = option.value.empty() ? "" : "=<" + option.value + ">";
  return (option.short_name == 0 ? "   " : fmt::format("-{} ", option.short_name)) + option.name + value;
}

// Appends words to `text`, whose last line has `used` columns, and breaks lines before kWidth.
void AppendWrapped(std::string& text, std::size_t used, std::size_t indent,
                   const std::vector<std::string>& words) {
  bool first = true;
  for (const std::string& word : words) {
    if (!first && used + 1 + word.size() > kWidth) {
      text += "\n" + std::string(indent, ' ');
      used = indent;
      first = true;
    }
    if (!first) text += ' ';
    text += word;
    used += word.size() + (first ? 0 : 1);
    first = false;
  }
  text += '\n';
}

// Two columns, the second wrapped.
std::string Table(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& row : rows) {
    if (row.first.size() <= kWidestName) width = std::max(width, row.first.size());
  }
  std::string text;
  const std::size_t column = width + 4;
  for (const auto& [name, what] : rows) {
    text += name.size() > width ? "  " + name + "\n" + std::string(column, ' ')
                                : fmt::format("  {:<{}}  ", name, width);
    AppendWrapped(text, column, column, Split(what, ' '));
  }
  return text;
}

// Long lines are wrapped, but for those that are indented already: examples of files and the like.
std::string Indented(const std::string& lines) {
  std::string text;
  for (const std::string& line : Split(lines, '\n')) {
    if (line.empty() || line.front() == ' ') {
      text += line.empty() ? "\n" : "  " + line + "\n";
      continue;
    }
    text += "  ";
    AppendWrapped(text, 2, 2, Split(line, ' '));
  }
  return text;
}

std::string Examples(const std::string& lines) {
  std::string text;
  for (const std::string& line : Split(lines, '\n')) text += line.empty() ? "\n" : "  " + line + "\n";
  return text;
}

bool IsOfFile(const Option& option) {
  return option.name == "--filename" || option.name == "--recursive" || option.name == "--skip-empty";
}

std::string Bracketed(const Option& option, bool required) {
  const std::string text = option.name + (option.value.empty() ? "" : "=<" + option.value + ">");
  return (required ? text : "[" + text + "]") + (option.repeatable ? "..." : "");
}

std::vector<std::string> PositionalWords(const Command& command, bool required) {
  std::vector<std::string> words;
  for (const Positional& positional : command.positionals) {
    const std::string name = "<" + positional.name + ">" + (positional.repeated ? "..." : "");
    const bool optional = positional.optional && !(required && words.empty());
    words.push_back(optional ? "[" + name + "]" : name);
  }
  return words;
}

// A command that takes either a kind or a file: see KindOrFile().
bool TakesKindOrFile(const Command& command) {
  return !command.positionals.empty() && command.positionals.front().name == "KIND" &&
         command.positionals.front().optional &&
         std::any_of(command.options.begin(), command.options.end(),
                     [](const Option& option) { return option.name == "--filename"; });
}

}  // namespace

std::string FullName(const std::vector<std::string>& path) {
  return "calicoctl" + (path.empty() ? "" : " " + Join(path, " "));
}

std::vector<std::vector<std::string>> UsageWords(const Command& command) {
  std::vector<std::vector<std::string>> ways;
  for (const std::string& line : command.usage) ways.push_back(Split(line, ' '));
  if (!ways.empty()) return ways;
  if (!TakesKindOrFile(command)) {
    ways.push_back(PositionalWords(command, false));
    for (const Option& option : command.options) ways[0].push_back(Bracketed(option, option.required));
    return ways;
  }
  ways = {PositionalWords(command, true), {}};
  for (const Option& option : command.options) {
    if (IsOfFile(option)) ways[1].push_back(Bracketed(option, option.name == "--filename"));
  }
  for (const Option& option : command.options) {
    if (IsOfFile(option)) continue;
    for (auto& way : ways) way.push_back(Bracketed(option, option.required));
  }
  return ways;
}

std::string UsageSection(const Command& command) {
  std::string text = "Usage:\n";
  for (const std::vector<std::string>& words : UsageWords(command)) {
    const std::string name = FullName(command.path);
    text += "  " + name + (words.empty() ? "" : " ");
    AppendWrapped(text, name.size() + 3, name.size() + 3, words);
  }
  return text;
}

std::string CommandHelp(const Command& command) {
  std::string text = UsageSection(command) + "\n" + command.summary + ".\n";
  if (!command.examples.empty()) text += "\nExamples:\n" + Examples(command.examples);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Positional& positional : command.positionals)
    rows.emplace_back("<" + positional.name + ">", positional.description);
  if (!rows.empty()) text += "\nArguments:\n" + Table(rows);
  rows = {{"-h --help", "show this text"}};
  for (const Option& option : command.options) rows.emplace_back(Spelled(option), option.description);
  text += "\nOptions:\n" + Table(rows);
  if (!command.description.empty()) text += "\nDescription:\n" + Indented(command.description);
  return text;
}

std::vector<std::string> NamesIn(const std::vector<Command>& commands,
                                 const std::vector<std::string>& group) {
  std::vector<std::string> names;
  for (const Command& command : commands) {
    if (command.hidden || command.path.size() <= group.size() ||
        !std::equal(group.begin(), group.end(), command.path.begin()))
      continue;
    const std::string& name = command.path[group.size()];
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

std::string TopUsage() {
  return "Usage:\n  calicoctl [options] <command> [<args>...]\n";
}

const std::vector<Option>& TopOptions() {
  static const std::vector<Option> kOptions = {
      {"--log-level",
       'l',
       "LEVEL",
       "panic (default), fatal, error, warn, info or debug; logs go to stderr",
       Completion::kWords,
       {"panic", "fatal", "error", "warn", "info", "debug"}},
      {"--context", 0, "CONTEXT", "context of a kubeconfig; accepted, no effect on etcd and SQLite"},
      {"--allow-version-mismatch", 0, "", "accepted; versions of client and cluster may always differ"},
      {"--version", 0, "", "how to see the version"}};
  return kOptions;
}

std::string GroupHelp(const std::vector<Command>& commands, const std::vector<std::string>& group) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const std::string& name : NamesIn(commands, group)) {
    std::vector<std::string> path = group;
    path.push_back(name);
    const auto command = std::find_if(commands.begin(), commands.end(),
                                      [&](const Command& each) { return each.path == path; });
    rows.emplace_back(name,
                      command != commands.end() ? command->summary : Join(NamesIn(commands, path), ", "));
  }
  std::string text = group.empty()
                         ? TopUsage() + "\nManage Calico: its resources, addresses, nodes and store.\n"
                         : fmt::format("Usage:\n  {} <command> [<args>...]\n", FullName(group));
  text += "\nCommands:\n" + Table(rows);
  if (group.empty()) {
    rows = {{"-h --help", "show this text"}};
    for (const Option& option : TopOptions()) rows.emplace_back(Spelled(option), option.description);
    text += "\nOptions:\n" + Table(rows) + "\nThe store:\n";
    text += Indented(
        "It is taken from the file given with --config, else from DATASTORE_TYPE, else from "
        "/etc/calico/calicoctl.cfg, else from ETCD_ENDPOINTS and its companions (ETCD_USERNAME, "
        "ETCD_PASSWORD, "
        "ETCD_CA_CERT_FILE, ETCD_CERT_FILE, ETCD_KEY_FILE; each may be prefixed CALICO_), else it is the "
        "local "
        "store of calico-node.");
  }
  return text + fmt::format("\nSee '{} <command> --help' to read about a command.\n", FullName(group));
}

std::string NamedAs(const std::string& program, std::string text) {
  if (!program.starts_with("kubectl-")) return text;
  text = ReplaceAll(std::move(text), "\nManage Calico: ", "\nThe calico kubectl plugin. Manage Calico: ");
  std::string named;
  std::size_t at = 0;
  constexpr std::string_view kName = "calicoctl";
  for (std::size_t found; (found = text.find(kName, at)) != std::string::npos; at = found + kName.size()) {
    const std::size_t behind = found + kName.size();
    const bool of_path =
        (found > 0 && text[found - 1] == '/') || (behind < text.size() && text[behind] == '.');
    named += text.substr(at, found - at);
    named += of_path ? "calicoctl" : "kubectl-calico";
  }
  return named + text.substr(at);
}

}  // namespace calico::calicoctl
