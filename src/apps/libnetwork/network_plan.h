// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "apps/libnetwork/docker_api.h"
#include "model/docker_network.h"

// What one host does about one network of local scope: a pure function of what the store says and what the
// host's Docker has (docs/decisions/0013).
namespace calico::libnetwork {

// On networks that an agent made: the host whose user made the network, and the DockerNetwork's generation.
inline constexpr char kFromLabel[] = "org.projectcalico.network.from";
inline constexpr char kGenerationLabel[] = "org.projectcalico.network.generation";

// States of a network on a host (DockerNetworkHost::state).
inline constexpr char kReady[] = "Ready";
inline constexpr char kCreating[] = "Creating";
// The host has a network of this name that is another one. It is left alone.
inline constexpr char kClash[] = "Clash";
// `docker network rm` on this host was undone: containers on other hosts use the network.
inline constexpr char kRemovalRefused[] = "RemovalRefused";
// Removed elsewhere, but containers of this host hold on to it.
inline constexpr char kStillUsed[] = "StillUsed";
// Docker refused to make it.
inline constexpr char kFailed[] = "Failed";

struct NetworkView {
  std::string name;
  std::optional<model::DockerNetwork> desired;     // of the store
  std::vector<DockerNetwork> local;                // of this name in this host's Docker, whatever they are
  std::optional<model::DockerNetworkHost> record;  // what this host wrote of it
  std::string engine;                              // the data of this host's Docker, now
  std::uint64_t highest_generation = 0;            // that any host has a record of
  // Other hosts whose containers use it; only looked at if AsksForUsers().
  std::vector<std::string> users_elsewhere;
};

struct NetworkStep {
  enum class Do {
    kNothing,
    kPublish,    // store `network`, instead of the stored one if there is one
    kUnpublish,  // the user removed it: out of the store
    kCreate,     // in Docker
    kRemove,     // `id` out of Docker; it was removed elsewhere
    kReplace,    // `id` by the desired one
    kNote,       // it is there with `id`, or cannot be, for the reason given
    kForget,     // nothing is left of it
  } action = Do::kNothing;
  std::string id;
  std::string state = kReady;
  std::string problem;
  std::optional<model::DockerNetwork> network = std::nullopt;
};

// Whether DecideNetwork() depends on view.users_elsewhere.
bool AsksForUsers(const NetworkView& view);
NetworkStep DecideNetwork(const NetworkView& view);

// What Docker says of a network as the store keeps it, without what calico-ipam or an agent put in.
model::DockerNetwork PublishedForm(const DockerNetwork& local, const std::string& host,
                                   std::uint64_t generation);
// What an agent asks Docker for.
DockerNetwork RequestedForm(const model::DockerNetwork& desired);
// How they differ in what matters to containers, for a user: "subnet 10.1.0.0/16 here, 10.2.0.0/16 there".
// Empty when they do not. Labels do not count.
std::string Difference(const DockerNetwork& local, const model::DockerNetwork& desired);

}  // namespace calico::libnetwork
