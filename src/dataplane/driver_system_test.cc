// SPDX-License-Identifier: Apache-2.0
// The driver on the real kernel, in a network namespace of this program's own.
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/subprocess.h"
#include "dataplane/driver.h"
#include "dataplane/kernel_handles.h"
#include "dataplane/names.h"
#include "kernel/testing/private_network.h"

namespace calico::dataplane {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

const auto* const kNetwork = ::testing::AddGlobalTestEnvironment(new kernel::testing::PrivateNetwork);

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}

std::string Sh(const std::string& command, bool must_succeed = true) {
  const auto output = RunProcess({"sh", "-c", command}, 10s);
  if (!output.has_value() || (must_succeed && output->exit_code != 0)) {
    ADD_FAILURE() << command << ": " << (output.has_value() ? output->err : output.error().message());
    return "";
  }
  return output->out;
}

dataplane_api::Batch Snapshot() {
  dataplane_api::Batch batch;
  batch.in_sync = true;
  batch.host = dataplane_api::HostSettings{};
  batch.host->all_pools = {C("10.65.0.0/16")};
  batch.host->nat.pools = {C("10.65.0.0/16")};
  batch.host->own_blocks = {C("10.65.0.0/26")};
  batch.profiles["net1"] = dataplane_api::Rules{};
  dataplane_api::Rule allow;
  allow.source.ip_sets = {"s-1"};
  batch.profiles["net1"]->ingress.push_back(allow);
  batch.profiles["net1"]->egress.push_back({});
  auto set = std::make_shared<dataplane_api::IpSet>();
  set->members = {C("10.65.0.1/32"), C("fd00::1/128")};
  batch.ip_sets["s-1"] = std::move(set);
  dataplane_api::Endpoint endpoint;
  endpoint.id = "a/b/c";
  endpoint.interface_name = "cali1";
  endpoint.mac = net::Mac::Parse("ee:ee:ee:ee:ee:ee");
  endpoint.addresses = {C("10.65.0.1/32"), C("fd00::1/128")};
  endpoint.profiles = {"net1"};
  batch.endpoints["default/one"] = endpoint;
  return batch;
}

class DriverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Sh("nft flush ruleset; ip link del cali1 2>/dev/null; ip route flush proto 80; iptables-legacy -P "
       "FORWARD ACCEPT; iptables-legacy -F",
       false);
    Begin();
  }
  void TearDown() override { End(); }
  void Begin() {
    thread_ = std::make_unique<LoopThread>("dataplane");
    driver_ = std::make_unique<Driver>(thread_->loop(), clock_, kernel_.AsKernel());
    ASSERT_TRUE(driver_->Start().has_value());
    thread_->Start();
  }
  void End() {
    if (thread_ == nullptr) return;
    thread_->RunSync([this] { driver_.reset(); });
    thread_->StopAndJoin();
    thread_.reset();
  }
  void Send(dataplane_api::Batch batch) {
    thread_->RunSync([&] { driver_->OnBatch(std::move(batch)); });
  }
  bool Programmed() {
    bool programmed = false;
    thread_->RunSync([&] {
      const auto states = driver_->endpoints();
      programmed = states.contains("cali1") && states.at("cali1").programmed;
    });
    return programmed;
  }
  static bool Eventually(const std::function<bool()>& condition, Duration limit = 3s) {
    const auto end = std::chrono::steady_clock::now() + limit;
    while (std::chrono::steady_clock::now() < end) {
      if (condition()) return true;
      SleepFor(10ms);
    }
    return condition();
  }
  static void MakeInterface() { Sh("ip link add cali1 up type veth peer name box1 && ip link set box1 up"); }
  static std::string State() {
    // Counters and automatic addresses are not ours to compare.
    return Sh(
        "nft -s list table ip calico; nft -s list table ip6 calico; ip route; ip -6 route | grep -v fe80; ip "
        "neigh show nud permanent");
  }

  const SystemClock clock_;
  KernelHandles kernel_ = std::move(*KernelHandles::Open());
  std::unique_ptr<LoopThread> thread_;
  std::unique_ptr<Driver> driver_;
};

TEST_F(DriverTest, WritesNothingBeforeTheFirstWholeSnapshot) {
  dataplane_api::Batch batch = Snapshot();
  batch.in_sync = false;
  MakeInterface();
  Send(std::move(batch));
  EXPECT_EQ(Sh("nft list tables"), "");
  EXPECT_EQ(Sh("ip route show proto 80"), "");
}

TEST_F(DriverTest, ProgramsAnEndpointCompletely) {
  MakeInterface();
  Send(Snapshot());
  EXPECT_TRUE(Eventually([this] { return Programmed(); }));
  EXPECT_THAT(Sh("ip route show 10.65.0.1"), HasSubstr("10.65.0.1 dev cali1 scope link"));
  EXPECT_THAT(Sh("ip -6 route show fd00::1"), HasSubstr("fd00::1 dev cali1"));
  EXPECT_THAT(Sh("ip route show 10.65.0.0/26"), HasSubstr("blackhole 10.65.0.0/26 proto 80"));
  EXPECT_THAT(Sh("ip neigh show dev cali1"), HasSubstr("10.65.0.1 lladdr ee:ee:ee:ee:ee:ee PERMANENT"));
  EXPECT_THAT(Sh("cat /proc/sys/net/ipv4/conf/cali1/proxy_arp /proc/sys/net/ipv4/ip_forward"), "1\n1\n");
  EXPECT_THAT(Sh("nft list table ip calico"), HasSubstr("\"cali1\" : goto cali-tw-"));
  EXPECT_THAT(Sh("nft list set ip6 calico s-1"), HasSubstr("fd00::1"));
}

TEST_F(DriverTest, AnInterfaceThatComesLaterIsProgrammedThen) {
  Send(Snapshot());
  EXPECT_FALSE(Programmed());
  EXPECT_THAT(Sh("nft list table ip calico"), HasSubstr("cali1")) << "policy waits for no interface";
  MakeInterface();
  EXPECT_TRUE(Eventually([this] { return Programmed(); }));
}

TEST_F(DriverTest, ALinkThatGoesDownAndUpGetsItsRouteBack) {
  MakeInterface();
  Send(Snapshot());
  ASSERT_TRUE(Eventually([this] { return Programmed(); }));
  Sh("ip link set cali1 down");
  EXPECT_TRUE(Eventually([this] { return !Programmed(); }));
  Sh("ip link set cali1 up");
  EXPECT_TRUE(Eventually([this] { return Programmed(); }));
  EXPECT_THAT(Sh("ip route show 10.65.0.1"), HasSubstr("dev cali1"));
}

TEST_F(DriverTest, AnInterfaceMadeAnewUnderTheSameNameIsProgrammedAnew) {
  MakeInterface();
  Send(Snapshot());
  ASSERT_TRUE(Eventually([this] { return Programmed(); }));
  Sh("ip link del cali1");
  MakeInterface();
  EXPECT_TRUE(
      Eventually([] { return Sh("ip route show 10.65.0.1").find("dev cali1") != std::string::npos; }));
  EXPECT_TRUE(Eventually([this] { return Programmed(); }));
}

TEST_F(DriverTest, AnotherStartWithTheSameStateWritesNothing) {
  MakeInterface();
  Send(Snapshot());
  ASSERT_TRUE(Eventually([this] { return Programmed(); }));
  const std::string before = State();
  End();
  const auto generation = *kernel_.nftables->Generation();
  static_cast<void>(kernel_.links->Read());
  Begin();
  Send(Snapshot());
  EXPECT_TRUE(Programmed());
  EXPECT_EQ(*kernel_.nftables->Generation(), generation);
  EXPECT_TRUE(kernel_.links->Read()->routes.empty());
  EXPECT_EQ(State(), before);
}

TEST_F(DriverTest, ARestartRemovesWhatWentAwayMeanwhile) {
  MakeInterface();
  Send(Snapshot());
  ASSERT_TRUE(Eventually([this] { return Programmed(); }));
  End();
  Sh("ip link del cali1");
  Begin();
  dataplane_api::Batch batch = Snapshot();
  batch.endpoints.clear();
  batch.profiles.clear();
  batch.ip_sets.clear();
  batch.host->own_blocks.clear();
  Send(std::move(batch));
  EXPECT_THAT(Sh("nft list table ip calico"), Not(HasSubstr("net1")));
  EXPECT_EQ(Sh("ip route show proto 80"), "");
}

TEST_F(DriverTest, AFlushedRulesetIsBackWithinASecond) {
  MakeInterface();
  Send(Snapshot());
  ASSERT_TRUE(Eventually([this] { return Programmed(); }));
  SleepFor(300ms);  // until the generation of policy that follows a change
  const std::string before = State();
  Sh("nft flush ruleset");
  EXPECT_TRUE(Eventually([&] { return Sh("nft list tables").find("ip6 calico") != std::string::npos; }, 1s));
  EXPECT_EQ(State(), before);
}

TEST_F(DriverTest, ForeignRulesAndElementsInOurTableAreRemovedWithinASecond) {
  MakeInterface();
  Send(Snapshot());
  ASSERT_TRUE(Eventually([this] { return Programmed(); }));
  SleepFor(300ms);  // until the generation of policy that follows a change
  const std::string before = State();
  Sh("nft insert rule ip calico filter-FORWARD accept; nft add element ip calico s-1 '{ 9.9.9.9 }'; nft add "
     "chain ip calico theirs");
  EXPECT_TRUE(Eventually([&] { return State() == before; }, 1s));
}

TEST_F(DriverTest, ADeletedRouteComesBackAndForeignRoutesStay) {
  MakeInterface();
  Send(Snapshot());
  ASSERT_TRUE(Eventually([this] { return Programmed(); }));
  Sh("ip route add 10.99.0.0/24 dev cali1 proto static; ip route del 10.65.0.1; ip route del 10.65.0.0/26");
  EXPECT_TRUE(
      Eventually([] { return Sh("ip route").find("blackhole 10.65.0.0/26") != std::string::npos; }, 1s));
  EXPECT_TRUE(
      Eventually([] { return Sh("ip route show 10.65.0.1").find("cali1") != std::string::npos; }, 1s));
  EXPECT_THAT(Sh("ip route"), HasSubstr("10.99.0.0/24"));
}

TEST_F(DriverTest, ARouteOnAYoungInterfaceWaitsForItsEndpoint) {
  Send(Snapshot());
  // As the Docker plugin does: interface and route first, the endpoint follows through the store.
  Sh("ip link add cali2 up type veth peer name box2 && ip link set box2 up && ip route add 10.65.0.2 dev "
     "cali2 scope link");
  SleepFor(200ms);
  EXPECT_THAT(Sh("ip route show 10.65.0.2"), HasSubstr("cali2"));
  Sh("ip link del cali2");
}

TEST_F(DriverTest, AnEndpointThatGoesTakesItsRouteAtOnceWhileItsInterfaceStays) {
  MakeInterface();
  Send(Snapshot());
  ASSERT_TRUE(Eventually([this] { return Programmed(); }));
  dataplane_api::Batch batch;
  batch.endpoints["default/one"] = std::nullopt;
  Send(std::move(batch));
  EXPECT_EQ(Sh("ip route show 10.65.0.1"), "");
  EXPECT_THAT(Sh("nft list table ip calico"), Not(HasSubstr("\"cali1\"")));
}

TEST_F(DriverTest, AnEndpointThatGoesTakesTheConnectionsOfItsAddressesAlong) {
  MakeInterface();
  Send(Snapshot());
  ASSERT_TRUE(Eventually([this] { return Programmed(); }));
  Sh("conntrack -I -p udp -t 100 -s 10.65.0.1 -d 192.0.2.1 --sport 1 --dport 2 2>/dev/null;"
     "conntrack -I -p udp -t 100 -s 192.0.2.9 -d 192.0.2.1 --sport 1 --dport 3 2>/dev/null");
  dataplane_api::Batch moved = Snapshot();
  moved.endpoints["default/one"]->addresses = {C("10.65.0.1/32")};
  Send(moved);
  SleepFor(300ms);
  EXPECT_THAT(Sh("conntrack -L 2>/dev/null"), HasSubstr("src=10.65.0.1")) << "it still has the address";
  dataplane_api::Batch gone;
  gone.endpoints["default/one"] = std::nullopt;
  Send(gone);
  EXPECT_TRUE(
      Eventually([] { return Sh("conntrack -L 2>/dev/null").find("10.65.0.1") == std::string::npos; }));
  EXPECT_THAT(Sh("conntrack -L 2>/dev/null"), HasSubstr("src=192.0.2.9"));
}

TEST_F(DriverTest, TheAcceptRuleIsPutBackInBothBackEnds) {
  Sh("iptables-nft -P FORWARD DROP; iptables-legacy -P FORWARD DROP");
  Send(Snapshot());
  const auto has_rule = [](const char* command) {
    return Sh(std::string(command) + " -S FORWARD").find("calico:") != std::string::npos;
  };
  EXPECT_TRUE(has_rule("iptables-nft"));
  EXPECT_TRUE(has_rule("iptables-legacy"));
  Sh("iptables-nft -F FORWARD; iptables-legacy -F FORWARD");
  EXPECT_TRUE(Eventually([&] { return has_rule("iptables-nft"); }, 1s));
  EXPECT_TRUE(Eventually([&] { return has_rule("iptables-legacy"); }, 2s));
  Sh("iptables-nft -P FORWARD ACCEPT; iptables-legacy -P FORWARD ACCEPT; iptables-nft -F; iptables-legacy "
     "-F");
}

TEST_F(DriverTest, RemoveEverythingLeavesNothingOfOurs) {
  Sh("iptables-nft -P FORWARD DROP");
  MakeInterface();
  Send(Snapshot());
  ASSERT_TRUE(Eventually([this] { return Programmed(); }));
  End();
  const Status removed = RemoveEverything(kernel_.AsKernel());
  EXPECT_TRUE(removed.has_value()) << removed.error().message();
  EXPECT_THAT(Sh("nft list ruleset"), Not(HasSubstr("calico")));
  EXPECT_EQ(Sh("ip route; ip -6 route | grep -v fe80", false), "");
}

TEST_F(DriverTest, CountersTellWhatWasDropped) {
  Send(Snapshot());
  const auto counters = driver_->ReadCounters();
  ASSERT_TRUE(counters.has_value());
  EXPECT_EQ(counters->size(), std::size(kCounters));
}

}  // namespace
}  // namespace calico::dataplane
