// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/command_spec.h"

#include <iterator>

#include "apps/calicoctl/arguments.h"

namespace calico::calicoctl {

Option ConfigOption() {
  return {"--config", 'c', "CONFIG",
          "file with the connection of the store [default: /etc/calico/calicoctl.cfg]", Completion::kFile};
}
Option FilenameOption() {
  return {"--filename", 'f', "FILENAME", "YAML or JSON file, directory, or - for standard input",
          Completion::kFile};
}
Option NamespaceOption() {
  return {"--namespace", 'n', "NS", "namespace of namespaced resources [default: default]"};
}
Option ContextOption() {
  return {"--context", 0, "CONTEXT", "context of a kubeconfig; accepted, no effect on etcd and SQLite"};
}
Option AllowVersionMismatchOption() {
  return {"--allow-version-mismatch", 0, "", "accepted; versions of client and cluster may always differ"};
}

std::vector<Option> ConnectionOptions() {
  return {ConfigOption(), ContextOption(), AllowVersionMismatchOption()};
}

std::vector<Option> InputOptions() {
  return Joined({FilenameOption(),
                 {"--recursive", 'R', "", "look into sub-directories of the directory given with --filename"},
                 {"--skip-empty", 0, "", "files and directories without resources are no error"},
                 NamespaceOption()},
                ConnectionOptions());
}

std::vector<Positional> KindAndNames() {
  return {{"KIND", "kind of resource, any case: node, ippool, wep, gnp, ...", true, false, Completion::kKind},
          {"NAME", "names; an IP pool may be named by its CIDR", true, true}};
}

std::string KindOrFile(const Arguments& arguments) {
  if (arguments.Has("KIND") == arguments.Has("--filename")) return "give either a KIND or --filename";
  if (arguments.Has("KIND") && (arguments.Has("--recursive") || arguments.Has("--skip-empty")))
    return "--recursive and --skip-empty need --filename";
  return {};
}

std::vector<Option> Joined(std::vector<Option> first, std::vector<Option> second) {
  std::move(second.begin(), second.end(), std::back_inserter(first));
  return first;
}

}  // namespace calico::calicoctl
