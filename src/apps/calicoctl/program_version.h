// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace calico::calicoctl {

// "v0.1.0"
std::string ProgramVersion();

}  // namespace calico::calicoctl
