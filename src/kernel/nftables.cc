// SPDX-License-Identifier: Apache-2.0
#include "kernel/nftables.h"

#include <cerrno>
#include <cstring>
#include <functional>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "kernel/netlink_attributes.h"
#include "kernel/nft/messages.h"

namespace calico::kernel {
namespace {

using nft::TableContent;

constexpr int kConsistentReadTries = 20;
constexpr std::size_t kManyMembers = 512;
constexpr timeval kReplyTimeout{5, 0};

std::uint8_t FamilyNumber(net::Family family) {
  return family == net::Family::kV4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};

template <typename T, T* (*Alloc)(), void (*Free)(const T*)>
struct Object {
  T* get = Alloc();
  Object() = default;
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  ~Object() { Free(get); }
};

class NetlinkNftables final : public Nftables {
 public:
  NetlinkNftables(std::unique_ptr<mnl_socket, CloseSocket> socket, std::string table)
      : socket_(std::move(socket)), table_(std::move(table)), buffer_(256 * 1024) {}

  Status Apply(const std::vector<nft::Transaction>& transactions) override {
    nft::BatchBuilder batch(table_, sequence_ + 1);
    for (const nft::Transaction& transaction : transactions) batch.Add(transaction);
    const std::uint32_t last = batch.last_sequence();
    const std::vector<char> bytes = batch.Finish();
    if (bytes.empty()) return Ok();
    sequence_ = last + 2;
    GrowSendBuffer(bytes.size());
    if (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) < 0)
      return Error::FromErrno(errno, "nftables: send");
    return ReadBatchReply(batch, last);
  }

  Result<TableContent> Read(net::Family family) override {
    // The dumps are several requests: if a commit falls between them, start again.
    for (int i = 0; i < kConsistentReadTries; ++i) {
      ASSIGN_OR_RETURN(const std::uint32_t before, Generation());
      auto content = ReadOnce(family);
      ASSIGN_OR_RETURN(const std::uint32_t after, Generation());
      if (before == after) return content;
    }
    return Error(ErrorCode::kUnavailable, "nftables: the rules change faster than they can be read");
  }

  Result<std::map<std::string, nft::CounterValue>> ReadCounters(net::Family family) override {
    std::map<std::string, nft::CounterValue> counters;
    RETURN_IF_ERROR(DumpCounters(family, counters));
    return counters;
  }

  Result<std::map<std::string, std::vector<RuleCounter>>> ReadRuleCounters(net::Family family) override {
    std::map<std::string, std::vector<RuleCounter>> counters;
    RETURN_IF_ERROR(ForEachRule(family, [&](const std::string& chain, nftnl_rule* rule) {
      if (const auto value = nft::CounterOf(rule)) counters[chain].push_back({nft::CommentOf(rule), *value});
    }));
    return counters;
  }

  Result<std::uint32_t> Generation() override {
    std::uint32_t id = 0;
    nlmsghdr* header =
        nftnl_nlmsg_build_hdr(buffer_.data(), NFT_MSG_GETGEN, NFPROTO_UNSPEC, NLM_F_ACK, ++sequence_);
    RETURN_IF_ERROR(Request(header, "get the generation", [&](const nlmsghdr* reply) {
      ForEachAttribute(reply, sizeof(nfgenmsg), [&](const nlattr* attribute) {
        if (mnl_attr_get_type(attribute) == NFTA_GEN_ID) id = ntohl(mnl_attr_get_u32(attribute));
      });
    }));
    return id;
  }

  std::uint32_t port_id() const override { return mnl_socket_get_portid(socket_.get()); }

 private:
  using OnMessage = std::function<void(const nlmsghdr*)>;

  void GrowSendBuffer(std::size_t size) {
    const int wanted = static_cast<int>(size * 2);
    setsockopt(mnl_socket_get_fd(socket_.get()), SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted);
  }

  static std::string KernelText(const nlmsghdr* reply) {
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply));
    if ((reply->nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
    std::size_t offset = sizeof *error;
    if ((reply->nlmsg_flags & NLM_F_CAPPED) == 0) offset += mnl_nlmsg_get_payload_len(&error->msg);
    std::string text;
    ForEachAttribute(reply, offset, [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_MSG)
        text = std::string(" (") + mnl_attr_get_str(attribute) + ")";
    });
    return text;
  }

  // Until the acknowledgement of the last message. An error of any message means that nothing was done.
  Status ReadBatchReply(const nft::BatchBuilder& batch, std::uint32_t last) {
    std::optional<Error> first;
    for (;;) {
      const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
      if (size < 0) {
        if (errno == EINTR) continue;
        if (first) return *first;
        return Error::FromErrno(errno, "nftables: no answer to a batch");
      }
      int left = static_cast<int>(size);
      for (auto* reply = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(reply, left);
           reply = mnl_nlmsg_next(reply, &left)) {
        if (reply->nlmsg_type != NLMSG_ERROR) continue;
        const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply));
        if (error->error != 0 && !first) {
          first = Error::FromErrno(
              -error->error,
              fmt::format("nftables: {}{}", batch.Description(reply->nlmsg_seq), KernelText(reply)));
        }
        if (reply->nlmsg_seq >= last) return first ? Status(*first) : Ok();
      }
      // With an error the kernel may stop before the last message: do not wait for what never comes.
      if (first && !MoreToRead()) return *first;
    }
  }
  bool MoreToRead() const {
    char byte = 0;
    return recv(mnl_socket_get_fd(socket_.get()), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
  }

  // One request; `on_message` gets each answer. Ends at DONE or the acknowledgement.
  Status Request(const nlmsghdr* header, const std::string& doing, const OnMessage& on_message) {
    const std::uint32_t sequence = header->nlmsg_seq;
    if (mnl_socket_sendto(socket_.get(), header, header->nlmsg_len) < 0)
      return Error::FromErrno(errno, "nftables: " + doing);
    bool interrupted = false;
    for (;;) {
      const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
      if (size < 0) {
        if (errno == EINTR) continue;
        return Error::FromErrno(errno, "nftables: " + doing);
      }
      int left = static_cast<int>(size);
      for (auto* reply = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(reply, left);
           reply = mnl_nlmsg_next(reply, &left)) {
        if (reply->nlmsg_seq != sequence) continue;  // of an earlier request that timed out
        if ((reply->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
        if (reply->nlmsg_type == NLMSG_DONE)
          return interrupted ? Status(Error(ErrorCode::kConflict, "nftables: dump interrupted")) : Ok();
        if (reply->nlmsg_type == NLMSG_ERROR) {
          const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(reply));
          if (error->error == 0) return Ok();
          return Error::FromErrno(-error->error, "nftables: " + doing + KernelText(reply));
        }
        on_message(reply);
      }
    }
  }

  nlmsghdr* Header(std::uint16_t type, net::Family family) {
    return nftnl_nlmsg_build_hdr(buffer_.data(), type, FamilyNumber(family), NLM_F_DUMP, ++sequence_);
  }

  Result<TableContent> ReadOnce(net::Family family) {
    TableContent content;
    ASSIGN_OR_RETURN(const bool exists, TableExists(family));
    if (!exists) return content;
    Status status = DumpAll(family, content);
    // It went away, or changed, while we read: the generation differs and Read() starts again.
    if (!status.has_value() && status.error().code() != ErrorCode::kNotFound &&
        status.error().code() != ErrorCode::kConflict && status.error().sys_errno() != EINTR) {
      return std::move(status).error();
    }
    return content;
  }

  Result<bool> TableExists(net::Family family) {
    bool exists = false;
    RETURN_IF_ERROR(Request(Header(NFT_MSG_GETTABLE, family), "list tables", [&](const nlmsghdr* reply) {
      const Object<nftnl_table, nftnl_table_alloc, nftnl_table_free> table;
      if (nftnl_table_nlmsg_parse(reply, table.get) == 0 &&
          table_ == nftnl_table_get_str(table.get, NFTNL_TABLE_NAME))
        exists = true;
    }));
    return exists;
  }

  Status DumpAll(net::Family family, TableContent& content) {
    RETURN_IF_ERROR(Request(Header(NFT_MSG_GETCHAIN, family), "list chains", [&](const nlmsghdr* reply) {
      const Object<nftnl_chain, nftnl_chain_alloc, nftnl_chain_free> chain;
      if (nftnl_chain_nlmsg_parse(reply, chain.get) != 0 ||
          table_ != nftnl_chain_get_str(chain.get, NFTNL_CHAIN_TABLE))
        return;
      content.chains[nftnl_chain_get_str(chain.get, NFTNL_CHAIN_NAME)] = nft::ChainFrom(chain.get);
    }));
    RETURN_IF_ERROR(DumpRules(family, content));
    RETURN_IF_ERROR(DumpCounters(family, content.counters));
    RETURN_IF_ERROR(DumpSets(family, content));
    for (auto& [name, set] : content.sets) RETURN_IF_ERROR(DumpAllMembers(family, name, set));
    return Ok();
  }

  template <typename Visit>
  Status ForEachRule(net::Family family, const Visit& visit) {
    nlmsghdr* header = Header(NFT_MSG_GETRULE, family);
    const Object<nftnl_rule, nftnl_rule_alloc, nftnl_rule_free> filter;
    nftnl_rule_set_str(filter.get, NFTNL_RULE_TABLE, table_.c_str());
    nftnl_rule_nlmsg_build_payload(header, filter.get);
    return Request(header, "list rules", [&](const nlmsghdr* reply) {
      const Object<nftnl_rule, nftnl_rule_alloc, nftnl_rule_free> rule;
      if (nftnl_rule_nlmsg_parse(reply, rule.get) != 0 ||
          table_ != nftnl_rule_get_str(rule.get, NFTNL_RULE_TABLE))
        return;
      visit(nftnl_rule_get_str(rule.get, NFTNL_RULE_CHAIN), rule.get);
    });
  }
  Status DumpRules(net::Family family, TableContent& content) {
    return ForEachRule(family, [&](const std::string& chain, nftnl_rule* rule) {
      content.chains[chain].rules.push_back(nft::RuleFrom(rule, family));
    });
  }

  Status DumpCounters(net::Family family, std::map<std::string, nft::CounterValue>& counters) {
    nlmsghdr* header = Header(NFT_MSG_GETOBJ, family);
    return Request(header, "list counters", [&](const nlmsghdr* reply) {
      const Object<nftnl_obj, nftnl_obj_alloc, nftnl_obj_free> object;
      if (nftnl_obj_nlmsg_parse(reply, object.get) != 0 ||
          table_ != nftnl_obj_get_str(object.get, NFTNL_OBJ_TABLE))
        return;
      if (nftnl_obj_get_u32(object.get, NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER) return;
      counters[nftnl_obj_get_str(object.get, NFTNL_OBJ_NAME)] = {
          nftnl_obj_get_u64(object.get, NFTNL_OBJ_CTR_PKTS),
          nftnl_obj_get_u64(object.get, NFTNL_OBJ_CTR_BYTES)};
    });
  }

  Status DumpSets(net::Family family, TableContent& content) {
    return Request(Header(NFT_MSG_GETSET, family), "list sets", [&](const nlmsghdr* reply) {
      const Object<nftnl_set, nftnl_set_alloc, nftnl_set_free> set;
      if (nftnl_set_nlmsg_parse(reply, set.get) != 0 || table_ != nftnl_set_get_str(set.get, NFTNL_SET_TABLE))
        return;
      if ((nftnl_set_get_u32(set.get, NFTNL_SET_FLAGS) & NFT_SET_ANONYMOUS) != 0)
        return;  // part of a foreign rule
      content.sets[nftnl_set_get_str(set.get, NFTNL_SET_NAME)].type = nft::TypeFrom(set.get);
    });
  }

  // While the kernel's hash table grows, after many members came at once, a dump may miss some of them and
  // says nothing about it (seen on Linux 6.18). Read() checks that the generation stays, so what any dump
  // shows is there: dump until there is nothing new.
  Status DumpAllMembers(net::Family family, const std::string& name, nft::Set& into) {
    for (int i = 0; i < kConsistentReadTries; ++i) {
      const std::size_t before = into.members.size();
      RETURN_IF_ERROR(DumpMembers(family, name, into));
      const bool interval = into.type == nft::SetType::kPrefixes || into.type == nft::SetType::kPorts;
      if (interval || into.members.size() < kManyMembers) return Ok();
      if (i > 0 && into.members.size() == before) return Ok();
    }
    return Ok();
  }

  Status DumpMembers(net::Family family, const std::string& name, nft::Set& into) {
    nlmsghdr* header = Header(NFT_MSG_GETSETELEM, family);
    const Object<nftnl_set, nftnl_set_alloc, nftnl_set_free> all;
    nftnl_set_set_str(all.get, NFTNL_SET_TABLE, table_.c_str());
    nftnl_set_set_str(all.get, NFTNL_SET_NAME, name.c_str());
    nftnl_set_elems_nlmsg_build_payload(header, all.get);
    // The elements of all messages together: an interval's end may come in another one than its start.
    RETURN_IF_ERROR(Request(header, "list members of " + name,
                            [&](const nlmsghdr* reply) { nftnl_set_elems_nlmsg_parse(reply, all.get); }));
    nft::AddMembersFrom(all.get, family, into);
    return Ok();
  }

  const std::unique_ptr<mnl_socket, CloseSocket> socket_;
  const std::string table_;
  std::vector<char> buffer_;
  std::uint32_t sequence_ = 0;
};

class NetlinkNftMonitor final : public NftMonitor {
 public:
  explicit NetlinkNftMonitor(std::unique_ptr<mnl_socket, CloseSocket> socket)
      : socket_(std::move(socket)), buffer_(256 * 1024) {}

  int fd() const override { return mnl_socket_get_fd(socket_.get()); }

  Result<std::vector<Generation>> Read() override {
    std::vector<Generation> generations;
    for (;;) {
      const ssize_t size = recv(fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (size < 0) {
        if (errno == EAGAIN || errno == EWOULDBLOCK) return generations;
        if (errno == EINTR) continue;
        if (errno != ENOBUFS) return Error::FromErrno(errno, "nftables: read events");
        generations.push_back({});
        continue;
      }
      int left = static_cast<int>(size);
      for (auto* message = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(message, left);
           message = mnl_nlmsg_next(message, &left)) {
        if (message->nlmsg_type == ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN))
          generations.push_back(Parse(message));
      }
    }
  }

 private:
  static Generation Parse(const nlmsghdr* message) {
    Generation generation;
    generation.port_id = message->nlmsg_pid;
    ForEachAttribute(message, sizeof(nfgenmsg), [&](const nlattr* attribute) {
      if (mnl_attr_get_type(attribute) == NFTA_GEN_ID) generation.id = ntohl(mnl_attr_get_u32(attribute));
      if (mnl_attr_get_type(attribute) == NFTA_GEN_PROC_NAME)
        generation.process = mnl_attr_get_str(attribute);
    });
    return generation;
  }

  const std::unique_ptr<mnl_socket, CloseSocket> socket_;
  std::vector<char> buffer_;
};

Result<std::unique_ptr<mnl_socket, CloseSocket>> OpenSocket(unsigned groups) {
  std::unique_ptr<mnl_socket, CloseSocket> socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (socket == nullptr) return Error::FromErrno(errno, "nftables: open a netlink socket");
  const int fd = mnl_socket_get_fd(socket.get());
  const int buffer = 8 * 1024 * 1024;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kReplyTimeout, sizeof kReplyTimeout);
  int on = 1;
  mnl_socket_setsockopt(socket.get(), NETLINK_EXT_ACK, &on, sizeof on);
  mnl_socket_setsockopt(socket.get(), NETLINK_CAP_ACK, &on, sizeof on);
  if (mnl_socket_bind(socket.get(), groups, MNL_SOCKET_AUTOPID) < 0)
    return Error::FromErrno(errno, "nftables: bind a netlink socket");
  return socket;
}

}  // namespace

Result<std::unique_ptr<Nftables>> OpenNftables(const std::string& table) {
  ASSIGN_OR_RETURN(auto socket, OpenSocket(0));
  return std::unique_ptr<Nftables>(std::make_unique<NetlinkNftables>(std::move(socket), table));
}

Result<std::unique_ptr<NftMonitor>> OpenNftMonitor() {
  ASSIGN_OR_RETURN(auto socket, OpenSocket(0));
  int group = NFNLGRP_NFTABLES;
  if (mnl_socket_setsockopt(socket.get(), NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0) {
    return Error::FromErrno(errno, "nftables: listen to changes");
  }
  return std::unique_ptr<NftMonitor>(std::make_unique<NetlinkNftMonitor>(std::move(socket)));
}

}  // namespace calico::kernel
