// SPDX-License-Identifier: Apache-2.0
#include "apps/node/bgp_variables.h"

#include <fmt/format.h>

#include "apps/node/settings.h"
#include "base/log.h"
#include "base/text.h"

namespace calico::node {

Result<BgpVariables> ReadBgpVariables(const Environment& environment, const std::string& node) {
  BgpVariables variables;
  ASSIGN_OR_RETURN(variables.router_id, RouterIdOf(environment, node));
  variables.bfd = environment.GetBool("CALICO_BGP_BFD", false);
  variables.log_severity = environment.GetOr("BGP_LOGSEVERITYSCREEN", "");
  LogLevel level = LogLevel::kInfo;
  if (!variables.log_severity.empty() && !ParseLogLevel(variables.log_severity, level)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("BGP_LOGSEVERITYSCREEN='{}': {}", variables.log_severity, kLogLevelWords));
  }
  for (const std::string& part : Split(environment.GetOr("CALICO_ADVERTISE_CLUSTER_IPS", ""), ',')) {
    if (Trim(part).empty()) continue;
    const auto cidr = net::Cidr::ParsePrefix(Trim(part));
    if (!cidr) {
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("CALICO_ADVERTISE_CLUSTER_IPS: '{}' is no prefix such as 10.96.0.0/12", Trim(part)));
    }
    variables.advertised_cluster_ips.push_back(cidr->Masked());
  }
  return variables;
}

void Apply(const BgpVariables& variables, dataplane_api::BgpView& view) {
  view.router_id = variables.router_id;
  view.bfd = variables.bfd;
  if (!variables.log_severity.empty()) view.log_severity = variables.log_severity;
  if (view.services.empty()) view.services = variables.advertised_cluster_ips;
}

}  // namespace calico::node
