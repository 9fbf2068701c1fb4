// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/network_plan.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"

namespace calico::libnetwork {
namespace {

using Do = NetworkStep::Do;

bool IsOurs(const DockerNetwork& network) {
  return network.driver == kDriverName && network.scope == kLocalScope;
}

// The network of ours in Docker; if there are several, the recorded one.
const DockerNetwork* Ours(const NetworkView& view) {
  const DockerNetwork* ours = nullptr;
  for (const DockerNetwork& network : view.local) {
    if (!IsOurs(network)) continue;
    if (ours == nullptr || (view.record && network.id == view.record->id)) ours = &network;
  }
  return ours;
}

// Whether it is what this host noted, and not another one that somebody made here. The label speaks for
// networks that were made a moment before this agent ended: their ID was not noted any more.
bool IsNoted(const NetworkView& view, const DockerNetwork& ours) {
  if (!view.record) return false;
  return view.record->id == ours.id || (view.record->id.empty() && ours.labels.contains(kFromLabel));
}

// Somebody removed it from this host's Docker. Not so if all that dockerd had is gone, or if what was here
// was older than what is wanted.
bool WasRemovedHere(const NetworkView& view) {
  if (!view.desired || !view.record || view.record->id.empty() || view.record->engine != view.engine ||
      view.record->generation != view.desired->generation) {
    return false;
  }
  return std::none_of(view.local.begin(), view.local.end(),
                      [&](const DockerNetwork& network) { return network.id == view.record->id; });
}

NetworkStep Publish(const NetworkView& view, const DockerNetwork& ours) {
  const std::uint64_t before = std::max(view.highest_generation, view.desired ? view.desired->generation : 0);
  NetworkStep step;
  step.action = Do::kPublish;
  step.id = ours.id;
  step.network = PublishedForm(ours, {}, before + 1);
  return step;
}

NetworkStep Note(std::string id, std::string state, std::string problem = {}) {
  NetworkStep step;
  step.action = Do::kNote;
  step.id = std::move(id);
  step.state = std::move(state);
  step.problem = std::move(problem);
  return step;
}

NetworkStep OfAction(Do action, std::string id = {}) {
  NetworkStep step;
  step.action = action;
  step.id = std::move(id);
  return step;
}

// No gateway and no range: calico-ipam refuses them.
bool IsPseudoPool(const DockerIpamPool& pool) {
  return pool.subnet.empty() || pool.subnet == "0.0.0.0/0" || pool.subnet == "::/0";
}

std::vector<std::string> SubnetsOf(const DockerNetwork& network) {
  std::vector<std::string> subnets;
  for (const DockerIpamPool& pool : network.pools) {
    if (!IsPseudoPool(pool)) subnets.push_back(pool.subnet);
  }
  std::sort(subnets.begin(), subnets.end());
  return subnets;
}

std::string OrNone(const std::string& text) {
  return text.empty() ? "none" : text;
}

std::string OptionsText(const std::map<std::string, std::string>& options) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : options) parts.push_back(name + "=" + value);
  return Join(parts, ", ");
}

}  // namespace

bool AsksForUsers(const NetworkView& view) {
  return view.desired && (WasRemovedHere(view) || (view.record && view.record->state == kRemovalRefused));
}

NetworkStep DecideNetwork(const NetworkView& view) {
  const DockerNetwork* ours = Ours(view);
  if (!view.desired) {
    if (ours == nullptr) return OfAction(view.record ? Do::kForget : Do::kNothing);
    return IsNoted(view, *ours) ? OfAction(Do::kRemove, ours->id) : Publish(view, *ours);
  }
  const bool removed = WasRemovedHere(view);
  const std::string difference = ours == nullptr ? "" : Difference(*ours, *view.desired);
  if (removed && view.users_elsewhere.empty()) {
    if (ours == nullptr) return OfAction(Do::kUnpublish);
    // Made anew on this host before we looked.
    return difference.empty() ? Note(ours->id, kReady) : Publish(view, *ours);
  }
  const bool refused = AsksForUsers(view) && !view.users_elsewhere.empty();
  const std::string state = refused ? kRemovalRefused : kReady;
  const std::string problem =
      refused
          ? fmt::format("docker network rm was undone: containers on {} use the network, remove them first",
                        Join(view.users_elsewhere, ", "))
          : "";
  if (ours != nullptr) {
    const bool noted = IsNoted(view, *ours);
    if (difference.empty() || (noted && view.record->generation == view.desired->generation))
      return Note(ours->id, state, problem);
    if (noted) return OfAction(Do::kReplace, ours->id);
    return Note(
        "", kClash,
        fmt::format("this host has another network {}: {}; remove one of the two", view.name, difference));
  }
  if (!view.local.empty()) {
    const DockerNetwork& other = view.local.front();
    return Note("", kClash,
                fmt::format("this host has another network {}: driver {}, scope {}; remove one of the two",
                            view.name, other.driver, other.scope));
  }
  NetworkStep step = Note("", state, problem);
  step.action = Do::kCreate;
  return step;
}

model::DockerNetwork PublishedForm(const DockerNetwork& local, const std::string& host,
                                   std::uint64_t generation) {
  model::DockerNetwork network;
  network.metadata.name = local.name;
  network.driver = local.driver;
  network.options = local.options;
  network.ipam_driver = local.ipam_driver;
  network.ipam_options = local.ipam_options;
  network.subnets = SubnetsOf(local);
  network.ipv6 = local.enable_ipv6;
  network.internal = local.internal;
  network.attachable = local.attachable;
  network.labels = local.labels;
  network.labels.erase(kFromLabel);
  network.labels.erase(kGenerationLabel);
  network.created_by = host;
  network.generation = generation;
  return network;
}

DockerNetwork RequestedForm(const model::DockerNetwork& desired) {
  DockerNetwork network;
  network.name = desired.metadata.name;
  network.driver = desired.driver;
  network.options = desired.options;
  network.ipam_driver = desired.ipam_driver;
  network.ipam_options = desired.ipam_options;
  for (const std::string& subnet : desired.subnets) network.pools.push_back({subnet, "", ""});
  network.enable_ipv6 = desired.ipv6;
  network.internal = desired.internal;
  network.attachable = desired.attachable;
  network.labels = desired.labels;
  network.labels[kFromLabel] = desired.created_by;
  network.labels[kGenerationLabel] = std::to_string(desired.generation);
  return network;
}

std::string Difference(const DockerNetwork& local, const model::DockerNetwork& desired) {
  std::vector<std::string> differences;
  const auto compare = [&](const char* what, const std::string& here, const std::string& there) {
    if (here != there)
      differences.push_back(fmt::format("{} {} here, {} there", what, OrNone(here), OrNone(there)));
  };
  const auto yes_or_no = [](bool value) { return std::string(value ? "yes" : "no"); };
  std::vector<std::string> wanted = desired.subnets;
  std::sort(wanted.begin(), wanted.end());
  compare("driver", local.driver, desired.driver);
  compare("options", OptionsText(local.options), OptionsText(desired.options));
  compare("IPAM driver", local.ipam_driver, desired.ipam_driver);
  compare("IPAM options", OptionsText(local.ipam_options), OptionsText(desired.ipam_options));
  compare("subnet", Join(SubnetsOf(local), ", "), Join(wanted, ", "));
  compare("IPv6", yes_or_no(local.enable_ipv6), yes_or_no(desired.ipv6));
  compare("internal", yes_or_no(local.internal), yes_or_no(desired.internal));
  return Join(differences, "; ");
}

}  // namespace calico::libnetwork
