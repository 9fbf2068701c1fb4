// SPDX-License-Identifier: Apache-2.0
#include "model/v1_names.h"

#include <regex>

#include "base/text.h"

namespace calico::model {

std::string NormaliseName(const std::string& name) {
  static const std::regex kBadRun("[^-.a-z0-9]+");
  static const std::regex kDotRun("[.-]*\\.[.-]*");
  static const std::regex kEnds("^[.-]+|[.-]+$");
  std::string result = ReplaceAll(ToLower(name), "/", ".");
  result = std::regex_replace(result, kBadRun, "-");
  result = std::regex_replace(result, kDotRun, ".");
  return std::regex_replace(result, kEnds, "");
}

std::string GeneralName(const std::string& name) {
  const std::string normal = NormaliseName(name);
  return normal == name ? name : normal + "-" + Sha1Hex(name).substr(0, 8);
}

std::string V3ProfileName(const std::string& v1_name) {
  constexpr std::string_view kOld = "k8s_ns.";
  return GeneralName(v1_name.starts_with(kOld) ? "kns." + v1_name.substr(kOld.size()) : v1_name);
}

std::string V3PoolName(const std::string& cidr) {
  return ReplaceAll(ReplaceAll(ReplaceAll(cidr, ".", "-"), ":", "-"), "/", "-");
}

}  // namespace calico::model
