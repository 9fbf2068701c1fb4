// SPDX-License-Identifier: Apache-2.0
#include "kernel/testing/fake_wireguard.h"

namespace calico::kernel::testing {

Result<WireguardDevice> FakeWireguard::Read(const std::string& interface) {
  RETURN_IF_ERROR(script_.OnRead("read " + interface));
  if (!supported) return Error(ErrorCode::kUnsupported, "this kernel has no WireGuard");
  return devices[interface];
}

Status FakeWireguard::Change(const std::string& interface, const WireguardChange& change) {
  RETURN_IF_ERROR(script_.OnWrite("change " + interface));
  WireguardDevice& device = devices[interface];
  if (change.private_key) {
    device.private_key = device.public_key = *change.private_key;
    device.public_key.bytes[31] ^= 0x80;  // another one; which does not matter here
  }
  if (change.port) device.port = *change.port;
  if (change.mark) device.mark = *change.mark;
  for (const auto& [key, peer] : change.peers) {
    if (!peer) {
      device.peers.erase(key);
      continue;
    }
    // An address belongs to one peer: the last one that claims it.
    for (auto& [other, state] : device.peers) {
      for (const net::Cidr& cidr : peer->allowed) state.allowed.erase(cidr);
    }
    device.peers[key] = *peer;
  }
  return Ok();
}

}  // namespace calico::kernel::testing
