// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <regex>
#include <set>
#include <string>

#include "dataplane/workload_interfaces.h"
#include "dataplane_api/updates.h"
#include "kernel/rtnetlink.h"

namespace calico::dataplane {

// How large a packet this host can send to others unencapsulated (reference felix 3.11): the smallest MTU of
// the interfaces that are up and either have the host's own address or match mtuIfacePattern.
class Uplink final {
 public:
  void SetHost(const dataplane_api::HostSettings& host);
  void Measure(const WorkloadInterfaces& interfaces, const std::set<kernel::Address>& addresses);
  int mtu_bytes() const { return mtu_bytes_; }  // 0: there is none

 private:
  std::set<net::Ip> own_;
  std::string pattern_text_;
  std::optional<std::regex> pattern_;
  int mtu_bytes_ = 0;
};

}  // namespace calico::dataplane
