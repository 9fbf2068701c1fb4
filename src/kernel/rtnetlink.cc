// SPDX-License-Identifier: Apache-2.0
#include "kernel/rtnetlink.h"

#include <cerrno>
#include <cstring>
#include <functional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>

#include "kernel/netlink_attributes.h"
#include "kernel/rtnetlink_parse.h"
#include "kernel/rtnetlink_socket.h"

namespace calico::kernel {
namespace {

constexpr int kDumpTries = 10;  // a dump that something changed under is repeated

unsigned char FamilyNumber(net::Family family) {
  return family == net::Family::kV4 ? AF_INET : AF_INET6;
}

// The kernel's own words about an error, if it sent any; they stand behind `offset` bytes.
std::string KernelText(const nlmsghdr* reply, std::size_t offset) {
  if ((reply->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  std::string text;
  ForEachAttribute(reply, offset, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG)
      text = std::string(" (") + mnl_attr_get_str(attribute) + ")";
  });
  return text;
}

// The errno at the end of a dump, 0 for success.
int DumpError(const nlmsghdr* done) {
  int error = 0;
  if (mnl_nlmsg_get_payload_len(done) >= sizeof error)
    std::memcpy(&error, mnl_nlmsg_get_payload(done), sizeof error);
  return error < 0 ? -error : 0;
}

// A request under construction.
class Request {
 public:
  Request(std::uint16_t type, std::uint16_t flags) : header_(mnl_nlmsg_put_header(buffer_)) {
    header_->nlmsg_type = type;
    header_->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  }
  template <typename T>
  T& Header() {
    return *static_cast<T*>(mnl_nlmsg_put_extra_header(header_, sizeof(T)));
  }
  Request& Put(std::uint16_t type, const std::string& text) {
    mnl_attr_put_strz(header_, type, text.c_str());
    return *this;
  }
  Request& Put(std::uint16_t type, std::uint32_t number) {
    mnl_attr_put_u32(header_, type, number);
    return *this;
  }
  Request& PutU8(std::uint16_t type, std::uint8_t number) {
    mnl_attr_put_u8(header_, type, number);
    return *this;
  }
  Request& PutU16(std::uint16_t type, std::uint16_t number) {
    mnl_attr_put_u16(header_, type, number);
    return *this;
  }
  Request& Put(std::uint16_t type, const net::Ip& ip) {
    mnl_attr_put(header_, type, ip.size(), ip.bytes());
    return *this;
  }
  Request& Put(std::uint16_t type, const net::Mac& mac) {
    mnl_attr_put(header_, type, mac.bytes.size(), mac.bytes.data());
    return *this;
  }
  nlattr* Begin(std::uint16_t type) { return mnl_attr_nest_start(header_, type); }
  void End(nlattr* nest) { mnl_attr_nest_end(header_, nest); }
  void* PutRaw(std::size_t size) { return mnl_nlmsg_put_extra_header(header_, size); }
  std::size_t SizeFrom(const void* part) const {
    return header_->nlmsg_len -
           static_cast<std::size_t>(static_cast<const char*>(part) - reinterpret_cast<const char*>(header_));
  }
  nlmsghdr* header() { return header_; }

 private:
  alignas(nlmsghdr) char buffer_[8192] = {};
  nlmsghdr* header_;
};

// Each is a struct of its own length with attributes behind it, all of them within one attribute.
void PutNextHops(Request& request, const std::vector<NextHop>& next_hops) {
  nlattr* all = request.Begin(RTA_MULTIPATH);
  for (const NextHop& next_hop : next_hops) {
    auto* header = static_cast<rtnexthop*>(request.PutRaw(sizeof(rtnexthop)));
    header->rtnh_ifindex = next_hop.ifindex;
    if (next_hop.onlink) header->rtnh_flags = RTNH_F_ONLINK;
    if (next_hop.gateway) request.Put(RTA_GATEWAY, *next_hop.gateway);
    header->rtnh_len = static_cast<unsigned short>(request.SizeFrom(header));
  }
  request.End(all);
}

class MnlRtnetlink final : public Rtnetlink {
 public:
  explicit MnlRtnetlink(RouteSocket socket) : socket_(std::move(socket)), buffer_(64 * 1024) {}

  Result<std::map<RouteKey, Route>> ListRoutes(net::Family family, std::uint32_t table) override {
    std::map<RouteKey, Route> routes;
    const auto make = [&](Request& request) {
      auto& header = request.Header<rtmsg>();
      header.rtm_family = FamilyNumber(family);
      header.rtm_table = static_cast<unsigned char>(table);  // strict checking: the kernel filters
      request.Put(RTA_TABLE, table);
    };
    const Status status = Dump(
        RTM_GETROUTE, "list routes", make, [&] { routes.clear(); },
        [&](const nlmsghdr* message) {
          const auto parsed = ParseRoute(message);
          if (parsed && parsed->table == table) routes.emplace(parsed->key, parsed->route);
        });
    // A table is made with its first route.
    if (!status.has_value() && status.error().code() != ErrorCode::kNotFound) return status.error();
    return routes;
  }

  Status ReplaceRoute(std::uint32_t table, const RouteKey& key, const Route& route) override {
    Request request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
    auto& header = request.Header<rtmsg>();
    FillRoute(header, table, key);
    header.rtm_protocol = route.protocol;
    header.rtm_scope = static_cast<unsigned char>(route.scope);
    header.rtm_type = static_cast<unsigned char>(route.type);
    if (route.onlink) header.rtm_flags = RTNH_F_ONLINK;
    request.Put(RTA_TABLE, table).Put(RTA_DST, key.dst.Masked().ip());
    if (key.metric != 0) request.Put(RTA_PRIORITY, key.metric);
    if (route.ifindex != 0) request.Put(RTA_OIF, static_cast<std::uint32_t>(route.ifindex));
    if (route.gateway) request.Put(RTA_GATEWAY, *route.gateway);
    if (!route.next_hops.empty()) PutNextHops(request, route.next_hops);
    return Ask(request, "route " + key.dst.ToString());
  }

  Status DeleteRoute(std::uint32_t table, const RouteKey& key, std::uint8_t protocol) override {
    Request request(RTM_DELROUTE, NLM_F_ACK);
    auto& header = request.Header<rtmsg>();
    FillRoute(header, table, key);
    header.rtm_scope = RT_SCOPE_NOWHERE;  // any
    header.rtm_protocol = protocol;
    request.Put(RTA_TABLE, table).Put(RTA_DST, key.dst.Masked().ip());
    if (key.metric != 0) request.Put(RTA_PRIORITY, key.metric);
    return Ask(request, "delete route " + key.dst.ToString());
  }

  Result<std::vector<Link>> ListLinks() override {
    std::vector<Link> links;
    RETURN_IF_ERROR(Dump(
        RTM_GETLINK, "list links", [](Request& request) { request.Header<ifinfomsg>(); },
        [&] { links.clear(); },
        [&](const nlmsghdr* message) {
          if (auto link = ParseLink(message)) links.push_back(std::move(*link));
        }));
    return links;
  }

  Result<Link> GetLink(const std::string& name) override {
    if (name.empty() || name.size() >= IFNAMSIZ)
      return Error(ErrorCode::kNotFound, "link " + name + ": no such device");
    Request request(RTM_GETLINK, NLM_F_ACK);
    request.Header<ifinfomsg>();
    request.Put(IFLA_IFNAME, name);
    std::optional<Link> link;
    RETURN_IF_ERROR(Exchange(request.header(), "link " + name,
                             [&](const nlmsghdr* message) { link = ParseLink(message); }));
    if (!link) return Error(ErrorCode::kNotFound, "link " + name + ": no such device");
    return *link;
  }

  Result<std::vector<Address>> ListAddresses() override {
    std::vector<Address> addresses;
    RETURN_IF_ERROR(Dump(
        RTM_GETADDR, "list addresses", [](Request& request) { request.Header<ifaddrmsg>(); },
        [&] { addresses.clear(); },
        [&](const nlmsghdr* message) {
          if (const auto address = ParseAddress(message)) addresses.push_back(*address);
        }));
    return addresses;
  }

  Status AddAddress(const Address& address) override {
    Request request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    FillAddress(request, address);
    // Usable at once: nobody else can have an address that IPAM gave to this host.
    if (address.address.family() == net::Family::kV6)
      request.Put(IFA_FLAGS, static_cast<std::uint32_t>(IFA_F_NODAD));
    return Ask(request, "address " + address.address.ToString());
  }

  Status DeleteAddress(const Address& address) override {
    Request request(RTM_DELADDR, NLM_F_ACK);
    FillAddress(request, address);
    return Ask(request, "delete address " + address.address.ToString());
  }

  Status CreateLink(const NewLink& link) override {
    RETURN_IF_ERROR(CheckName(link.name));
    Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    request.Header<ifinfomsg>();
    request.Put(IFLA_IFNAME, link.name);
    if (link.mtu_bytes > 0) request.Put(IFLA_MTU, static_cast<std::uint32_t>(link.mtu_bytes));
    if (link.mac) request.Put(IFLA_ADDRESS, *link.mac);
    nlattr* info = request.Begin(IFLA_LINKINFO);
    request.Put(IFLA_INFO_KIND, link.kind);
    if (link.vxlan) {
      nlattr* data = request.Begin(IFLA_INFO_DATA);
      const Vxlan& vxlan = *link.vxlan;
      request.Put(IFLA_VXLAN_ID, vxlan.vni);
      request.PutU16(IFLA_VXLAN_PORT, htons(vxlan.port));
      request.PutU8(IFLA_VXLAN_LEARNING, vxlan.learning ? 1 : 0);
      request.PutU8(IFLA_VXLAN_UDP_CSUM, vxlan.checksum ? 1 : 0);
      if (vxlan.external) request.PutU8(IFLA_VXLAN_COLLECT_METADATA, 1);
      if (vxlan.parent_ifindex != 0)
        request.Put(IFLA_VXLAN_LINK, static_cast<std::uint32_t>(vxlan.parent_ifindex));
      if (vxlan.local) {
        const bool v4 = vxlan.local->family() == net::Family::kV4;
        request.Put(v4 ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6, *vxlan.local);
      }
      request.End(data);
    }
    request.End(info);
    return Ask(request, "create " + link.kind + " " + link.name);
  }

  Result<bool> HasLinkKind(const std::string& kind) override {
    // The first attribute of either kind is a number, and this is none: a kernel that knows the kind refuses
    // it before it makes anything (rtnl_newlink() in net/core/rtnetlink.c).
    Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    request.Header<ifinfomsg>();
    nlattr* info = request.Begin(IFLA_LINKINFO);
    request.Put(IFLA_INFO_KIND, kind);
    nlattr* data = request.Begin(IFLA_INFO_DATA);
    request.End(request.Begin(1));
    request.End(data);
    request.End(info);
    const Status refused = Ask(request, "ask for links of kind " + kind);
    if (refused.has_value()) return Error(ErrorCode::kSystem, "a link of kind " + kind + " without a number");
    if (refused.error().code() == ErrorCode::kUnsupported) return false;
    if (refused.error().sys_errno() == ERANGE || refused.error().sys_errno() == EINVAL) return true;
    return refused.error();
  }

  Status CreateVeth(const VethPair& pair) override {
    for (const std::string& name : {pair.host_name, pair.peer_name}) RETURN_IF_ERROR(CheckName(name));
    Request request(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    auto& header = request.Header<ifinfomsg>();
    if (pair.host_up) header.ifi_flags = header.ifi_change = IFF_UP;
    request.Put(IFLA_IFNAME, pair.host_name);
    if (pair.host_group != 0) request.Put(IFLA_GROUP, pair.host_group);
    if (pair.mtu_bytes > 0) request.Put(IFLA_MTU, static_cast<std::uint32_t>(pair.mtu_bytes));
    nlattr* info = request.Begin(IFLA_LINKINFO);
    request.Put(IFLA_INFO_KIND, std::string("veth"));
    nlattr* data = request.Begin(IFLA_INFO_DATA);
    nlattr* peer = request.Begin(VETH_INFO_PEER);
    request.Header<ifinfomsg>();
    request.Put(IFLA_IFNAME, pair.peer_name);
    if (pair.mtu_bytes > 0) request.Put(IFLA_MTU, static_cast<std::uint32_t>(pair.mtu_bytes));
    if (pair.peer_mac) request.Put(IFLA_ADDRESS, *pair.peer_mac);
    request.End(peer);
    request.End(data);
    request.End(info);
    return Ask(request, "create veth " + pair.host_name);
  }

  Status DeleteLink(const std::string& name) override {
    if (name.empty() || name.size() >= IFNAMSIZ)
      return Error(ErrorCode::kNotFound, "link " + name + ": no such device");
    Request request(RTM_DELLINK, NLM_F_ACK);
    request.Header<ifinfomsg>();
    request.Put(IFLA_IFNAME, name);
    return Ask(request, "delete link " + name);
  }

  Status DeleteLinkGroup(std::uint32_t group) override {
    if (group == 0) return Error(ErrorCode::kInvalidArgument, "group 0 is everybody's");
    Request request(RTM_DELLINK, NLM_F_ACK);
    request.Header<ifinfomsg>();
    request.Put(IFLA_GROUP, group);
    return Ask(request, fmt::format("delete link group {}", group));
  }

  Status SetLinkGroup(const std::string& name, std::uint32_t group) override {
    if (name.empty() || name.size() >= IFNAMSIZ)
      return Error(ErrorCode::kNotFound, "link " + name + ": no such device");
    Request request(RTM_SETLINK, NLM_F_ACK);
    request.Header<ifinfomsg>();
    request.Put(IFLA_IFNAME, name).Put(IFLA_GROUP, group);
    return Ask(request, fmt::format("put link {} into group {}", name, group));
  }

  Status SetLinkUp(int ifindex, bool up) override {
    Request request(RTM_NEWLINK, NLM_F_ACK);
    auto& header = request.Header<ifinfomsg>();
    header.ifi_index = ifindex;
    header.ifi_change = IFF_UP;
    header.ifi_flags = up ? IFF_UP : 0;
    return Ask(request, fmt::format("set link {} {}", ifindex, up ? "up" : "down"));
  }

  Status SetLinkMtu(int ifindex, int mtu_bytes) override {
    Request request(RTM_NEWLINK, NLM_F_ACK);
    request.Header<ifinfomsg>().ifi_index = ifindex;
    request.Put(IFLA_MTU, static_cast<std::uint32_t>(mtu_bytes));
    return Ask(request, fmt::format("set the MTU of link {}", ifindex));
  }

  Status SetLinkMac(int ifindex, const net::Mac& mac) override {
    Request request(RTM_NEWLINK, NLM_F_ACK);
    request.Header<ifinfomsg>().ifi_index = ifindex;
    request.Put(IFLA_ADDRESS, mac);
    return Ask(request, fmt::format("set the MAC of link {}", ifindex));
  }

  Result<std::map<NeighbourKey, Neighbour>> ListNeighbours(net::Family family) override {
    std::map<NeighbourKey, Neighbour> neighbours;
    const auto make = [&](Request& request) { request.Header<ndmsg>().ndm_family = FamilyNumber(family); };
    RETURN_IF_ERROR(Dump(
        RTM_GETNEIGH, "list neighbours", make, [&] { neighbours.clear(); },
        [&](const nlmsghdr* message) {
          if (const auto parsed = ParseNeighbour(message)) neighbours.insert(*parsed);
        }));
    return neighbours;
  }

  Status ReplaceNeighbour(const NeighbourKey& key, const Neighbour& neighbour) override {
    Request request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
    auto& header = request.Header<ndmsg>();
    header.ndm_family = FamilyNumber(key.ip.family());
    header.ndm_ifindex = key.ifindex;
    header.ndm_state = neighbour.permanent ? NUD_PERMANENT : NUD_REACHABLE;
    request.Put(NDA_DST, key.ip).Put(NDA_LLADDR, neighbour.mac);
    return Ask(request, "neighbour " + key.ip.ToString());
  }

  Status DeleteNeighbour(const NeighbourKey& key) override {
    Request request(RTM_DELNEIGH, NLM_F_ACK);
    auto& header = request.Header<ndmsg>();
    header.ndm_family = FamilyNumber(key.ip.family());
    header.ndm_ifindex = key.ifindex;
    request.Put(NDA_DST, key.ip);
    return Ask(request, "delete neighbour " + key.ip.ToString());
  }

  Result<std::map<FdbKey, net::Ip>> ListFdb(int ifindex) override {
    std::map<FdbKey, net::Ip> entries;
    const auto make = [&](Request& request) {
      request.Header<ndmsg>().ndm_family = AF_BRIDGE;
      request.Put(NDA_IFINDEX, static_cast<std::uint32_t>(ifindex));
    };
    RETURN_IF_ERROR(Dump(
        RTM_GETNEIGH, "list forwarding entries", make, [&] { entries.clear(); },
        [&](const nlmsghdr* message) {
          const auto parsed = ParseFdb(message);
          if (parsed && parsed->first.ifindex == ifindex) entries.insert(*parsed);
        }));
    return entries;
  }

  Status ReplaceFdb(const FdbKey& key, const net::Ip& remote_host) override {
    Request request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE | NLM_F_ACK);
    FillFdb(request, key);
    request.Put(NDA_DST, remote_host);
    return Ask(request, "forwarding entry " + key.mac.ToString());
  }

  Status DeleteFdb(const FdbKey& key) override {
    Request request(RTM_DELNEIGH, NLM_F_ACK);
    FillFdb(request, key);
    return Ask(request, "delete forwarding entry " + key.mac.ToString());
  }

  Result<std::set<RoutingRule>> ListRules(net::Family family) override {
    std::set<RoutingRule> rules;
    const auto make = [&](Request& request) { request.Header<fib_rule_hdr>().family = FamilyNumber(family); };
    RETURN_IF_ERROR(Dump(
        RTM_GETRULE, "list routing rules", make, [&] { rules.clear(); },
        [&](const nlmsghdr* message) {
          if (const auto rule = ParseRule(message)) rules.insert(*rule);
        }));
    return rules;
  }

  Status AddRule(const RoutingRule& rule) override {
    Request request(RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK);
    FillRule(request, rule);
    return Ask(request, fmt::format("routing rule {}", rule.priority));
  }

  Status DeleteRule(const RoutingRule& rule) override {
    Request request(RTM_DELRULE, NLM_F_ACK);
    FillRule(request, rule);
    return Ask(request, fmt::format("delete routing rule {}", rule.priority));
  }

 private:
  using OnMessage = std::function<void(const nlmsghdr*)>;

  static void FillRoute(rtmsg& header, std::uint32_t table, const RouteKey& key) {
    header.rtm_family = FamilyNumber(key.dst.family());
    header.rtm_dst_len = static_cast<unsigned char>(key.dst.prefix_length());
    header.rtm_table =
        table < 256 ? static_cast<unsigned char>(table) : static_cast<unsigned char>(RT_TABLE_UNSPEC);
  }

  static Status CheckName(const std::string& name) {
    if (!name.empty() && name.size() < IFNAMSIZ) return Ok();
    return Error(ErrorCode::kInvalidArgument, "'" + name + "' cannot be an interface's name");
  }
  static void FillAddress(Request& request, const Address& address) {
    auto& header = request.Header<ifaddrmsg>();
    header.ifa_family = FamilyNumber(address.address.family());
    header.ifa_prefixlen = static_cast<unsigned char>(address.address.prefix_length());
    header.ifa_index = static_cast<unsigned>(address.ifindex);
    request.Put(IFA_LOCAL, address.address.ip()).Put(IFA_ADDRESS, address.address.ip());
  }
  static void FillFdb(Request& request, const FdbKey& key) {
    auto& header = request.Header<ndmsg>();
    header.ndm_family = AF_BRIDGE;
    header.ndm_ifindex = key.ifindex;
    header.ndm_state = NUD_NOARP | NUD_PERMANENT;
    header.ndm_flags = NTF_SELF;
    request.Put(NDA_LLADDR, key.mac);
  }
  static void FillRule(Request& request, const RoutingRule& rule) {
    auto& header = request.Header<fib_rule_hdr>();
    header.family = FamilyNumber(rule.family);
    header.action = FR_ACT_TO_TBL;
    header.table = rule.table < 256 ? static_cast<unsigned char>(rule.table)
                                    : static_cast<unsigned char>(RT_TABLE_UNSPEC);
    if (rule.invert) header.flags = FIB_RULE_INVERT;
    request.Put(FRA_PRIORITY, rule.priority).Put(FRA_TABLE, rule.table);
    if (rule.mask != 0) request.Put(FRA_FWMARK, rule.mark).Put(FRA_FWMASK, rule.mask);
  }

  Status Ask(Request& request, const std::string& doing) {
    return Exchange(request.header(), doing, [](const nlmsghdr*) {});
  }

  Status Dump(std::uint16_t type, const std::string& doing, const std::function<void(Request&)>& make,
              const std::function<void()>& restart, const OnMessage& on_message) {
    for (int i = 0; i < kDumpTries; ++i) {
      restart();
      Request request(type, NLM_F_DUMP);
      make(request);
      Status status = Exchange(request.header(), doing, on_message);
      if (status.has_value() || status.error().sys_errno() != EINTR) return status;
    }
    return Error(ErrorCode::kUnavailable, doing + ": changes faster than it can be read");
  }

  // Sends one request and reads until its acknowledgement or the end of the dump; EINTR if the dump was
  // interrupted.
  Status Exchange(nlmsghdr* header, const std::string& doing, const OnMessage& on_message) {
    header->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), header, header->nlmsg_len) < 0)
      return Error::FromErrno(errno, doing);
    bool interrupted = false;
    for (;;) {
      const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
      if (size < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return Error(ErrorCode::kUnavailable, doing + ": the kernel does not answer");
        return Error::FromErrno(errno, doing);
      }
      int left = static_cast<int>(size);
      for (auto* reply = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(reply, left);
           reply = mnl_nlmsg_next(reply, &left)) {
        if (reply->nlmsg_seq != sequence_) continue;  // of an earlier request that timed out
        if ((reply->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
        if (reply->nlmsg_type == NLMSG_DONE) {
          // A dump that broke off says so here: what came before is not the whole.
          if (const int error = DumpError(reply); error != 0)
            return Error::FromErrno(error, doing + KernelText(reply, sizeof error));
          return interrupted ? Status(Error::FromErrno(EINTR, doing)) : Ok();
        }
        if (reply->nlmsg_type == NLMSG_ERROR) {
          const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply));
          if (error->error == 0) return Ok();
          std::size_t offset = sizeof *error;
          if ((reply->nlmsg_flags & NLM_F_CAPPED) == 0) offset += mnl_nlmsg_get_payload_len(&error->msg);
          return Error::FromErrno(-error->error, doing + KernelText(reply, offset));
        }
        on_message(reply);
      }
    }
  }

  const RouteSocket socket_;
  std::vector<char> buffer_;
  std::uint32_t sequence_ = 0;
};

}  // namespace

Result<std::unique_ptr<Rtnetlink>> OpenRtnetlink() {
  ASSIGN_OR_RETURN(RouteSocket socket, OpenRouteSocket(0));
  return std::unique_ptr<Rtnetlink>(std::make_unique<MnlRtnetlink>(std::move(socket)));
}

}  // namespace calico::kernel
