// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace calico::calicoctl {

enum class Verb { kGet, kCreate, kApply, kReplace, kDelete, kNodeStatus, kIpamShow, kVersion };

// The command line, checked for form only.
struct Arguments {
  Verb verb = Verb::kGet;
  std::string config_file;  // empty: the default file, if it exists

  // Resource verbs: either a kind with names, or files.
  std::string kind;
  std::vector<std::string> names;
  std::string file;  // "-" = stdin; a directory is allowed
  bool recursive = false;
  bool skip_empty = false;
  std::string ns;
  bool all_namespaces = false;
  bool skip_exists = false;
  bool skip_not_exists = false;
  std::string output = "ps";

  std::string ip;  // ipam show
  bool show_blocks = false;
  bool client_only = false;  // version
};

// What came of parsing: a command to run, or text to print and an exit code (help, or a mistake).
struct ParsedArguments {
  std::optional<Arguments> arguments;
  int exit_code = 0;
  std::string out;
  std::string err;
};

// `words` are the words after the program's name.
ParsedArguments ParseArguments(const std::vector<std::string>& words);

}  // namespace calico::calicoctl
