// SPDX-License-Identifier: Apache-2.0
#include <filesystem>
#include <iostream>

#include <unistd.h>

#include "apps/calicoctl/command.h"
#include "base/terminal.h"

int main(int argc, char** argv) {
  using namespace calico;
  const Environment environment = Environment::OfProcess();
  const SystemClock clock;
  const auto open = [&](const std::string& config_file) {
    return calicoctl::OpenChosenStore(environment, config_file);
  };
  const auto create = [&](const std::string& config_file) {
    return calicoctl::OpenChosenStore(environment, config_file, true);
  };
  return calicoctl::RunCommand(
      {argv + 1, argv + argc},
      {environment, clock, std::cin, std::cout, std::cerr, open,
       std::filesystem::path(argv[0]).filename().string(), ColourWanted(environment, STDOUT_FILENO), create});
}
