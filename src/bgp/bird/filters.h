// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "dataplane_api/bgp_view.h"
#include "net/ip.h"

// Internal to bird/: BGPFilters as functions of BIRD (reference bgp-and-node B7).
namespace calico::bgp {

enum class FilterDirection : std::uint8_t { kImport, kExport };

// The function of a filter, quoted: BIRD's symbols have 64 characters at most.
std::string FilterFunctionName(const std::string& filter, FilterDirection direction, net::Family family);
// Its definition. It takes whether the session is within our AS, and returns where no rule decides.
std::string RenderFilterFunction(const std::string& filter, FilterDirection direction, net::Family family,
                                 const dataplane_api::BgpFilterView& view);
// Whether BIRD can read it between quotes, which it has no way to escape.
bool IsQuotable(const std::string& text);
// "bgp_community.add((65000,100))", of large ones likewise; empty: it is neither.
std::string AddCommunity(const std::string& community);

}  // namespace calico::bgp
