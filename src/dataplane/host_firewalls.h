// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/foreign_firewall.h"
#include "kernel/iptables_firewall.h"

namespace calico::dataplane {

// The machine's own firewalls, which see every packet that our tables accepted.
//
// iptables, of either back end: our accept rule is kept first in FORWARD and INPUT where they can drop.
// Firewalls that are written for nf_tables are somebody's own work: they are named, and edited only if he
// says so. The rules stay when the agent ends: an upgrade must cut nothing.
class HostFirewalls final {
 public:
  HostFirewalls(kernel::IptablesFirewall& iptables, kernel::ForeignFirewall& foreign)
      : iptables_(iptables), foreign_(foreign) {}

  // FelixConfiguration foreignFirewall: Insert. Our rules are taken back when it is Report again.
  void SetEditForeign(bool edit);
  // Whether packets to this host may have our mark: then chains that see those concern us, too.
  void SetInputMatters(bool matters) { input_matters_ = matters; }
  // Each looks once and returns the number of writes; what fails is in error() and in the log.
  int CheckIptables(kernel::IptablesBackend backend);
  int CheckForeign();

  const std::string& error() const { return error_; }
  // Chains that may drop what policy allows, and that we may not edit.
  const std::vector<kernel::ForeignChain>& foreign() const { return dropping_; }

 private:
  Result<int> EnsureAccept(kernel::IptablesBackend backend);

  kernel::IptablesFirewall& iptables_;
  kernel::ForeignFirewall& foreign_;
  bool edit_foreign_ = false;
  bool input_matters_ = false;
  std::string error_;
  std::vector<kernel::ForeignChain> dropping_;
};

}  // namespace calico::dataplane
