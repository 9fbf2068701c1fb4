// SPDX-License-Identifier: Apache-2.0
#include "kernel/testing/fake_iptables_firewall.h"

#include <algorithm>

namespace calico::kernel::testing {
Result<IptablesChain> FakeIptablesFirewall::Read(const IptablesPlace& place) {
  RETURN_IF_ERROR(script_.OnRead("read " + place.Describe()));
  IptablesChain read;
  const auto found = chains_.find(place);
  if (found == chains_.end()) return read;
  const Chain& chain = found->second;
  read.exists = true;
  read.our_rule_first = !chain.rules.empty() && chain.rules.front() == kOurs;
  read.can_drop = chain.policy_drop || std::any_of(chain.rules.begin(), chain.rules.end(),
                                                   [](const std::string& rule) { return rule != kOurs; });
  return read;
}

Status FakeIptablesFirewall::InsertAccept(const IptablesPlace& place) {
  RETURN_IF_ERROR(script_.OnWrite("insert " + place.Describe()));
  Chain& chain = At(place);  // the command makes a missing table
  std::erase(chain.rules, kOurs);
  chain.rules.insert(chain.rules.begin(), kOurs);
  return Ok();
}

Status FakeIptablesFirewall::RemoveAccept(const IptablesPlace& place) {
  RETURN_IF_ERROR(script_.OnWrite("remove " + place.Describe()));
  const auto found = chains_.find(place);
  if (found != chains_.end()) std::erase(found->second.rules, kOurs);
  return Ok();
}

}  // namespace calico::kernel::testing
