// SPDX-License-Identifier: Apache-2.0
// Docker's networks: our own kind. Agents write it; what is checked here keeps a bad one out of Docker.
#include <algorithm>
#include <string_view>

#include "model/validate/checks.h"
#include "net/cidr.h"

namespace calico::model::validate {
namespace {

bool IsLetterOrDigit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

}  // namespace

// Docker's own rule for names of what is created: [a-zA-Z0-9][a-zA-Z0-9_.-]*
bool IsDockerName(std::string_view text) {
  return !text.empty() && IsLetterOrDigit(text.front()) && std::all_of(text.begin(), text.end(), [](char c) {
    return IsLetterOrDigit(c) || c == '_' || c == '.' || c == '-';
  });
}

void Check(const DockerNetwork& network, Problems& problems) {
  if (network.driver.empty()) problems.Tag("Driver", "", "required");
  if (network.generation == 0) problems.Tag("Generation", "", "required");
  problems.MatchAll(
      "Subnets", network.subnets,
      [](const std::string& text) {
        const auto cidr = net::Cidr::ParsePrefix(text);
        return cidr.has_value() && cidr->Masked() == *cidr;
      },
      "cidr");
}

}  // namespace calico::model::validate
