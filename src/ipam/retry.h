// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "ipam/block_store.h"

namespace calico::ipam {

// Calls `attempt` again while it says kConflict: somebody else wrote first, so read again and repeat.
template <typename Attempt>
auto RetryConflicts(Attempt attempt) -> decltype(attempt()) {
  for (int i = 0; i < kMaxAttempts; ++i) {
    auto result = attempt();
    if (result.has_value() || result.error().code() != ErrorCode::kConflict) return result;
  }
  return Error(ErrorCode::kUnavailable, "Max retries hit - excessive concurrent IPAM requests");
}

// A key that came or went between our read and our write: the same answer as a lost compare-and-swap.
inline bool IsLostRace(const Error& error) {
  return error.code() == ErrorCode::kConflict || error.code() == ErrorCode::kNotFound ||
         error.code() == ErrorCode::kAlreadyExists;
}

// Turns every lost race into kConflict, so that RetryConflicts repeats.
template <typename R>
R AsConflict(R result) {
  if (result.has_value() || !IsLostRace(result.error())) return result;
  return Error(ErrorCode::kConflict, result.error().message());
}

}  // namespace calico::ipam
