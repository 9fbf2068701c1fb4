// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"

namespace calico::kernel {

// A base chain of somebody else's nf_tables table that sees packets which are forwarded or come to this host,
// as far as it concerns us.
struct ForeignChain {
  std::string family;  // "ip", "ip6", "inet"
  std::string table, chain;
  bool policy_drop = false;
  // The first rule that may drop, as its handle: it drops, rejects, or leads to other chains. 0: none.
  std::uint64_t dropping_rule = 0;
  bool our_rule_first = false;  // its first rule accepts packets with our mark
  bool input = false;           // of packets to this host

  // Packets that policy allows may be lost here.
  bool CanDrop() const { return !our_rule_first && (policy_drop || dropping_rule != 0); }
  // "table inet filter, chain forward: policy drop".
  std::string Describe() const;
  // The command that lets our packets through: "nft insert rule inet filter forward …".
  std::string Command(std::uint32_t mark) const;
  bool operator==(const ForeignChain&) const = default;
};

// Firewalls written for nf_tables itself (nft, firewalld), which FORWARD of iptables says nothing of. Reading
// is a few netlink dumps. Not thread-safe.
class ForeignFirewall {
 public:
  virtual ~ForeignFirewall() = default;
  // Chains in the forward and the input hook, without our own table and those of iptables.
  virtual Result<std::vector<ForeignChain>> Read() = 0;
  // An accept rule for our mark, with our comment, first in the chain.
  virtual Status InsertAccept(const ForeignChain& chain) = 0;
  // All rules with our comment in such chains.
  virtual Status RemoveAccepts() = 0;
};
// `mark`: value and mask of the packets to accept. `own_table`: the name of our tables.
std::unique_ptr<ForeignFirewall> OpenForeignFirewall(std::uint32_t mark, const std::string& own_table);

}  // namespace calico::kernel
