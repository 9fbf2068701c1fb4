// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/environment.h"

namespace calico {

bool IsTerminal(int fd);

// Whether text written to `fd` may carry colours: only for people, so never into a pipe or a file, and not
// where NO_COLOR (no-color.org) or TERM=dumb asks for none.
bool ColourWanted(const Environment& environment, int fd);

}  // namespace calico
