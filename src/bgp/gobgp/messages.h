// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attribute.pb.h"
#include "bgp/passwords.h"
#include "dataplane_api/bgp_view.h"
#include "gobgp.pb.h"

// Internal to gobgp: shows protobuf. A view as GoBGP's API says it. Pure.
namespace calico::bgp {

namespace api = apipb;

api::Global GobgpGlobalOf(const dataplane_api::BgpView& view);
// Whether a running daemon has to start anew to become `wanted`: GoBGP cannot change these.
bool IsAnother(const api::Global& running, const api::Global& wanted);

api::SetLogLevelRequest::Level GobgpLogLevelOf(const std::string& severity);

// The sessions that GoBGP is to have, sorted by address. `restarting`: the kernel still has what a former
// daemon of this host told of. Those without password are left out.
std::vector<api::Peer> GobgpPeersOf(const dataplane_api::BgpView& view, const Passwords& passwords,
                                    bool restarting);
// GoBGP tells nobody what it was given, but for this text: "Mesh_10_1_0_2 node2 91b3…". It is the session's
// name, the node or "-", and a fingerprint of everything that a session depends on.
struct PeerDescription {
  std::string session, node, fingerprint;
};
PeerDescription ParseDescription(const std::string& text);

// A route of ours.
api::Path OwnPathOf(const net::Cidr& prefix);
// Of GoBGP's: where it leads to. No next hop: it has been withdrawn, or it is our own.
struct LearnedPath {
  net::Cidr prefix;
  std::optional<net::Ip> next_hop;
  bool own = false;
};
std::optional<LearnedPath> ReadPath(const api::Path& path);

// What is configured and GoBGP cannot do, one sentence each.
std::vector<std::string> GobgpLimitsOf(const dataplane_api::BgpView& view);

}  // namespace calico::bgp
