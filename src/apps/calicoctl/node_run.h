// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "apps/calicoctl/session.h"
#include "base/host_lock.h"
#include "datastore/choice.h"
#include "kernel/sysctl.h"

namespace calico::calicoctl {

// What the container is told about the store. Calico 2.6 and 3.x start it in different ways.
struct ContainerStore {
  bool calico26 = false;
  std::string endpoints;  // comma-separated
  std::string discovery_srv;
  std::string ca_file, cert_file, key_file;
  bool has_secrets = false;  // a password or inline certificates, which are never passed on
};

// How calico/node is to be started.
struct NodeRunPlan {
  std::vector<std::string> command;  // docker run …
  std::vector<std::string> files;    // mounted; docker would make directories of those that are missing
  std::vector<std::string> warnings;
};

// `docker run …` (reference calicoctl C.2.1 and, for 2.6, D.9), or what is wrong with the options: the text
// is upstream's, whole.
Result<NodeRunPlan> PlanNodeRun(const Arguments& arguments, const ContainerStore& store,
                                const std::string& host_name);

// Words as one line of a shell. Upstream joins them without quotes.
std::string ShellLine(const std::vector<std::string>& words);

// What `node run` touches besides Docker.
struct NodeRunHost {
  bool is_root = false;
  bool in_container = false;  // CALICO_CTL_CONTAINER: the host's kernel is not ours to set up
  std::string name;
  kernel::Sysctl& sysctl;
  Duration log_timeout = std::chrono::seconds(10);
  std::string lock = kAgentLock;
};

int RunNodeRun(const Session& session, const NodeRunHost& host);

}  // namespace calico::calicoctl
