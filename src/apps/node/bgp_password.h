// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/environment.h"
#include "dataplane_api/bgp_view.h"

namespace calico::node {

inline constexpr char kBgpSecretDirectory[] = "/etc/calico/bgp-secrets";

// The password that a BGPPeer's secretKeyRef names. Kubernetes' secrets are files: <directory>/<name>/<key>,
// without a line break at the end. Else the variable CALICO_BGP_SECRET_<NAME>_<KEY>, in capitals, with _ for
// what is neither a letter nor a digit. nullopt: neither is there, or TCP MD5 or BIRD cannot take it (more
// than 80 bytes, quotes, control characters).
std::optional<std::string> ReadBgpPassword(const Environment& environment,
                                           const dataplane_api::BgpSecret& secret,
                                           const std::string& directory = kBgpSecretDirectory);

}  // namespace calico::node
