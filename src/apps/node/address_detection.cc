// SPDX-License-Identifier: Apache-2.0
#include "apps/node/address_detection.h"

#include <algorithm>
#include <memory>
#include <regex>
#include <set>

#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/text.h"
#include "base/unique_fd.h"

namespace calico::node {
namespace {

// Reference bgp-and-node A2, v3: interfaces that are never the host's own way out.
constexpr char kExcluded[] =
    "^docker.*|^cbr.*|^dummy.*|^podman.*|^virbr.*|^lxcbr.*|^veth.*|^lo|^br-.*|^cali.*|^tunl.*|^flannel.*|^"
    "kube-ipvs.*|^cni.*|"
    "^vxlan\\.calico.*|^bgp\\.calico.*|^vxlan-v6\\.calico.*|^wireguard\\.cali.*|^wg-v6\\.cali.*|^"
    "nodelocaldns.*";

const char* FamilyText(net::Family family) {
  return family == net::Family::kV4 ? "IPv4" : "IPv6";
}
const char* Variable(net::Family family) {
  return family == net::Family::kV4 ? "IP" : "IP6";
}

std::string Listed(const std::vector<Detected::PassedOver>& passed_over) {
  std::string text;
  for (const Detected::PassedOver& one : passed_over)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", one.interface, one.reason);
  return text;
}

Error NotFound(net::Family family, const std::string& what,
               const std::vector<Detected::PassedOver>& passed_over = {}) {
  return Error(ErrorCode::kNotFound,
               fmt::format("no {} address found by {}: set {}=<address> or another {}_AUTODETECTION_METHOD{}",
                           FamilyText(family), what, Variable(family), Variable(family),
                           passed_over.empty() ? "" : " (" + Listed(passed_over) + ")"));
}
Error Invalid(net::Family family, const std::string& method) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("Invalid IP autodetection method '{}': set {}_AUTODETECTION_METHOD to "
                           "first-found, can-reach=<destination>, "
                           "interface=<regex>, skip-interface=<regex> or cidr=<prefix>",
                           method, Variable(family)));
}

// One regular expression for a comma list of them; nullopt when one is malformed.
std::optional<std::regex> Joined(const std::string& list) {
  std::string pattern;
  for (const std::string& part : Split(list, ',')) {
    if (!Trim(part).empty())
      pattern += (pattern.empty() ? "" : "|") + std::string("(?:") + std::string(Trim(part)) + ")";
  }
  if (pattern.empty()) return std::nullopt;
  try {
    return std::regex(pattern, std::regex::ECMAScript);
  } catch (const std::regex_error&) {
    return std::nullopt;
  }
}

// Kinds of link that lead through something else, whatever their name (rtnl_link_ops of Linux). veth and
// bridge are not among them: they are the way out of a host that is a container, or has its card in a bridge.
bool IsTunnel(const kernel::Link& link) {
  static const std::set<std::string> kTunnels{
      "bareudp", "dummy",     "erspan", "geneve", "gre", "gretap", "gtp",  "ifb",   "ip6gre",    "ip6gretap",
      "ip6tnl",  "ip6erspan", "ipip",   "sit",    "tun", "vti",    "vti6", "vxlan", "wireguard", "xfrm"};
  return kTunnels.contains(link.kind);
}

// Why an interface is never the host's own way out; empty: it may be.
std::string Excluded(const kernel::Link& link) {
  static const std::regex excluded(kExcluded);
  if (std::regex_search(link.name, excluded)) return "has the name of a container's or tunnel's interface";
  if (IsTunnel(link)) return fmt::format("is of kind {}", link.kind);
  return "";
}

// Why a method does not take an interface's address; empty: it does.
using Judge = std::function<std::string(const kernel::Link&, const net::Cidr&)>;

// Newest interface first, then its addresses in the kernel's order. The first one that `judge` lets pass
// wins, or `preferred`.
std::optional<Detected> FirstFound(const HostAddresses& host, net::Family family, const Judge& judge,
                                   const std::optional<net::Cidr>& preferred,
                                   std::vector<Detected::PassedOver>& passed_over) {
  std::vector<kernel::Link> links = host.links;
  std::sort(links.begin(), links.end(), [](const auto& a, const auto& b) { return a.ifindex > b.ifindex; });
  std::vector<Detected> found;
  for (const kernel::Link& link : links) {
    for (const kernel::Address& address : host.addresses) {
      const net::Ip& ip = address.address.ip();
      if (address.ifindex != link.ifindex || ip.family() != family || !ip.IsGlobalUnicast()) continue;
      std::string objection = judge(link, address.address);
      if (objection.empty() && address.temporary)
        objection = fmt::format("has {}, which is not to stay", address.address.ToString());
      if (objection.empty())
        found.push_back({address.address, link.name, "", {}});
      else if (passed_over.empty() || passed_over.back() != Detected::PassedOver{link.name, objection})
        passed_over.push_back({link.name, objection});
    }
  }
  if (found.empty()) return std::nullopt;
  const auto in_use = std::find_if(found.begin(), found.end(), [&](const Detected& one) {
    return preferred && one.address == *preferred;
  });
  Detected chosen = in_use != found.end() ? *in_use : found.front();
  for (const Detected& other : found) {
    if (other.address != chosen.address)
      passed_over.push_back(
          {other.interface, fmt::format("has {}, which would do, too", other.address.ToString())});
  }
  const char* why = in_use != found.end() && in_use != found.begin() ? "the address that is in use"
                    : found.size() > 1                               ? "the newest interface that will do"
                                                                     : "the only one that will do";
  chosen.reason = fmt::format("on {}: {}", chosen.interface, why);
  return chosen;
}

std::string InterfaceOf(const HostAddresses& host, const net::Ip& ip) {
  for (const kernel::Address& address : host.addresses) {
    if (address.address.ip() != ip) continue;
    for (const kernel::Link& link : host.links) {
      if (link.ifindex == address.ifindex) return link.name;
    }
  }
  return "";
}

}  // namespace

std::optional<net::Cidr> AddressOnHost(const HostAddresses& host, const net::Ip& ip) {
  for (const kernel::Address& address : host.addresses) {
    if (address.address.ip() == ip) return address.address;
  }
  return std::nullopt;
}

Result<net::Ip> KernelSourceTowards(const std::string& destination, net::Family family) {
  addrinfo hints{};
  hints.ai_family = family == net::Family::kV4 ? AF_INET : AF_INET6;
  hints.ai_socktype = SOCK_DGRAM;
  addrinfo* found = nullptr;
  if (const int code = ::getaddrinfo(destination.c_str(), "80", &hints, &found); code != 0) {
    return Error(ErrorCode::kNotFound, fmt::format("{}: {}", destination, ::gai_strerror(code)));
  }
  const std::unique_ptr<addrinfo, void (*)(addrinfo*)> owner(found, ::freeaddrinfo);
  const UniqueFd fd(::socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (::connect(fd.get(), found->ai_addr, found->ai_addrlen) != 0) {
    return Error::FromErrno(errno, "no route to " + destination);
  }
  sockaddr_storage local{};
  socklen_t size = sizeof local;
  if (::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&local), &size) != 0)
    return Error::FromErrno(errno, "getsockname");
  if (family == net::Family::kV4) {
    return net::Ip::FromBytes(family, reinterpret_cast<const std::uint8_t*>(
                                          &reinterpret_cast<const sockaddr_in*>(&local)->sin_addr));
  }
  return net::Ip::FromBytes(family, reinterpret_cast<const std::uint8_t*>(
                                        &reinterpret_cast<const sockaddr_in6*>(&local)->sin6_addr));
}

Result<Detected> DetectAddress(const HostAddresses& host, net::Family family, const std::string& method,
                               const SourceTowards& source_towards,
                               const std::optional<net::Cidr>& preferred) {
  const std::size_t equals = method.find('=');
  const std::string kind = method.substr(0, equals);
  const std::string argument = equals == std::string::npos ? "" : method.substr(equals + 1);
  const std::string name = method.empty() ? "first-found" : method;
  std::vector<Detected::PassedOver> passed_over;
  std::optional<Detected> found;
  if (name == "first-found") {
    const auto judge = [](const kernel::Link& link, const net::Cidr&) { return Excluded(link); };
    found = FirstFound(host, family, judge, preferred, passed_over);
  } else if (kind == "can-reach" && !argument.empty()) {
    auto source = source_towards(argument, family);
    if (!source.has_value())
      return NotFound(family, fmt::format("{} ({})", method, source.error().message()));
    if (const auto address = AddressOnHost(host, *source)) {
      const std::string interface = InterfaceOf(host, *source);
      found = Detected{
          *address, interface, fmt::format("on {}: the kernel's way to {}", interface, argument), {}};
    }
  } else if (kind == "interface" || kind == "skip-interface") {
    const auto names = Joined(argument);
    if (!names) return Invalid(family, method);
    const auto judge = [&](const kernel::Link& link, const net::Cidr&) -> std::string {
      const bool matches = std::regex_search(link.name, *names);
      if (kind == "interface") return matches ? "" : "does not match";
      return matches ? "is to be skipped" : Excluded(link);
    };
    found = FirstFound(host, family, judge, preferred, passed_over);
  } else if (kind == "cidr") {
    std::vector<net::Cidr> prefixes;
    for (const std::string& part : Split(argument, ',')) {
      const auto prefix = net::Cidr::ParsePrefix(std::string(Trim(part)));
      if (!prefix) return Invalid(family, method);
      prefixes.push_back(*prefix);
    }
    if (prefixes.empty()) return Invalid(family, method);
    const auto judge = [&](const kernel::Link&, const net::Cidr& address) -> std::string {
      const bool inside = std::any_of(prefixes.begin(), prefixes.end(),
                                      [&](const net::Cidr& prefix) { return prefix.Contains(address.ip()); });
      return inside ? "" : fmt::format("has {}, which is outside", address.ToString());
    };
    found = FirstFound(host, family, judge, preferred, passed_over);
  } else if (method.starts_with("kubernetes-internal-ip")) {
    return Error(
        ErrorCode::kInvalidArgument,
        fmt::format("{}: there is no Kubernetes here to ask; set {}_AUTODETECTION_METHOD to another one",
                    method, Variable(family)));
  } else {
    return Invalid(family, method);
  }
  if (!found) return NotFound(family, name, passed_over);
  found->reason = fmt::format("autodetected by {} {}", name, found->reason);
  found->passed_over = std::move(passed_over);
  return *found;
}

}  // namespace calico::node
