// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/ip.h"

namespace calico::kernel {

enum class IptablesBackend : std::uint8_t { kNft, kLegacy };

// One back end's filter/FORWARD chain as far as it concerns us.
struct ForwardChain {
  bool exists = false;          // the back end has a filter table with this chain
  bool can_drop = false;        // policy DROP, or any rule that is not a plain accept of ours
  bool our_rule_first = false;  // the first rule accepts packets with our mark
};

// The machine's own iptables FORWARD chain, which sees every packet that our tables accepted
// (measured: under policy DROP an accept in our own table alone loses every packet).
// Reading uses netlink (nft) and getsockopt (legacy): microseconds, no process. The one rule is
// written through the restore command of that back end, in one transaction.
class ForwardFirewall {
 public:
  virtual ~ForwardFirewall() = default;
  virtual Result<ForwardChain> Read(net::Family family, IptablesBackend backend) = 0;
  // `-I FORWARD 1 -m mark --mark value/mask -m comment … -j ACCEPT`, and every other copy away: exactly one
  // is left, and no packet meets the chain without it.
  virtual Status InsertAccept(net::Family family, IptablesBackend backend) = 0;
  virtual Status RemoveAccept(net::Family family, IptablesBackend backend) = 0;
};
std::unique_ptr<ForwardFirewall> OpenForwardFirewall(std::uint32_t mark_value, std::uint32_t mark_mask);

}  // namespace calico::kernel
