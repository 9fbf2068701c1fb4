// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/command_line.h"

#include <algorithm>

#include <fmt/format.h>

#include "apps/calicoctl/help.h"
#include "base/log.h"
#include "base/suggest.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

ParsedLine Printed(std::string out) {
  return {std::nullopt, 0, std::move(out), "", ""};
}
ParsedLine Mistaken(std::string err) {
  return {std::nullopt, 1, "", std::move(err), ""};
}

// --- one command

// Reads the words behind a command's name. Each function returns the text of a mistake, or nothing.
class WordReader {
 public:
  WordReader(const Command& command, std::vector<std::string> words)
      : command_(command), words_(std::move(words)), arguments_(command) {}

  std::string Read() {
    for (; at_ < words_.size(); ++at_) {
      const std::string& word = words_[at_];
      std::string mistake;
      if (word.starts_with("--") && word.size() > 2) {
        mistake = ReadLong(word);
      } else if (word.starts_with("-") && word.size() > 1 && word != "--") {
        mistake = ReadShort(word);
      } else {
        plain_.push_back(word);
      }
      if (!mistake.empty() || help_) return mistake;
    }
    std::string mistake = PlacePositionals();
    if (mistake.empty() && command_.mistake) mistake = command_.mistake(arguments_);
    return mistake;
  }
  bool help() const { return help_; }
  Arguments&& arguments() && { return std::move(arguments_); }

 private:
  std::string ReadLong(const std::string& word) {
    const std::size_t equals = word.find('=');
    const std::string name = word.substr(0, equals);
    std::vector<const Option*> fitting;
    for (const Option& option : command_.options) {
      if (option.name == name) {
        fitting = {&option};
        break;
      }
      if (option.name.starts_with(name)) fitting.push_back(&option);
    }
    if (std::string_view("--help").starts_with(name) && (fitting.empty() || name == "--help")) {
      help_ = true;
      return {};
    }
    if (fitting.empty()) return UnknownOption(name);
    if (fitting.size() > 1) {
      std::vector<std::string> names;
      for (const Option* option : fitting) names.push_back(option->name);
      return fmt::format("{} is not a unique prefix: {}?", name, Join(names, ", "));
    }
    const Option& option = *fitting.front();
    if (equals == std::string::npos) return Take(option, option.name);
    if (option.value.empty()) return option.name + " must not have an argument";
    return Add(option, word.substr(equals + 1));
  }

  // "-f x", "-fx", "-Rf x": flags may be stacked, the last may take a value.
  std::string ReadShort(const std::string& word) {
    for (std::size_t i = 1; i < word.size(); ++i) {
      const char letter = word[i];
      const auto option = std::find_if(
          command_.options.begin(), command_.options.end(),
          [&](const Option& each) { return each.short_name == letter || each.old_short_name == letter; });
      if (option == command_.options.end()) {
        if (letter != 'h') return UnknownOption(std::string("-") + letter);
        help_ = true;
        return {};
      }
      if (!option->value.empty() && i + 1 < word.size()) return Add(*option, word.substr(i + 1));
      const std::string mistake = Take(*option, std::string("-") + letter);
      if (!mistake.empty() || !option->value.empty()) return mistake;
    }
    return {};
  }

  // The value is the next word.
  std::string Take(const Option& option, const std::string& as_written) {
    if (option.value.empty()) return Add(option, "true");
    if (at_ + 1 >= words_.size()) return as_written + " requires argument";
    return Add(option, words_[++at_]);
  }

  std::string Add(const Option& option, std::string value) {
    if (!option.repeatable && arguments_.Has(option.name)) return option.name + " is given twice";
    arguments_.Add(option.name, std::move(value));
    return {};
  }

  std::string UnknownOption(const std::string& name) const {
    std::vector<std::string> known;
    for (const Option& option : command_.options) known.push_back(option.name);
    const auto closest = Closest(name, known);
    return fmt::format("unknown option {}{}", name,
                       closest ? fmt::format(": did you mean {}?", *closest) : "");
  }

  std::string PlacePositionals() {
    std::size_t next = 0;
    for (const Positional& positional : command_.positionals) {
      if (next >= plain_.size()) break;
      do {
        arguments_.Add(positional.name, plain_[next++]);
      } while (positional.repeated && next < plain_.size());
    }
    if (next < plain_.size()) return fmt::format("unexpected argument '{}'", plain_[next]);
    for (const Positional& positional : command_.positionals) {
      if (!positional.optional && !arguments_.Has(positional.name)) return positional.name + " is missing";
    }
    for (const Option& option : command_.options) {
      if (option.required && !arguments_.Has(option.name)) return option.name + " is required";
    }
    return {};
  }

  const Command& command_;
  const std::vector<std::string> words_;
  std::vector<std::string> plain_;  // what is no option
  std::size_t at_ = 0;
  bool help_ = false;
  Arguments arguments_;
};

ParsedLine ParseCommand(const Command& command, std::vector<std::string> words) {
  WordReader reader(command, std::move(words));
  const std::string mistake = reader.Read();
  if (reader.help()) return Printed(CommandHelp(command));
  if (!mistake.empty()) {
    ParsedLine mistaken = Mistaken(mistake + (mistake.ends_with('?') ? "\n" : ".\n") + UsageSection(command));
    mistaken.exit_code = command.failure_code;
    return mistaken;
  }
  return {std::move(reader).arguments(), 0, "", "", ""};
}

// --- the command's name

bool IsGroup(const std::vector<Command>& commands, const std::vector<std::string>& path) {
  return std::any_of(commands.begin(), commands.end(), [&](const Command& command) {
    return command.path.size() > path.size() && std::equal(path.begin(), path.end(), command.path.begin());
  });
}

ParsedLine UnknownCommand(const std::vector<Command>& commands, const std::vector<std::string>& group,
                          const std::string& word) {
  const std::vector<std::string> known = NamesIn(commands, group);
  const auto closest = Closest(word, known);
  return Mistaken(
      fmt::format("unknown command: \"{}\"{}\n{}", Join(group, " ") + (group.empty() ? "" : " ") + word,
                  closest ? fmt::format(". Did you mean {}?", *closest) : "", GroupHelp(commands, group)));
}

ParsedLine ParseName(const std::vector<std::string>& words, std::size_t at,
                     const std::vector<Command>& commands) {
  std::vector<std::string> path;
  for (; at < words.size(); ++at) {
    path.push_back(words[at]);
    const auto command = std::find_if(commands.begin(), commands.end(),
                                      [&](const Command& each) { return each.path == path; });
    if (command != commands.end()) {
      return ParseCommand(*command, {words.begin() + static_cast<std::ptrdiff_t>(at) + 1, words.end()});
    }
    if (IsGroup(commands, path)) continue;
    const std::string word = path.back();
    path.pop_back();
    if (word == "--help" || word == "-h") return Printed(GroupHelp(commands, path));
    return UnknownCommand(commands, path, word);
  }
  return Mistaken("a command is missing.\n" + GroupHelp(commands, path));
}

// --- what stands before the command

bool IsLogLevel(const std::string& text) {
  constexpr const char* kLevels[] = {"panic", "fatal", "error", "warn", "warning", "info", "debug"};
  return std::find(std::begin(kLevels), std::end(kLevels), text) != std::end(kLevels);
}

}  // namespace

ParsedLine ParseCommandLine(const std::vector<std::string>& words, const std::vector<Command>& commands) {
  std::string log_level;
  std::size_t at = 0;
  for (; at < words.size() && words[at].starts_with("-"); ++at) {
    const std::string& word = words[at];
    const auto value_of = [&](const std::string& name) -> std::optional<std::string> {
      if (word.starts_with(name + "=")) return word.substr(name.size() + 1);
      if (word == name && at + 1 < words.size()) return words[++at];
      return std::nullopt;
    };
    if (word == "--help" || word == "-h") return Printed(GroupHelp(commands, {}));
    if (word == "--version") return Printed("Run 'calicoctl version' to see version information.\n");
    if (word == "--allow-version-mismatch") continue;
    if (const auto context = value_of("--context")) continue;
    auto level = value_of("--log-level");
    if (!level) level = value_of("-l");
    if (!level && word.starts_with("-l") && word.size() > 2) level = word.substr(2);
    if (!level) {
      return Mistaken(
          fmt::format("invalid option: '{}'. Use flag '--help' to read about a specific subcommand.\n{}",
                      Join(words, " "), TopUsage()));
    }
    if (!IsLogLevel(*level)) {
      return Mistaken(fmt::format(
          "Unknown log level: {}, expected one of: \npanic, fatal, error, warn, info, debug.\n", *level));
    }
    log_level = *level;
  }
  ParsedLine parsed = ParseName(words, at, commands);
  parsed.log_level = log_level;
  return parsed;
}

}  // namespace calico::calicoctl
