// SPDX-License-Identifier: Apache-2.0
#include "base/terminal.h"

#include <unistd.h>

namespace calico {

bool IsTerminal(int fd) {
  return ::isatty(fd) == 1;
}

bool ColourWanted(const Environment& environment, int fd) {
  return IsTerminal(fd) && !environment.Get("NO_COLOR") && environment.GetOr("TERM", "dumb") != "dumb";
}

}  // namespace calico
