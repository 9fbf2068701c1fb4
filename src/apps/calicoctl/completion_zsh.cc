// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "apps/calicoctl/completion.h"
#include "apps/calicoctl/help.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

// Inside '…' of a specification for _arguments or _describe.
std::string Escaped(std::string text) {
  for (const char* special : {"\\", ":", "[", "]"})
    text = ReplaceAll(std::move(text), special, std::string("\\") + special);
  return ReplaceAll(std::move(text), "'", "'\\''");
}

std::string FunctionName(const std::vector<std::string>& path) {
  return ReplaceAll("_calicoctl" + (path.empty() ? "" : "_" + Join(path, "_")), "-", "_");
}

std::string Action(Completion completion, const std::vector<std::string>& words) {
  switch (completion) {
    case Completion::kFile:
      return "_files";
    case Completion::kDirectory:
      return "_files -/";
    case Completion::kKind:
      return "(" + Join(KindWords(), " ") + ")";
    case Completion::kWords:
      return "(" + Join(words, " ") + ")";
    case Completion::kNothing:
      break;
  }
  return " ";
}

// '(-f --filename)'{-f+,--filename=}'[what it is]:FILENAME:_files'
std::string OptionSpecification(const Option& option) {
  const bool takes_value = !option.value.empty();
  std::string behind = "'[" + Escaped(option.description) + "]";
  if (takes_value)
    behind += ":" + Escaped(option.value) + ":" + Escaped(Action(option.completion, option.words));
  behind += "'";
  const std::string name = option.name + (takes_value ? "=" : "");
  if (option.short_name == 0) return (option.repeatable ? "'*'" : "") + name + behind;
  const std::string both = fmt::format("{{-{}{},{}}}", option.short_name, takes_value ? "+" : "", name);
  const std::string once = fmt::format("'(-{} {})'", option.short_name, option.name);
  return (option.repeatable ? "'*'" : once) + both + behind;
}

std::string Arguments(const std::vector<Option>& options, const std::vector<Positional>& positionals) {
  std::string text = "'(-h --help)'{-h,--help}'[show the help]'";
  for (const Option& option : options) text += " \\\n    " + OptionSpecification(option);
  int number = 0;
  for (const Positional& positional : positionals) {
    ++number;
    const std::string where = positional.repeated ? "*" : fmt::format("{}", number);
    text += fmt::format(" \\\n    '{}:{}:{}'", where, positional.name,
                        Escaped(Action(positional.completion, positional.words)));
  }
  return text;
}

std::string CommandFunction(const Command& command) {
  return FunctionName(command.path) + "() {\n  _arguments -s \\\n    " +
         Arguments(command.options, command.positionals) + "\n}\n";
}

// Completes the name, or hands over to the function of the name that stands there.
std::string GroupFunction(const std::vector<Command>& commands, const std::vector<std::string>& group) {
  std::string names, cases;
  for (const std::string& name : NamesIn(commands, group)) {
    std::vector<std::string> path = group;
    path.push_back(name);
    names += fmt::format("        '{}:{}'\n", name, Escaped(SummaryOf(commands, path)));
    cases += fmt::format("        {}) {} ;;\n", name, FunctionName(path));
  }
  const std::string options = Arguments(group.empty() ? TopOptions() : std::vector<Option>{}, {});
  return FunctionName(group) + "() {\n  local curcontext=$curcontext state line\n  typeset -A opt_args\n" +
         "  _arguments -C \\\n    " + options +
         " \\\n    '1: :->name' '*:: :->behind'\n  case $state in\n    name)\n      local -a names=(\n" +
         names + "      )\n      _describe command names\n      ;;\n    behind)\n      case $line[1] in\n" +
         cases + "      esac\n      ;;\n  esac\n}\n";
}

}  // namespace

std::string ZshCompletion(const std::vector<Command>& commands) {
  std::string text =
      "#compdef calicoctl\n# Completion of calicoctl for zsh, made by `calicoctl completion zsh`.\n";
  for (const Command& command : commands) {
    if (!command.hidden) text += CommandFunction(command);
  }
  for (const std::vector<std::string>& group : GroupsOf(commands)) text += GroupFunction(commands, group);
  // As a file of $fpath this is the function's body; sourced, it has to register itself.
  return text +
         "if [[ $funcstack[1] == _calicoctl ]]; then\n  _calicoctl \"$@\"\nelse\n  compdef _calicoctl "
         "calicoctl\nfi\n";
}

}  // namespace calico::calicoctl
