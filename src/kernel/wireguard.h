// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "base/result.h"
#include "net/cidr.h"

namespace calico::kernel {

// A Curve25519 key, private or public.
struct WireguardKey {
  std::array<std::uint8_t, 32> bytes{};

  static std::optional<WireguardKey> Parse(std::string_view base64);  // as `wg` shows them
  static Result<WireguardKey> NewPrivate();                           // from the kernel's random numbers
  std::string ToString() const;
  bool empty() const { return bytes == std::array<std::uint8_t, 32>{}; }
  auto operator<=>(const WireguardKey&) const = default;
};
struct WireguardPeer {
  std::optional<net::Ip> host;  // that it is reached at; nullopt: wherever its packets come from
  std::uint16_t port = 0;
  std::uint16_t keepalive_seconds = 0;  // 0: off
  std::set<net::Cidr> allowed;          // sources and destinations of packets inside
  bool operator==(const WireguardPeer&) const = default;
};
struct WireguardDevice {
  WireguardKey private_key;  // empty: none yet
  WireguardKey public_key;   // that the kernel has computed
  std::uint16_t port = 0;
  std::uint32_t mark = 0;  // of the encrypted packets that it sends
  std::map<WireguardKey, WireguardPeer> peers;
};
// What is not named stays.
struct WireguardChange {
  std::optional<WireguardKey> private_key;
  std::optional<std::uint16_t> port;
  std::optional<std::uint32_t> mark;
  std::map<WireguardKey, std::optional<WireguardPeer>> peers;  // nullopt: remove
};

// The WireGuard devices of the calling thread's network namespace (linux/wireguard.h). Devices are made and
// removed with Rtnetlink. Each call blocks for one exchange, a change of many peers for several. Not
// thread-safe.
class Wireguard {
 public:
  virtual ~Wireguard() = default;
  virtual Result<WireguardDevice> Read(const std::string& interface) = 0;  // kNotFound; kUnsupported
  virtual Status Change(const std::string& interface, const WireguardChange& change) = 0;
};
Result<std::unique_ptr<Wireguard>> OpenWireguard();

}  // namespace calico::kernel
