// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "apps/calicoctl/completion.h"
#include "apps/calicoctl/help.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

// The functions before it look a question up in the table of commands and leave their answer in `answer`:
// nothing, "any", "file", "directory", or "words" and the words.
constexpr char kFunction[] = R"bash(_calicoctl() {
  local cur prev word command="" answer=""
  local -i at arguments=0
  COMPREPLY=()
  cur=${COMP_WORDS[COMP_CWORD]}
  prev=""
  ((COMP_CWORD > 1)) && prev=${COMP_WORDS[COMP_CWORD - 1]}
  # Bash gives "--output=ya" as three words: "--output", "=", "ya".
  if [[ $cur == "=" ]]; then
    cur=""
  elif [[ $prev == "=" ]] && ((COMP_CWORD > 2)); then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((at = 1; at < COMP_CWORD; ++at)); do
    word=${COMP_WORDS[at]}
    _calicoctl_value "$command $word"
    if [[ $answer ]]; then
      [[ ${COMP_WORDS[at + 1]} == "=" ]] && ((++at))
      ((++at))
      continue
    fi
    [[ $word == -?* ]] && continue
    _calicoctl_names "$command"
    if [[ " $answer " == *" $word "* ]]; then
      command=${command:+$command }$word
    else
      ((++arguments))
    fi
  done
  answer=""
  [[ $prev ]] && _calicoctl_value "$command $prev"
  if [[ ! $answer ]]; then
    if [[ $cur == -* ]]; then
      _calicoctl_options "$command"
    else
      _calicoctl_names "$command"
      [[ $answer ]] || _calicoctl_argument "$command $((arguments + 1))"
    fi
  fi
  case $answer in
    words\ *) mapfile -t COMPREPLY < <(compgen -W "${answer#words }" -- "$cur") ;;
    file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
    directory) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
  esac
  [[ $answer == file || $answer == directory ]] && compopt -o filenames 2>/dev/null
  return 0
}
complete -F _calicoctl calicoctl
)bash";

std::string Answer(Completion completion, const std::vector<std::string>& words) {
  switch (completion) {
    case Completion::kFile:
      return "file";
    case Completion::kDirectory:
      return "directory";
    case Completion::kKind:
      return "words " + Join(KindWords(), " ");
    case Completion::kWords:
      return "words " + Join(words, " ");
    case Completion::kNothing:
      break;
  }
  return "any";
}

// A function that answers by its first argument.
class Lookup {
 public:
  explicit Lookup(const std::string& name) : text_(name + "() {\n  case $1 in\n") {}
  void Add(const std::string& pattern, const std::string& answer) {
    text_ += fmt::format("    {}) answer='{}' ;;\n", pattern, answer);
  }
  std::string Finished() const { return text_ + "    *) answer='' ;;\n  esac\n}\n"; }

 private:
  std::string text_;
};

void AddOptions(const std::string& command, const std::vector<Option>& options, Lookup& names,
                Lookup& values) {
  std::string all = "words --help";
  for (const Option& option : options) {
    all += " " + option.name;
    if (option.value.empty()) continue;
    std::string pattern = fmt::format("'{} {}'", command, option.name);
    if (option.short_name != 0) pattern += fmt::format(" | '{} -{}'", command, option.short_name);
    values.Add(pattern, Answer(option.completion, option.words));
  }
  names.Add("'" + command + "'", all);
}

void AddPositionals(const Command& command, const std::string& name, Lookup& arguments) {
  int number = 0;
  for (const Positional& positional : command.positionals) {
    ++number;
    if (positional.completion == Completion::kNothing) continue;
    const std::string which = positional.repeated ? "*" : fmt::format("'{}'", number);
    arguments.Add(fmt::format("'{} '{}", name, which), Answer(positional.completion, positional.words));
  }
}

}  // namespace

std::string BashCompletion(const std::vector<Command>& commands) {
  Lookup names("_calicoctl_names"), options("_calicoctl_options"), values("_calicoctl_value"),
      arguments("_calicoctl_argument");
  for (const std::vector<std::string>& group : GroupsOf(commands))
    names.Add("'" + Join(group, " ") + "'", "words " + Join(NamesIn(commands, group), " "));
  AddOptions("", TopOptions(), options, values);
  for (const Command& command : commands) {
    if (command.hidden) continue;
    const std::string name = Join(command.path, " ");
    AddOptions(name, command.options, options, values);
    AddPositionals(command, name, arguments);
  }
  return "# Completion of calicoctl for bash, made by `calicoctl completion bash`.\n" + names.Finished() +
         options.Finished() + values.Finished() + arguments.Finished() + kFunction;
}

}  // namespace calico::calicoctl
