// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "kernel/iptables_firewall.h"
#include "kernel/testing/call_script.h"

namespace calico::kernel::testing {

// Chains in memory; none exists at first. Writes are logged as "insert IPv4 FORWARD of iptables (nft)" and
// "remove …"; reads fail under "read".
class FakeIptablesFirewall final : public IptablesFirewall {
 public:
  struct Chain {
    bool policy_drop = false;
    std::vector<std::string> rules;  // kOurs or anything else
  };
  static constexpr char kOurs[] = "ours";

  // What others do on a host; makes the chain.
  Chain& At(const IptablesPlace& place) { return chains_[place]; }
  CallScript& script() { return script_; }

  Result<IptablesChain> Read(const IptablesPlace& place) override;
  Status InsertAccept(const IptablesPlace& place) override;
  Status RemoveAccept(const IptablesPlace& place) override;

 private:
  std::map<IptablesPlace, Chain> chains_;
  CallScript script_;
};

}  // namespace calico::kernel::testing
