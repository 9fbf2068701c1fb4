// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <optional>
#include <string>
#include <string_view>

#include "net/ip.h"

namespace calico::net {

// An address with a prefix length. May have host bits set (an interface's address); Masked() clears them.
class Cidr final {
 public:
  Cidr() = default;  // 0.0.0.0/32
  Cidr(const Ip& ip, int prefix_length) : ip_(ip), prefix_length_(prefix_length) {}
  static Cidr Host(const Ip& ip) { return Cidr(ip, Bits(ip.family())); }
  // "10.0.0.0/8"; a bare address is read as /32 or /128. Host bits are kept.
  static std::optional<Cidr> Parse(std::string_view text);
  // As Parse, but a "/" is required.
  static std::optional<Cidr> ParsePrefix(std::string_view text);

  const Ip& ip() const { return ip_; }
  Family family() const { return ip_.family(); }
  int prefix_length() const { return prefix_length_; }
  bool is_host() const { return prefix_length_ == Bits(family()); }

  Cidr Masked() const;
  bool IsMasked() const { return *this == Masked(); }
  bool Contains(const Ip& ip) const;
  bool Contains(const Cidr& other) const;  // other is equal or inside
  bool Overlaps(const Cidr& other) const;
  Ip Last() const;  // highest address of the prefix

  std::string ToString() const;  // always with "/"
  auto operator<=>(const Cidr&) const = default;

 private:
  Ip ip_;
  int prefix_length_ = 32;
};

}  // namespace calico::net
