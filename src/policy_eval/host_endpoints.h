// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "policy_eval/cluster.h"
#include "policy_eval/host.h"
#include "policy_eval/packet.h"
#include "policy_eval/policies.h"

// Reference felix 2.11.
namespace calico::policy_eval {

inline constexpr char kAnyInterface[] = "*";

// Whose policy holds for an interface of the host; nullopt: nobody's. Of several the one with the smallest
// name, "*" only when no other claims it. Interfaces of workloads and excluded ones have none.
std::optional<model::Key> HostEndpointOf(const Cluster& cluster, const Host& host,
                                         const std::string& interface);

// The port that lets the packet pass whatever the policies say: "tcp 22".
std::optional<std::string> FailsafeFor(const Host& host, Stage stage, Direction direction,
                                       const Packet& packet);

}  // namespace calico::policy_eval
