// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace calico::policy_eval {

// A file with one YAML document, as JSON text. Test data is sound: what is not stops the test with its place.
std::string YamlFileAsJson(const std::string& path);

}  // namespace calico::policy_eval
