// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "datastore/client.h"
#include "datastore/etcdv2/http.h"

namespace calico::datastore::etcdv2 {

// One watch = one thread with a long poll. Events of raw keys become events of objects with the help of a
// mirror of the raw keys, which is read when the watch starts.
std::unique_ptr<Watch> StartWatch(std::shared_ptr<Transport> transport, const std::string& prefix,
                                  Revision from, WatchCallbacks callbacks);

}  // namespace calico::datastore::etcdv2
