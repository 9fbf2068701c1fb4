// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apps/calicoctl/command_spec.h"
#include "model/ipam.h"

namespace calico::calicoctl {

Command IpamShowCommand();
Command IpamConfigureCommand();
Command IpamReleaseCommand();
Command IpamCheckCommand();
Command IpamSplitCommand();

// "Enabled" or "Disabled". Only KubeVirt's virtual machines ask for it: kept for those who share the store.
std::string KubeVirtPersistence(const model::IpamConfig& config);

}  // namespace calico::calicoctl
