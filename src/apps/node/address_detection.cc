// SPDX-License-Identifier: Apache-2.0
#include "apps/node/address_detection.h"

#include <algorithm>
#include <memory>
#include <regex>

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
    "^vxlan\\.calico.*|^vxlan-v6\\.calico.*|^wireguard\\.cali.*|^wg-v6\\.cali.*|^nodelocaldns.*";

const char* FamilyText(net::Family family) {
  return family == net::Family::kV4 ? "IPv4" : "IPv6";
}
const char* Variable(net::Family family) {
  return family == net::Family::kV4 ? "IP" : "IP6";
}

Error NotFound(net::Family family, const std::string& what) {
  return Error(ErrorCode::kNotFound,
               fmt::format("no {} address found by {}: set {}=<address> or another {}_AUTODETECTION_METHOD",
                           FamilyText(family), what, Variable(family), Variable(family)));
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

using NameFilter = std::function<bool(const std::string&)>;
using AddressFilter = std::function<bool(const net::Ip&)>;

// Newest interface first, then its addresses in the kernel's order.
std::optional<net::Cidr> FirstFound(const HostAddresses& host, net::Family family, const NameFilter& name_ok,
                                    const AddressFilter& address_ok) {
  std::vector<kernel::Link> links = host.links;
  std::sort(links.begin(), links.end(), [](const auto& a, const auto& b) { return a.ifindex > b.ifindex; });
  for (const kernel::Link& link : links) {
    if (!name_ok(link.name)) continue;
    for (const kernel::Address& address : host.addresses) {
      const net::Ip& ip = address.address.ip();
      if (address.ifindex == link.ifindex && ip.family() == family && ip.IsGlobalUnicast() && address_ok(ip))
        return address.address;
    }
  }
  return std::nullopt;
}

bool Any(const std::string&) {
  return true;
}
bool AnyIp(const net::Ip&) {
  return true;
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

Result<net::Cidr> DetectAddress(const HostAddresses& host, net::Family family, const std::string& method,
                                const SourceTowards& source_towards) {
  static const std::regex excluded(kExcluded);
  const auto not_excluded = [](const std::string& name) { return !std::regex_search(name, excluded); };
  const std::size_t equals = method.find('=');
  const std::string kind = method.substr(0, equals);
  const std::string argument = equals == std::string::npos ? "" : method.substr(equals + 1);
  std::optional<net::Cidr> found;
  if (method.empty() || method == "first-found") {
    found = FirstFound(host, family, not_excluded, AnyIp);
  } else if (kind == "can-reach" && !argument.empty()) {
    auto source = source_towards(argument, family);
    if (!source.has_value())
      return NotFound(family, fmt::format("{} ({})", method, source.error().message()));
    found = AddressOnHost(host, *source);
  } else if (kind == "interface" || kind == "skip-interface") {
    const auto names = Joined(argument);
    if (!names) return Invalid(family, method);
    const bool wanted = kind == "interface";
    found = FirstFound(
        host, family,
        [&](const std::string& name) {
          const bool matches = std::regex_search(name, *names);
          return wanted ? matches : !matches && not_excluded(name);
        },
        AnyIp);
  } else if (kind == "cidr") {
    std::vector<net::Cidr> prefixes;
    for (const std::string& part : Split(argument, ',')) {
      const auto prefix = net::Cidr::ParsePrefix(std::string(Trim(part)));
      if (!prefix) return Invalid(family, method);
      prefixes.push_back(*prefix);
    }
    if (prefixes.empty()) return Invalid(family, method);
    found = FirstFound(host, family, Any, [&](const net::Ip& ip) {
      return std::any_of(prefixes.begin(), prefixes.end(),
                         [&](const net::Cidr& prefix) { return prefix.Contains(ip); });
    });
  } else {
    return Invalid(family, method);
  }
  if (!found) return NotFound(family, method.empty() ? "first-found" : method);
  return *found;
}

}  // namespace calico::node
