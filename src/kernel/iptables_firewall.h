// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "net/ip.h"

namespace calico::kernel {

enum class IptablesBackend : std::uint8_t { kNft, kLegacy };
enum class IptablesHook : std::uint8_t { kForward, kInput };

// A chain of iptables' filter table.
struct IptablesPlace {
  net::Family family = net::Family::kV4;
  IptablesBackend backend = IptablesBackend::kNft;
  IptablesHook hook = IptablesHook::kForward;

  const char* chain() const { return hook == IptablesHook::kForward ? "FORWARD" : "INPUT"; }
  std::string Describe() const;  // "IPv4 FORWARD of iptables (nft)"
  auto operator<=>(const IptablesPlace&) const = default;
};
// Those of one back end.
std::array<IptablesPlace, 4> PlacesOf(IptablesBackend backend);

// Such a chain as far as it concerns us.
struct IptablesChain {
  bool exists = false;          // the back end has a filter table with this chain
  bool can_drop = false;        // policy DROP, or any rule that is not a plain accept of ours
  bool our_rule_first = false;  // the first rule accepts packets with our mark
};

// The machine's own iptables, which sees every packet that our tables accepted (measured: under policy DROP
// an accept in our own table alone loses every packet). Reading uses netlink (nft) and getsockopt (legacy):
// microseconds, no process. The one rule is written through the restore command of that back end, in one
// transaction.
class IptablesFirewall {
 public:
  virtual ~IptablesFirewall() = default;
  virtual Result<IptablesChain> Read(const IptablesPlace& place) = 0;
  // `-I FORWARD 1 -m mark --mark value/mask -m comment … -j ACCEPT`, and every other copy away: exactly one
  // is left, and no packet meets the chain without it.
  virtual Status InsertAccept(const IptablesPlace& place) = 0;
  virtual Status RemoveAccept(const IptablesPlace& place) = 0;
};
std::unique_ptr<IptablesFirewall> OpenIptablesFirewall(std::uint32_t mark_value, std::uint32_t mark_mask);

}  // namespace calico::kernel
