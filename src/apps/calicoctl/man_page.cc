// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/man_page.h"

#include <algorithm>

#include <fmt/format.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/help.h"
#include "apps/calicoctl/session.h"
#include "base/file.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

// As text of a line: backslashes are roff's, a plain "-" would become a hyphen that no shell knows, and a
// line must not start like a request.
std::string Text(std::string text) {
  text = ReplaceAll(std::move(text), "\\", "\\e");
  text = ReplaceAll(std::move(text), "-", "\\-");
  if (text.starts_with('.') || text.starts_with('\'')) text.insert(0, "\\&");
  return text;
}
std::string Bold(const std::string& text) {
  return "\\fB" + Text(text) + "\\fR";
}

std::string Heading(const std::string& name, const std::string& summary) {
  std::string lower = summary;
  if (!lower.empty()) lower[0] = ToLower(lower.substr(0, 1))[0];
  return fmt::format(".TH {} 1 \"\" \"calico-cpp {}\" \"Calico\"\n.SH NAME\n{} \\- {}\n.SH SYNOPSIS\n",
                     Text(name), CALICO_VERSION, Text(name), Text(lower));
}

std::string Paragraphs(const std::string& lines) {
  std::string text;
  for (const std::string& line : Split(lines, '\n')) text += line.empty() ? ".PP\n" : Text(line) + "\n";
  return text;
}

// Lines as they are.
std::string Verbatim(const std::string& lines) {
  std::string text = ".RS 4\n.nf\n";
  for (const std::string& line : Split(lines, '\n')) text += line.empty() ? "\\&\n" : Text(line) + "\n";
  return text + ".fi\n.RE\n";
}

std::string Entry(const std::string& term, const std::string& what) {
  return ".TP\n" + term + "\n" + Text(what) + "\n";
}

std::string OptionEntry(const Option& option) {
  std::string term = option.short_name == 0 ? "" : Bold(fmt::format("-{}", option.short_name)) + ", ";
  term += Bold(option.name);
  if (!option.value.empty()) term += "=\\fI" + Text(option.value) + "\\fR";
  return Entry(term, option.description);
}

std::string ExitStatus() {
  return ".SH EXIT STATUS\n0 when everything asked for was done, else 1. Errors go to standard error.\n";
}

}  // namespace

std::string ManPageName(const std::vector<std::string>& path) {
  return path.empty() ? "calicoctl" : "calicoctl-" + Join(path, "-");
}

std::string ManPage(const Command& command) {
  std::string text = Heading(ManPageName(command.path), command.summary);
  bool first = true;
  for (const std::vector<std::string>& words : UsageWords(command)) {
    if (!first) text += ".br\n";
    text += Bold(FullName(command.path)) + (words.empty() ? "" : " " + Text(Join(words, " "))) + "\n";
    first = false;
  }
  text += ".SH DESCRIPTION\n" + Text(command.summary) + ".\n";
  if (!command.description.empty()) text += ".PP\n" + Paragraphs(command.description);
  if (!command.positionals.empty()) text += ".SH ARGUMENTS\n";
  for (const Positional& positional : command.positionals)
    text += Entry("\\fI" + Text(positional.name) + "\\fR", positional.description);
  text += ".SH OPTIONS\n" + Entry(Bold("-h") + ", " + Bold("--help"), "show the help");
  for (const Option& option : command.options) text += OptionEntry(option);
  if (!command.examples.empty()) text += ".SH EXAMPLES\n" + Verbatim(command.examples);
  return text + ExitStatus() + ".SH SEE ALSO\n" + Bold("calicoctl") + "(1)\n";
}

std::string ProgramManPage(const std::vector<Command>& commands) {
  std::string text = Heading("calicoctl", "Manage Calico: its resources, addresses, nodes and store");
  text += Bold("calicoctl") + " [options] <command> [<args>...]\n.SH COMMANDS\n";
  for (const Command& command : commands) {
    if (!command.hidden) text += Entry(Bold(ManPageName(command.path)) + "(1)", command.summary);
  }
  text += ".SH OPTIONS\nThese stand before the command.\n" +
          Entry(Bold("-h") + ", " + Bold("--help"), "show the help");
  for (const Option& option : TopOptions()) text += OptionEntry(option);
  return text + ExitStatus() + ".SH FILES\n" +
         Entry(Bold("/etc/calico/calicoctl.cfg"), "the connection of the store");
}

std::vector<Command> ManCommands() {
  Command man;
  man.path = {"man"};
  man.summary = "Write the man pages of calicoctl into a directory";
  man.positionals = {{"DIRECTORY", "made if it does not exist", false, false, Completion::kDirectory}};
  man.examples = "calicoctl man build/share/man/man1";
  man.needs_store = false;
  man.hidden = true;
  man.run = [](const Session& session) {
    const std::string directory = session.arguments.Text("DIRECTORY");
    if (const Status made = MakeDirectories(directory); !made.has_value())
      return session.Fail(made.error().message());
    std::vector<std::pair<std::string, std::string>> pages = {{"calicoctl", ProgramManPage(AllCommands())}};
    for (const Command& command : AllCommands()) {
      if (!command.hidden) pages.emplace_back(ManPageName(command.path), ManPage(command));
    }
    for (const auto& [name, page] : pages) {
      const Status written = WriteFileAtomically(directory + "/" + name + ".1", page);
      if (!written.has_value()) return session.Fail(written.error().message());
    }
    session.out() << fmt::format("{} man pages in {}\n", pages.size(), directory);
    return 0;
  };
  return {man};
}

}  // namespace calico::calicoctl
