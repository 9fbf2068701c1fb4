// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/trace_live.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "dataplane/names.h"
#include "kernel/rtnetlink.h"

namespace calico::calicoctl {
namespace {

// Where calico-node leaves the name that it runs under (reference bgp-and-node A1).
constexpr char kNodeNameFile[] = "/var/lib/calico/nodename";

std::string ThisNode(const Environment& environment) {
  if (const std::string name = environment.GetOr("NODENAME", ""); !name.empty()) return name;
  if (const auto file = ReadFile(kNodeNameFile); file.has_value()) {
    if (const std::string_view name = Trim(*file); !name.empty()) return std::string(name);
  }
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

}  // namespace

std::string LiveHost::InterfaceTo(const net::Ip& ip) const {
  const int wanted = dataplane::InterfaceTo(routes.at(ip.family()), ip);
  for (const auto& [name, index] : interfaces) {
    if (index == wanted) return name;
  }
  return {};
}

Result<LiveHost> ReadLiveHost(const Environment& environment) {
  LiveHost host;
  host.node = ThisNode(environment);
  ASSIGN_OR_RETURN(const auto rtnetlink, kernel::OpenRtnetlink());
  ASSIGN_OR_RETURN(const auto links, rtnetlink->ListLinks());
  std::map<int, std::string> names;
  for (const kernel::Link& link : links) {
    host.interfaces[link.name] = link.ifindex;
    names[link.ifindex] = link.name;
  }
  ASSIGN_OR_RETURN(const auto addresses, rtnetlink->ListAddresses());
  for (const kernel::Address& address : addresses)
    host.addresses[names[address.ifindex]].push_back(address.address.ip());
  ASSIGN_OR_RETURN(const auto nftables, kernel::OpenNftables(dataplane::kTableName));
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(host.routes[family], rtnetlink->ListRoutes(family, kernel::kMainTable));
    auto table = nftables->Read(family);
    if (!table.has_value()) {
      return Error(table.error().code(),
                   fmt::format("cannot read the kernel's nftables: {}{}", table.error().message(),
                               ::geteuid() == 0 ? "" : "; --live needs root"));
    }
    host.tables[family] = *std::move(table);
  }
  if (host.tables[net::Family::kV4].chains.empty()) {
    return Error(ErrorCode::kNotFound,
                 fmt::format("there is no nftables table 'ip {}' on this host: does calico-node run here?",
                             dataplane::kTableName));
  }
  return host;
}

dataplane::Walk WalkAt(const LiveHost& host, const policy_eval::Cluster& cluster,
                       const policy_eval::Crossing& crossing) {
  const policy_eval::Packet& packet = crossing.packet;
  dataplane::WalkedPacket walked;
  walked.source = packet.source;
  walked.destination = packet.destination;
  walked.protocol = packet.protocol;
  walked.source_port = packet.source_port;
  walked.destination_port = packet.destination_port;
  walked.icmp_type = static_cast<std::uint8_t>(packet.icmp_type);
  walked.icmp_code = static_cast<std::uint8_t>(packet.icmp_code);
  walked.in_interface = crossing.in_interface;
  walked.out_interface = crossing.out_interface;
  const auto interface = host.interfaces.find(crossing.in_interface);
  if (interface != host.interfaces.end()) {
    walked.from_where_it_routes =
        dataplane::RoutesBack(host.routes.at(packet.family()), packet.source, interface->second);
  }
  if (const auto key = policy_eval::WorkloadOf(cluster, host.node, crossing.in_interface))
    walked.source_mac = net::Mac::Parse(cluster.Find<model::WorkloadEndpoint>(*key)->mac);
  return dataplane::WalkTable(host.tables.at(packet.family()), walked);
}

Result<std::vector<LiveAnswer>> AskLive(const LiveHost& host, const policy_eval::Cluster& cluster,
                                        const policy_eval::Journey& journey) {
  std::vector<LiveAnswer> answers;
  std::set<std::string> hosts;
  for (policy_eval::Crossing& crossing : policy_eval::CrossingsOf(cluster, journey)) {
    hosts.insert(crossing.node);
    if (crossing.node != host.node) continue;
    LiveAnswer answer;
    answer.walk = WalkAt(host, cluster, crossing);
    const bool denied = policy_eval::EvaluateCrossing(cluster, crossing).action == policy_eval::Action::kDeny;
    answer.agrees = answer.walk.dropped == denied && answer.walk.missing.empty();
    answer.crossing = std::move(crossing);
    answers.push_back(std::move(answer));
  }
  if (!answers.empty()) return answers;
  return Error(ErrorCode::kNotFound,
               fmt::format("--live: this host is {}, and the connection goes through {}: ask there",
                           host.node, Join(std::vector<std::string>(hosts.begin(), hosts.end()), " and ")));
}

}  // namespace calico::calicoctl
