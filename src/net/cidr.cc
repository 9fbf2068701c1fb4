// SPDX-License-Identifier: Apache-2.0
#include "net/cidr.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

namespace calico::net {
namespace {

// Keeps the first `length` bits, sets the others to `fill`.
Ip WithHostBits(const Ip& ip, int length, std::uint8_t fill) {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < ip.size(); ++i) {
    const int kept = std::clamp(length - static_cast<int>(8 * i), 0, 8);
    const auto mask = static_cast<std::uint8_t>(0xff00 >> kept);
    bytes[i] = static_cast<std::uint8_t>((ip.bytes()[i] & mask) | (fill & static_cast<std::uint8_t>(~mask)));
  }
  return Ip::FromBytes(ip.family(), bytes.data());
}

}  // namespace

std::optional<Cidr> Cidr::ParsePrefix(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const auto ip = Ip::Parse(text.substr(0, slash));
  const std::string_view digits = text.substr(slash + 1);
  int length = -1;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (!ip || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (length < 0 || length > Bits(ip->family()) || digits[0] == '-' || digits[0] == '+') return std::nullopt;
  return Cidr(*ip, length);
}

std::optional<Cidr> Cidr::Parse(std::string_view text) {
  if (text.find('/') != std::string_view::npos) return ParsePrefix(text);
  const auto ip = Ip::Parse(text);
  if (!ip) return std::nullopt;
  return Host(*ip);
}

Cidr Cidr::Masked() const {
  return Cidr(WithHostBits(ip_, prefix_length_, 0), prefix_length_);
}
Ip Cidr::Last() const {
  return WithHostBits(ip_, prefix_length_, 0xff);
}

bool Cidr::Contains(const Ip& ip) const {
  return ip.family() == family() &&
         WithHostBits(ip, prefix_length_, 0) == WithHostBits(ip_, prefix_length_, 0);
}
bool Cidr::Contains(const Cidr& other) const {
  return other.prefix_length_ >= prefix_length_ && Contains(other.ip_);
}
bool Cidr::Overlaps(const Cidr& other) const {
  return Contains(other) || other.Contains(*this);
}

std::string Cidr::ToString() const {
  return fmt::format("{}/{}", ip_.ToString(), prefix_length_);
}

}  // namespace calico::net
