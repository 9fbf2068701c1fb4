// SPDX-License-Identifier: Apache-2.0
#include "kernel/rtnetlink_parse.h"

#include <cstring>

#include <linux/if.h>
#include <linux/if_arp.h>
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

std::string KindFrom(const nlattr* info) {
  std::string kind;
  ForEachNested(info, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == IFLA_INFO_KIND) kind = mnl_attr_get_str(attribute);
  });
  return kind;
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
      case IFLA_LINKINFO:
        link.kind = KindFrom(attribute);
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
  return Address{static_cast<int>(header->ifa_index), net::Cidr(*address, header->ifa_prefixlen)};
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

}  // namespace calico::kernel
