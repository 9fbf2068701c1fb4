// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/environment.h"
#include "base/result.h"

namespace calico::node {

inline constexpr char kShowSocket[] = "/var/run/calico/calico-node.sock";
inline constexpr char kVersion[] = "v0.1.0";

// `calico-node run`: until SIGTERM or SIGINT, or an error at start. Leaves the kernel's state and BIRD as
// they are, so that traffic flows on.
Status RunAgent(const Environment& environment);

// `calico-node clean`: removes every trace of ours from this host's kernel and ends BIRD. The store is not
// touched.
Status Clean();

}  // namespace calico::node
