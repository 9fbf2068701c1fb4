// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "model/metadata.h"

namespace calico::model {

// The fields that this version reads (reference felix 4.4); all others stay in `unknown`.
// Name "default" or "node.<name>"; the per-node object wins field by field.
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
  UnknownMembers unknown;
  bool operator==(const FelixConfiguration&) const = default;
};

}  // namespace calico::model
