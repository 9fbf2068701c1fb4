// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <system_error>

#include "apps/calicoctl/node_status.h"
#include "base/file.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

namespace fs = std::filesystem;

// Empty where it can not be read.
std::string NetworkNamespace(const fs::path& process) {
  std::error_code error;
  return fs::read_symlink(process / "ns" / "net", error).string();
}

// `calico-node run`, and not one of its short-lived commands such as `calico-node show`. calico-felix counts
// too, as in the reference.
bool IsAgent(const std::string& command_line) {
  const std::vector<std::string> words = Split(command_line, '\0');
  if (words.empty()) return false;
  const std::string program = fs::path(words[0]).filename().string();
  if (program == "calico-felix") return true;
  return program == "calico-node" && words.size() > 1 && (words[1] == "run" || words[1] == "-felix");
}

}  // namespace

bool IsCalicoNodeRunning(const std::string& proc) {
  const std::string ours = NetworkNamespace(fs::path(proc) / "self");
  std::error_code error;
  for (fs::directory_iterator it(proc, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto command_line = ReadFile((it->path() / "cmdline").string());
    if (!command_line.has_value() || !IsAgent(*command_line)) continue;  // it may have ended meanwhile
    if (NetworkNamespace(it->path()) == ours) return true;
  }
  return false;
}

}  // namespace calico::calicoctl
