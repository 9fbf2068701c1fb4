// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/ip_pool.h"
#include "model/selector/selector.h"
#include "net/cidr.h"

// Which pools serve a request (reference ipam 3.2): pure.
namespace calico::ipam {

inline constexpr int kDefaultBlockSizeV4 = 26, kDefaultBlockSizeV6 = 122;

struct Pool {
  net::Cidr cidr;
  int block_size = 0;  // prefix length of a block
  bool enabled = true;
  model::IPPool resource;
  bool operator==(const Pool&) const = default;
};

// In name order. Pools whose CIDR does not parse are left out with a log line.
std::vector<Pool> ParsePools(const std::vector<model::IPPool>& resources);
// The pool that holds an address, enabled or not; nullptr if none.
const Pool* PoolOf(const std::vector<Pool>& pools, const net::Ip& ip);

struct PoolRequest {
  net::Family family = net::Family::kV4;
  std::vector<net::Cidr> requested;  // empty = all that select the node
  std::string intended_use;
  std::string host;  // for messages
  model::Labels node_labels;
};
// kInvalidArgument: a requested pool does not exist or is disabled; kNotFound: no pool is left.
Result<std::vector<Pool>> ChoosePools(const std::vector<Pool>& pools, const PoolRequest& request);
// A selector that does not parse selects nothing.
bool SelectsNode(const Pool& pool, const model::Labels& node_labels);
// False: every node matches whatever its labels, so the Node need not be read.
bool NeedsNodeLabels(const Pool& pool);

}  // namespace calico::ipam
