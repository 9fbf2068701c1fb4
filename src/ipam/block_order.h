// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/cidr.h"

namespace calico::ipam {

// The order in which one host walks the blocks of a pool (reference ipam 5.3): from a start that depends on
// the host's name, upwards, wrapping once. So hosts seldom meet, and one host always tries the same blocks
// first.
class BlockOrder final {
 public:
  // `seed` picks the start; see HostSeed().
  BlockOrder(const net::Cidr& pool, int block_prefix_length, std::uint32_t seed);

  // The next block, or nullopt after all of them.
  std::optional<net::Cidr> Next();
  // How far `block` is from the start; for sorting blocks that exist in the same order.
  std::uint64_t DistanceOf(const net::Cidr& block) const;

 private:
  const net::Cidr pool_;
  const int block_prefix_length_;
  std::uint64_t count_ = 0;  // blocks in the pool
  std::uint64_t start_ = 0;
  std::uint64_t walked_ = 0;
};

// 32-bit FNV-1 of the host's name, as upstream seeds its walk.
std::uint32_t HostSeed(const std::string& host);

}  // namespace calico::ipam
