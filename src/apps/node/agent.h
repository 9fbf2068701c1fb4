// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/environment.h"
#include "base/result.h"
#include "base/service_manager.h"

namespace calico::node {

inline constexpr char kShowSocket[] = "/var/run/calico/calico-node.sock";
inline constexpr char kVersion[] = "v0.1.0";

// `calico-node run`: until SIGTERM or SIGINT, or an error at start. Leaves the kernel's state and BIRD as
// they are, so that traffic flows on. `manager` is told when we are ready, and may hold Docker's plugin
// sockets.
Status RunAgent(const Environment& environment, const ServiceManager& manager);

// `calico-node clean`: removes every trace of ours from this host's kernel and ends BIRD. The store is not
// touched.
Status Clean();

}  // namespace calico::node
