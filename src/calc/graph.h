// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "dataplane_api/bgp_view.h"
#include "dataplane_api/updates.h"
#include "model/update.h"

namespace calico::calc {

// Datastore state in, dataplane state and BGP view out. Pure: no clock, no fd, no thread. Incremental: the
// result of a sequence of batches equals the result of their merge fed to a fresh graph (tested by permuted
// state sequences).
//
//   UpdateBatch ─┬─ endpoints, profiles ──> label index ──> IP sets ──┐
//                ├─ local endpoints ──> active profiles ──> rules ────┼──> dataplane_api::Batch
//                ├─ pools, affinities, nodes, endpoints ──> routes ───┤
//                ├─ pools, affinities, FelixConfiguration ──> host ───┘
//                └─ nodes, pools, affinities, BGPConfiguration, BGPPeer ──> BgpView
class Graph final {
 public:
  // `overrides`: the FELIX_* variables of this process, which win over every FelixConfiguration.
  // `speaker`: BIRD runs on this host and programs the routes that are not the agent's. `beyond_subnet`:
  // GoBGP does, which programs routes only to what the agent cannot reach, hosts of other subnets in pools
  // without encapsulation.
  explicit Graph(std::string node_name, model::FelixConfiguration overrides = {}, bool speaker = true,
                 bool beyond_subnet = false);
  ~Graph();

  // Returns what changed for the dataplane; nothing before the first in-sync batch (then everything).
  dataplane_api::Batch Apply(const model::UpdateBatch& batch);
  // The current BGP view; equal values mean nothing to do. Valid once in sync.
  dataplane_api::BgpView bgp_view() const;
  // Whether that may be another one than at the last call; so at first.
  bool TakeBgpChanged();
  bool in_sync() const;
  // What this version cannot express in rules that are in use, one sentence each; sorted.
  std::vector<std::string> warnings() const;
  // Other hosts that no route can lead to, and why; sorted.
  std::vector<std::string> unreachable() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calico::calc
