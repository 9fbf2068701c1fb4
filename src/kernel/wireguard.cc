// SPDX-License-Identifier: Apache-2.0
#include "kernel/wireguard.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <vector>

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <linux/wireguard.h>
#include <netinet/in.h>
#include <sys/random.h>

#include "kernel/netlink_attributes.h"

namespace calico::kernel {
namespace {

constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::size_t kBuffer = 256 * 1024;
// Nested attributes have 16 bits for their length; an allowed address takes up to 44 bytes.
constexpr std::size_t kAllowedPerMessage = 500;
constexpr timeval kReplyTimeout{5, 0};

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};

WireguardKey KeyFrom(const nlattr* attribute) {
  WireguardKey key;
  if (mnl_attr_get_payload_len(attribute) == key.bytes.size())
    std::memcpy(key.bytes.data(), mnl_attr_get_payload(attribute), key.bytes.size());
  return key;
}

std::optional<net::Cidr> AllowedFrom(const nlattr* nest) {
  std::uint16_t family = 0;
  std::uint8_t length = 0;
  const nlattr* address = nullptr;
  ForEachNested(nest, [&](const nlattr* attribute) {
    if (mnl_attr_get_type(attribute) == WGALLOWEDIP_A_FAMILY) family = mnl_attr_get_u16(attribute);
    if (mnl_attr_get_type(attribute) == WGALLOWEDIP_A_CIDR_MASK) length = mnl_attr_get_u8(attribute);
    if (mnl_attr_get_type(attribute) == WGALLOWEDIP_A_IPADDR) address = attribute;
  });
  const net::Family which = family == AF_INET6 ? net::Family::kV6 : net::Family::kV4;
  if (address == nullptr || mnl_attr_get_payload_len(address) != (which == net::Family::kV4 ? 4U : 16U))
    return std::nullopt;
  return net::Cidr(net::Ip::FromBytes(which, static_cast<const std::uint8_t*>(mnl_attr_get_payload(address))),
                   length);
}

void ReadEndpoint(const nlattr* attribute, WireguardPeer& peer) {
  const auto* address = static_cast<const sockaddr*>(mnl_attr_get_payload(attribute));
  const std::size_t size = mnl_attr_get_payload_len(attribute);
  if (size >= sizeof(sockaddr_in) && address->sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, address, sizeof v4);
    peer.host =
        net::Ip::FromBytes(net::Family::kV4, reinterpret_cast<const std::uint8_t*>(&v4.sin_addr.s_addr));
    peer.port = ntohs(v4.sin_port);
  } else if (size >= sizeof(sockaddr_in6) && address->sa_family == AF_INET6) {
    sockaddr_in6 v6{};
    std::memcpy(&v6, address, sizeof v6);
    peer.host = net::Ip::FromBytes(net::Family::kV6, v6.sin6_addr.s6_addr);
    peer.port = ntohs(v6.sin6_port);
  }
}

// A device with many peers comes in several messages, and so may one peer.
void ReadPeer(const nlattr* nest, WireguardDevice& device) {
  WireguardKey key;
  WireguardPeer part;
  ForEachNested(nest, [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case WGPEER_A_PUBLIC_KEY:
        key = KeyFrom(attribute);
        break;
      case WGPEER_A_ENDPOINT:
        ReadEndpoint(attribute, part);
        break;
      case WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL:
        part.keepalive_seconds = mnl_attr_get_u16(attribute);
        break;
      case WGPEER_A_ALLOWEDIPS:
        ForEachNested(attribute, [&](const nlattr* one) {
          if (const auto allowed = AllowedFrom(one)) part.allowed.insert(*allowed);
        });
        break;
      default:
        break;
    }
  });
  const auto [peer, fresh] = device.peers.try_emplace(key, part);
  if (!fresh) peer->second.allowed.merge(part.allowed);
}

void ReadDevice(const nlmsghdr* message, WireguardDevice& device) {
  ForEachAttribute(message, sizeof(genlmsghdr), [&](const nlattr* attribute) {
    switch (mnl_attr_get_type(attribute)) {
      case WGDEVICE_A_PRIVATE_KEY:
        device.private_key = KeyFrom(attribute);
        break;
      case WGDEVICE_A_PUBLIC_KEY:
        device.public_key = KeyFrom(attribute);
        break;
      case WGDEVICE_A_LISTEN_PORT:
        device.port = mnl_attr_get_u16(attribute);
        break;
      case WGDEVICE_A_FWMARK:
        device.mark = mnl_attr_get_u32(attribute);
        break;
      case WGDEVICE_A_PEERS:
        ForEachNested(attribute, [&](const nlattr* peer) { ReadPeer(peer, device); });
        break;
      default:
        break;
    }
  });
}

class MnlWireguard final : public Wireguard {
 public:
  explicit MnlWireguard(std::unique_ptr<mnl_socket, CloseSocket> socket)
      : socket_(std::move(socket)), out_(kBuffer), in_(kBuffer) {}

  Result<WireguardDevice> Read(const std::string& interface) override {
    ASSIGN_OR_RETURN(nlmsghdr * header, Begin(WG_CMD_GET_DEVICE, WG_GENL_VERSION, NLM_F_DUMP));
    mnl_attr_put_strz(header, WGDEVICE_A_IFNAME, interface.c_str());
    WireguardDevice device;
    RETURN_IF_ERROR(Exchange(header, "WireGuard device " + interface,
                             [&](const nlmsghdr* message) { ReadDevice(message, device); }));
    return device;
  }

  Status Change(const std::string& interface, const WireguardChange& change) override {
    ASSIGN_OR_RETURN(nlmsghdr * header, BeginChange(interface));
    if (change.private_key)
      mnl_attr_put(header, WGDEVICE_A_PRIVATE_KEY, change.private_key->bytes.size(),
                   change.private_key->bytes.data());
    if (change.port) mnl_attr_put_u16(header, WGDEVICE_A_LISTEN_PORT, *change.port);
    if (change.mark) mnl_attr_put_u32(header, WGDEVICE_A_FWMARK, *change.mark);
    const std::string doing = "WireGuard device " + interface;
    std::size_t room = kAllowedPerMessage;
    nlattr* peers = nullptr;
    const auto flush = [&]() -> Status {
      if (peers != nullptr) mnl_attr_nest_end(header, peers);
      peers = nullptr;
      return Exchange(header, doing, [](const nlmsghdr*) {});
    };
    for (const auto& [key, peer] : change.peers) {
      std::vector<net::Cidr> allowed;
      if (peer) allowed.assign(peer->allowed.begin(), peer->allowed.end());
      std::size_t at = 0;
      do {
        if (room == 0) {
          RETURN_IF_ERROR(flush());
          ASSIGN_OR_RETURN(header, BeginChange(interface));
          room = kAllowedPerMessage;
        }
        if (peers == nullptr) peers = mnl_attr_nest_start(header, WGDEVICE_A_PEERS);
        const std::size_t count = std::min(room, allowed.size() - at);
        PutPeer(header, key, peer, at == 0, {allowed.begin() + static_cast<std::ptrdiff_t>(at), count});
        at += count;
        room -= std::min(room, count + 4);  // the peer itself takes as much as a few addresses
      } while (at < allowed.size());
    }
    return flush();
  }

 private:
  static void PutPeer(nlmsghdr* header, const WireguardKey& key, const std::optional<WireguardPeer>& peer,
                      bool first, std::span<const net::Cidr> allowed) {
    nlattr* nest = mnl_attr_nest_start(header, 0);
    mnl_attr_put(header, WGPEER_A_PUBLIC_KEY, key.bytes.size(), key.bytes.data());
    if (!peer) {
      mnl_attr_put_u32(header, WGPEER_A_FLAGS, WGPEER_F_REMOVE_ME);
      mnl_attr_nest_end(header, nest);
      return;
    }
    if (first) {
      mnl_attr_put_u32(header, WGPEER_A_FLAGS, WGPEER_F_REPLACE_ALLOWEDIPS);
      mnl_attr_put_u16(header, WGPEER_A_PERSISTENT_KEEPALIVE_INTERVAL, peer->keepalive_seconds);
      if (peer->host) PutEndpoint(header, *peer->host, peer->port);
    }
    nlattr* list = mnl_attr_nest_start(header, WGPEER_A_ALLOWEDIPS);
    for (const net::Cidr& cidr : allowed) {
      nlattr* one = mnl_attr_nest_start(header, 0);
      const bool v4 = cidr.family() == net::Family::kV4;
      mnl_attr_put_u16(header, WGALLOWEDIP_A_FAMILY, v4 ? AF_INET : AF_INET6);
      mnl_attr_put(header, WGALLOWEDIP_A_IPADDR, cidr.ip().size(), cidr.ip().bytes());
      mnl_attr_put_u8(header, WGALLOWEDIP_A_CIDR_MASK, static_cast<std::uint8_t>(cidr.prefix_length()));
      mnl_attr_nest_end(header, one);
    }
    mnl_attr_nest_end(header, list);
    mnl_attr_nest_end(header, nest);
  }
  static void PutEndpoint(nlmsghdr* header, const net::Ip& host, std::uint16_t port) {
    if (host.is_v4()) {
      sockaddr_in v4{};
      v4.sin_family = AF_INET;
      v4.sin_port = htons(port);
      std::memcpy(&v4.sin_addr, host.bytes(), 4);
      mnl_attr_put(header, WGPEER_A_ENDPOINT, sizeof v4, &v4);
      return;
    }
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    std::memcpy(&v6.sin6_addr, host.bytes(), 16);
    mnl_attr_put(header, WGPEER_A_ENDPOINT, sizeof v6, &v6);
  }

  nlmsghdr* Start(std::uint16_t type, std::uint8_t command, std::uint8_t version, std::uint16_t flags) {
    nlmsghdr* header = mnl_nlmsg_put_header(out_.data());
    header->nlmsg_type = type;
    header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    auto* generic = static_cast<genlmsghdr*>(mnl_nlmsg_put_extra_header(header, sizeof(genlmsghdr)));
    generic->cmd = command;
    generic->version = version;
    return header;
  }
  // The family has a number once its module is there, which making a device sees to.
  Result<nlmsghdr*> Begin(std::uint8_t command, std::uint8_t version, std::uint16_t flags) {
    if (family_ == 0) {
      nlmsghdr* header = Start(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, NLM_F_ACK);
      mnl_attr_put_strz(header, CTRL_ATTR_FAMILY_NAME, WG_GENL_NAME);
      const Status found = Exchange(header, "WireGuard", [&](const nlmsghdr* message) {
        ForEachAttribute(message, sizeof(genlmsghdr), [&](const nlattr* attribute) {
          if (mnl_attr_get_type(attribute) == CTRL_ATTR_FAMILY_ID) family_ = mnl_attr_get_u16(attribute);
        });
      });
      if (!found.has_value() || family_ == 0)
        return Error(ErrorCode::kUnsupported, "this kernel has no WireGuard");
    }
    return Start(family_, command, version, flags);
  }
  Result<nlmsghdr*> BeginChange(const std::string& interface) {
    ASSIGN_OR_RETURN(nlmsghdr * header, Begin(WG_CMD_SET_DEVICE, WG_GENL_VERSION, NLM_F_ACK));
    mnl_attr_put_strz(header, WGDEVICE_A_IFNAME, interface.c_str());
    return header;
  }

  template <typename OnMessage>
  Status Exchange(nlmsghdr* header, const std::string& doing, const OnMessage& on_message) {
    header->nlmsg_seq = ++sequence_;
    if (mnl_socket_sendto(socket_.get(), header, header->nlmsg_len) < 0)
      return Error::FromErrno(errno, doing);
    for (;;) {
      const ssize_t size = mnl_socket_recvfrom(socket_.get(), in_.data(), in_.size());
      if (size < 0) {
        if (errno == EINTR) continue;
        if (errno == EAGAIN) return Error(ErrorCode::kUnavailable, doing + ": the kernel does not answer");
        return Error::FromErrno(errno, doing);
      }
      int left = static_cast<int>(size);
      for (auto* reply = reinterpret_cast<nlmsghdr*>(in_.data()); mnl_nlmsg_ok(reply, left);
           reply = mnl_nlmsg_next(reply, &left)) {
        if (reply->nlmsg_seq != sequence_) continue;
        if (reply->nlmsg_type == NLMSG_DONE || reply->nlmsg_type == NLMSG_ERROR) {
          int error = 0;
          std::memcpy(&error, mnl_nlmsg_get_payload(reply), sizeof error);
          return error == 0 ? Ok() : Status(Error::FromErrno(-error, doing));
        }
        on_message(reply);
      }
    }
  }

  const std::unique_ptr<mnl_socket, CloseSocket> socket_;
  std::vector<char> out_, in_;
  std::uint32_t sequence_ = 0;
  std::uint16_t family_ = 0;
};

}  // namespace

std::optional<WireguardKey> WireguardKey::Parse(std::string_view base64) {
  WireguardKey key;
  if (base64.size() != 44 || base64.back() != '=') return std::nullopt;
  std::uint32_t bits = 0;
  int have = 0;
  std::size_t at = 0;
  for (const char c : base64.substr(0, 43)) {
    const char* digit = std::find(std::begin(kDigits), std::end(kDigits) - 1, c);
    if (digit == std::end(kDigits) - 1) return std::nullopt;
    bits = bits << 6 | static_cast<std::uint32_t>(digit - kDigits);
    have += 6;
    if (have < 8) continue;
    have -= 8;
    if (at < key.bytes.size()) key.bytes[at++] = static_cast<std::uint8_t>(bits >> have);
    bits &= (1U << have) - 1;
  }
  // The last digit has two bits more than the key.
  if (bits != 0) return std::nullopt;
  return key;
}

std::string WireguardKey::ToString() const {
  std::string text;
  std::uint32_t bits = 0;
  int have = 0;
  const auto put = [&] {
    while (have >= 6) {
      have -= 6;
      text += kDigits[bits >> have & 63];
    }
  };
  for (const std::uint8_t byte : bytes) {
    bits = (bits << 8 | byte) & 0xffff;
    have += 8;
    put();
  }
  bits <<= 6 - have;
  have = 6;
  put();
  return text + "=";
}

Result<WireguardKey> WireguardKey::NewPrivate() {
  WireguardKey key;
  if (::getrandom(key.bytes.data(), key.bytes.size(), 0) != static_cast<ssize_t>(key.bytes.size()))
    return Error::FromErrno(errno, "random numbers for a key");
  // RFC 7748, section 5.
  key.bytes[0] &= 248;
  key.bytes[31] = static_cast<std::uint8_t>((key.bytes[31] & 127) | 64);
  return key;
}

Result<std::unique_ptr<Wireguard>> OpenWireguard() {
  std::unique_ptr<mnl_socket, CloseSocket> socket(mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC));
  if (socket == nullptr) return Error::FromErrno(errno, "open a generic netlink socket");
  const int fd = mnl_socket_get_fd(socket.get());
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kReplyTimeout, sizeof kReplyTimeout);
  if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return Error::FromErrno(errno, "bind a generic netlink socket");
  return std::unique_ptr<Wireguard>(std::make_unique<MnlWireguard>(std::move(socket)));
}

}  // namespace calico::kernel
