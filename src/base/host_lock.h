// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"

namespace calico {

// A lock that all processes of one network namespace see, also those in containers with the host's network,
// whatever files they share: an abstract unix socket (unix(7)). It goes away with its holder, however that
// ends.

// That of the agent.
inline constexpr char kAgentLock[] = "calico-node";

// Who holds a lock, as seen from here.
struct LockHolder {
  pid_t pid = 0;              // 0: it lives in a process namespace that we cannot look into
  bool in_container = false;  // in another process namespace than ours, which we can look into
};
// Where a running calico-node is and what ends it, for a message.
std::string DescribeAgent(const LockHolder& holder);

// kAlreadyExists if somebody has it; see FindHostLock. To be kept for as long as the lock.
Result<UniqueFd> TakeHostLock(const std::string& name);
// Nobody, or the holder.
Result<std::optional<LockHolder>> FindHostLock(const std::string& name);

}  // namespace calico
