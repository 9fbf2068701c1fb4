// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "datastore/choice.h"

namespace calico::datastore {

// Of which generations a set of etcd servers holds Calico data.
struct Generations {
  bool v2 = false, v3 = false;
};
// Asks for both at the same time: one round trip. Any question without an answer is an error.
Result<Generations> AskForGenerations(const EtcdOptions& etcd, const Probes& probes);

}  // namespace calico::datastore
