// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kernel/nftables.h"

// Internal to nftables*.cc: between our values and nfnetlink messages, through libnftnl.
namespace calico::kernel::nft {

// Type numbers of nft(8)'s own types, which the kernel keeps without looking at them: they tell `nft list`
// how to print, and us which kind of set it is. A concatenation has six bits for each part.
inline constexpr std::uint32_t kTypeIpv4 = 7, kTypeIpv6 = 8, kTypeMac = 9, kTypeProtocol = 12, kTypePort = 13,
                               kTypeIfname = 41;
constexpr std::uint32_t Concatenated(std::uint32_t a, std::uint32_t b) {
  return (a << 6) | b;
}
inline constexpr std::uint32_t kTypeIpv4Port =
                                   Concatenated(Concatenated(kTypeIpv4, kTypeProtocol), kTypePort),
                               kTypeIpv6Port =
                                   Concatenated(Concatenated(kTypeIpv6, kTypeProtocol), kTypePort),
                               kTypeInterfaceMac = Concatenated(kTypeIfname, kTypeMac);

// Builds the messages of one batch; Finish() gives the bytes. Each message has a sequence number from 1, and
// Description(seq) says what it was for error texts.
class BatchBuilder final {
 public:
  BatchBuilder(std::string table, std::uint32_t first_sequence);

  void Add(const Transaction& transaction);
  // The whole batch; the last message asks for an acknowledgement. Empty if nothing was added.
  std::vector<char> Finish();
  std::uint32_t last_sequence() const { return sequence_ - 1; }
  std::string Description(std::uint32_t sequence) const;

 private:
  void Append(const char* message, std::string description);
  template <typename Build>
  void Message(std::uint16_t type, net::Family family, std::uint16_t flags, std::string description,
               Build build);

  void AddTable(net::Family family);
  void DeleteTable(net::Family family);
  void Counter(net::Family family, const std::string& name, bool add);
  void AddSet(net::Family family, const std::string& name, SetType type);
  void DeleteSet(net::Family family, const std::string& name);
  void Members(net::Family family, const std::string& set, SetType type,
               const std::vector<SetMember>& members, bool add);
  void AddChain(net::Family family, const std::string& name, const Chain& chain);
  void FlushChain(net::Family family, const std::string& name);
  void DeleteChain(net::Family family, const std::string& name);
  void AddRule(net::Family family, const std::string& chain, const Rule& rule);

  const std::string table_;
  const std::uint32_t first_sequence_;
  std::uint32_t sequence_;
  std::vector<char> batch_;
  std::size_t last_message_ = 0;
  std::unique_ptr<char[]> scratch_;  // one message
  std::vector<std::string> descriptions_;
};

}  // namespace calico::kernel::nft

struct nlmsghdr;
struct nftnl_rule;
struct nftnl_set;
struct nftnl_chain;
namespace calico::kernel::nft {

Chain ChainFrom(const nftnl_chain* chain);
Rule RuleFrom(nftnl_rule* rule, net::Family family);
std::string CommentOf(const nftnl_rule* rule);
std::optional<CounterValue> CounterOf(nftnl_rule* rule);  // of its first counter
void AddMembersFrom(nftnl_set* set, net::Family family, Set& into);
SetType TypeFrom(const nftnl_set* set);

}  // namespace calico::kernel::nft
