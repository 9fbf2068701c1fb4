// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "net/address_port.h"
#include "net/cidr.h"
#include "net/mac.h"
#include "net/ports.h"

// nf_tables as values. A rule is a list of statements that read like `nft` text; nftables.cc turns
// them into libnftnl expressions. One table per family, as upstream names them: `ip calico`, `ip6 calico`.
namespace calico::kernel::nft {

enum class Op : std::uint8_t { kEq, kNe };

// `iifname "cali*"`: a trailing '*' is a prefix match.
struct MatchIifname {
  std::string name;
  Op op = Op::kEq;
  bool operator==(const MatchIifname&) const = default;
};
struct MatchOifname {
  std::string name;
  Op op = Op::kEq;
  bool operator==(const MatchOifname&) const = default;
};
// `meta mark & mask == value`
struct MatchMark {
  std::uint32_t mask = 0, value = 0;
  Op op = Op::kEq;
  bool operator==(const MatchMark&) const = default;
};
// `ct state established,related`: bits of NF_CT_STATE_*.
inline constexpr std::uint32_t kCtInvalid = 1, kCtEstablished = 2, kCtRelated = 4, kCtNew = 8,
                               kCtUntracked = 64;
struct MatchCtState {
  std::uint32_t bits = 0;
  bool operator==(const MatchCtState&) const = default;
};
// `ct mark & mask == value`
struct MatchCtMark {
  std::uint32_t mask = 0, value = 0;
  Op op = Op::kEq;
  bool operator==(const MatchCtMark&) const = default;
};
// `ct direction reply`: whether the packet goes the way of the connection's first one. No packet without a
// connection matches.
enum class CtDirection : std::uint8_t { kOriginal, kReply };
struct MatchCtDirection {
  CtDirection direction = CtDirection::kOriginal;
  bool operator==(const MatchCtDirection&) const = default;
};
// `ct status dnat`: any of the bits IPS_*.
struct MatchCtStatus {
  std::uint32_t bits = 0;
  bool operator==(const MatchCtStatus&) const = default;
};
struct MatchProtocol {
  std::uint8_t protocol = 0;
  Op op = Op::kEq;
  bool operator==(const MatchProtocol&) const = default;
};  // meta l4proto
enum class Side : std::uint8_t { kSource, kDestination };
struct MatchAddress {
  Side side;
  net::Cidr cidr;
  Op op = Op::kEq;
  bool operator==(const MatchAddress&) const = default;
};
struct MatchAddressSet {
  Side side;
  std::string set;
  Op op = Op::kEq;
  bool operator==(const MatchAddressSet&) const = default;
};
// `th sport 80-90`: precede it by a MatchProtocol of a protocol with ports.
struct MatchPort {
  Side side;
  net::PortRange range;
  Op op = Op::kEq;
  bool operator==(const MatchPort&) const = default;
};
// `th dport @set`, likewise.
struct MatchPortSet {
  Side side;
  std::string set;
  Op op = Op::kEq;
  bool operator==(const MatchPortSet&) const = default;
};
// `ip daddr . meta l4proto . th dport @set`
struct MatchAddressPortSet {
  Side side;
  std::string set;
  Op op = Op::kEq;
  bool operator==(const MatchAddressPortSet&) const = default;
};
// `meta iiftype ether iifname . ether saddr @set`
struct MatchInterfaceMacSet {
  std::string set;
  Op op = Op::kEq;
  bool operator==(const MatchInterfaceMacSet&) const = default;
};
struct MatchIcmp {
  std::uint8_t type = 0;
  std::optional<std::uint8_t> code;
  Op op = Op::kEq;
  bool operator==(const MatchIcmp&) const = default;
};
// `fib saddr . mark . iif oif 0`: strict reverse path fails.
struct MatchReversePathFails {
  bool operator==(const MatchReversePathFails&) const = default;
};

// `fib daddr type local`; with `on_interface` `fib saddr . oif type local`: an address of this host, or of
// that one interface (packets that leave only).
struct MatchLocal {
  Side side;
  bool on_interface = false;
  Op op = Op::kEq;
  bool operator==(const MatchLocal&) const = default;
};

struct Counter {
  bool operator==(const Counter&) const = default;
};  // anonymous, per rule
struct CounterRef {
  std::string name;
  bool operator==(const CounterRef&) const = default;
};  // `counter name "x"`
struct SetMark {
  std::uint32_t mask = 0, value = 0;
  bool operator==(const SetMark&) const = default;
};  // mark = (mark & ~mask) | value
struct SetCtMark {
  std::uint32_t mask = 0, value = 0;
  bool operator==(const SetCtMark&) const = default;
};  // likewise, of the connection
struct NoTrack {
  bool operator==(const NoTrack&) const = default;
};  // in raw hooks
struct Reject {
  bool operator==(const Reject&) const = default;
};  // with an ICMP "port unreachable"; not in postrouting
// Source addresses become the one that the packet leaves by; ports, of TCP and UDP, stay in a range if there
// is one.
struct Masquerade {
  std::optional<net::PortRange> ports;
  bool fully_random = false;  // NF_NAT_RANGE_PROTO_RANDOM_FULLY
  bool operator==(const Masquerade&) const = default;
};
struct SourceNat {
  net::Ip address;
  std::optional<net::PortRange> ports;
  bool fully_random = false;
  bool operator==(const SourceNat&) const = default;
};
struct DestinationNat {
  net::Ip address;
  bool operator==(const DestinationNat&) const = default;
};
struct Log {
  std::string prefix;
  bool operator==(const Log&) const = default;
};
enum class VerdictKind : std::uint8_t { kAccept, kDrop, kReturn, kJump, kGoto };
struct Verdict {
  VerdictKind kind;
  std::string chain;
  bool operator==(const Verdict&) const = default;
};
// `iifname vmap @map`
struct VerdictMapLookup {
  Side side;
  std::string map;
  bool operator==(const VerdictMapLookup&) const = default;
};

using Statement =
    std::variant<MatchIifname, MatchOifname, MatchMark, MatchCtState, MatchCtMark, MatchCtDirection,
                 MatchCtStatus, MatchProtocol, MatchAddress, MatchAddressSet, MatchPort, MatchPortSet,
                 MatchAddressPortSet, MatchInterfaceMacSet, MatchIcmp, MatchReversePathFails, MatchLocal,
                 Counter, CounterRef, SetMark, SetCtMark, NoTrack, Reject, Masquerade, SourceNat,
                 DestinationNat, Log, Verdict, VerdictMapLookup>;
struct Rule {
  std::vector<Statement> statements;
  std::string comment;  // shown by `nft list`; at most 128 bytes
  bool operator==(const Rule&) const = default;
};

enum class Hook : std::uint8_t { kPrerouting, kInput, kForward, kOutput, kPostrouting };
struct BaseChain {
  enum class Type : std::uint8_t { kFilter, kNat, kRoute } type = Type::kFilter;
  Hook hook = Hook::kForward;
  int priority = 0;
  bool policy_accept = true;
  bool operator==(const BaseChain&) const = default;
};
struct Chain {
  std::optional<BaseChain> base;
  std::vector<Rule> rules;
  bool operator==(const Chain&) const = default;
};

enum class SetType : std::uint8_t {
  kAddresses,        // hash set of single addresses
  kPrefixes,         // interval set; members must not overlap (see net/prefix_cover.h)
  kPorts,            // interval set; ranges must not overlap
  kAddressPorts,     // hash set of address . protocol . port
  kInterfaceMacs,    // hash set of interface . MAC
  kVerdictByIfname,  // map: interface name -> verdict
};
struct InterfaceMac {
  std::string interface;
  net::Mac mac;
  auto operator<=>(const InterfaceMac&) const = default;
};
// By the set's type: a prefix (a /32 or /128 for kAddresses), an interface name, …
using SetKey = std::variant<net::Cidr, std::string, net::PortRange, net::AddressPort, InterfaceMac>;
std::string TextOf(const SetKey& key);
struct SetMember {
  SetKey key;
  std::optional<Verdict> verdict;  // maps only
  bool operator==(const SetMember&) const = default;
};
struct Set {
  SetType type = SetType::kAddresses;
  std::map<SetKey, std::optional<Verdict>> members;
  bool operator==(const Set&) const = default;
};

struct CounterValue {
  std::uint64_t packets = 0, bytes = 0;
};

// Everything in one table of ours, desired or actual.
struct TableContent {
  std::map<std::string, Chain> chains;
  std::map<std::string, Set> sets;
  std::map<std::string, CounterValue> counters;  // named counters; the values count only when read
};

// One change of a transaction. Order within a transaction is free: nftables.cc sorts into creation
// order (table, counters, sets, empty chains, members, rules) and deletion order after that.
struct AddTable {};  // idempotent
struct DeleteTable {};
struct AddCounter {
  std::string name;
};
struct DeleteCounter {
  std::string name;
};
struct AddSet {
  std::string name;
  SetType type;
};
struct DeleteSet {
  std::string name;
};  // with its members
struct AddMember {
  std::string set;
  SetType type;
  SetMember member;
};
struct DeleteMember {
  std::string set;
  SetType type;
  SetMember member;
};
struct SetChain {
  std::string name;
  Chain chain;
};  // creates it, or replaces all of its rules
struct DeleteChain {
  std::string name;
};
using Change = std::variant<AddTable, DeleteTable, AddCounter, DeleteCounter, AddSet, DeleteSet, AddMember,
                            DeleteMember, SetChain, DeleteChain>;
struct Transaction {
  net::Family family = net::Family::kV4;
  std::vector<Change> changes;
};

// Text of a whole table in the syntax of `nft list table`, for goldens and `show`.
std::string ToText(net::Family family, const std::string& table, const TableContent& content);

}  // namespace calico::kernel::nft

namespace calico::kernel {

// The nf_tables subsystem of the calling thread's network namespace, seen through one table name.
// Not thread-safe. Calls block for one exchange.
class Nftables {
 public:
  virtual ~Nftables() = default;
  // Several transactions (one per family) as ONE netlink batch: all of it or nothing.
  virtual Status Apply(const std::vector<nft::Transaction>& transactions) = 0;
  // What the kernel holds in our table of that family; an empty content when there is no table.
  // A rule that we did not write, or that somebody changed, reads as a Rule with comment
  // "foreign" and so never equals a desired one.
  virtual Result<nft::TableContent> Read(net::Family family) = 0;
  virtual Result<std::map<std::string, nft::CounterValue>> ReadCounters(net::Family family) = 0;
  // Of the rules that have one, in the order of each chain.
  struct RuleCounter {
    std::string comment;
    nft::CounterValue value;
  };
  virtual Result<std::map<std::string, std::vector<RuleCounter>>> ReadRuleCounters(net::Family family) = 0;
  // Changes with every commit by anybody.
  virtual Result<std::uint32_t> Generation() = 0;
  // The netlink port that our commits come from, as NftMonitor tells it.
  virtual std::uint32_t port_id() const = 0;
};
Result<std::unique_ptr<Nftables>> OpenNftables(const std::string& table);

// Tells that somebody committed an nf_tables transaction: a new generation, by which process.
class NftMonitor {
 public:
  struct Generation {
    std::uint32_t id = 0;
    std::uint32_t port_id = 0;
    std::string process;
  };
  virtual ~NftMonitor() = default;
  virtual int fd() const = 0;
  // All pending ones; never blocks. An overrun is reported as a generation with id 0.
  virtual Result<std::vector<Generation>> Read() = 0;
};
Result<std::unique_ptr<NftMonitor>> OpenNftMonitor();

}  // namespace calico::kernel
