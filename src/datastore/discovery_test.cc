// SPDX-License-Identifier: Apache-2.0
#include "datastore/discovery.h"

#include <atomic>
#include <map>
#include <thread>

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/text.h"
#include "base/unique_fd.h"

namespace calico::datastore {
namespace {

struct Record {
  std::uint16_t priority, weight, port;
  std::string host;
};

void Add16(std::string& out, unsigned value) {
  out += static_cast<char>(value >> 8);
  out += static_cast<char>(value & 0xff);
}
std::string Name(const std::string& dotted) {
  std::string out;
  for (const std::string& label : Split(dotted, '.')) {
    out += static_cast<char>(label.size());
    out += label;
  }
  return out + std::string(1, '\0');
}

// A name server on loopback that knows SRV records only. Serves UDP on a thread of its own.
class SrvServer {
 public:
  explicit SrvServer(std::map<std::string, std::vector<Record>> records, unsigned failure = 0)
      : records_(std::move(records)), failure_(failure) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(bind(fd_.get(), generic, size), 0);
    EXPECT_EQ(getsockname(fd_.get(), generic, &size), 0);
    server_.address = "127.0.0.1";
    server_.port = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~SrvServer() {
    stop_ = true;
    thread_.join();
  }
  const DnsServer& server() const { return server_; }

 private:
  void Serve() {
    while (!stop_) {
      pollfd waiting{fd_.get(), POLLIN, 0};
      if (poll(&waiting, 1, 20) <= 0) continue;
      char buffer[512];
      sockaddr_in from{};
      socklen_t size = sizeof from;
      auto* generic = reinterpret_cast<sockaddr*>(&from);
      const ssize_t got = recvfrom(fd_.get(), buffer, sizeof buffer, 0, generic, &size);
      if (got < 12) continue;
      const std::string answer = Answer(std::string(buffer, static_cast<std::size_t>(got)));
      sendto(fd_.get(), answer.data(), answer.size(), 0, generic, size);
    }
  }

  // Header of 12 bytes, the question as it came, the records with a pointer to the question's name.
  std::string Answer(const std::string& query) const {
    std::string name;
    std::size_t at = 12;
    while (at < query.size() && query[at] != 0) {
      const auto length = static_cast<std::size_t>(query[at]);
      name += (name.empty() ? "" : ".") + query.substr(at + 1, length);
      at += 1 + length;
    }
    const std::string question = query.substr(12, at + 5 - 12);
    const auto found = records_.find(name);
    const std::vector<Record> none;
    const std::vector<Record>& records = found == records_.end() ? none : found->second;
    constexpr unsigned kNoSuchName = 3;
    const unsigned code = failure_ != 0 ? failure_ : found == records_.end() ? kNoSuchName : 0;
    std::string out = query.substr(0, 2);
    Add16(out, 0x8180 | code);
    Add16(out, 1);
    Add16(out, static_cast<unsigned>(records.size()));
    Add16(out, 0);
    Add16(out, 0);
    out += question;
    for (const Record& record : records) {
      Add16(out, 0xc00c);  // the name at byte 12
      Add16(out, 33);      // SRV
      Add16(out, 1);       // IN
      Add16(out, 0);
      Add16(out, 60);  // TTL
      const std::string host = Name(record.host);
      Add16(out, static_cast<unsigned>(6 + host.size()));
      Add16(out, record.priority);
      Add16(out, record.weight);
      Add16(out, record.port);
      out += host;
    }
    return out;
  }

  const std::map<std::string, std::vector<Record>> records_;
  const unsigned failure_;
  const UniqueFd fd_{socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  DnsServer server_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

TEST(Discovery, FindsSecureServersFirstEachByPriorityAndWeight) {
  const SrvServer dns({{"_etcd-client._tcp.example.org", {{0, 0, 2379, "plain.example.org"}}},
                       {"_etcd-client-ssl._tcp.example.org",
                        {{10, 0, 2379, "spare.example.org"},
                         {0, 1, 2379, "small.example.org"},
                         {0, 9, 4001, "big.example.org"}}}});
  const auto urls = DiscoverEtcd("example.org", dns.server());
  ASSERT_TRUE(urls.has_value()) << urls.error().message();
  EXPECT_EQ(*urls,
            (std::vector<std::string>{"https://big.example.org:4001", "https://small.example.org:2379",
                                      "https://spare.example.org:2379", "http://plain.example.org:2379"}));
}

TEST(Discovery, SaysWhichRecordsItLookedFor) {
  const SrvServer dns({});
  const auto urls = DiscoverEtcd("example.org", dns.server());
  ASSERT_FALSE(urls.has_value());
  EXPECT_EQ(urls.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(urls.error().message(),
            "DNS discovery of etcd: there are no SRV records _etcd-client-ssl._tcp.example.org or "
            "_etcd-client._tcp.example.org");
}

TEST(Discovery, AServerThatFailsMayAnswerAnotherTime) {
  constexpr unsigned kServerFailure = 2;
  const SrvServer dns({}, kServerFailure);
  const auto urls = DiscoverEtcd("example.org", dns.server());
  ASSERT_FALSE(urls.has_value());
  EXPECT_EQ(urls.error().code(), ErrorCode::kUnavailable) << urls.error().message();
}

TEST(Discovery, ADotAsTargetMeansNoServer) {
  // A record whose target is "." says that the service is not offered.
  const SrvServer dns(
      {{"_etcd-client._tcp.example.org", {{0, 0, 0, ""}}}, {"_etcd-client-ssl._tcp.example.org", {}}});
  EXPECT_FALSE(DiscoverEtcd("example.org", dns.server()).has_value());
}

}  // namespace
}  // namespace calico::datastore
