// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/help.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace calico::calicoctl {
namespace {

std::string FullName(const std::vector<std::string>& path) {
  return "calicoctl" + (path.empty() ? "" : " " + Join(path, " "));
}

// "-f --filename=<FILENAME>"
std::string Spelled(const Option& option) {
  const std::string value = option.value.empty() ? "" : "=<" + option.value + ">";
  return (option.short_name == 0 ? "   " : fmt::format("-{} ", option.short_name)) + option.name + value;
}

std::vector<std::string> UsageLines(const Command& command) {
  if (!command.usage.empty()) return command.usage;
  std::string line;
  for (const Positional& positional : command.positionals) {
    const std::string name = "<" + positional.name + ">" + (positional.repeated ? "..." : "");
    line += positional.optional ? " [" + name + "]" : " " + name;
  }
  for (const Option& option : command.options) {
    line += fmt::format(" [{}{}]{}", option.name, option.value.empty() ? "" : "=<" + option.value + ">",
                        option.repeatable ? "..." : "");
  }
  return {line.empty() ? line : line.substr(1)};
}

// Two columns; the second starts behind the widest entry of the first.
std::string Table(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.first.size());
  std::string text;
  for (const auto& [name, what] : rows) text += fmt::format("  {:<{}}  {}\n", name, width, what);
  return text;
}

std::string Indented(const std::string& lines) {
  std::string text;
  for (const std::string& line : Split(lines, '\n')) {
    text += line.empty() ? "\n" : "  " + line + "\n";
  }
  return text;
}

}  // namespace

std::string UsageSection(const Command& command) {
  std::string text = "Usage:\n";
  for (const std::string& line : UsageLines(command)) {
    text += fmt::format("  {}{}{}\n", FullName(command.path), line.empty() ? "" : " ", line);
  }
  return text;
}

std::string CommandHelp(const Command& command) {
  std::string text = UsageSection(command) + "\n" + command.summary + ".\n";
  if (!command.examples.empty()) text += "\nExamples:\n" + Indented(command.examples);
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
    if (command.path.size() <= group.size() || !std::equal(group.begin(), group.end(), command.path.begin()))
      continue;
    const std::string& name = command.path[group.size()];
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  return names;
}

std::string TopUsage() {
  return "Usage:\n  calicoctl [options] <command> [<args>...]\n";
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
  std::string text =
      group.empty() ? TopUsage() : fmt::format("Usage:\n  {} <command> [<args>...]\n", FullName(group));
  text += "\nCommands:\n" + Table(rows);
  if (group.empty()) {
    text +=
        "\nOptions:\n" +
        Table({{"-h --help", "show this text"},
               {"-l --log-level=<level>",
                "panic (default), fatal, error, warn, info or debug; logs go to stderr"},
               {"   --context=<context>", "context of a kubeconfig; accepted, no effect on etcd and SQLite"},
               {"   --version", "how to see the version"}});
    text +=
        "\nThe store is taken from the file given with --config, else from DATASTORE_TYPE, else from\n"
        "/etc/calico/calicoctl.cfg, else from ETCD_ENDPOINTS and its companions (ETCD_USERNAME, "
        "ETCD_PASSWORD,\n"
        "ETCD_CA_CERT_FILE, ETCD_CERT_FILE, ETCD_KEY_FILE; each may be prefixed CALICO_), else it is the "
        "local store\n"
        "of calico-node.\n";
  }
  return text + fmt::format("\nSee '{} <command> --help' to read about a command.\n", FullName(group));
}

}  // namespace calico::calicoctl
