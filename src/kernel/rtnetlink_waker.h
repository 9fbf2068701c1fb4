// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>

#include <sys/types.h>

#include "base/result.h"

namespace calico::kernel {

// Makes the poll() of another process return: a message of no content arrives at the socket on which it waits
// for the kernel's news of links and routes. Whoever listens there ignores what the kernel did not send, and
// nobody else is woken. Both must be in one network namespace; needs CAP_NET_ADMIN.
class RtnetlinkWaker {
 public:
  static Result<std::unique_ptr<RtnetlinkWaker>> Open();
  virtual ~RtnetlinkWaker() = default;
  // kNotFound: the process is gone, or has no such socket (yet).
  virtual Status Wake(pid_t pid) = 0;
};

}  // namespace calico::kernel
