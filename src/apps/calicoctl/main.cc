// SPDX-License-Identifier: Apache-2.0
#include <iostream>

#include "apps/calicoctl/command.h"

int main(int argc, char** argv) {
  return calico::calicoctl::RunCommand({argv + 1, argv + argc}, calico::Environment::OfProcess(), std::cin,
                                       std::cout, std::cerr);
}
