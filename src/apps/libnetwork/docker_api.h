// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

// dockerd's own HTTP API: the part of it that says which networks and containers there are. Unknown members
// are ignored, missing ones are empty.
namespace calico::libnetwork {

inline constexpr char kDriverName[] = "calico";  // ours, as Docker's networks name it
inline constexpr char kGlobalScope[] = "global";
inline constexpr char kLocalScope[] = "local";

struct DockerIpamPool {
  std::string subnet, ip_range, gateway;  // empty = not given
  bool operator==(const DockerIpamPool&) const = default;
};
struct DockerNetwork {
  std::string id;  // 64 hex digits; of this dockerd alone where the scope is "local"
  std::string name;
  std::string driver;
  std::string scope;  // kLocalScope, kGlobalScope or "swarm"
  bool internal = false;
  bool attachable = false;
  bool enable_ipv6 = false;
  std::map<std::string, std::string> options;  // -o
  std::map<std::string, std::string> labels;   // --label
  std::string ipam_driver;
  std::map<std::string, std::string> ipam_options;
  std::vector<DockerIpamPool> pools;
  std::map<std::string, std::string> endpoints;  // endpoint to container; filled by InspectNetwork alone
};

struct DockerEndpoint {
  std::string network_id;
  std::string endpoint_id;  // "" while the container does not run
};
struct DockerContainer {
  std::string id;
  std::string name;      // without the leading slash
  bool running = false;  // or paused, or between two tries of its restart policy
  std::map<std::string, std::string> labels;
  std::map<std::string, DockerEndpoint> endpoints;  // by the network's name
};

struct DockerEvent {
  std::string type;    // "network", "container"
  std::string action;  // "create", "destroy", "connect", "disconnect"; "start", "die", …
  std::string id;      // of the network or the container
  // Of a network: name, type (its driver) and, with connect, container. Of a container: name, image and its
  // labels.
  std::map<std::string, std::string> attributes;
};

// Questions to one dockerd. Each opens a connection of its own and ends within `timeout`: kUnavailable when
// dockerd cannot be reached, is busy restoring containers or fails. Thread-safe. Never to be called while
// dockerd waits for an answer of ours, unless with a short timeout (reference docker-and-cni A9.6).
class DockerApi final {
 public:
  DockerApi(std::string endpoint, Duration timeout);

  // Whether its networks of scope "global" are shared with other hosts, as up to Docker 20.10 with
  // --cluster-store.
  Result<bool> HasClusterStore() const;
  Result<std::vector<DockerNetwork>> ListNetworks() const;  // of all drivers
  // kNotFound.
  Result<DockerNetwork> InspectNetwork(const std::string& id_or_name) const;
  // The new network's ID. What dockerd says against it is the error's text.
  Result<std::string> CreateNetwork(const DockerNetwork& network) const;
  // kNotFound; kConflict while containers are connected to it.
  Status RemoveNetwork(const std::string& id) const;
  Result<std::vector<DockerContainer>> ListContainers() const;  // stopped ones, too
  // As ListContainers shows it: does not wait while the container is being started. kNotFound.
  Result<DockerContainer> FindContainer(const std::string& id) const;
  // kNotFound. Blocks while the container is being started.
  Result<DockerContainer> InspectContainer(const std::string& id) const;

 private:
  std::string endpoint_;
  Duration timeout_;
};

// One line of dockerd's /events.
std::optional<DockerEvent> ParseDockerEvent(const std::string& line);

}  // namespace calico::libnetwork
