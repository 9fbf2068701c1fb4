// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "datastore/client.h"
#include "datastore/etcdv3/connection.h"

// Internal to etcdv3: shows gRPC.
namespace calico::datastore::etcdv3 {

// The end of the range of all keys with a prefix: the prefix with its last byte one higher.
std::string PrefixEnd(std::string prefix);

// One watch = one stream with a reading thread of its own.
std::unique_ptr<Watch> StartWatch(std::shared_ptr<Connection> connection, const std::string& prefix,
                                  Revision from, WatchCallbacks callbacks);

}  // namespace calico::datastore::etcdv3
