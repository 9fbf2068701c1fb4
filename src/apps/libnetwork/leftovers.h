// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/clock.h"

// Which of the things that Docker's containers had are left over (decision 17): pure.
namespace calico::libnetwork {

// What one look at this host found.
struct HostLook {
  WallTime now;
  Duration
      grace;  // dockerd repeats a call for 15 s, so that what is younger may be of a container on its way
  std::string boot_id;
  std::set<std::string> interfaces;
  // IDs of the endpoints that dockerd's running containers have; nullopt: it does not answer.
  std::optional<std::set<std::string>> docker;
  // When a former dockerd ended, with `docker` being the present one's: nothing it began will be finished.
  std::optional<WallTime> former_docker_ended;
};

enum class Verdict {
  kAlive,
  kSuspect,  // dead if it still is in a later look
  kDead,
};

struct EndpointTrace {
  std::string id;
  std::string interface_name;
  std::string boot_id;           // "" if unknown
  std::optional<WallTime> made;  // nullopt: unknown, and so old
};
Verdict Judge(const EndpointTrace& endpoint, const HostLook& look);

struct AddressTrace {
  std::string endpoint_id;  // "" until CreateEndpoint
  bool used = false;        // an endpoint of this node that is alive has it
  bool kept_by_network = false;
  std::optional<WallTime> made;
};
Verdict Judge(const AddressTrace& address, const HostLook& look);

}  // namespace calico::libnetwork
