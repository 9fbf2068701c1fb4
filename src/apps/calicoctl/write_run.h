// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "apps/calicoctl/session.h"
#include "model/key.h"

// Many resources written one after the other as far as they depend on each other, and together otherwise.
namespace calico::calicoctl {

// One resource to write.
struct Item {
  model::Key key;      // nothing in `name`: not known before it is written
  bool alone = false;  // depends on others of its kind: pools are compared with each other
};

// Lengths of the consecutive runs whose items do not depend on each other: one kind, no key twice, none
// alone.
std::vector<std::size_t> IndependentRuns(const std::vector<Item>& items);

// Writes the items from `first` on, of one kind and independent of each other, and sets their statuses.
// Called from many threads.
using WriteSome =
    std::function<void(datastore::Resources& resources, std::size_t first, std::span<Status> statuses)>;

// The status of each item, in order. With more than 1 000 items and a terminal a progress bar shows how far
// it is; `past` is "created".
std::vector<Status> WriteItems(const Session& session, const std::vector<Item>& items, const WriteSome& write,
                               const std::string& past);

}  // namespace calico::calicoctl
