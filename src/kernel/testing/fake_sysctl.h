// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "kernel/sysctl.h"
#include "kernel/testing/call_script.h"

namespace calico::kernel::testing {

// Settings in memory. As under /proc/sys, only a key that exists can be written: Add() it first.
class FakeSysctl final : public Sysctl {
 public:
  void Add(const std::string& key, const std::string& value) { values_[key] = value; }
  void Remove(const std::string& key) { values_.erase(key); }
  CallScript& script() { return script_; }

  Result<std::string> Read(const std::string& key) override;
  Status Write(const std::string& key, const std::string& value) override;

 private:
  Result<std::string*> Find(const std::string& key);

  std::map<std::string, std::string> values_;
  CallScript script_;
};

}  // namespace calico::kernel::testing
