// SPDX-License-Identifier: Apache-2.0
// What a changed policy does to connections that are there: those that it now denies end within a second, the
// others lose nothing; whoever sends, and although a policy allows the opposite direction.
#include <atomic>
#include <thread>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "policy_eval/testing/clusters.h"
#include "tests/policy/kernel_host.h"
#include "tests/policy/packet_network.h"

namespace calico::policy_test {
namespace {

using namespace std::chrono_literals;

constexpr char kWorld[] = R"(
kind: Node
metadata: {name: host-a}
---
kind: Tier
metadata: {name: default}
spec: {order: 1000000, defaultAction: Deny}
---
kind: Profile
metadata: {name: open}
spec: {ingress: [{action: Allow}], egress: [{action: Allow}]}
---
kind: WorkloadEndpoint
metadata: {namespace: ns1, labels: {role: client}}
spec: {node: host-a, orchestrator: k8s, pod: c, endpoint: eth0, interfaceName: calic, ipNetworks: [10.65.0.2/32], profiles: [open]}
---
kind: WorkloadEndpoint
metadata: {namespace: ns1, labels: {role: server}}
spec: {node: host-a, orchestrator: k8s, pod: s, endpoint: eth0, interfaceName: calis, ipNetworks: [10.65.0.3/32], profiles: [open]}
---
kind: GlobalNetworkPolicy
metadata: {name: opposite}
spec:
  order: 1
  selector: role == 'client'
  types: [Ingress]
  ingress: [{action: Allow, source: {selector: role == 'server'}}]
)";
// The server's side, where the policy under test is.
std::string ServerPolicy(const std::string& ports) {
  return fmt::format(R"(
kind: GlobalNetworkPolicy
metadata: {{name: server}}
spec:
  order: 2
  selector: role == 'server'
  types: [Ingress]
  ingress:
  - {{action: Allow, protocol: TCP, source: {{selector: role == 'client'}}, destination: {{ports: {0}}}}}
  - {{action: Allow, protocol: UDP, source: {{selector: role == 'client'}}, destination: {{ports: {0}}}}}
)",
                     ports);
}
std::string Unrelated(int number) {
  return fmt::format(R"(
kind: GlobalNetworkPolicy
metadata: {{name: unrelated}}
spec: {{order: 3, selector: role == 'server', types: [Ingress], ingress: [{{action: Allow, protocol: TCP, destination: {{ports: [{}]}}}}]}}
)",
                     10000 + number % 50000);
}

struct Flow {
  std::uint8_t protocol = net::kTcp;
  std::uint16_t client_port = 40000, server_port = 80;
};

class ChangesBite : public ::testing::Test {
 protected:
  void SetUp() override {
    network_.SetInterface("calic", {});
    network_.SetInterface("calis", {});
    PacketNetwork::ForgetConnections();
    network_.Receive();
  }
  void Apply(const std::vector<std::string>& documents) {
    policy_eval::Cluster cluster = policy_eval::ClusterOf(kWorld);
    for (const std::string& text : documents) policy_eval::Add(cluster, text);
    for (auto& [key, object] : cluster.objects) {
      if (key.kind != model::Kind::kWorkloadEndpoint) continue;
      auto endpoint = std::get<model::WorkloadEndpoint>(*object);
      endpoint.mac = PacketNetwork::MacBehind(endpoint.interface_name).ToString();
      object = std::make_shared<const model::Object>(std::move(endpoint));
    }
    host_.Set(cluster.objects);
  }
  // A packet of the connection; `to_server`: in the direction in which it was opened.
  std::uint32_t SendOf(const Flow& flow, bool to_server,
                       PacketNetwork::TcpFields tcp = {PacketNetwork::kAck, 2, 2}) {
    policy_eval::Packet packet;
    packet.protocol = flow.protocol;
    packet.source = *net::Ip::Parse(to_server ? "10.65.0.2" : "10.65.0.3");
    packet.destination = *net::Ip::Parse(to_server ? "10.65.0.3" : "10.65.0.2");
    packet.source_port = to_server ? flow.client_port : flow.server_port;
    packet.destination_port = to_server ? flow.server_port : flow.client_port;
    network_.Send(packet, to_server ? "calic" : "calis", ++id_, tcp);
    return id_;
  }
  void Open(const Flow& flow) {
    using Tcp = PacketNetwork::TcpFields;
    const std::uint8_t both = PacketNetwork::kSyn | PacketNetwork::kAck;
    const std::uint32_t first = SendOf(flow, true, Tcp{PacketNetwork::kSyn, 1, 0});
    SendOf(flow, false, Tcp{both, 1, 2});
    const std::uint32_t last = SendOf(flow, true, Tcp{PacketNetwork::kAck, 2, 2});
    const auto received = network_.Receive();
    for (std::uint32_t id = first; id <= last; ++id)
      ASSERT_TRUE(received.contains(id)) << "the connection opens";
  }
  bool Passes(const Flow& flow, bool to_server) {
    const std::uint32_t id = SendOf(flow, to_server);
    return network_.Receive().contains(id);
  }
  // 1 000 packets a second, of which `change` must cost none or all; returns how many arrived.
  int Stream(const Flow& flow, bool to_server, int packets, const std::function<void(int)>& meanwhile) {
    std::map<std::uint32_t, std::string> received;
    const std::uint32_t first = id_ + 1;
    std::atomic<bool> over = false;
    std::thread changes([&] {
      for (int i = 0; !over; ++i) meanwhile(i);
    });
    for (int i = 0; i < packets; ++i) {
      SendOf(flow, to_server);
      SleepFor(1ms);
      if (i % 200 == 199) received.merge(network_.Receive());
    }
    over = true;
    changes.join();
    received.merge(network_.Receive());
    int arrived = 0;
    for (std::uint32_t id = first; id <= id_; ++id) arrived += received.contains(id) ? 1 : 0;
    return arrived;
  }

  PacketNetwork& network_ = PacketNetwork::Instance();
  KernelHost host_{"host-a"};
  static inline std::uint32_t id_ = 1'000'000;
};

class ADeniedConnection : public ChangesBite, public ::testing::WithParamInterface<std::tuple<int, bool>> {};

TEST_P(ADeniedConnection, EndsWithinASecondWhoeverSends) {
  const auto [protocol, only_replies] = GetParam();
  const Flow flow{static_cast<std::uint8_t>(protocol), 40000, 80};
  const Flow other{static_cast<std::uint8_t>(protocol), 40001, 443};
  Apply({ServerPolicy("[80, 443]")});
  Open(flow);
  Open(other);
  Apply({ServerPolicy("[443]")});
  SleepFor(900ms);
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(Passes(flow, false)) << "an answer";
    if (!only_replies) {
      EXPECT_FALSE(Passes(flow, true));
    }
    EXPECT_TRUE(Passes(other, false)) << "another connection's answer";
    if (!only_replies) {
      EXPECT_TRUE(Passes(other, true));
    }
  }
  Apply({ServerPolicy("[80, 443]")});
  SleepFor(400ms);
  EXPECT_TRUE(Passes(flow, false)) << "what is allowed again goes on";
}

INSTANTIATE_TEST_SUITE_P(Policy, ADeniedConnection,
                         ::testing::Combine(::testing::Values(static_cast<int>(net::kTcp),
                                                              static_cast<int>(net::kUdp)),
                                            ::testing::Bool()),
                         [](const auto& test) {
                           return std::string(std::get<0>(test.param) == net::kTcp ? "Tcp" : "Udp") +
                                  (std::get<1>(test.param) ? "OnlyRepliesAreSent" : "BothSidesSend");
                         });

TEST_F(ChangesBite, AnUnrelatedChangeCostsNoPacketOfAStreamOfAnswers) {
  for (const std::uint8_t protocol : {net::kTcp, net::kUdp}) {
    const Flow flow{protocol, 40002, 80};
    Apply({ServerPolicy("[80]")});
    Open(flow);
    EXPECT_EQ(Stream(flow, false, 1500,
                     [&](int i) {
                       Apply({ServerPolicy("[80]"), Unrelated(i)});
                       SleepFor(3ms);
                     }),
              1500);
  }
}

TEST_F(ChangesBite, KeepLeavesConnectionsAloneAsUpstreamDoes) {
  const std::string keep = R"(
kind: FelixConfiguration
metadata: {name: default}
spec: {establishedConnections: Keep}
)";
  const Flow flow{net::kTcp, 40003, 80};
  Apply({ServerPolicy("[80]"), keep});
  Open(flow);
  Apply({ServerPolicy("[443]"), keep});
  SleepFor(600ms);
  EXPECT_TRUE(Passes(flow, false));
  EXPECT_TRUE(Passes(flow, true));
}

TEST_F(ChangesBite, UnderAStreamOfChangesAllowedPacketsPassAndDeniedOnesDoNot) {
  const Flow allowed{net::kUdp, 40004, 80}, denied{net::kUdp, 40005, 81};
  Apply({ServerPolicy("[80]")});
  int changes = 0;
  const auto change = [&](int i) {
    Apply({ServerPolicy("[80]"), Unrelated(i)});
    ++changes;
  };
  EXPECT_EQ(Stream(allowed, true, 5000, change), 5000);
  EXPECT_EQ(Stream(denied, true, 5000, change), 0);
  fmt::print("{} policy changes meanwhile\n", changes);
}

}  // namespace
}  // namespace calico::policy_test
