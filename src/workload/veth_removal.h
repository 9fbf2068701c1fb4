// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/joint_work.h"
#include "base/result.h"
#include "kernel/rtnetlink.h"

namespace calico::workload {

// Link groups (IFLA_GROUP, `ip link show group N`). On the host side of a container's interface that our
// Docker driver made: the name alone does not tell it from one that a CNI plugin made.
inline constexpr std::uint32_t kLibnetworkLinkGroup = 0x63616c69;  // "cali"
// On interfaces that are being removed. What a crash leaves in it is to be removed, too.
inline constexpr std::uint32_t kDoomedLinkGroup = 0x63616c78;  // "calx"

// Removes host interfaces. One by one each costs the kernel 20 ms with its lock for all of networking held,
// hundreds of one link group the same 20 ms together: calls that come while one is at work are done as one
// group. Thread-safe. The interface and its routes are gone when a call returns.
class VethRemoval final {
 public:
  VethRemoval();

  // Gone already is success.
  Status Remove(const std::string& host_name);

  // What a crash in the middle of a group has left. Before the first Remove.
  static Status FinishInterrupted(kernel::Rtnetlink& rtnetlink);

 private:
  std::vector<Status> RemoveAll(const std::vector<std::string>& host_names);
  static std::vector<Status> OneByOne(kernel::Rtnetlink& rtnetlink,
                                      const std::vector<std::string>& host_names);

  JointWork<std::string, Status> work_;
};

}  // namespace calico::workload
