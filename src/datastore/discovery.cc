// SPDX-License-Identifier: Apache-2.0
#include "datastore/discovery.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>

namespace calico::datastore {
namespace {

struct Target {
  unsigned priority, weight, port;
  std::string host;
};

// A resolver with limits of its own: the library's would wait half a minute for a dead server.
class Resolver {
 public:
  explicit Resolver(const std::optional<DnsServer>& server) {
    std::memset(&state_, 0, sizeof state_);
    usable_ = res_ninit(&state_) == 0;
    if (!usable_) return;
    state_.retrans = 2;  // seconds
    state_.retry = 2;
    if (!server) return;
    state_.nscount = 1;
    sockaddr_in& address = state_.nsaddr_list[0];
    address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(server->port);
    usable_ = inet_pton(AF_INET, server->address.c_str(), &address.sin_addr) == 1;
  }
  ~Resolver() { res_nclose(&state_); }
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // No records is an empty list.
  Result<std::vector<Target>> Services(const std::string& name) {
    if (!usable_) return Error(ErrorCode::kSystem, "cannot set up the resolver");
    std::vector<unsigned char> answer(65536);
    const int size =
        res_nquery(&state_, name.c_str(), ns_c_in, ns_t_srv, answer.data(), static_cast<int>(answer.size()));
    if (size < 0) {
      if (state_.res_h_errno == HOST_NOT_FOUND || state_.res_h_errno == NO_DATA) return std::vector<Target>();
      return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", name, hstrerror(state_.res_h_errno)));
    }
    return Parse(answer.data(), size);
  }

 private:
  // An SRV record: priority, weight and port, 16 bits each, then the name, which may be compressed.
  static Result<std::vector<Target>> Parse(const unsigned char* message, int size) {
    ns_msg parsed;
    if (ns_initparse(message, size, &parsed) != 0)
      return Error(ErrorCode::kUnavailable, "the answer is no DNS message");
    std::vector<Target> targets;
    for (int i = 0; i < ns_msg_count(parsed, ns_s_an); ++i) {
      ns_rr record;
      if (ns_parserr(&parsed, ns_s_an, i, &record) != 0)
        return Error(ErrorCode::kUnavailable, "the answer holds a broken record");
      // There may be a CNAME on the way.
      if (ns_rr_type(record) != ns_t_srv || ns_rr_rdlen(record) < 7) continue;
      const unsigned char* data = ns_rr_rdata(record);
      char host[NS_MAXDNAME];
      if (dn_expand(message, message + size, data + 6, host, sizeof host) < 0) continue;
      // "." says that the service is decidedly not there.
      if (host[0] == '\0' || std::strcmp(host, ".") == 0) continue;
      targets.push_back({ns_get16(data), ns_get16(data + 2), ns_get16(data + 4), host});
    }
    std::sort(targets.begin(), targets.end(), [](const Target& a, const Target& b) {
      return std::tuple(a.priority, b.weight, a.host) < std::tuple(b.priority, a.weight, b.host);
    });
    return targets;
  }

  struct __res_state state_;
  bool usable_ = false;
};

}  // namespace

Result<std::vector<std::string>> DiscoverEtcd(const std::string& domain,
                                              const std::optional<DnsServer>& server) {
  const std::string secure = "_etcd-client-ssl._tcp." + domain, plain = "_etcd-client._tcp." + domain;
  Resolver resolver(server);
  std::vector<std::string> urls;
  for (const auto& [name, scheme] : {std::pair(secure, "https"), std::pair(plain, "http")}) {
    auto targets = resolver.Services(name);
    if (!targets.has_value()) return std::move(targets).error().WithContext("DNS discovery of etcd");
    for (const Target& target : *targets) {
      urls.push_back(fmt::format("{}://{}:{}", scheme, target.host, target.port));
    }
  }
  if (!urls.empty()) return urls;
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("DNS discovery of etcd: there are no SRV records {} or {}", secure, plain));
}

}  // namespace calico::datastore
