// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/packet_network.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/subprocess.h"

namespace calico::policy_test {
namespace {

constexpr std::uint32_t kMagic = 0xCA11C0DE;
constexpr int kQuietMs = 15;

void Run(const std::string& script) {
  const auto output = RunProcess({"sh", "-ec", script}, std::chrono::seconds(20));
  if (output.has_value() && output->exit_code == 0) return;
  std::fprintf(stderr, "%s: %s\n", script.c_str(),
               output.has_value() ? output->err.c_str() : output.error().message().c_str());
  std::abort();
}

std::string Bytes(const net::Ip& ip) {
  return {reinterpret_cast<const char*>(ip.bytes()), ip.size()};
}
std::string Big16(unsigned value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}
std::string Big32(std::uint32_t value) {
  return Big16(value >> 16) + Big16(value & 0xffff);
}
std::uint16_t Checksum(const std::string& bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i]) << 8);
    if (i + 1 < bytes.size()) sum += static_cast<unsigned char>(bytes[i + 1]);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

// The transport header, with a payload that says the id. Only of ICMP somebody looks at the checksum: the
// host's own raw sockets.
std::string Transport(const policy_eval::Packet& packet, std::uint32_t id,
                      const PacketNetwork::TcpFields& tcp) {
  const std::string payload = Big32(kMagic) + Big32(id);
  const std::string ports = Big16(packet.source_port) + Big16(packet.destination_port);
  switch (packet.protocol) {
    case net::kTcp:
      return ports + Big32(tcp.sequence) + Big32(tcp.acknowledged) + Big16(0x5000U | tcp.flags) +
             Big16(65535) + Big32(0) + payload;
    case net::kUdp:
    case net::kUdpLite:
      return ports + Big16(16) + Big16(0) + payload;
    case net::kSctp:  // INIT, with the payload as a parameter
      return ports + Big32(0) + Big32(0) + std::string("\1\0", 2) + Big16(28) + Big32(id | 1) + Big32(65535) +
             Big16(1) + Big16(1) + Big32(1) + payload;
    case net::kIcmp:
    case net::kIcmpV6: {
      const auto message = [&](std::uint16_t checksum) {
        return std::string{static_cast<char>(packet.icmp_type), static_cast<char>(packet.icmp_code)} +
               Big16(checksum) + Big16(id & 0xffff) + Big16(id >> 16) + payload;
      };
      const std::string pseudo =
          packet.source.is_v4() ? std::string()
                                : Bytes(packet.source) + Bytes(packet.destination) + Big32(16) + Big32(58);
      return message(Checksum(pseudo + message(0)));
    }
    default:
      return payload;
  }
}

std::string IpPacket(const policy_eval::Packet& packet, std::uint32_t id,
                     const PacketNetwork::TcpFields& tcp) {
  const std::string transport = Transport(packet, id, tcp);
  if (!packet.source.is_v4()) {
    return Big32(0x60000000) + Big16(static_cast<unsigned>(transport.size())) +
           std::string{static_cast<char>(packet.protocol), 64} + Bytes(packet.source) +
           Bytes(packet.destination) + transport;
  }
  const auto header = [&](std::uint16_t checksum) {
    return Big16(0x4500) + Big16(static_cast<unsigned>(20 + transport.size())) + Big16(id & 0xffff) +
           Big16(0) + std::string{64, static_cast<char>(packet.protocol)} + Big16(checksum) +
           Bytes(packet.source) + Bytes(packet.destination);
  };
  return header(Checksum(header(0))) + transport;
}

// The id in a packet of ours.
std::optional<std::uint32_t> IdIn(const char* bytes, std::size_t size) {
  const std::string magic = Big32(kMagic);
  const std::string_view text(bytes, size);
  const std::size_t at = text.find(magic);
  if (at == std::string_view::npos || at + 8 > size) return std::nullopt;
  std::uint32_t id = 0;
  std::memcpy(&id, bytes + at + 4, sizeof id);
  return ntohl(id);
}

std::string PeerOf(const std::string& interface) {
  return "p-" + interface.substr(0, 13);
}

}  // namespace

PacketNetwork::PacketNetwork() {
  Run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0 "
      "net.netfilter.nf_conntrack_checksum=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.all.rp_filter=0 "
      "net.ipv4.icmp_ratelimit=0; ip link set lo up");
  frames_ = UniqueFd(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, htons(ETH_P_ALL)));
  CHECK(frames_.valid(), "a packet socket opens");
  const int size = 64 << 20;
  setsockopt(frames_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  const int on = 1;
  senders_[0] = UniqueFd(::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  senders_[1] = UniqueFd(::socket(AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  setsockopt(senders_[1].get(), IPPROTO_IPV6, IPV6_HDRINCL, &on, sizeof on);
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    for (const std::uint8_t protocol : {net::kTcp, net::kUdp, net::kSctp, net::kUdpLite,
                                        family == net::Family::kV4 ? net::kIcmp : net::kIcmpV6})
      RawSocket(family, protocol);
  }
}

PacketNetwork& PacketNetwork::Instance() {
  static PacketNetwork network;
  return network;
}

const UniqueFd& PacketNetwork::RawSocket(net::Family family, std::uint8_t protocol) {
  UniqueFd& fd = raw_[{family, protocol}];
  if (!fd.valid()) {
    fd = UniqueFd(::socket(family == net::Family::kV4 ? AF_INET : AF_INET6,
                           SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol));
    CHECK(fd.valid(), "a raw socket opens");
    const int size = 8 << 20;
    setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
  }
  return fd;
}

net::Mac PacketNetwork::MacBehind(const std::string& interface) {
  net::Mac mac{{0x02, 0xca, 0, 0, 0, 0}};
  std::uint32_t hash = 2166136261U;
  for (const char c : interface) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
  std::memcpy(mac.bytes.data() + 2, &hash, 4);
  return mac;
}

void PacketNetwork::SetInterface(const std::string& name, const std::vector<net::Ip>& addresses) {
  Interface& interface = interfaces_[name];
  std::string script;
  if (interface.ifindex == 0) {
    // What comes out has the MAC of MacBehind(), which is not that of the peer: no stack takes it.
    script = fmt::format(
        "ip link add {0} type veth peer name {1}; sysctl -qw net.ipv6.conf.{1}.disable_ipv6=1; "
        "ip link set {0} up; ip link set {1} up; ",
        name, PeerOf(name));
  }
  if (interface.ifindex == 0 || interface.addresses != addresses) {
    for (const net::Ip& ip : interface.addresses)
      script += fmt::format("ip addr del {}/{} dev {}; ", ip.ToString(), net::Bits(ip.family()), name);
    for (const net::Ip& ip : addresses)
      script += fmt::format("ip addr replace {}/{} dev {} {}; ", ip.ToString(), net::Bits(ip.family()), name,
                            ip.is_v4() ? "" : "nodad");
  }
  if (!script.empty()) Run(script);
  interface.addresses = addresses;
  if (interface.ifindex != 0) return;
  interface.ifindex = static_cast<int>(::if_nametoindex(name.c_str()));
  interface.peer_ifindex = static_cast<int>(::if_nametoindex(PeerOf(name).c_str()));
  ifreq request{};
  name.copy(request.ifr_name, IFNAMSIZ - 1);
  CHECK(::ioctl(senders_[0].get(), SIOCGIFHWADDR, &request) == 0, "an interface has a MAC");
  std::memcpy(interface.mac.bytes.data(), request.ifr_hwaddr.sa_data, interface.mac.bytes.size());
}

void PacketNetwork::SetDefaultRoute(const std::string& interface) {
  Run(
      fmt::format("ip route replace default via 169.254.77.1 dev {0} onlink; "
                  "ip neigh replace 169.254.77.1 lladdr {1} dev {0} nud permanent; "
                  "ip -6 route replace default via fe80::77 dev {0}; "
                  "ip -6 neigh replace fe80::77 lladdr {1} dev {0} nud permanent",
                  interface, MacBehind(interface).ToString()));
}
void PacketNetwork::SetRoute(const std::string& prefix, const std::string& interface) {
  const bool v4 = prefix.find(':') == std::string::npos;
  Run(fmt::format(
      "ip route replace {0} via {1} dev {2} onlink; ip neigh replace {1} lladdr {3} dev {2} nud permanent",
      prefix, v4 ? "169.254.78.1" : "fe80::78", interface, MacBehind(interface).ToString()));
}
void PacketNetwork::RemoveDefaultRoute() {
  Run("ip route flush default; ip -6 route flush default");
}

void PacketNetwork::Send(const policy_eval::Packet& packet, const std::string& interface, std::uint32_t id,
                         const TcpFields& tcp) {
  const std::string ip = IpPacket(packet, id, tcp);
  if (interface.empty()) {
    ssize_t sent = 0;
    if (packet.source.is_v4()) {
      sockaddr_in to{};
      to.sin_family = AF_INET;
      std::memcpy(&to.sin_addr, packet.destination.bytes(), 4);
      sent =
          ::sendto(senders_[0].get(), ip.data(), ip.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    } else {
      sockaddr_in6 to{};
      to.sin6_family = AF_INET6;
      std::memcpy(&to.sin6_addr, packet.destination.bytes(), 16);
      sent =
          ::sendto(senders_[1].get(), ip.data(), ip.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
    }
    // Denied in the output hook: EPERM.
    CHECK(sent >= 0 || errno == EPERM || errno == EACCES || errno == ENETUNREACH || errno == EHOSTUNREACH,
          "a packet of the host is sent");
    return;
  }
  const Interface& at = interfaces_.at(interface);
  const net::Mac from = MacBehind(interface);
  std::string frame(reinterpret_cast<const char*>(at.mac.bytes.data()), 6);
  frame.append(reinterpret_cast<const char*>(from.bytes.data()), 6);
  frame += Big16(packet.source.is_v4() ? ETH_P_IP : ETH_P_IPV6) + ip;
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = at.peer_ifindex;
  CHECK(
      ::sendto(frames_.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to) > 0,
      "a frame is sent");
}

std::map<std::uint32_t, std::string> PacketNetwork::Receive() {
  std::map<int, std::string> by_peer;
  for (const auto& [name, interface] : interfaces_) by_peer[interface.peer_ifindex] = name;
  std::map<std::uint32_t, std::string> received;
  std::vector<pollfd> fds{{frames_.get(), POLLIN, 0}};
  for (const auto& [key, fd] : raw_) fds.push_back({fd.get(), POLLIN, 0});
  std::array<char, 4096> buffer{};
  while (::poll(fds.data(), fds.size(), kQuietMs) > 0) {
    for (const pollfd& ready : fds) {
      if ((ready.revents & POLLIN) == 0) continue;
      for (;;) {
        sockaddr_ll from{};
        socklen_t length = sizeof from;
        const bool frame = ready.fd == frames_.get();
        const ssize_t size =
            ::recvfrom(ready.fd, buffer.data(), buffer.size(), 0,
                       frame ? reinterpret_cast<sockaddr*>(&from) : nullptr, frame ? &length : nullptr);
        if (size < 0) break;
        const auto id = IdIn(buffer.data(), static_cast<std::size_t>(size));
        if (!id) continue;
        if (!frame) {
          received[*id] = "";
          continue;
        }
        const auto peer = by_peer.find(from.sll_ifindex);
        if (peer == by_peer.end() || from.sll_pkttype == PACKET_OUTGOING) continue;
        received[*id] = peer->second;
      }
    }
  }
  return received;
}

void PacketNetwork::ForgetConnections() {
  const UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER));
  struct {
    nlmsghdr header;
    nfgenmsg body;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | IPCTNL_MSG_CT_DELETE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  std::array<char, 4096> answer{};
  CHECK(::send(fd.get(), &request, sizeof request, 0) > 0, "a request to conntrack is sent");
  CHECK(::recv(fd.get(), answer.data(), answer.size(), 0) > 0, "conntrack answers");
}

}  // namespace calico::policy_test
