// SPDX-License-Identifier: Apache-2.0
#include "kernel/rtnetlink_parse.h"

#include <algorithm>
#include <cstring>

#include <arpa/inet.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel/netlink_attributes.h"

namespace calico::kernel {
namespace {

std::optional<net::Family> FamilyOf(unsigned char number) {
  if (number == AF_INET) return net::Family::kV4;
  if (number == AF_INET6) return net::Family::kV6;
  return std::nullopt;
}
std::optional<net::Ip> IpFrom(const nlattr* attribute, net::Family family) {
  const std::size_t size = family == net::Family::kV4 ? 4 : 16;
  if (mnl_attr_get_payload_len(attribute) != size) return std::nullopt;
  return net::Ip::FromBytes(family, static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute)));
}
net::Mac MacFrom(const nlattr* attribute) {
  net::Mac mac;
  if (mnl_attr_get_payload_len(attribute) == mac.bytes.size())
    std::memcpy(mac.bytes.data(), mnl_attr_get_payload(attribute), mac.bytes.size());
  return mac;
}

Vxlan VxlanFrom(const nlattr* data) {
  Vxlan vxlan;
  ForEachNested(data, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case IFLA_VXLAN_ID:
        vxlan.vni = mnl_attr_get_u32(attribute);
        break;
      case IFLA_VXLAN_PORT:
        vxlan.port = ntohs(mnl_attr_get_u16(attribute));
        break;
      case IFLA_VXLAN_LINK:
        vxlan.parent_ifindex = static_cast<int>(mnl_attr_get_u32(attribute));
        break;
      case IFLA_VXLAN_LOCAL:
        vxlan.local = IpFrom(attribute, net::Family::kV4);
        break;
      case IFLA_VXLAN_LOCAL6:
        vxlan.local = IpFrom(attribute, net::Family::kV6);
        break;
      case IFLA_VXLAN_UDP_CSUM:
        vxlan.checksum = mnl_attr_get_u8(attribute) != 0;
        break;
      case IFLA_VXLAN_LEARNING:
        vxlan.learning = mnl_attr_get_u8(attribute) != 0;
        break;
      case IFLA_VXLAN_COLLECT_METADATA:
        vxlan.external = mnl_attr_get_u8(attribute) != 0;
        break;
      default:
        break;
    }
  });
  return vxlan;
}

std::vector<NextHop> NextHopsFrom(const nlattr* all, net::Family family) {
  std::vector<NextHop> next_hops;
  const auto* at = static_cast<const char*>(mnl_attr_get_payload(all));
  std::size_t left = mnl_attr_get_payload_len(all);
  while (left >= sizeof(rtnexthop)) {
    const auto* header = reinterpret_cast<const rtnexthop*>(at);
    if (header->rtnh_len < sizeof *header || header->rtnh_len > left) break;
    NextHop next_hop{header->rtnh_ifindex, std::nullopt, (header->rtnh_flags & RTNH_F_ONLINK) != 0};
    const auto* attribute = reinterpret_cast<const nlattr*>(at + sizeof *header);
    const char* end = at + header->rtnh_len;
    while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
      if (mnl_attr_get_type(attribute) == RTA_GATEWAY) next_hop.gateway = IpFrom(attribute, family);
      attribute = mnl_attr_next(attribute);
    }
    next_hops.push_back(next_hop);
    const std::size_t step = MNL_ALIGN(header->rtnh_len);
    if (step >= left) break;
    at += step;
    left -= step;
  }
  std::sort(next_hops.begin(), next_hops.end());  // their order says nothing, and IPv6 has its own
  return next_hops;
}

void ReadInfo(const nlattr* info, Link& link) {
  ForEachNested(info, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) link.kind = mnl_attr_get_str(attribute);
    if (mnl_attr_get_type(attribute) == IFLA_INFO_DATA && link.kind == "vxlan")
      link.vxlan = VxlanFrom(attribute);
  });
}

}  // namespace

std::optional<Link> ParseLink(const nlmsghdr* message) {
  const auto* header = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  if (header->ifi_family != AF_UNSPEC) return std::nullopt;  // a bridge's view of its ports
  Link link;
  link.ifindex = header->ifi_index;
  link.admin_up = (header->ifi_flags & IFF_UP) != 0;
  link.running = (header->ifi_flags & IFF_RUNNING) != 0;
  link.loopback = (header->ifi_flags & IFF_LOOPBACK) != 0;
  ForEachAttribute(message, sizeof *header, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case IFLA_IFNAME:
        link.name = mnl_attr_get_str(attribute);
        break;
      case IFLA_MTU:
        link.mtu_bytes = static_cast<int>(mnl_attr_get_u32(attribute));
        break;
      case IFLA_ADDRESS:
        link.mac = MacFrom(attribute);
        break;
      case IFLA_LINK:
        link.peer_ifindex = static_cast<int>(mnl_attr_get_u32(attribute));
        break;
      case IFLA_GROUP:
        link.group = mnl_attr_get_u32(attribute);
        break;
      case IFLA_LINKINFO:
        ReadInfo(attribute, link);
        break;
      default:
        break;
    }
  });
  return link;
}

std::optional<Address> ParseAddress(const nlmsghdr* message) {
  const auto* header = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  const auto family = FamilyOf(header->ifa_family);
  if (!family) return std::nullopt;
  std::optional<net::Ip> address, local;
  ForEachAttribute(message, sizeof *header, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFA_ADDRESS) address = IpFrom(attribute, *family);
    if (mnl_attr_get_type(attribute) == IFA_LOCAL) local = IpFrom(attribute, *family);
  });
  // On a point-to-point link IFA_ADDRESS is the peer's.
  if (local) address = local;
  if (!address) return std::nullopt;
  // The low eight flags stand in the header, too. Of IPv4 the first of them says "secondary".
  const bool temporary =
      *family == net::Family::kV6 && (header->ifa_flags & (IFA_F_TEMPORARY | IFA_F_DEPRECATED)) != 0;
  return Address{static_cast<int>(header->ifa_index), net::Cidr(*address, header->ifa_prefixlen), temporary};
}

std::optional<ParsedRoute> ParseRoute(const nlmsghdr* message) {
  const auto* header = static_cast<const rtmsg*>(mnl_nlmsg_get_payload(message));
  const auto family = FamilyOf(header->rtm_family);
  if (!family || (header->rtm_flags & RTM_F_CLONED) != 0) return std::nullopt;
  ParsedRoute parsed;
  parsed.family = *family;
  parsed.table = header->rtm_table;
  Route& route = parsed.route;
  route.type = static_cast<RouteType>(header->rtm_type);
  route.scope = static_cast<RouteScope>(header->rtm_scope);
  route.protocol = header->rtm_protocol;
  route.onlink = (header->rtm_flags & RTNH_F_ONLINK) != 0;
  net::Ip destination = *family == net::Family::kV4 ? net::Ip() : *net::Ip::Parse("::");
  ForEachAttribute(message, sizeof *header, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case RTA_DST:
        destination = IpFrom(attribute, *family).value_or(destination);
        break;
      case RTA_TABLE:
        parsed.table = mnl_attr_get_u32(attribute);
        break;
      case RTA_PRIORITY:
        parsed.key.metric = mnl_attr_get_u32(attribute);
        break;
      case RTA_OIF:
        route.ifindex = static_cast<int>(mnl_attr_get_u32(attribute));
        break;
      case RTA_GATEWAY:
        route.gateway = IpFrom(attribute, *family);
        break;
      case RTA_MULTIPATH:
        route.next_hops = NextHopsFrom(attribute, *family);
        break;
      default:
        break;
    }
  });
  parsed.key.dst = net::Cidr(destination, header->rtm_dst_len);
  // IPv6 hangs its reject routes on lo.
  if (route.type != RouteType::kUnicast && route.type != RouteType::kLocal) route.ifindex = 0;
  return parsed;
}

std::optional<std::pair<NeighbourKey, Neighbour>> ParseNeighbour(const nlmsghdr* message) {
  const auto* header = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
  const auto family = FamilyOf(header->ndm_family);
  if (!family) return std::nullopt;
  NeighbourKey key;
  key.ifindex = header->ndm_ifindex;
  Neighbour neighbour;
  neighbour.permanent = (header->ndm_state & NUD_PERMANENT) != 0;
  bool has_ip = false, has_mac = false;
  ForEachAttribute(message, sizeof *header, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NDA_DST) {
      const auto ip = IpFrom(attribute, *family);
      has_ip = ip.has_value();
      if (ip) key.ip = *ip;
    } else if (mnl_attr_get_type(attribute) == NDA_LLADDR) {
      neighbour.mac = MacFrom(attribute);
      has_mac = true;
    }
  });
  if (!has_ip || !has_mac) return std::nullopt;
  return std::pair{key, neighbour};
}

std::optional<std::pair<FdbKey, net::Ip>> ParseFdb(const nlmsghdr* message) {
  const auto* header = static_cast<const ndmsg*>(mnl_nlmsg_get_payload(message));
  if (header->ndm_family != AF_BRIDGE) return std::nullopt;
  FdbKey key;
  key.ifindex = header->ndm_ifindex;
  std::optional<net::Ip> remote;
  bool has_mac = false;
  ForEachAttribute(message, sizeof *header, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == NDA_DST) {
      const bool v4 = mnl_attr_get_payload_len(attribute) == 4;
      remote = IpFrom(attribute, v4 ? net::Family::kV4 : net::Family::kV6);
    } else if (mnl_attr_get_type(attribute) == NDA_LLADDR) {
      key.mac = MacFrom(attribute);
      has_mac = true;
    }
  });
  if (!remote || !has_mac) return std::nullopt;
  return std::pair{key, *remote};
}

std::optional<RoutingRule> ParseRule(const nlmsghdr* message) {
  const auto* header = static_cast<const fib_rule_hdr*>(mnl_nlmsg_get_payload(message));
  const auto family = FamilyOf(header->family);
  if (!family || header->action != FR_ACT_TO_TBL || header->src_len != 0 || header->dst_len != 0 ||
      header->tos != 0)
    return std::nullopt;
  RoutingRule rule;
  rule.family = *family;
  rule.invert = (header->flags & FIB_RULE_INVERT) != 0;
  rule.table = header->table;
  bool other = false;
  ForEachAttribute(message, sizeof *header, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case FRA_PRIORITY:
        rule.priority = mnl_attr_get_u32(attribute);
        break;
      case FRA_TABLE:
        rule.table = mnl_attr_get_u32(attribute);
        break;
      case FRA_FWMARK:
        rule.mark = mnl_attr_get_u32(attribute);
        break;
      case FRA_FWMASK:
        rule.mask = mnl_attr_get_u32(attribute);
        break;
      case FRA_SUPPRESS_PREFIXLEN:  // told for each rule; all ones: not in use
        other = other || mnl_attr_get_u32(attribute) != 0xffffffff;
        break;
      case FRA_IIFNAME:
      case FRA_OIFNAME:
      case FRA_UID_RANGE:
      case FRA_IP_PROTO:
      case FRA_SPORT_RANGE:
      case FRA_DPORT_RANGE:
      case FRA_L3MDEV:
        other = true;
        break;
      default:
        break;
    }
  });
  if (other) return std::nullopt;
  return rule;
}

}  // namespace calico::kernel
