// SPDX-License-Identifier: Apache-2.0
// What a change of policy costs from calc's input to the kernel, beside the bare transactions; and the first
// calculation of a large cluster. In a network namespace of its own.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "calc/graph.h"
#include "dataplane/policy_tables.h"
#include "kernel/nft/messages.h"
#include "kernel/nftables.h"

namespace calico {
namespace {

using Clock = std::chrono::steady_clock;
using model::Key;
using model::Kind;
using model::Object;

double Micros(Clock::duration duration) {
  return std::chrono::duration<double, std::micro>(duration).count();
}
template <typename T>
T Must(Result<T> result, const char* what) {
  if (result.has_value()) return std::move(*result);
  fmt::print(stderr, "{}: {}\n", what, result.error().message());
  std::exit(1);
}

struct Times {
  std::vector<double> micros;
  void Measure(const std::function<void()>& work) {
    const auto begin = Clock::now();
    work();
    micros.push_back(Micros(Clock::now() - begin));
  }
  double At(double share) {
    std::sort(micros.begin(), micros.end());
    return micros[static_cast<std::size_t>(share * static_cast<double>(micros.size() - 1))];
  }
};
void Print(const char* what, Times ours, Times floor) {
  fmt::print("{:44} p50 {:7.0f} us, p99 {:7.0f} us | floor p50 {:6.0f} us, p99 {:6.0f} us | x{:.2f}\n", what,
             ours.At(0.5), ours.At(0.99), floor.At(0.5), floor.At(0.99), ours.At(0.5) / floor.At(0.5));
}

std::shared_ptr<const Object> Shared(Object object) {
  return std::make_shared<const Object>(std::move(object));
}
model::WorkloadEndpoint Endpoint(int number, const std::string& node, const std::string& app,
                                 bool dual_stack = false) {
  model::WorkloadEndpoint endpoint;
  endpoint.node = node;
  endpoint.orchestrator = "k8s";
  endpoint.workload = endpoint.endpoint = fmt::format("w{}", number);
  endpoint.interface_name = fmt::format("cali{}", number);
  endpoint.ip_networks = {net::Ip::V4(0x0a000000U + static_cast<std::uint32_t>(number)).ToString() + "/32"};
  if (dual_stack)
    endpoint.ip_networks.push_back(fmt::format("fd00::{:x}:{:x}/128", number >> 16, number & 0xffff));
  endpoint.profiles = {"kns.default"};
  endpoint.metadata.ns = "default";
  endpoint.metadata.labels = {{"app", app},
                              {"env", number % 2 == 0 ? "prod" : "dev"},
                              {"pod-template-hash", fmt::format("h{}", number % 5000)}};
  return endpoint;
}
model::GlobalNetworkPolicy Policy(int number, int port, const std::string& target, int sources = 1) {
  model::GlobalNetworkPolicy policy;
  policy.spec.tier = "default";
  policy.spec.order = number;
  policy.spec.selector = target;
  policy.spec.types = {"Ingress"};
  for (int i = 0; i < 3; ++i) {
    model::Rule rule;
    rule.action = i == 2 ? "Deny" : "Allow";
    rule.protocol = "TCP";
    if (i < sources) rule.source.selector = fmt::format("app == '{}{}'", i == 0 ? 'a' : 'b', number);
    rule.destination.ports = {
        net::PortRange{static_cast<std::uint16_t>(port + i), static_cast<std::uint16_t>(port + i)}};
    policy.spec.ingress.push_back(rule);
  }
  return policy;
}

// Bytes that are sent as they are, and the kernel's answer to them: what no program can do faster.
class RawBatch {
 public:
  RawBatch() {
    const int buffer = 4 << 20;
    ::setsockopt(socket_, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  }
  ~RawBatch() { ::close(socket_); }
  RawBatch(const RawBatch&) = delete;
  RawBatch& operator=(const RawBatch&) = delete;

  static std::vector<char> Build(const std::vector<kernel::nft::Transaction>& transactions) {
    kernel::nft::BatchBuilder batch("calico", 1);
    for (const auto& transaction : transactions) batch.Add(transaction);
    return batch.Finish();
  }
  void Send(const std::vector<char>& bytes) {
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (::sendto(socket_, bytes.data(), bytes.size(), 0, reinterpret_cast<sockaddr*>(&kernel),
                 sizeof kernel) < 0) {
      std::perror("raw batch");
      std::exit(1);
    }
    alignas(nlmsghdr) char answer[4096];
    const ssize_t size = ::recv(socket_, answer, sizeof answer, 0);
    const auto* header = reinterpret_cast<const nlmsghdr*>(answer);
    if (size < 0 || header->nlmsg_type != NLMSG_ERROR ||
        reinterpret_cast<const nlmsgerr*>(header + 1)->error != 0) {
      fmt::print(stderr, "raw batch: refused\n");
      std::exit(1);
    }
  }

 private:
  const int socket_ = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
};

// From calc's input to the kernel, in one thread.
class Agent {
 public:
  void Apply(model::UpdateBatch updates) {
    updates.in_sync = true;
    tables_.OnBatch(graph_.Apply(updates));
    Must(tables_.Apply(), "write the tables");
  }
  kernel::Nftables& nftables() { return *nftables_; }
  const dataplane::PolicyTables& tables() const { return tables_; }

 private:
  const std::unique_ptr<kernel::Nftables> nftables_ = Must(kernel::OpenNftables("calico"), "nftables");
  dataplane::PolicyTables tables_{*nftables_};
  calc::Graph graph_{"host1"};
};

// The agent's tables with about 2 000 chains and 2 000 sets of 100 members, both families together: policies
// of one local endpoint, two selectors in each, remote endpoints with addresses of both families.
void Changes() {
  constexpr int kPolicies = 500, kMembers = 100, kRounds = 1000;
  Agent agent;
  model::UpdateBatch world;
  model::Tier tier;
  tier.order = 1'000'000;
  tier.default_action = "Deny";
  world.updates[Key::Resource(Kind::kTier, "default")] = Shared(tier);
  world.updates[Key::Resource(Kind::kWorkloadEndpoint, "local", "default")] =
      Shared(Endpoint(1 << 22, "host1", "local", true));
  for (int i = 0; i < kPolicies; ++i) {
    world.updates[Key::Resource(Kind::kGlobalNetworkPolicy, fmt::format("p{}", i))] =
        Shared(Policy(i, 1000, "app == 'local'", 2));
    for (int m = 0; m < 2 * kMembers; ++m) {
      world.updates[Key::Resource(Kind::kWorkloadEndpoint, fmt::format("r{}-{}", i, m), "default")] = Shared(
          Endpoint(2 * i * kMembers + m, "host2", fmt::format("{}{}", m % 2 == 0 ? 'a' : 'b', i), true));
    }
  }
  agent.Apply(std::move(world));
  const std::string set = [&] {
    for (const auto& [name, value] : agent.tables().table(net::Family::kV4).desired().sets) {
      if (name.starts_with("s-") && value.members.size() == kMembers) return name;
    }
    return std::string();
  }();
  std::size_t chains = 0, sets = 0, rules = 0;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    const auto content = Must(agent.nftables().Read(family), "read the table");
    chains += content.chains.size();
    for (const auto& [name, chain] : content.chains) rules += chain.rules.size();
    for (const auto& [name, value] : content.sets) sets += value.members.size() == kMembers ? 1 : 0;
  }
  fmt::print("{} chains with {} rules, {} sets of {} members, both families together\n", chains, rules, sets,
             kMembers);

  RawBatch raw;
  Times rule, raw_rule, member, raw_member;
  for (int round = 0; round < kRounds; ++round) {
    // What the kernel gets for it is taken down once, and then sent again as bytes.
    const auto policy = [&](int ports) {
      model::UpdateBatch change;
      change.updates[Key::Resource(Kind::kGlobalNetworkPolicy, "p7")] =
          Shared(Policy(7, ports, "app == 'local'", 2));
      return change;
    };
    auto change = policy(2000 + round);
    rule.Measure([&] { agent.Apply(std::move(change)); });
    std::vector<kernel::nft::Transaction> again;
    for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
      kernel::nft::Transaction one{family, {}};
      for (const auto& [name, chain] : agent.tables().table(family).desired().chains) {
        if (name.starts_with("cali-pi-gnp/p7") && (name.size() == 14 || name[14] == '-'))
          one.changes.push_back(kernel::nft::SetChain{name, chain});
      }
      again.push_back(std::move(one));
    }
    const std::vector<char> bytes = RawBatch::Build(again);
    raw_rule.Measure([&] { raw.Send(bytes); });
  }
  // By itself: a rule's change leaves the kernel work that the next transaction would wait for.
  for (int round = 0; round < kRounds; ++round) {
    model::UpdateBatch one_more;
    const int number = (1 << 21) + round;
    one_more.updates[Key::Resource(Kind::kWorkloadEndpoint, fmt::format("m{}", round), "default")] =
        Shared(Endpoint(number, "host2", "a7"));
    member.Measure([&] { agent.Apply(std::move(one_more)); });
    const net::Cidr address = net::Cidr::Host(net::Ip::V4(0x0b000000U + static_cast<std::uint32_t>(round)));
    const std::vector<char> element = RawBatch::Build(
        {{net::Family::kV4,
          {kernel::nft::AddMember{set, kernel::nft::SetType::kAddresses, {address, std::nullopt}}}}});
    raw_member.Measure([&] { raw.Send(element); });
  }
  Print("one changed rule, calc's input to kernel", rule, raw_rule);
  Print("one added member, calc's input to kernel", member, raw_member);
  fmt::print(
      "floors: the same chains of both families rewritten, one element added: ready bytes sent, answer "
      "awaited\n");
}

// The kernel checks a chain once for each interface whose packets are led to it.
void SharedChain() {
  constexpr int kPolicies = 40, kRounds = 200;
  for (const int workloads : {1, 250}) {
    Agent agent;
    model::UpdateBatch world;
    for (int i = 0; i < workloads; ++i) {
      world.updates[Key::Resource(Kind::kWorkloadEndpoint, fmt::format("l{}", i), "default")] =
          Shared(Endpoint((1 << 22) + i, "host1", "local"));
    }
    for (int i = 0; i < kPolicies; ++i) {
      world.updates[Key::Resource(Kind::kGlobalNetworkPolicy, fmt::format("p{}", i))] =
          Shared(Policy(i, 1000, "app == 'local'"));
    }
    agent.Apply(std::move(world));
    Times rule;
    for (int round = 0; round < kRounds; ++round) {
      model::UpdateBatch change;
      change.updates[Key::Resource(Kind::kGlobalNetworkPolicy, "p7")] =
          Shared(Policy(7, 2000 + round, "app == 'local'"));
      rule.Measure([&] { agent.Apply(std::move(change)); });
    }
    fmt::print("one changed rule, {} policies shared by {:3} workloads p50 {:7.0f} us, p99 {:7.0f} us\n",
               kPolicies, workloads, rule.At(0.5), rule.At(0.99));
  }
}

std::size_t ResidentKiB() {
  const auto status = ReadFile("/proc/self/status");
  const std::size_t at = status->find("VmRSS:");
  return std::strtoull(status->c_str() + at + 6, nullptr, 10);
}

// 250 000 endpoints of other hosts, 10 000 policies that select among 250 local ones.
void FirstCalculation() {
  constexpr int kEndpoints = 250'000, kPolicies = 10'000, kLocal = 250, kChunk = 1000;
  const std::size_t before = ResidentKiB();
  calc::Graph graph("host1");
  Clock::duration spent{};
  dataplane_api::Batch result;
  const auto apply = [&](model::UpdateBatch& updates) {
    const auto begin = Clock::now();
    result = graph.Apply(updates);
    spent += Clock::now() - begin;
    updates = {};
  };
  model::UpdateBatch updates;
  for (int i = 0; i < kPolicies; ++i) {
    updates.updates[Key::Resource(Kind::kGlobalNetworkPolicy, fmt::format("p{}", i))] =
        Shared(Policy(i, 1000, fmt::format("local == '{}'", i % kLocal)));
    if (i % kChunk == kChunk - 1) apply(updates);
  }
  for (int i = 0; i < kLocal; ++i) {
    model::WorkloadEndpoint local = Endpoint((1 << 22) + i, "host1", "local");
    local.metadata.labels["local"] = std::to_string(i);
    updates.updates[Key::Resource(Kind::kWorkloadEndpoint, fmt::format("l{}", i), "default")] = Shared(local);
  }
  apply(updates);
  for (int i = 0; i < kEndpoints; ++i) {
    updates.updates[Key::Resource(Kind::kWorkloadEndpoint, fmt::format("w{}", i), "default")] =
        Shared(Endpoint(i, fmt::format("host{}", 2 + i % 5000), fmt::format("a{}", i % kPolicies)));
    if (i % kChunk == kChunk - 1) apply(updates);
  }
  updates.in_sync = true;
  apply(updates);
  fmt::print(
      "first calculation, {} endpoints x {} policies: {:.2f} s, {} MiB more ({} policies and {} sets in the "
      "result)\n",
      kEndpoints, kPolicies, std::chrono::duration<double>(spent).count(), (ResidentKiB() - before) >> 10,
      result.policies.size(), result.ip_sets.size());
}

}  // namespace
}  // namespace calico

int main() {
  if (::unshare(CLONE_NEWNET) != 0) {
    std::perror("unshare(CLONE_NEWNET): run this as root");
    return 1;
  }
  calico::FirstCalculation();
  calico::Changes();
  calico::SharedChain();
  return 0;
}
