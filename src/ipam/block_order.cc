// SPDX-License-Identifier: Apache-2.0
#include "ipam/block_order.h"

#include <algorithm>

namespace calico::ipam {
namespace {

// Mixes the seed so that similar host names start far apart (the finaliser of SplitMix64).
std::uint64_t Scatter(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

}  // namespace

std::uint32_t HostSeed(const std::string& host) {
  std::uint32_t hash = 2166136261U;
  for (const char c : host) {
    hash *= 16777619U;
    hash ^= static_cast<std::uint8_t>(c);
  }
  return hash;
}

BlockOrder::BlockOrder(const net::Cidr& pool, int block_prefix_length, std::uint32_t seed)
    : pool_(pool.Masked()), block_prefix_length_(block_prefix_length) {
  const int block_bits = block_prefix_length - pool.prefix_length();
  if (block_bits < 0) return;  // the pool is smaller than one block: nothing to walk
  // Offsets are 64-bit. Of a larger IPv6 pool only the first 2^63 addresses are walked, which no walk ever
  // ends.
  const int host_bits = net::Bits(pool.family()) - block_prefix_length;
  count_ = std::uint64_t{1} << std::min(block_bits, 63 - host_bits);
  start_ = Scatter(seed) % count_;
}

std::optional<net::Cidr> BlockOrder::Next() {
  if (walked_ >= count_) return std::nullopt;
  const std::uint64_t index = (start_ + walked_) % count_;
  ++walked_;
  const int host_bits = net::Bits(pool_.family()) - block_prefix_length_;
  return net::Cidr(pool_.ip().Plus(index << host_bits), block_prefix_length_);
}

std::uint64_t BlockOrder::DistanceOf(const net::Cidr& block) const {
  const int host_bits = net::Bits(pool_.family()) - block_prefix_length_;
  const std::uint64_t index = block.ip().DistanceFrom(pool_.ip()) >> host_bits;
  return (index + count_ - start_) % count_;
}

}  // namespace calico::ipam
