// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_process.h"

#include <filesystem>
#include <system_error>
#include <vector>

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

void Count(const std::string& command_line, NodeProcesses& found) {
  const std::vector<std::string> words = Split(command_line, '\0');
  if (words.empty()) return;
  const std::string program = fs::path(words[0]).filename().string();
  const std::string first = words.size() > 1 ? words[1] : "";
  if (program == "calico-felix") found.agent = true;
  // Not one of its short-lived commands such as `calico-node show`.
  if (program == "calico-node" && (first == "run" || first == "-felix")) found.agent = true;
  if (program == "bird") found.bird = true;
  if (program == "bird6") found.bird6 = true;
  if (program == "calico-bgp-daemon" || program == "gobgpd") found.gobgp = true;
}

}  // namespace

NodeProcesses FindNodeProcesses(const std::string& proc) {
  NodeProcesses found;
  const std::string ours = NetworkNamespace(fs::path(proc) / "self");
  std::error_code error;
  for (fs::directory_iterator it(proc, error), end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto command_line = ReadFile((it->path() / "cmdline").string());
    if (!command_line.has_value() || NetworkNamespace(it->path()) != ours)
      continue;  // ended, or another host's
    Count(*command_line, found);
  }
  return found;
}

}  // namespace calico::calicoctl
