// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "datastore/client.h"

namespace calico::datastore::etcdv2 {

// One key of etcd v2 as the server tells it.
struct RawNode {
  std::string key;  // "/calico/v1/Ready"
  std::string value;
  bool dir = false;
  Revision modified = 0;  // modifiedIndex
};
struct RawAnswer {
  std::string action;          // "get", "set", "delete", "expire", "compareAndSwap", …
  std::vector<RawNode> nodes;  // the node itself first, then all below it
  bool dir_gone = false;       // the node was a directory before this action
};
struct RawError {
  int code = 0;  // 100: key not found, …
  std::string message;
  Revision index = 0;
};

// {"action":"get","node":{…,"nodes":[…]}}. A recursive list can be large: it is read without a tree of it.
Result<RawAnswer> ParseAnswer(std::string_view json);
// {"errorCode":100,"message":"Key not found","cause":"/x","index":12}; nullopt if it is no such text.
std::optional<RawError> ParseError(std::string_view json);

}  // namespace calico::datastore::etcdv2
