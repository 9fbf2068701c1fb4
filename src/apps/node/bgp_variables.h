// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "dataplane_api/bgp_view.h"
#include "net/ip.h"

namespace calico::node {

// What the environment says of BGP and the store does not.
struct BgpVariables {
  std::optional<net::Ip> router_id;               // CALICO_ROUTER_ID
  bool bfd = false;                               // CALICO_BGP_BFD
  std::string log_severity;                       // BGP_LOGSEVERITYSCREEN; empty: BGPConfiguration's
  std::vector<net::Cidr> advertised_cluster_ips;  // CALICO_ADVERTISE_CLUSTER_IPS
};

// kInvalidArgument names the variable and what is allowed.
Result<BgpVariables> ReadBgpVariables(const Environment& environment, const std::string& node);

// The severity wins over the view's; the cluster IPs count where no BGPConfiguration names services
// (reference bgp-and-node A1.3).
void Apply(const BgpVariables& variables, dataplane_api::BgpView& view);

}  // namespace calico::node
