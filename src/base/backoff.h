// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>

#include "base/clock.h"

namespace calico {

// Doubles from `initial` to `max`; Reset() after a success.
class Backoff final {
 public:
  Backoff(Duration initial, Duration max) : initial_(initial), max_(max), next_(initial) {}
  Duration Next() {
    const Duration current = next_;
    next_ = std::min(next_ * 2, max_);
    return current;
  }
  void Reset() { next_ = initial_; }

 private:
  const Duration initial_;
  const Duration max_;
  Duration next_;
};

}  // namespace calico
