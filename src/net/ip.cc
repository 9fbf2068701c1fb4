// SPDX-License-Identifier: Apache-2.0
#include "net/ip.h"

#include <algorithm>

#include <arpa/inet.h>

#include "base/check.h"

namespace calico::net {

std::optional<Ip> Ip::Parse(std::string_view text) {
  // inet_pton() would stop at a NUL and accept what stands before it.
  if (text.size() > INET6_ADDRSTRLEN || text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated(text);
  Ip ip;
  if (::inet_pton(AF_INET, terminated.c_str(), ip.bytes_.data()) == 1) return ip;
  ip.family_ = Family::kV6;
  if (::inet_pton(AF_INET6, terminated.c_str(), ip.bytes_.data()) == 1) return ip;
  return std::nullopt;
}

Ip Ip::V4(std::uint32_t host_order) {
  Ip ip;
  for (std::size_t i = 0; i < 4; ++i) ip.bytes_[i] = static_cast<std::uint8_t>(host_order >> (24 - 8 * i));
  return ip;
}

Ip Ip::FromBytes(Family family, const std::uint8_t* bytes) {
  Ip ip;
  ip.family_ = family;
  std::copy_n(bytes, ip.size(), ip.bytes_.begin());
  return ip;
}

std::uint32_t Ip::v4_host_order() const {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i) value = value << 8 | bytes_[i];
  return value;
}

Ip Ip::Plus(std::uint64_t offset) const {
  Ip result = *this;
  unsigned carry = 0;
  for (std::size_t i = size(); i-- > 0;) {
    const unsigned sum = result.bytes_[i] + static_cast<unsigned>(offset & 0xff) + carry;
    result.bytes_[i] = static_cast<std::uint8_t>(sum);
    carry = sum >> 8;
    offset >>= 8;
  }
  return result;
}

std::uint64_t Ip::DistanceFrom(const Ip& base) const {
  CHECK(family_ == base.family_, "distance between address families");
  std::uint64_t distance = 0;
  int borrow = 0;
  for (std::size_t i = size(), shift = 0; i-- > 0; shift += 8) {
    int difference = bytes_[i] - base.bytes_[i] - borrow;
    borrow = difference < 0 ? 1 : 0;
    if (difference < 0) difference += 256;
    if (shift < 64) distance |= static_cast<std::uint64_t>(difference) << shift;
  }
  return distance;
}

bool Ip::IsLoopback() const {
  if (is_v4()) return bytes_[0] == 127;
  return std::all_of(bytes_.begin(), bytes_.end() - 1, [](std::uint8_t b) { return b == 0; }) &&
         bytes_[15] == 1;
}
bool Ip::IsMulticast() const {
  return is_v4() ? (bytes_[0] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}
bool Ip::IsLinkLocal() const {
  return is_v4() ? bytes_[0] == 169 && bytes_[1] == 254 : bytes_[0] == 0xfe && (bytes_[1] & 0xc0) == 0x80;
}
bool Ip::IsUnspecified() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [](std::uint8_t b) { return b == 0; });
}
bool Ip::IsGlobalUnicast() const {
  const bool broadcast = is_v4() && v4_host_order() == 0xffffffffu;
  return !IsLoopback() && !IsMulticast() && !IsLinkLocal() && !IsUnspecified() && !broadcast;
}

std::string Ip::ToString() const {
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

}  // namespace calico::net
