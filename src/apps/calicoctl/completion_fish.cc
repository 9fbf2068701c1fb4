// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "apps/calicoctl/completion.h"
#include "apps/calicoctl/help.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

// `__calicoctl_at "ipam show"`: that command stands on the line. `__calicoctl_behind "ipam" 0`: and so many
// further arguments, which are no options. The value of an option in a word of its own counts as one; only
// those before the command would mislead.
constexpr char kFunctions[] = R"fish(function __calicoctl_plain
    set -l words (commandline -opc)
    set -l skip no
    for word in $words[2..-1]
        if test $skip = yes
            set skip no
        else if contains -- $word -l --log-level --context
            set skip yes
        else if not string match -q -- '-*' $word
            echo $word
        end
    end
end
function __calicoctl_at
    set -l wanted (string split -n ' ' -- $argv[1])
    set -l plain (__calicoctl_plain)
    set -l length (count $wanted)
    test $length -eq 0; and return 0
    test (count $plain) -ge $length; and test "$plain[1..$length]" = "$wanted"
end
function __calicoctl_behind
    set -l wanted (string split -n ' ' -- $argv[1])
    __calicoctl_at $argv[1]; and test (math (count (__calicoctl_plain)) - (count $wanted)) -eq $argv[2]
end
complete -c calicoctl -f
)fish";

std::string Quoted(std::string text) {
  text = ReplaceAll(std::move(text), "\\", "\\\\");
  return "'" + ReplaceAll(std::move(text), "'", "\\'") + "'";
}

// Offers words, files, directories or nothing of its own.
std::string Offer(Completion completion, const std::vector<std::string>& words) {
  switch (completion) {
    case Completion::kFile:
      return " -F";
    case Completion::kDirectory:
      return " -a '(__fish_complete_directories)'";
    case Completion::kKind:
      return " -a " + Quoted(Join(KindWords(), " "));
    case Completion::kWords:
      return " -a " + Quoted(Join(words, " "));
    case Completion::kNothing:
      break;
  }
  return "";
}

std::string Line(const std::string& condition, const std::string& rest) {
  return fmt::format("complete -c calicoctl -n {}{}\n", Quoted(condition), rest);
}

std::string OptionLine(const std::string& condition, const Option& option) {
  std::string rest = " -l " + option.name.substr(2);
  if (option.short_name != 0) rest += fmt::format(" -s {}", option.short_name);
  if (!option.value.empty()) rest += " -r" + Offer(option.completion, option.words);
  return Line(condition, rest + " -d " + Quoted(option.description));
}

}  // namespace

std::string FishCompletion(const std::vector<Command>& commands) {
  std::string text = "# Completion of calicoctl for fish, made by `calicoctl completion fish`.\n";
  text += kFunctions;
  for (const std::vector<std::string>& group : GroupsOf(commands)) {
    const std::string here = fmt::format("__calicoctl_behind \"{}\" 0", Join(group, " "));
    for (const std::string& name : NamesIn(commands, group)) {
      std::vector<std::string> path = group;
      path.push_back(name);
      text += Line(here, " -a " + name + " -d " + Quoted(SummaryOf(commands, path)));
    }
  }
  for (const Option& option : TopOptions()) text += OptionLine("__calicoctl_behind \"\" 0", option);
  for (const Command& command : commands) {
    if (command.hidden) continue;
    const std::string name = Join(command.path, " ");
    for (const Option& option : command.options)
      text += OptionLine(fmt::format("__calicoctl_at \"{}\"", name), option);
    int number = 0;
    for (const Positional& positional : command.positionals) {
      const std::string offer = Offer(positional.completion, positional.words);
      if (!offer.empty()) text += Line(fmt::format("__calicoctl_behind \"{}\" {}", name, number), offer);
      ++number;
    }
  }
  return text;
}

}  // namespace calico::calicoctl
