// SPDX-License-Identifier: Apache-2.0
#include "kernel/testing/fake_forward_firewall.h"

#include <algorithm>

namespace calico::kernel::testing {
namespace {

std::string Named(const char* verb, net::Family family, IptablesBackend backend) {
  return std::string(verb) + (family == net::Family::kV4 ? " 4 " : " 6 ") +
         (backend == IptablesBackend::kNft ? "nft" : "legacy");
}

}  // namespace

Result<ForwardChain> FakeForwardFirewall::Read(net::Family family, IptablesBackend backend) {
  RETURN_IF_ERROR(script_.OnRead(Named("read", family, backend)));
  ForwardChain read;
  const auto found = chains_.find({family, backend});
  if (found == chains_.end()) return read;
  const Chain& chain = found->second;
  read.exists = true;
  read.our_rule_first = !chain.rules.empty() && chain.rules.front() == kOurs;
  read.can_drop = chain.policy_drop || std::any_of(chain.rules.begin(), chain.rules.end(),
                                                   [](const std::string& rule) { return rule != kOurs; });
  return read;
}

Status FakeForwardFirewall::InsertAccept(net::Family family, IptablesBackend backend) {
  RETURN_IF_ERROR(script_.OnWrite(Named("insert", family, backend)));
  Chain& chain = At(family, backend);  // the command makes a missing table
  std::erase(chain.rules, kOurs);
  chain.rules.insert(chain.rules.begin(), kOurs);
  return Ok();
}

Status FakeForwardFirewall::RemoveAccept(net::Family family, IptablesBackend backend) {
  RETURN_IF_ERROR(script_.OnWrite(Named("remove", family, backend)));
  const auto found = chains_.find({family, backend});
  if (found != chains_.end()) std::erase(found->second.rules, kOurs);
  return Ok();
}

}  // namespace calico::kernel::testing
