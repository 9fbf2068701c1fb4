// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "kernel/forward_firewall.h"
#include "kernel/testing/call_script.h"

namespace calico::kernel::testing {

// FORWARD chains in memory, one for each family and back end; none exists at first. Writes are logged as
// "insert 4 nft" and "remove 6 legacy"; reads fail under "read".
class FakeForwardFirewall final : public ForwardFirewall {
 public:
  struct Chain {
    bool policy_drop = false;
    std::vector<std::string> rules;  // kOurs or anything else
  };
  static constexpr char kOurs[] = "ours";

  // What others do on a host; makes the chain.
  Chain& At(net::Family family, IptablesBackend backend) { return chains_[{family, backend}]; }
  void RemoveTable(net::Family family, IptablesBackend backend) { chains_.erase({family, backend}); }
  CallScript& script() { return script_; }

  Result<ForwardChain> Read(net::Family family, IptablesBackend backend) override;
  Status InsertAccept(net::Family family, IptablesBackend backend) override;
  Status RemoveAccept(net::Family family, IptablesBackend backend) override;

 private:
  std::map<std::pair<net::Family, IptablesBackend>, Chain> chains_;
  CallScript script_;
};

}  // namespace calico::kernel::testing
