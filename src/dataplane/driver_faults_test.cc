// SPDX-License-Identifier: Apache-2.0
// Every single kernel call of a start fails once, in turn, on the real kernel: in the end the state is the
// same, and until then the driver says that it is not ready.
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "base/subprocess.h"
#include "dataplane/driver.h"

namespace calico::dataplane {
namespace {

using namespace std::chrono_literals;

// Counts calls and lets the one whose turn it is fail.
class Turn {
 public:
  explicit Turn(int fail_at) : left_(fail_at) {}
  std::optional<Error> Next(const char* what) {
    if (--left_ != 0) return std::nullopt;
    failed_ = what;
    return Error(ErrorCode::kUnavailable, std::string(what) + ": made to fail");
  }
  const std::string& failed() const { return failed_; }

 private:
  int left_;
  std::string failed_;
};

class FaultyRtnetlink final : public kernel::Rtnetlink {
 public:
  FaultyRtnetlink(kernel::Rtnetlink& real, Turn& turn) : real_(real), turn_(turn) {}
  Result<std::map<kernel::RouteKey, kernel::Route>> ListRoutes(net::Family family,
                                                               std::uint32_t table) override {
    if (auto error = turn_.Next("ListRoutes")) return *error;
    return real_.ListRoutes(family, table);
  }
  Status ReplaceRoute(std::uint32_t table, const kernel::RouteKey& key, const kernel::Route& route) override {
    if (auto error = turn_.Next("ReplaceRoute")) return *error;
    return real_.ReplaceRoute(table, key, route);
  }
  Status DeleteRoute(std::uint32_t table, const kernel::RouteKey& key, std::uint8_t protocol) override {
    if (auto error = turn_.Next("DeleteRoute")) return *error;
    return real_.DeleteRoute(table, key, protocol);
  }
  Result<std::vector<kernel::Link>> ListLinks() override { return real_.ListLinks(); }
  Result<kernel::Link> GetLink(const std::string& name) override {
    if (auto error = turn_.Next("GetLink")) return *error;
    return real_.GetLink(name);
  }
  Result<std::vector<kernel::Address>> ListAddresses() override { return real_.ListAddresses(); }
  Status CreateVeth(const kernel::VethPair& pair) override { return real_.CreateVeth(pair); }
  Status DeleteLink(const std::string& name) override { return real_.DeleteLink(name); }
  Status AddAddress(const kernel::Address& address) override {
    if (auto error = turn_.Next("AddAddress")) return *error;
    return real_.AddAddress(address);
  }
  Status DeleteAddress(const kernel::Address& address) override {
    if (auto error = turn_.Next("DeleteAddress")) return *error;
    return real_.DeleteAddress(address);
  }
  Status CreateLink(const kernel::NewLink& link) override {
    if (auto error = turn_.Next("CreateLink")) return *error;
    return real_.CreateLink(link);
  }
  Result<bool> HasLinkKind(const std::string& kind) override { return real_.HasLinkKind(kind); }
  Status DeleteLinkGroup(std::uint32_t group) override { return real_.DeleteLinkGroup(group); }
  Status SetLinkGroup(const std::string& name, std::uint32_t group) override {
    return real_.SetLinkGroup(name, group);
  }
  Status SetLinkUp(int ifindex, bool up) override {
    if (auto error = turn_.Next("SetLinkUp")) return *error;
    return real_.SetLinkUp(ifindex, up);
  }
  Status SetLinkMac(int ifindex, const net::Mac& mac) override { return real_.SetLinkMac(ifindex, mac); }
  Status SetLinkMtu(int ifindex, int mtu_bytes) override { return real_.SetLinkMtu(ifindex, mtu_bytes); }
  Result<std::map<kernel::NeighbourKey, kernel::Neighbour>> ListNeighbours(net::Family family) override {
    if (auto error = turn_.Next("ListNeighbours")) return *error;
    return real_.ListNeighbours(family);
  }
  Status ReplaceNeighbour(const kernel::NeighbourKey& key, const kernel::Neighbour& neighbour) override {
    if (auto error = turn_.Next("ReplaceNeighbour")) return *error;
    return real_.ReplaceNeighbour(key, neighbour);
  }
  Status DeleteNeighbour(const kernel::NeighbourKey& key) override { return real_.DeleteNeighbour(key); }
  Result<std::map<kernel::FdbKey, net::Ip>> ListFdb(int ifindex) override {
    if (auto error = turn_.Next("ListFdb")) return *error;
    return real_.ListFdb(ifindex);
  }
  Status ReplaceFdb(const kernel::FdbKey& key, const net::Ip& remote_host) override {
    if (auto error = turn_.Next("ReplaceFdb")) return *error;
    return real_.ReplaceFdb(key, remote_host);
  }
  Status DeleteFdb(const kernel::FdbKey& key) override { return real_.DeleteFdb(key); }
  Result<std::set<kernel::RoutingRule>> ListRules(net::Family family) override {
    return real_.ListRules(family);
  }
  Status AddRule(const kernel::RoutingRule& rule) override { return real_.AddRule(rule); }
  Status DeleteRule(const kernel::RoutingRule& rule) override { return real_.DeleteRule(rule); }

 private:
  kernel::Rtnetlink& real_;
  Turn& turn_;
};

class FaultyNftables final : public kernel::Nftables {
 public:
  FaultyNftables(kernel::Nftables& real, Turn& turn) : real_(real), turn_(turn) {}
  Status Apply(const std::vector<kernel::nft::Transaction>& transactions) override {
    if (auto error = turn_.Next("Apply")) return *error;
    return real_.Apply(transactions);
  }
  Result<kernel::nft::TableContent> Read(net::Family family) override {
    if (auto error = turn_.Next("Read")) return *error;
    return real_.Read(family);
  }
  Result<std::map<std::string, std::vector<RuleCounter>>> ReadRuleCounters(net::Family family) override {
    return real_.ReadRuleCounters(family);
  }
  Result<std::map<std::string, kernel::nft::CounterValue>> ReadCounters(net::Family family) override {
    return real_.ReadCounters(family);
  }
  Result<std::uint32_t> Generation() override { return real_.Generation(); }
  std::uint32_t port_id() const override { return real_.port_id(); }

 private:
  kernel::Nftables& real_;
  Turn& turn_;
};

class FaultySysctl final : public kernel::Sysctl {
 public:
  FaultySysctl(kernel::Sysctl& real, Turn& turn) : real_(real), turn_(turn) {}
  Result<std::string> Read(const std::string& key) override {
    if (auto error = turn_.Next("sysctl read")) return *error;
    return real_.Read(key);
  }
  Status Write(const std::string& key, const std::string& value) override {
    if (auto error = turn_.Next("sysctl write")) return *error;
    return real_.Write(key, value);
  }

 private:
  kernel::Sysctl& real_;
  Turn& turn_;
};

std::string Sh(const std::string& command) {
  const auto output = RunProcess({"sh", "-c", command}, 10s);
  return output.has_value() ? output->out : output.error().message();
}

dataplane_api::Batch Snapshot() {
  dataplane_api::Batch batch;
  batch.in_sync = true;
  batch.host = dataplane_api::HostSettings{};
  batch.host->own_blocks = {*net::Cidr::Parse("10.66.0.0/26")};
  batch.host->ipv4 = net::Cidr::Parse("172.30.99.1/24");
  batch.host->tunnels.vxlan_v4 =
      dataplane_api::TunnelDevice{net::Ip::Parse("10.66.0.5"), net::Mac::Parse("66:00:00:00:00:01"), 0};
  dataplane_api::RemoteHost other;
  other.ipv4 = net::Ip::Parse("172.30.99.2");
  other.vxlan_v4 = dataplane_api::Vtep{*net::Ip::Parse("10.66.1.5"), *net::Mac::Parse("66:00:00:00:00:02")};
  batch.hosts["other"] = other;
  batch.routes[*net::Cidr::Parse("10.66.1.0/26")] =
      dataplane_api::RemoteRoute{dataplane_api::RemoteRoute::Way::kVxlan, other.vxlan_v4->ip, "other"};
  batch.profiles["net1"] = dataplane_api::Rules{{{}}, {{}}, false};
  dataplane_api::Endpoint endpoint;
  endpoint.interface_name = "califault";
  endpoint.mac = net::Mac::Parse("ee:ee:ee:ee:ee:ee");
  endpoint.addresses = {*net::Cidr::Parse("10.66.0.1/32")};
  endpoint.profiles = {"net1"};
  batch.endpoints["default/one"] = endpoint;
  return batch;
}

std::string State() {
  return Sh(
      "nft -s list table ip calico; ip route show proto 80; ip route show 10.66.0.1; ip neigh show nud "
      "permanent | sort; ip -d link show vxlan.calico | sed 's/^[0-9]*//'; ip addr show vxlan.calico | grep "
      "'inet "
      "'; "
      "bridge fdb show dev vxlan.calico; "
      "cat /proc/sys/net/ipv4/conf/califault/proxy_arp /proc/sys/net/ipv4/ip_forward");
}

class DriverFaults : public ::testing::Test {
 protected:
  void TearDown() override { Sh("ip link del vxlan.calico; ip link del uplinkfault; ip link del califault"); }
  static void CleanUp() {
    Sh("nft flush ruleset; ip link del califault; ip route flush proto 80; ip link del vxlan.calico; ip "
       "link del uplinkfault; ip link add uplinkfault up type veth peer name farfault; ip addr add "
       "172.30.99.1/24 "
       "dev uplinkfault; sysctl -qw net.ipv4.ip_forward=0; "
       "ip link add califault up type veth peer name boxfault; ip link set boxfault up");
  }
  // A start whose `fail_at`-th call fails; the call that did, empty when there were fewer.
  std::string RunOnce(int fail_at, std::string& state) {
    CleanUp();
    Turn turn(fail_at);
    const auto rtnetlink = std::move(*kernel::OpenRtnetlink());
    const auto links = std::move(*kernel::OpenRtnetlinkMonitor());
    const auto nftables = std::move(*kernel::OpenNftables(kTableName));
    const auto nft_monitor = std::move(*kernel::OpenNftMonitor());
    const auto sysctl = kernel::OpenSysctl();
    const auto iptables = kernel::OpenIptablesFirewall(kAcceptMark, kAcceptMark);
    const auto conntrack = *kernel::OpenConntrack();
    const auto wireguard = *kernel::OpenWireguard();
    OffloadCheck offload([](const OffloadCheck::Probe&, Duration) { return true; });
    const auto foreign = kernel::OpenForeignFirewall(kAcceptMark, kTableName);
    FaultyRtnetlink faulty_rtnetlink(*rtnetlink, turn);
    FaultyNftables faulty_nftables(*nftables, turn);
    FaultySysctl faulty_sysctl(*sysctl, turn);
    const SystemClock clock;
    LoopThread thread("dataplane");
    auto driver = std::make_unique<Driver>(
        thread.loop(), clock,
        Driver::Kernel{faulty_rtnetlink, *links, faulty_nftables, *nft_monitor, faulty_sysctl, *iptables,
                       *conntrack, *wireguard, *foreign, offload});
    EXPECT_TRUE(driver->Start().has_value());
    thread.Start();
    bool ready = false;
    thread.RunSync([&] {
      driver->OnBatch(Snapshot());
      ready = driver->ready() && driver->pending().empty();
    });
    EXPECT_EQ(ready, turn.failed().empty()) << turn.failed();
    for (int i = 0; i < 300 && !ready; ++i) {
      SleepFor(10ms);
      thread.RunSync([&] { ready = driver->ready() && driver->pending().empty(); });
    }
    EXPECT_TRUE(ready) << "after " << turn.failed();
    state = State();
    thread.RunSync([&] { driver.reset(); });
    thread.StopAndJoin();
    return turn.failed();
  }
};

TEST_F(DriverFaults, WhicheverCallFailsTheEndIsTheSame) {
  std::string expected;
  ASSERT_EQ(RunOnce(1'000'000, expected), "");
  ASSERT_THAT(expected, ::testing::HasSubstr("10.66.0.1 dev califault"));
  int tried = 0;
  for (int fail_at = 1;; ++fail_at) {
    std::string state;
    const std::string failed = RunOnce(fail_at, state);
    EXPECT_EQ(state, expected) << "call " << fail_at << " failed: " << failed;
    if (failed.empty() || HasFailure()) break;
    ++tried;
  }
  EXPECT_GT(tried, 30);
}

}  // namespace
}  // namespace calico::dataplane
