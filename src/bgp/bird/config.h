// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "bgp/passwords.h"
#include "dataplane_api/bgp_view.h"

namespace calico::bgp {

// bird.cfg for stock BIRD 2.0.12 (reference bgp-and-node B8, B9, B14, B16, B18). Pure; equal views give equal
// text.
// A session whose password is not known is left out: without it the peer would refuse us for ever.
std::string RenderBirdConfig(const dataplane_api::BgpView& view, const PasswordOf& password_of);

// What each session with another node of the cluster is, by its protocol's name: of another text, the session
// is set up anew (reference bgp-and-node B16). Filters and next hops are not in it.
std::map<std::string, std::string> ClusterSessions(const dataplane_api::BgpView& view,
                                                   const PasswordOf& password_of);

// What one peer may bring into this host's kernel and memory (some 100 MB): more than any cluster has, less
// than the Internet. What is beyond stays out; the session and what came first stay.
inline constexpr int kRoutesOfOnePeer = 200'000;

// The IPIP device that BIRD's routes lead through.
inline constexpr char kTunnelInterface[] = "tunl0";

}  // namespace calico::bgp
