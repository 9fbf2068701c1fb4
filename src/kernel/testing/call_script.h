// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace calico::kernel::testing {

// Which calls of a fake fail, and what it was asked to write. Calls are named as the fakes log them:
// "replace route 254 10.65.0.1/32 metric 0", "write net/ipv4/ip_forward=1".
class CallScript {
 public:
  // The `nth` call from now (1 is the next) whose text starts with `prefix` fails once and changes nothing.
  void FailCall(std::string prefix, int nth, Error error) {
    failures_.push_back({std::move(prefix), nth, std::move(error)});
  }

  const std::vector<std::string>& writes() const { return writes_; }
  void ClearWrites() { writes_.clear(); }

  // For the fakes, at the start of each call. A write that fails is logged too: it was attempted.
  Status OnRead(const std::string& call) { return FailureOf(call); }
  Status OnWrite(const std::string& call) {
    writes_.push_back(call);
    return FailureOf(call);
  }

 private:
  struct Failure {
    std::string prefix;
    int remaining = 0;
    Error error;
  };
  Status FailureOf(const std::string& call) {
    std::optional<Error> due;
    for (auto failure = failures_.begin(); failure != failures_.end();) {
      if (call.starts_with(failure->prefix) && --failure->remaining == 0) {
        if (!due) due = failure->error;
        failure = failures_.erase(failure);
      } else {
        ++failure;
      }
    }
    return due ? Status(*std::move(due)) : Ok();
  }

  std::vector<Failure> failures_;
  std::vector<std::string> writes_;
};

}  // namespace calico::kernel::testing
