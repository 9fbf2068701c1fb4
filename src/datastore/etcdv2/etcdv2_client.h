// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.h"
#include "datastore/choice.h"
#include "datastore/client.h"

namespace calico::datastore {

// A client of a store of Calico 2.6 on etcd's v2 API. Takes and gives v3 paths and values and keeps them in
// 2.6's keys (reference datastore-model part B); names stay as they are in the store. What 2.6 cannot hold is
// absent when read and refused when written.
//  * Values of etcd v2 are text: bytes that are no UTF-8 are not kept.
//  * Other paths under /calico are raw keys. One that ends in "/" is a directory, for Create() only.
//  * A watch of resources follows /calico as a whole: with users, the role needs to read "/calico*".
//  * Several endpoints: a read that failed is tried on the others, a write never twice.
Result<std::unique_ptr<Client>> OpenEtcdV2(const EtcdOptions& options);

}  // namespace calico::datastore
