// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/program_version.h"

namespace calico::calicoctl {

std::string ProgramVersion() {
  return CALICO_VERSION;
}

}  // namespace calico::calicoctl
