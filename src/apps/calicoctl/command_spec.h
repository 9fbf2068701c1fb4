// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace calico::calicoctl {

class Arguments;
struct Session;

// What a shell may offer for a value.
enum class Completion { kNothing, kFile, kDirectory, kKind, kWords };

struct Option {
  std::string name;         // "--filename"
  char short_name = 0;      // 'f', or 0
  std::string value;        // "FILENAME"; empty: a flag
  std::string description;  // one line of the help, without a full stop
  Completion completion = Completion::kNothing;
  std::vector<std::string> words = {};  // for kWords
  bool repeatable = false;              // else giving it twice is a mistake
  bool required = false;
  char old_short_name = 0;  // accepted, not shown
};

struct Positional {
  std::string name;  // "KIND"
  std::string description;
  bool optional = false;
  bool repeated = false;  // takes all that follow
  Completion completion = Completion::kNothing;
  std::vector<std::string> words = {};
};

// One command of calicoctl: what it takes, what its help says, and what it does. Parser, help, shell
// completion and man pages all read this, so that they can not differ.
struct Command {
  std::vector<std::string> path;  // {"ipam", "show"}
  std::string summary;            // "Show how full pools and blocks are"
  std::string description = {};   // further paragraphs of the help
  std::vector<Option> options = {};
  std::vector<Positional> positionals = {};
  // Behind the command's name in the help; empty: made from options and positionals.
  std::vector<std::string> usage = {};
  std::string examples = {};  // lines without indentation
  // What options and positionals can not say: text of a mistake, or empty.
  std::function<std::string(const Arguments&)> mistake = {};
  // false: `Session::client()` must not be used.
  bool needs_store = true;
  int failure_code = 1;  // exit status after a mistake or an error
  // Not in the list of commands: for those who build packages.
  bool hidden = false;
  // An embedded store that does not exist is made: for commands that fill one.
  bool makes_store = false;
  std::function<int(const Session&)> run = {};
};

// Options that many commands share.
Option ConfigOption();
Option FilenameOption();
Option NamespaceOption();
Option ContextOption();
Option AllowVersionMismatchOption();
// --filename, --recursive, --skip-empty, --namespace, --config, --context, --allow-version-mismatch
std::vector<Option> InputOptions();
// --config, --context, --allow-version-mismatch
std::vector<Option> ConnectionOptions();
// <KIND> [<NAME>...], for commands that take either these or --filename.
std::vector<Positional> KindAndNames();
// The mistake of such a command: both or neither, or flags that need a file.
std::string KindOrFile(const Arguments& arguments);
// `first` and then `second`.
std::vector<Option> Joined(std::vector<Option> first, std::vector<Option> second);

}  // namespace calico::calicoctl
