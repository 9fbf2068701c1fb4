// SPDX-License-Identifier: Apache-2.0
// The worked examples of the reference on a real kernel: their objects are programmed, their packets are
// sent.
#include "policy_eval/testing/worked_examples.h"

#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/subprocess.h"
#include "kernel/testing/private_network.h"
#include "tests/policy/kernel_host.h"
#include "tests/policy/packet_network.h"

namespace calico::policy_test {
namespace {

[[maybe_unused]] const auto* const kNetwork =
    ::testing::AddGlobalTestEnvironment(new kernel::testing::PrivateNetwork);

constexpr char kNode[] = "host-a";
constexpr char kUplink[] = "eth0";

using policy_eval::Place;
using policy_eval::Probe;
using policy_eval::WorkedExample;

bool IsPolicy(model::Kind kind) {
  return kind == model::Kind::kNetworkPolicy || kind == model::Kind::kGlobalNetworkPolicy;
}

// The rewriting that somebody else on the host does: a service.
void SetDnat(const std::optional<policy_eval::Rewrite>& dnat, const policy_eval::Packet& packet) {
  std::string script = "nft delete table ip service 2>/dev/null; true";
  if (dnat) {
    script = fmt::format(
        "nft delete table ip service 2>/dev/null; nft -f - <<'X'\ntable ip service {{\n"
        "chain in {{ type nat hook prerouting priority -100; ip daddr {0} th dport {1} meta l4proto tcp dnat "
        "to {2}:{3}; }}\n"
        "chain out {{ type nat hook output priority -100; ip daddr {0} th dport {1} meta l4proto tcp dnat to "
        "{2}:{3}; }}\n}}\nX",
        packet.destination.ToString(), packet.destination_port, dnat->ip.ToString(), dnat->port);
  }
  const auto output = RunProcess({"sh", "-c", script}, std::chrono::seconds(5));
  ASSERT_TRUE(output.has_value() && output->exit_code == 0) << (output.has_value() ? output->err : "");
}

class WorkedExamplesOnAKernel : public ::testing::TestWithParam<WorkedExample> {
 protected:
  static const model::WorkloadEndpoint& Workload(const WorkedExample& example, const Place& place) {
    return *example.cluster.Find<model::WorkloadEndpoint>(place.workload);
  }
  // Where host-a gets the packet from; "" for a process of its own.
  static std::string Entry(const WorkedExample& example, const Probe& probe) {
    const Place& from = probe.journey.from;
    if (from.kind == Place::Kind::kHost && from.node == kNode) return "";
    if (from.kind == Place::Kind::kWorkload && Workload(example, from).node == kNode)
      return Workload(example, from).interface_name;
    return probe.journey.in_interface.empty() ? kUplink : probe.journey.in_interface;
  }
  static std::string Exit(const WorkedExample& example, const Probe& probe) {
    const Place& to = probe.journey.to;
    if (to.kind == Place::Kind::kHost && to.node == kNode) return "";
    if (to.kind == Place::Kind::kWorkload && Workload(example, to).node == kNode)
      return Workload(example, to).interface_name;
    return probe.journey.out_interface.empty() ? kUplink : probe.journey.out_interface;
  }

  void Arrange(const WorkedExample& example) {
    std::map<std::string, std::vector<net::Ip>> interfaces{{kUplink, {}}, {"lo", {}}};
    if (const auto found = example.cluster.interfaces.find(kNode);
        found != example.cluster.interfaces.end()) {
      for (const auto& [name, addresses] : found->second) interfaces[name] = addresses;
    } else if (const auto* node =
                   example.cluster.Find<model::Node>(model::Key::Resource(model::Kind::kNode, kNode))) {
      if (node->bgp) {
        for (const std::string& text : {node->bgp->ipv4_address, node->bgp->ipv6_address}) {
          if (const auto cidr = net::Cidr::Parse(text)) interfaces[kUplink].push_back(cidr->ip());
        }
      }
    }
    example.cluster.ForEach<model::WorkloadEndpoint>(
        [&](const auto&, const model::WorkloadEndpoint& endpoint) {
          if (endpoint.node == kNode && !endpoint.interface_name.empty())
            interfaces[endpoint.interface_name] = {};
        });
    for (const Probe& probe : example.probes) {
      for (const std::string& name : {Entry(example, probe), Exit(example, probe)}) {
        if (!name.empty()) interfaces.try_emplace(name);
      }
    }
    interfaces.erase("lo");
    for (const auto& [name, addresses] : interfaces) network_.SetInterface(name, addresses);
  }

  // The example's workloads have the MAC that the network gives them, and send from addresses of their own.
  static std::map<model::Key, std::shared_ptr<const model::Object>> Objects(const WorkedExample& example,
                                                                            bool with_policies) {
    auto objects = example.cluster.objects;
    for (auto& [key, object] : objects) {
      if (object == nullptr || !std::holds_alternative<model::WorkloadEndpoint>(*object)) continue;
      auto endpoint = std::get<model::WorkloadEndpoint>(*object);
      endpoint.mac = PacketNetwork::MacBehind(endpoint.interface_name).ToString();
      object = std::make_shared<const model::Object>(std::move(endpoint));
    }
    if (!with_policies) {
      std::erase_if(objects, [](const auto& entry) { return IsPolicy(entry.first.kind); });
    }
    return objects;
  }

  PacketNetwork& network_ = PacketNetwork::Instance();
};

TEST_P(WorkedExamplesOnAKernel, HasTheVerdictsOfTheTable) {
  const WorkedExample& example = GetParam();
  Arrange(example);
  KernelHost host(kNode);
  std::uint32_t id = 0;
  for (const Probe& probe : example.probes) {
    if (!probe.for_kernel) continue;
    PacketNetwork::ForgetConnections();
    const std::string entry = Entry(example, probe), exit = Exit(example, probe);
    network_.RemoveDefaultRoute();
    network_.SetDefaultRoute(exit.empty() || exit.starts_with("cali") ? kUplink : exit);
    SetDnat(probe.journey.dnat, probe.journey.packet);
    policy_eval::Packet packet = probe.journey.packet;
    const bool established = packet.connection == policy_eval::Connection::kEstablished;
    if (established) {  // made before the policies came
      host.Set(Objects(example, false));
      network_.Send(packet, entry, ++id);
      policy_eval::Packet reply = packet;
      std::swap(reply.source, reply.destination);
      std::swap(reply.source_port, reply.destination_port);
      network_.Send(reply, exit, ++id);
      network_.Receive();
    }
    host.Set(Objects(example, true));
    network_.Receive();
    network_.Send(packet, entry, ++id);
    const auto received = network_.Receive();
    const auto found = received.find(id);
    const bool passed = found != received.end();
    EXPECT_EQ(passed, probe.verdict != "deny")
        << example.name << ": " << probe.text << "\nexpected " << probe.verdict << ", " << probe.because
        << "\n"
        << (std::getenv("SHOW_TABLES") != nullptr
                ? RunProcess({"sh", "-c", std::getenv("SHOW_TABLES")}, std::chrono::seconds(5))->out
                : "");
    if (passed) {
      EXPECT_EQ(found->second, exit) << example.name << ": " << probe.text;
    }
    SetDnat(std::nullopt, packet);
  }
}

std::string NameOf(const ::testing::TestParamInfo<WorkedExample>& info) {
  std::string name = info.param.name;
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return fmt::format("{:03}_{}", info.index, name);
}

INSTANTIATE_TEST_SUITE_P(Reference, WorkedExamplesOnAKernel,
                         ::testing::ValuesIn(policy_eval::ReadWorkedExamples(TESTDATA
                                                                             "/policy/worked_examples")),
                         NameOf);

}  // namespace
}  // namespace calico::policy_test
