// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "kernel/testing/call_script.h"
#include "kernel/wireguard.h"

namespace calico::kernel::testing {

// WireGuard devices in memory; `supported` false: a kernel without it. Writes are logged as "change
// <interface>".
class FakeWireguard final : public Wireguard {
 public:
  bool supported = true;
  std::map<std::string, WireguardDevice> devices;
  CallScript& script() { return script_; }

  Result<WireguardDevice> Read(const std::string& interface) override;
  Status Change(const std::string& interface, const WireguardChange& change) override;

 private:
  CallScript script_;
};

}  // namespace calico::kernel::testing
