// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/metadata.h"

namespace calico::model {

inline constexpr std::uint32_t kDefaultAsNumber = 64512;

// Reference datastore-model C.4.13; name "default" or "node.<name>". Members of later issues live in
// `unknown`.
struct BGPConfiguration {
  Metadata metadata;
  std::string log_severity_screen;
  std::optional<bool> node_to_node_mesh_enabled;  // unset = true
  std::optional<std::uint32_t> as_number;         // unset = kDefaultAsNumber
  std::optional<int> listen_port;                 // unset = 179
  UnknownMembers unknown;
  bool operator==(const BGPConfiguration&) const = default;
};

// Reference datastore-model C.4.12.
struct BGPPeer {
  Metadata metadata;
  std::string node;
  std::string node_selector;
  std::string peer_ip;  // "10.0.0.1", "10.0.0.1:1179", "[fd00::1]:1179"
  std::optional<std::uint32_t> as_number;
  std::string peer_selector;
  UnknownMembers unknown;
  bool operator==(const BGPPeer&) const = default;
};

}  // namespace calico::model
