// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/validate only: checks of addresses that several kinds share (reference datastore-model C.2).

#include <string_view>

#include "model/validate/problems.h"
#include "net/cidr.h"

namespace calico::model::validate {

inline bool IsIp(std::string_view text) {
  return net::Ip::Parse(text).has_value();
}
inline bool IsCidr(std::string_view text) {  // host bits allowed
  return net::Cidr::Parse(text).has_value();
}
inline bool IsNet(std::string_view text) {
  const auto cidr = net::Cidr::Parse(text);
  return cidr && cidr->IsMasked();
}
inline void CheckIp(std::string_view field, std::string_view text, net::Family family, Problems& problems) {
  const auto ip = net::Ip::Parse(text);
  if (!text.empty() && (!ip || ip->family() != family))
    problems.Tag(field, text, family == net::Family::kV4 ? "ipv4" : "ipv6");
}
inline void CheckCidr(std::string_view field, std::string_view text, net::Family family, Problems& problems) {
  const auto cidr = net::Cidr::Parse(text);
  if (!text.empty() && (!cidr || cidr->family() != family))
    problems.Tag(field, text, family == net::Family::kV4 ? "cidrv4" : "cidrv6");
}

}  // namespace calico::model::validate
