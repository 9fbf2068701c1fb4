// SPDX-License-Identifier: Apache-2.0
#include "apps/node/service_environment.h"

#include <map>
#include <string>

namespace calico::node {

Environment WithServiceNames(const Environment& environment) {
  static const std::map<std::string, std::string> names = {
      {"CALICO_NODENAME", "NODENAME"},
      {"CALICO_IP", "IP"},
      {"CALICO_IP6", "IP6"},
      {"CALICO_AS", "AS"},
      {"CALICO_NO_DEFAULT_POOLS", "NO_DEFAULT_POOLS"},
      {"ETCD_CA_FILE", "ETCD_CA_CERT_FILE"},
  };
  std::map<std::string, std::string> variables = environment.all();
  for (const auto& [from, to] : names) {
    if (const auto value = environment.Get(from); value && !environment.Get(to)) variables[to] = *value;
  }
  return Environment(std::move(variables));
}

}  // namespace calico::node
