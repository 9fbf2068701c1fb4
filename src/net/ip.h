// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace calico::net {

enum class Family : std::uint8_t { kV4 = 4, kV6 = 6 };

constexpr int Bits(Family family) {
  return family == Family::kV4 ? 32 : 128;
}

// An IPv4 or IPv6 address without a prefix length. Orders IPv4 before IPv6, then numerically.
class Ip final {
 public:
  Ip() = default;  // 0.0.0.0
  // Dotted quad or RFC 4291 text; an IPv4-mapped IPv6 address stays IPv6.
  static std::optional<Ip> Parse(std::string_view text);
  static Ip V4(std::uint32_t host_order);
  // 4 or 16 bytes in network order.
  static Ip FromBytes(Family family, const std::uint8_t* bytes);

  Family family() const { return family_; }
  bool is_v4() const { return family_ == Family::kV4; }
  // Network order; the first 4 bytes for IPv4.
  const std::uint8_t* bytes() const { return bytes_.data(); }
  std::size_t size() const { return is_v4() ? 4 : 16; }
  std::uint32_t v4_host_order() const;

  // The address `offset` above this one; wraps at the end of the family.
  Ip Plus(std::uint64_t offset) const;
  // This minus `base`, when it fits 64 bits. Same family required.
  std::uint64_t DistanceFrom(const Ip& base) const;

  bool IsLoopback() const;
  bool IsMulticast() const;
  bool IsLinkLocal() const;
  bool IsUnspecified() const;
  // Not loopback, multicast, link-local or unspecified; private addresses count (Go's IsGlobalUnicast).
  bool IsGlobalUnicast() const;

  std::string ToString() const;  // RFC 5952
  auto operator<=>(const Ip&) const = default;

 private:
  Family family_ = Family::kV4;
  std::array<std::uint8_t, 16> bytes_{};
};

}  // namespace calico::net
