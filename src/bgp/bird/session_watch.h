// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "bgp/peer_status.h"
#include "dataplane_api/bgp_view.h"

namespace calico::bgp {

// Finds in what BIRD reports from time to time what it neither explains nor mends. Pure.
//
// BIRD leaves out what a peer tells beyond the limit of routes, and goes on to leave out everything new when
// the peer is below it again, until it is reconfigured. A connection with another password than the peer's is
// not answered, by which it looks like a peer that is away.
class SessionWatch final {
 public:
  // Sessions ("Global_10_0_0_1") that are below the limit again, each once: what was left out of them has to
  // be asked for.
  std::vector<std::string> Update(const std::vector<PeerStatus>& peers, const dataplane_api::BgpView& view);
  // "10.0.0.1: tells more than …".
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  std::set<std::string> limited_;
  std::map<std::string, int> silent_;  // for how many reports
  std::vector<std::string> problems_;
};

}  // namespace calico::bgp
