// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "model/metadata.h"

// Ours, not upstream's: what hosts must know of Docker's networks. Docker sends a driver nothing but IDs.
namespace calico::model {

// The name of a network by its ID, which differs from host to host where the network's scope is local.
// Key /calico/docker/v1/network/<id>, value {"name":"net1"}.
struct DockerNetworkName {
  std::string name;
  UnknownMembers unknown;
  bool operator==(const DockerNetworkName&) const = default;
};

// A network of local scope as one host has it, or why it does not. Written by that host alone.
// Key /calico/docker/v1/network-status/<host>/<network>.
struct DockerNetworkHost {
  std::string host;
  std::string id;                // in that host's Docker; empty: it is not there
  std::uint64_t generation = 0;  // of the DockerNetwork that it is
  // The data of that dockerd, by an ID in it. Data that was lost and a network that was removed differ in it.
  std::string engine;
  std::string state;    // "Ready", or what `problem` says: see libnetwork/network_plan.h
  std::string problem;  // one sentence; empty when Ready
  UnknownMembers unknown;
  bool operator==(const DockerNetworkHost&) const = default;
};

// A network of local scope that every host is to have. The name is its identity, as Docker writes it.
// Key /calico/docker/v1/networks/<name>.
struct DockerNetwork {
  Metadata metadata;
  std::string driver;
  std::map<std::string, std::string> options;  // -o
  std::string ipam_driver;
  std::map<std::string, std::string> ipam_options;
  std::vector<std::string> subnets;  // none: addresses come from all pools
  bool ipv6 = false;
  bool internal = false;
  bool attachable = false;
  std::map<std::string, std::string> labels;  // of the network in Docker, without ours
  std::string created_by;                     // host
  std::uint64_t generation = 0;               // grows when a network of this name is removed and made again
  std::vector<DockerNetworkHost> hosts;       // status; put there by who shows the network, never stored
  UnknownMembers unknown;
  bool operator==(const DockerNetwork&) const = default;
};

}  // namespace calico::model
