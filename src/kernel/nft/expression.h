// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernel/nftables.h"
#include "net/ip.h"

// Internal to nftables*.cc: a rule as the kernel's expressions, still without libnftnl, so that both
// directions are pure and can be compared. Everything goes through register 1 or the verdict register; the
// parts of a concatenation are loaded one behind the other, and so are an address and ports to translate to.
namespace calico::kernel::nft {

struct Expression {
  enum class Type : std::uint8_t {
    kMeta,       // a: key -> register
    kMetaSet,    // a: key <- register
    kCt,         // a: key
    kCtSet,      // a: key <- register
    kPayload,    // a: base, b: offset, c: length
    kBitwise,    // data: mask, data2: xor
    kCmp,        // a: operator, data
    kRange,      // a: operator, data: from, data2: to
    kLookup,     // a: 1 = inverted, b: 1 = map to a verdict, data: set
    kFib,        // a: flags, b: result
    kCounter,    // values are not part of it
    kObjRef,     // a: object type, data: name
    kImmediate,  // data -> register
    kMasq,       // b: flags, c: 1 = ports from registers 1 and 2
    kNat,        // a: type, b: flags, c: 1 = ports from 2 and 3; the address from register 1
    kNoTrack,
    kReject,   // a: type, b: code
    kLog,      // data: prefix
    kVerdict,  // a: code (as unsigned), data: chain
    kUnknown,  // data: name; something that we never write
  } type = Type::kUnknown;
  std::uint32_t a = 0, b = 0, c = 0;
  std::string data, data2;  // network order bytes, or text
  std::uint32_t reg = 1;    // where kMeta and kPayload load to (NFT_REG_1, …)
  bool operator==(const Expression&) const = default;
};

std::vector<Expression> Encode(const Rule& rule, net::Family family);
// The rule that encodes to these; one with the comment "foreign" if there is none.
Rule Decode(const std::vector<Expression>& expressions, const std::string& comment, net::Family family);

inline constexpr char kForeign[] = "foreign";

}  // namespace calico::kernel::nft
