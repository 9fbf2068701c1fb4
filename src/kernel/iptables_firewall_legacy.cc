// SPDX-License-Identifier: Apache-2.0
// iptables-legacy keeps its tables as one blob per family, read with getsockopt
// (linux/netfilter_ipv4/ip_tables.h).
#include <cerrno>
#include <cstring>
#include <vector>

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "kernel/iptables_firewall_read.h"

namespace calico::kernel {
namespace {

struct V4 {
  using Summary = ipt_getinfo;
  using Entries = ipt_get_entries;
  using Entry = ipt_entry;
  static constexpr int kFamily = AF_INET, kLevel = IPPROTO_IP, kGetInfo = IPT_SO_GET_INFO,
                       kGetEntries = IPT_SO_GET_ENTRIES;
  static constexpr char kNames[] = "/proc/thread-self/net/ip_tables_names";
  static bool MatchesAllPackets(const Entry& entry) {
    static const ipt_ip nothing{};
    return std::memcmp(&entry.ip, &nothing, sizeof nothing) == 0;
  }
};
struct V6 {
  using Summary = ip6t_getinfo;
  using Entries = ip6t_get_entries;
  using Entry = ip6t_entry;
  static constexpr int kFamily = AF_INET6, kLevel = IPPROTO_IPV6, kGetInfo = IP6T_SO_GET_INFO,
                       kGetEntries = IP6T_SO_GET_ENTRIES;
  static constexpr char kNames[] = "/proc/thread-self/net/ip6_tables_names";
  static bool MatchesAllPackets(const Entry& entry) {
    static const ip6t_ip6 nothing{};
    return std::memcmp(&entry.ipv6, &nothing, sizeof nothing) == 0;
  }
};

template <typename F>
const xt_entry_target& TargetOf(const typename F::Entry& entry) {
  return *reinterpret_cast<const xt_entry_target*>(reinterpret_cast<const char*>(&entry) +
                                                   entry.target_offset);
}
// A standard target's verdict: -NF_ACCEPT - 1 for ACCEPT, 0 or more is a jump; anything else is an extension.
template <typename F>
bool HasVerdict(const typename F::Entry& entry, int verdict) {
  const xt_entry_target& target = TargetOf<F>(entry);
  if (target.u.user.name[0] != '\0') return false;
  return reinterpret_cast<const xt_standard_target*>(&target)->verdict == -verdict - 1;
}

template <typename F>
bool IsOurs(const typename F::Entry& entry, MarkMatch mark) {
  if (!F::MatchesAllPackets(entry) || !HasVerdict<F>(entry, NF_ACCEPT)) return false;
  bool marked = false;
  for (unsigned offset = sizeof(entry); offset < entry.target_offset;) {
    const auto& match =
        *reinterpret_cast<const xt_entry_match*>(reinterpret_cast<const char*>(&entry) + offset);
    const std::string name = match.u.user.name;
    if (name == "mark" && match.u.user.revision == 1) {
      xt_mark_mtinfo1 info;
      std::memcpy(&info, match.data, sizeof info);
      marked = info.mark == mark.value && info.mask == mark.mask && info.invert == 0;
    } else if (name != "comment") {
      return false;
    }
    offset += match.u.match_size;
  }
  return marked;
}

template <typename F>
Result<IptablesChain> Read(IptablesHook hook, MarkMatch mark) {
  const auto names = ReadFile(F::kNames);
  if (!names.has_value()) return IptablesChain{};
  bool has_filter = false;
  for (const std::string& name : Split(*names, '\n')) has_filter = has_filter || name == "filter";
  if (!has_filter) return IptablesChain{};

  const UniqueFd fd(::socket(F::kFamily, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!fd.valid()) return Error::FromErrno(errno, "read iptables-legacy: open a raw socket");
  typename F::Summary info{};
  std::strcpy(info.name, "filter");
  socklen_t size = sizeof info;
  if (::getsockopt(fd.get(), F::kLevel, F::kGetInfo, &info, &size) != 0)
    return Error::FromErrno(errno, "read iptables-legacy");
  std::vector<char> blob(sizeof(typename F::Entries) + info.size);
  auto* entries = reinterpret_cast<typename F::Entries*>(blob.data());
  std::strcpy(entries->name, "filter");
  entries->size = info.size;
  size = static_cast<socklen_t>(blob.size());
  if (::getsockopt(fd.get(), F::kLevel, F::kGetEntries, entries, &size) != 0) {
    // Somebody changed the table between the two calls.
    if (errno == EAGAIN) return Error(ErrorCode::kUnavailable, "read iptables-legacy: changed meanwhile");
    return Error::FromErrno(errno, "read iptables-legacy");
  }
  const char* base = reinterpret_cast<const char*>(entries->entrytable);
  const auto entry_at = [&](unsigned offset) -> const typename F::Entry& {
    return *reinterpret_cast<const typename F::Entry*>(base + offset);
  };
  IptablesChain chain;
  chain.exists = true;
  const int number = hook == IptablesHook::kForward ? NF_INET_FORWARD : NF_INET_LOCAL_IN;
  const unsigned first = info.hook_entry[number], policy = info.underflow[number];
  chain.can_drop = !HasVerdict<F>(entry_at(policy), NF_ACCEPT);
  for (unsigned offset = first; offset < policy; offset += entry_at(offset).next_offset) {
    const bool ours = IsOurs<F>(entry_at(offset), mark);
    if (offset == first) chain.our_rule_first = ours;
    if (!ours) chain.can_drop = true;
  }
  return chain;
}

}  // namespace

Result<IptablesChain> ReadLegacyChain(const IptablesPlace& place, MarkMatch mark) {
  return place.family == net::Family::kV4 ? Read<V4>(place.hook, mark) : Read<V6>(place.hook, mark);
}

}  // namespace calico::kernel
