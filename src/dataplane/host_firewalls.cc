// SPDX-License-Identifier: Apache-2.0
#include "dataplane/host_firewalls.h"

#include <utility>

#include "base/log.h"
#include "dataplane/names.h"

namespace calico::dataplane {
namespace {

constexpr char kComponent[] = "firewall";

}  // namespace

Result<int> HostFirewalls::EnsureAccept(kernel::IptablesBackend backend) {
  int writes = 0;
  for (const kernel::IptablesPlace& place : kernel::PlacesOf(backend)) {
    ASSIGN_OR_RETURN(const kernel::IptablesChain chain, iptables_.Read(place));
    if (!chain.exists || chain.our_rule_first || !chain.can_drop) continue;
    RETURN_IF_ERROR(iptables_.InsertAccept(place));
    LogInfo(kComponent, "{} can drop: our accept rule is first in it now", place.Describe());
    ++writes;
  }
  return writes;
}

int HostFirewalls::CheckIptables(kernel::IptablesBackend backend) {
  const auto writes = EnsureAccept(backend);
  if (writes.has_value()) {
    error_.clear();
    return *writes;
  }
  if (error_ != writes.error().message()) LogError(kComponent, "{}", writes.error().message());
  error_ = writes.error().message();
  return 0;
}

int HostFirewalls::CheckForeign() {
  auto chains = foreign_.Read();
  if (!chains.has_value()) {
    LogError(kComponent, "{}", chains.error().message());
    return 0;
  }
  int writes = 0;
  std::vector<kernel::ForeignChain> left;
  for (const kernel::ForeignChain& chain : *chains) {
    if (!chain.CanDrop() || (chain.input && !input_matters_)) continue;
    if (edit_foreign_) {
      const Status inserted = foreign_.InsertAccept(chain);
      if (inserted.has_value()) {
        LogInfo(kComponent, "{}: our accept rule is first in it now", chain.Describe());
        ++writes;
        continue;
      }
      LogError(kComponent, "{}: {}", chain.Describe(), inserted.error().message());
    }
    left.push_back(chain);
  }
  if (left == dropping_) return writes;
  for (const kernel::ForeignChain& chain : left)
    LogWarning(kComponent, "{} may drop what policy allows; to let it through: {}", chain.Describe(),
               chain.Command(kAcceptMark));
  dropping_ = std::move(left);
  return writes;
}

void HostFirewalls::SetEditForeign(bool edit) {
  if (std::exchange(edit_foreign_, edit) == edit || edit) return;
  if (const Status removed = foreign_.RemoveAccepts(); !removed.has_value())
    LogError(kComponent, "{}", removed.error().message());
}

}  // namespace calico::dataplane
