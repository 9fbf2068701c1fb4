// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/completion.h"

#include <algorithm>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/help.h"
#include "apps/calicoctl/session.h"
#include "base/text.h"
#include "model/key.h"

namespace calico::calicoctl {

std::vector<std::string> KindWords() {
  std::vector<std::string> words;
  for (int i = 0; i <= static_cast<int>(model::kLastResourceKind); ++i) {
    const auto kind = static_cast<model::Kind>(i);
    if (!model::IsResource(kind) || !model::IsManaged(kind)) continue;
    // A script may offer only what the parser takes.
    std::string word = ToLower(model::KindName(kind));
    const std::vector<std::string> aliases = model::KindAliases(kind);
    if (std::find(aliases.begin(), aliases.end(), word) != aliases.end()) words.push_back(std::move(word));
  }
  std::sort(words.begin(), words.end());
  return words;
}

std::vector<std::vector<std::string>> GroupsOf(const std::vector<Command>& commands) {
  std::vector<std::vector<std::string>> groups = {{}};
  for (const Command& command : commands) {
    for (std::size_t depth = 1; depth < command.path.size(); ++depth) {
      std::vector<std::string> group(command.path.begin(),
                                     command.path.begin() + static_cast<std::ptrdiff_t>(depth));
      if (std::find(groups.begin(), groups.end(), group) == groups.end()) groups.push_back(std::move(group));
    }
  }
  return groups;
}

const Command* FindCommand(const std::vector<Command>& commands, const std::vector<std::string>& path) {
  const auto found = std::find_if(commands.begin(), commands.end(),
                                  [&](const Command& command) { return command.path == path; });
  return found == commands.end() ? nullptr : &*found;
}

std::string SummaryOf(const std::vector<Command>& commands, const std::vector<std::string>& path) {
  const Command* command = FindCommand(commands, path);
  return command != nullptr ? command->summary : Join(NamesIn(commands, path), ", ");
}

std::vector<Command> CompletionCommands() {
  Command completion;
  completion.path = {"completion"};
  completion.summary = "Print a script that completes command lines of calicoctl in a shell";
  completion.positionals = {
      {"SHELL", "bash, zsh or fish", false, false, Completion::kWords, {"bash", "zsh", "fish"}}};
  completion.examples =
      "calicoctl completion bash > /usr/share/bash-completion/completions/calicoctl\n"
      "calicoctl completion zsh > /usr/share/zsh/vendor-completions/_calicoctl\n"
      "calicoctl completion fish > /usr/share/fish/vendor_completions.d/calicoctl.fish\n"
      "source <(calicoctl completion bash)";
  completion.mistake = [](const Arguments& arguments) -> std::string {
    const std::string shell = arguments.Text("SHELL");
    if (shell == "bash" || shell == "zsh" || shell == "fish") return {};
    return "there is no completion for '" + shell + "', only for bash, zsh and fish";
  };
  completion.needs_store = false;
  completion.run = [](const Session& session) {
    const std::string shell = session.arguments.Text("SHELL");
    session.out() << (shell == "bash"  ? BashCompletion(AllCommands())
                      : shell == "zsh" ? ZshCompletion(AllCommands())
                                       : FishCompletion(AllCommands()));
    return 0;
  };
  return {completion};
}

}  // namespace calico::calicoctl
