// SPDX-License-Identifier: Apache-2.0
#include "workload/veth.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace calico::workload {
namespace {

struct Setting {
  std::string key;
  const char* value;
};

// Reference felix 3.2 and docker-and-cni B5.
std::vector<Setting> SettingsV4(const std::string& name) {
  return {{"net/ipv4/conf/" + name + "/route_localnet", "1"},
          // The default delay of proxy ARP would cost the container's first packet up to 0.8 s.
          {"net/ipv4/neigh/" + name + "/proxy_delay", "0"},
          {"net/ipv4/conf/" + name + "/proxy_arp", "1"},
          {"net/ipv4/conf/" + name + "/forwarding", "1"}};
}

std::vector<Setting> SettingsV6(const std::string& name) {
  return {{"net/ipv6/conf/" + name + "/accept_dad",
           "0"},  // the link-local address is the gateway: usable at once
          {"net/ipv6/conf/" + name + "/accept_ra", "0"},
          {"net/ipv6/conf/" + name + "/proxy_ndp", "1"},
          {"net/ipv6/conf/" + name + "/forwarding", "1"}};
}

bool HasIpv6(kernel::Sysctl& sysctl, const std::string& name) {
  const auto disabled = sysctl.Read("net/ipv6/conf/" + name + "/disable_ipv6");
  return disabled.has_value() && *disabled == "0";
}

Status WriteSettings(kernel::Sysctl& sysctl, const std::vector<Setting>& settings) {
  for (const Setting& setting : settings) RETURN_IF_ERROR(sysctl.Write(setting.key, setting.value));
  return Ok();
}

// Exactly the route that the agent wants, so that it finds nothing to do.
Status AddHostRoute(kernel::Rtnetlink& rtnetlink, const net::Cidr& address, int ifindex) {
  const bool v4 = address.family() == net::Family::kV4;
  const kernel::RouteKey key{address, v4 ? 0U : 1024U};
  kernel::Route route;
  // The kernel has no scopes for IPv6 routes: all read back as universe.
  route.scope = v4 ? kernel::RouteScope::kLink : kernel::RouteScope::kUniverse;
  route.protocol = kernel::kProtoBoot;
  route.ifindex = ifindex;
  auto added = rtnetlink.ReplaceRoute(kernel::kMainTable, key, route);
  if (added.has_value()) return Ok();
  return std::move(added).error().WithContext("adding the route to " + address.ToString());
}

Status Configure(kernel::Rtnetlink& rtnetlink, kernel::Sysctl& sysctl, const VethRequest& request) {
  RETURN_IF_ERROR(WriteSettings(sysctl, SettingsV4(request.host_name)));
  if (HasIpv6(sysctl, request.host_name)) {
    RETURN_IF_ERROR(WriteSettings(sysctl, SettingsV6(request.host_name)));
  }
  ASSIGN_OR_RETURN(const kernel::Link link, rtnetlink.GetLink(request.host_name));
  for (const net::Cidr& address : request.addresses) {
    RETURN_IF_ERROR(AddHostRoute(rtnetlink, address, link.ifindex));
  }
  return Ok();
}

}  // namespace

Status CreateHostVeth(kernel::Rtnetlink& rtnetlink, kernel::Sysctl& sysctl, const VethRequest& request) {
  kernel::VethPair pair;
  pair.host_name = request.host_name;
  pair.peer_name = request.container_name;
  pair.mtu_bytes = request.mtu_bytes;
  pair.host_group = request.link_group;
  Status created = rtnetlink.CreateVeth(pair);
  if (!created.has_value() && created.error().code() == ErrorCode::kAlreadyExists) {
    // What a crash left under one of the names. Deleting first and only then costs 20 ms, so not by default.
    RETURN_IF_ERROR(RemoveHostVeth(rtnetlink, request.host_name));
    RETURN_IF_ERROR(RemoveHostVeth(rtnetlink, request.container_name));
    created = rtnetlink.CreateVeth(pair);
  }
  if (!created.has_value()) return std::move(created).error().WithContext("creating " + request.host_name);
  Status configured = Configure(rtnetlink, sysctl, request);
  if (configured.has_value()) return Ok();
  const Status removed = RemoveHostVeth(rtnetlink, request.host_name);  // its routes go with it
  if (!removed.has_value()) {
    LogWarning("workload", "{} is left behind: {}", request.host_name, removed.error().message());
  }
  return std::move(configured).error().WithContext("configuring " + request.host_name);
}

Status RemoveHostVeth(kernel::Rtnetlink& rtnetlink, const std::string& host_name) {
  auto deleted = rtnetlink.DeleteLink(host_name);
  if (deleted.has_value() || deleted.error().code() == ErrorCode::kNotFound) return Ok();
  return std::move(deleted).error().WithContext("removing " + host_name);
}

net::Ip LinkLocalOf(const net::Mac& mac) {
  // RFC 4291 appendix A: the MAC with ff:fe in its middle and the universal bit inverted.
  const auto& m = mac.bytes;
  const std::uint8_t bytes[16] = {
      0xfe, 0x80, 0,    0,    0,    0,    0,   0, static_cast<std::uint8_t>(m[0] ^ 2U),
      m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]};
  return net::Ip::FromBytes(net::Family::kV6, bytes);
}

}  // namespace calico::workload
