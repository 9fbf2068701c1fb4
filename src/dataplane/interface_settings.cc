// SPDX-License-Identifier: Apache-2.0
#include "dataplane/interface_settings.h"

#include <utility>

namespace calico::dataplane {
namespace {

Result<int> EnsureValue(kernel::Sysctl& sysctl, const std::string& key, const std::string& value) {
  ASSIGN_OR_RETURN(const std::string now, sysctl.Read(key));
  if (now == value) return 0;
  RETURN_IF_ERROR(sysctl.Write(key, value));
  return 1;
}

Result<int> EnsureAll(kernel::Sysctl& sysctl,
                      const std::vector<std::pair<std::string, std::string>>& wanted) {
  int writes = 0;
  for (const auto& [key, value] : wanted) {
    ASSIGN_OR_RETURN(const int one, EnsureValue(sysctl, key, value));
    writes += one;
  }
  return writes;
}

}  // namespace

Result<int> EnsureInterfaceSysctls(kernel::Sysctl& sysctl, const std::string& interface,
                                   bool foreign_sources) {
  std::string rp_filter = "0";
  if (!foreign_sources) {
    ASSIGN_OR_RETURN(rp_filter, sysctl.Read("net/ipv4/conf/default/rp_filter"));
  }
  const std::string v4 = "net/ipv4/conf/" + interface + "/", v6 = "net/ipv6/conf/" + interface + "/";
  const std::vector<std::pair<std::string, std::string>> wanted{
      {v4 + "route_localnet", "1"},
      {"net/ipv4/neigh/" + interface + "/proxy_delay", "0"},
      {v4 + "proxy_arp", "1"},
      {v4 + "forwarding", "1"},
      {v4 + "rp_filter", rp_filter}};
  ASSIGN_OR_RETURN(int writes, EnsureAll(sysctl, wanted));
  auto disabled = sysctl.Read(v6 + "disable_ipv6");
  if (!disabled.has_value() && disabled.error().code() != ErrorCode::kNotFound)
    return std::move(disabled).error();
  if (!disabled.has_value() || *disabled != "0") return writes;
  ASSIGN_OR_RETURN(
      const int more,
      EnsureAll(sysctl, {{v6 + "accept_ra", "0"}, {v6 + "proxy_ndp", "1"}, {v6 + "forwarding", "1"}}));
  return writes + more;
}

Result<int> EnsureForwarding(kernel::Sysctl& sysctl) {
  ASSIGN_OR_RETURN(const int writes, EnsureValue(sysctl, "net/ipv4/ip_forward", "1"));
  auto v6 = EnsureValue(sysctl, "net/ipv6/conf/all/forwarding", "1");
  if (!v6.has_value()) {
    if (v6.error().code() == ErrorCode::kNotFound) return writes;  // a kernel without IPv6
    return v6;
  }
  return writes + *v6;
}

Result<int> EnsureValidMarks(kernel::Sysctl& sysctl) {
  return EnsureValue(sysctl, "net/ipv4/conf/all/src_valid_mark", "1");
}

void NeighbourSync::Forget(int ifindex) {
  std::erase_if(actual_, [&](const auto& entry) { return entry.first.ifindex == ifindex; });
}

Result<int> NeighbourSync::Ensure(int ifindex, const std::vector<net::Cidr>& addresses, const net::Mac& mac) {
  if (must_read_) {
    actual_.clear();
    for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
      ASSIGN_OR_RETURN(auto read, rtnetlink_.ListNeighbours(family));
      actual_.merge(read);
    }
    must_read_ = false;
  }
  int writes = 0;
  const kernel::Neighbour wanted{mac, true};
  for (const net::Cidr& address : addresses) {
    const kernel::NeighbourKey key{ifindex, address.ip()};
    const auto held = actual_.find(key);
    if (held != actual_.end() && held->second == wanted) continue;
    RETURN_IF_ERROR(rtnetlink_.ReplaceNeighbour(key, wanted));
    actual_.insert_or_assign(key, wanted);
    ++writes;
  }
  return writes;
}

}  // namespace calico::dataplane
