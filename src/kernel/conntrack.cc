// SPDX-License-Identifier: Apache-2.0
#include "kernel/conntrack.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>

#include "kernel/netlink_attributes.h"

namespace calico::kernel {
namespace {

constexpr std::size_t kBuffer = 256 * 1024;
// Each is answered; the answers must fit the socket's buffer.
constexpr std::size_t kDeletionsPerMessage = 64;

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};

// What names one connection to the kernel: attributes as it has sent them.
struct Connection {
  std::uint8_t family = 0;
  std::vector<char> attributes;  // CTA_TUPLE_ORIG, CTA_ID, CTA_ZONE
};

std::optional<net::Ip> AddressIn(const nlattr* attribute) {
  const auto* bytes = static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute));
  switch (mnl_attr_get_type(attribute)) {
    case CTA_IP_V4_SRC:
    case CTA_IP_V4_DST:
      return mnl_attr_get_payload_len(attribute) == 4
                 ? std::optional(net::Ip::FromBytes(net::Family::kV4, bytes))
                 : std::nullopt;
    case CTA_IP_V6_SRC:
    case CTA_IP_V6_DST:
      return mnl_attr_get_payload_len(attribute) == 16
                 ? std::optional(net::Ip::FromBytes(net::Family::kV6, bytes))
                 : std::nullopt;
    default:
      return std::nullopt;
  }
}

bool HasOneOf(const nlattr* tuple, const std::set<net::Ip>& addresses) {
  bool found = false;
  ForEachNested(tuple, [&](const nlattr* part) {
    if (mnl_attr_get_type(part) != CTA_TUPLE_IP) return;
    ForEachNested(part, [&](const nlattr* attribute) {
      const auto ip = AddressIn(attribute);
      found = found || (ip && addresses.contains(*ip));
    });
  });
  return found;
}

class NetlinkConntrack final : public Conntrack {
 public:
  explicit NetlinkConntrack(std::unique_ptr<mnl_socket, CloseSocket> socket)
      : socket_(std::move(socket)), buffer_(kBuffer) {}

  Result<int> DeleteConnectionsOf(const std::set<net::Ip>& addresses) override {
    std::vector<Connection> found;
    for (const std::uint8_t family :
         {static_cast<std::uint8_t>(AF_INET), static_cast<std::uint8_t>(AF_INET6)})
      RETURN_IF_ERROR(Find(family, addresses, found));
    int deleted = 0;
    for (std::size_t i = 0; i < found.size(); i += kDeletionsPerMessage) {
      const std::size_t end = std::min(found.size(), i + kDeletionsPerMessage);
      ASSIGN_OR_RETURN(const int some, Delete(found, i, end));
      deleted += some;
    }
    return deleted;
  }

 private:
  nlmsghdr* Header(void* at, std::uint8_t type, std::uint8_t family, std::uint16_t flags) {
    nlmsghdr* header = mnl_nlmsg_put_header(at);
    header->nlmsg_type = static_cast<std::uint16_t>((NFNL_SUBSYS_CTNETLINK << 8) | type);
    header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header->nlmsg_seq = ++sequence_;
    auto* generic = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
    generic->nfgen_family = family;
    generic->version = NFNETLINK_V0;
    return header;
  }

  Status Find(std::uint8_t family, const std::set<net::Ip>& addresses, std::vector<Connection>& found) {
    nlmsghdr* request = Header(buffer_.data(), IPCTNL_MSG_CT_GET, family, NLM_F_DUMP);
    if (mnl_socket_sendto(socket_.get(), request, request->nlmsg_len) < 0)
      return Error::FromErrno(errno, "list connections");
    while (true) {
      ASSIGN_OR_RETURN(int left, Receive("list connections"));
      for (auto* reply = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(reply, left);
           reply = mnl_nlmsg_next(reply, &left)) {
        if (reply->nlmsg_seq != sequence_) continue;
        if (reply->nlmsg_type == NLMSG_DONE) return Ok();
        if (reply->nlmsg_type == NLMSG_ERROR) return Error::FromErrno(-ErrorOf(reply), "list connections");
        Look(reply, family, addresses, found);
      }
    }
  }

  static void Look(const nlmsghdr* reply, std::uint8_t family, const std::set<net::Ip>& addresses,
                   std::vector<Connection>& found) {
    bool wanted = false;
    Connection connection{family, {}};
    ForEachAttribute(reply, sizeof(nfgenmsg), [&](const nlattr* attribute) {
      const auto type = mnl_attr_get_type(attribute);
      if (type == CTA_TUPLE_ORIG || type == CTA_TUPLE_REPLY)
        wanted = wanted || HasOneOf(attribute, addresses);
      if (type != CTA_TUPLE_ORIG && type != CTA_ID && type != CTA_ZONE) return;
      const auto* bytes = reinterpret_cast<const char*>(attribute);
      connection.attributes.insert(connection.attributes.end(), bytes, bytes + MNL_ALIGN(attribute->nla_len));
    });
    if (wanted) found.push_back(std::move(connection));
  }

  Result<int> Delete(const std::vector<Connection>& found, std::size_t begin, std::size_t end) {
    std::size_t size = 0;
    for (std::size_t i = begin; i < end; ++i) {
      nlmsghdr* request = Header(buffer_.data() + size, IPCTNL_MSG_CT_DELETE, found[i].family, NLM_F_ACK);
      std::memcpy(mnl_nlmsg_get_payload_tail(request), found[i].attributes.data(),
                  found[i].attributes.size());
      request->nlmsg_len += static_cast<std::uint32_t>(found[i].attributes.size());
      size += MNL_ALIGN(request->nlmsg_len);
    }
    const std::uint32_t last = sequence_;
    if (mnl_socket_sendto(socket_.get(), buffer_.data(), size) < 0)
      return Error::FromErrno(errno, "delete connections");
    int deleted = 0;
    std::optional<Error> failure;
    while (true) {
      ASSIGN_OR_RETURN(int left, Receive("delete connections"));
      for (auto* reply = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(reply, left);
           reply = mnl_nlmsg_next(reply, &left)) {
        if (reply->nlmsg_type != NLMSG_ERROR) continue;
        const int error = -ErrorOf(reply);
        deleted += error == 0 ? 1 : 0;
        // It may have ended by itself, or another one has its place: not the one that was meant.
        if (error != 0 && error != ENOENT) failure = Error::FromErrno(error, "delete connections");
        if (reply->nlmsg_seq != last) continue;
        if (failure) return *failure;
        return deleted;
      }
    }
  }

  static int ErrorOf(const nlmsghdr* reply) {
    return static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply))->error;
  }
  Result<int> Receive(const char* doing) {
    const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size < 0) return Error::FromErrno(errno, doing);
    return static_cast<int>(size);
  }

  const std::unique_ptr<mnl_socket, CloseSocket> socket_;
  std::vector<char> buffer_;
  std::uint32_t sequence_ = 0;
};

}  // namespace

Result<std::unique_ptr<Conntrack>> OpenConntrack() {
  std::unique_ptr<mnl_socket, CloseSocket> socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (socket == nullptr || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return Error::FromErrno(errno, "open a conntrack socket");
  // A kernel that does not answer must not hold the caller for ever.
  const timeval timeout{5, 0};
  ::setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  return std::unique_ptr<Conntrack>(std::make_unique<NetlinkConntrack>(std::move(socket)));
}

}  // namespace calico::kernel
