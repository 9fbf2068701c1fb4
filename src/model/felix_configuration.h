// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

#include "model/metadata.h"

namespace calico::model {

// Named members are those that this version reads; the other parameters of model/felix_parameters.h are kept
// as JSON text. Name "default" or "node.<name>"; the per-node object wins field by field.
struct FelixConfiguration {
  Metadata metadata;
  std::string log_severity_screen;              // "Info"
  std::string interface_prefix;                 // "cali", comma list
  std::string default_endpoint_to_host_action;  // "Drop", "Return", "Accept"
  std::optional<bool> health_enabled;
  std::string health_host;
  std::optional<int> health_port;
  std::optional<bool> prometheus_metrics_enabled;
  std::string prometheus_metrics_host;
  std::optional<int> prometheus_metrics_port;
  std::optional<bool> ipv6_support;
  std::string reporting_interval;  // Go duration
  // Ours: claim one block per pool at start and whenever a pool appears, instead of at the first address.
  std::optional<bool> claim_blocks_at_start;
  std::map<std::string, std::string> other_parameters;  // spec field -> JSON text in its normal form
  UnknownMembers unknown;
  bool operator==(const FelixConfiguration&) const = default;
};

}  // namespace calico::model
