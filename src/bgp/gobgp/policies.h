// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "dataplane_api/bgp_view.h"
#include "gobgp.pb.h"

// Internal to gobgp: shows protobuf.
namespace calico::bgp {

// What GoBGP takes in and gives out: the same rules as BIRD's filters (bird/config.cc, reference
// bgp-and-node B7, B8), as one policy for each direction.
//
// GoBGP withdraws what a changed policy forbids only if the route itself changes, too. So the import policy
// marks every route, our own as well, with the number of the policies, which no peer gets to see; when they
// are followed by others, each route comes in once more, with another mark. What has an older mark counts as
// told: GoBGP compares the two, and withdraws it where the new policy says so.
apipb::SetPoliciesRequest PoliciesOf(const dataplane_api::BgpView& view, int number);

// Of a change of these nothing changes but the number.
std::string PolicyFingerprintOf(const dataplane_api::BgpView& view);
// "calico-7-5f4dcc3b": the name of a set that the daemon keeps for us: number and fingerprint.
std::string PolicyTagOf(int number, const std::string& fingerprint);
struct PolicyTag {
  int number = 0;
  std::string fingerprint;
};
PolicyTag ParsePolicyTag(const std::vector<std::string>& set_names);

inline constexpr char kImportPolicy[] = "calico-import", kExportPolicy[] = "calico-export";

// What filters ask for and GoBGP cannot do, one sentence each.
std::vector<std::string> PolicyLimitsOf(const dataplane_api::BgpView& view);

}  // namespace calico::bgp
