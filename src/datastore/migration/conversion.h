// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "model/key.h"
#include "model/update.h"

namespace calico::datastore::migration {

// What the user of 2.6 calls a kind: "policy", "felixConfig", "ipamBlock".
std::string KindIn26(model::Kind kind);
// Why an object stays behind; "" if it does not.
std::string ReasonToSkip(const model::Key& key, const model::Object& object);
// Renames it, and what it refers to, by v3's rules.
Status Convert(const model::Key& key, model::Object& object);
// Where it goes after that.
model::Key KeyAfter(const model::Key& key, const model::Object& object);

}  // namespace calico::datastore::migration
