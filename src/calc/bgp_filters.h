// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "dataplane_api/bgp_view.h"
#include "model/bgp.h"

namespace calico::calc {

// The rules of a BGPFilter, read from their text. A rule that cannot be read rejects what it would match as
// far as it can be read: what it was to let through must not pass by mistake.
dataplane_api::BgpFilterView BgpFilterViewOf(const model::BGPFilter& filter);

}  // namespace calico::calc
