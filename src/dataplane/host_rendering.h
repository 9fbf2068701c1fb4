// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "dataplane/endpoint_rendering.h"
#include "dataplane_api/updates.h"
#include "kernel/nftables.h"

// The chains that hang in the kernel's hooks and lead to the endpoints' chains (reference felix 3.13, in the
// form that nf_tables wants): pure.
namespace calico::dataplane {

// A way from interfaces to the chains of host endpoints: a verdict map, and the chain of "*" if there is one.
struct HostDispatch {
  Stage stage = Stage::kHost;
  Direction direction = Direction::kIngress;
  Way way = Way::kOriginal;
  auto operator<=>(const HostDispatch&) const = default;
};
std::string HostDispatchName(const HostDispatch& dispatch);

struct HostView {
  dataplane_api::HostSettings settings;
  std::uint32_t generation = 1;  // of policy, in the bits of kGenerationMask before they are shifted
  std::map<net::Ip, net::Ip> floating_ips;  // external -> internal, of both families
  // The ways in use, and the chain of "*" at their end.
  std::map<HostDispatch, std::optional<std::string>> host_endpoints;
  bool operator==(const HostView&) const = default;
};

std::map<std::string, kernel::nft::Chain> RenderHostChains(const HostView& host, net::Family family);
// The generation in what the kernel has, to go on from there after a restart.
std::optional<std::uint32_t> GenerationIn(const kernel::nft::TableContent& content);

// The sets of RenderHostChains that follow from settings: pools, services, hosts outside.
std::map<std::string, kernel::nft::Set> RenderHostSets(const dataplane_api::HostSettings& host,
                                                       net::Family family);
// What an interface may send although the routes say otherwise.
kernel::nft::Chain RenderSpoofable(const std::vector<net::Cidr>& sources,
                                   std::map<std::string, kernel::nft::Set>& literals);

}  // namespace calico::dataplane
