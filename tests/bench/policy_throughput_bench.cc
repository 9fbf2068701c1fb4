// SPDX-License-Identifier: Apache-2.0
// What policy costs the packets: the same two workloads behind four hosts that differ in their policy only,
// measured in turns. Namespaces and names of its own.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "calc/graph.h"
#include "dataplane/policy_tables.h"
#include "kernel/nftables.h"

namespace calico {
namespace {

using Clock = std::chrono::steady_clock;
using model::Key;
using model::Kind;
using namespace std::chrono_literals;

constexpr int kRounds = 41;
constexpr auto kSlice = 100ms;
constexpr int kEndpoints = 250;
constexpr std::uint16_t kPort = 5001;

void Must(bool ok, const char* what) {
  if (ok) return;
  std::perror(what);
  std::exit(1);
}
void Sh(const std::string& script) {
  const std::string command = "set -e\n" + script;
  Must(std::system(command.c_str()) == 0, script.c_str());  // NOLINT(cert-env33-c)
}
// Of the calling thread; sockets stay in the namespace that they were made in.
void Enter(const std::string& name) {
  const int fd = ::open(("/run/netns/" + name).c_str(), O_RDONLY | O_CLOEXEC);
  Must(fd >= 0 && ::setns(fd, CLONE_NEWNET) == 0, "setns");
  ::close(fd);
}
void PinTo(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  ::sched_setaffinity(0, sizeof set, &set);
}

// A host with two workloads, "a" and "b".
class Bed {
 public:
  // `policies` < 0: no agent at all.
  Bed(std::string name, int policies) : name_(std::move(name)) {
    Sh(fmt::format(R"(
ip netns add {0}
ip -n {0} link set lo up
for w in a b; do
  ip netns add {0}$w
  ip -n {0} link add cali$w type veth peer name eth0 netns {0}$w
  ip -n {0} link set cali$w up
  ip -n {0}$w link set lo up
  ip -n {0}$w link set eth0 up
  ip -n {0}$w route add 169.254.1.1 dev eth0 scope link
  ip -n {0}$w route add default via 169.254.1.1
  ip -n {0} link set cali$w address ee:ee:ee:ee:ee:ee
  ip -n {0}$w neigh add 169.254.1.1 lladdr ee:ee:ee:ee:ee:ee dev eth0
done
ip -n {0}a addr add 10.0.0.0/32 dev eth0
ip -n {0}b addr add 10.0.0.1/32 dev eth0
ip -n {0} route add 10.0.0.0/32 dev calia
ip -n {0} route add 10.0.0.1/32 dev calib
ip netns exec {0} sh -c "echo 1 > /proc/sys/net/ipv4/ip_forward"
)",
                   name_));
    if (policies >= 0) Program(policies);
    Connect();
  }

  double SetupSeconds() const { return setup_seconds_; }
  std::size_t Chains() const { return chains_; }

  // Gbit/s of one TCP connection.
  double Stream() {
    std::atomic<std::uint64_t> received = 0;
    std::thread reader([&] {
      PinTo(1);
      std::vector<char> buffer(1 << 18);
      while (true) {
        const ssize_t size = ::recv(server_, buffer.data(), buffer.size(), 0);
        Must(size > 0, "recv");
        received += static_cast<std::uint64_t>(size);
        if (buffer[static_cast<std::size_t>(size) - 1] == 'E') return;
      }
    });
    PinTo(0);
    const std::vector<char> data(1 << 17, 'x');
    const auto begin = Clock::now();
    while (Clock::now() - begin < kSlice) Must(::send(client_, data.data(), data.size(), 0) > 0, "send");
    Must(::send(client_, "E", 1, 0) == 1, "send");
    reader.join();
    return static_cast<double>(received) * 8 / std::chrono::duration<double>(Clock::now() - begin).count() /
           1e9;
  }
  // Thousands of UDP packets a second that arrive, sent one by one.
  double Packets() {
    std::atomic<bool> stop = false;
    std::uint64_t received = 0;
    std::thread reader([&] {
      PinTo(1);
      char buffer[128];
      while (!stop) received += ::recv(udp_server_, buffer, sizeof buffer, 0) > 0 ? 1 : 0;
    });
    PinTo(0);
    char data[64] = {};
    const auto begin = Clock::now();
    while (Clock::now() - begin < kSlice) {
      for (int i = 0; i < 16; ++i) static_cast<void>(::send(udp_client_, data, sizeof data, 0));
    }
    const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    stop = true;
    reader.join();
    return static_cast<double>(received) / seconds / 1e3;
  }
  // Microseconds of a request and its answer on a connection.
  double RoundTrip() {
    std::thread echo([&] {
      PinTo(1);
      char byte = 0;
      while (::recv(server_, &byte, 1, 0) == 1) {
        if (byte == 'E') return;
        Must(::send(server_, &byte, 1, 0) == 1, "send");
      }
    });
    PinTo(0);
    std::vector<double> micros;
    char byte = 'r';
    const auto begin = Clock::now();
    while (Clock::now() - begin < kSlice) {
      const auto sent = Clock::now();
      Must(::send(client_, &byte, 1, 0) == 1 && ::recv(client_, &byte, 1, 0) == 1, "round trip");
      micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - sent).count());
    }
    Must(::send(client_, "E", 1, 0) == 1, "send");
    echo.join();
    std::nth_element(micros.begin(), micros.begin() + static_cast<std::ptrdiff_t>(micros.size() / 2),
                     micros.end());
    return micros[micros.size() / 2];
  }
  // Microseconds until a new connection stands: the packets that all policies are asked about.
  double NewConnection() {
    PinTo(0);
    Enter(name_ + "a");
    std::vector<double> micros;
    const auto begin = Clock::now();
    while (Clock::now() - begin < kSlice) {
      const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
      const linger reset{1, 0};
      ::setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      const auto before = Clock::now();
      Must(::connect(fd, reinterpret_cast<const sockaddr*>(&address_), sizeof address_) == 0, "connect");
      micros.push_back(std::chrono::duration<double, std::micro>(Clock::now() - before).count());
      const int accepted = ::accept(listener_, nullptr, nullptr);
      ::close(fd);
      ::close(accepted);
    }
    std::nth_element(micros.begin(), micros.begin() + static_cast<std::ptrdiff_t>(micros.size() / 2),
                     micros.end());
    return micros[micros.size() / 2];
  }

 private:
  void Program(int policies) {
    Enter(name_);
    auto nftables = std::move(*kernel::OpenNftables("calico"));
    calc::Graph graph("host1");
    model::UpdateBatch world;
    const auto put = [&](const Key& key, model::Object object) {
      world.updates[key] = std::make_shared<const model::Object>(std::move(object));
    };
    model::Tier tier;
    tier.order = 1'000'000;
    put(Key::Resource(Kind::kTier, "default"), tier);
    for (int i = 0; i < kEndpoints; ++i) {
      model::WorkloadEndpoint endpoint;
      endpoint.node = "host1";
      endpoint.orchestrator = "k8s";
      endpoint.workload = endpoint.endpoint = fmt::format("w{}", i);
      endpoint.interface_name = i < 2 ? fmt::format("cali{}", "ab"[i]) : fmt::format("cali{}", i);
      endpoint.ip_networks = {net::Ip::V4(0x0a000000U + static_cast<std::uint32_t>(i)).ToString() + "/32"};
      endpoint.metadata.ns = "default";
      endpoint.metadata.labels = {{"number", std::to_string(i)}};
      endpoint.profiles = {"projectcalico-default-allow"};
      put(Key::Resource(Kind::kWorkloadEndpoint, fmt::format("w{}", i), "default"), endpoint);
    }
    // Each has its share; the last of an endpoint's policies is the one that allows.
    for (int i = 0; i < policies; ++i) {
      model::GlobalNetworkPolicy policy;
      policy.spec.order = i;
      policy.spec.selector = fmt::format("number == '{}'", i % kEndpoints);
      policy.spec.types = {"Ingress", "Egress"};
      for (auto* rules : {&policy.spec.ingress, &policy.spec.egress}) {
        model::Rule rule;
        rule.action = "Allow";
        rule.protocol = "TCP";
        rule.destination.ports = {net::PortRange{static_cast<std::uint16_t>(10'000 + i % 5000),
                                                 static_cast<std::uint16_t>(10'000 + i % 5000)}};
        rules->push_back(rule);
        rule.source.nets = {"192.0.2.0/24"};
        rule.protocol = "UDP";
        rules->push_back(rule);
        if (i + kEndpoints < policies) continue;
        model::Rule allow;
        allow.action = "Allow";
        rules->push_back(allow);
      }
      put(Key::Resource(Kind::kGlobalNetworkPolicy, fmt::format("p{}", i)), policy);
    }
    world.in_sync = true;
    dataplane::PolicyTables tables(*nftables);
    const auto begin = Clock::now();
    tables.OnBatch(graph.Apply(world));
    const auto written = tables.Apply();
    Must(written.has_value(), "write the tables");
    setup_seconds_ = std::chrono::duration<double>(Clock::now() - begin).count();
    chains_ = tables.table(net::Family::kV4).desired().chains.size();
  }

  void Connect() {
    address_.sin_family = AF_INET;
    address_.sin_port = htons(kPort);
    ::inet_pton(AF_INET, "10.0.0.1", &address_.sin_addr);
    const auto* address = reinterpret_cast<const sockaddr*>(&address_);
    Enter(name_ + "b");
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    udp_server_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    Must(::bind(listener_, address, sizeof address_) == 0 && ::listen(listener_, 128) == 0 &&
             ::bind(udp_server_, address, sizeof address_) == 0,
         "bind");
    const timeval soon{0, 20'000};
    ::setsockopt(udp_server_, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof soon);
    const int buffer = 8 << 20;
    ::setsockopt(udp_server_, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    Enter(name_ + "a");
    client_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    udp_client_ = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    Must(::connect(client_, address, sizeof address_) == 0, "connect");
    Must(::connect(udp_client_, address, sizeof address_) == 0, "connect");
    server_ = ::accept(listener_, nullptr, nullptr);
    const int on = 1;
    for (const int fd : {client_, server_}) ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // An answer, so that the flow is an established one.
    char byte = 'x';
    sockaddr_in from{};
    socklen_t size = sizeof from;
    Must(::send(udp_client_, &byte, 1, 0) == 1, "send");
    Must(::recvfrom(udp_server_, &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &size) == 1,
         "first packet");
    Must(::sendto(udp_server_, &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), size) == 1, "answer");
    Must(::recv(udp_client_, &byte, 1, 0) == 1, "answer");
  }

  const std::string name_;
  sockaddr_in address_{};
  int listener_ = -1, server_ = -1, client_ = -1, udp_server_ = -1, udp_client_ = -1;
  double setup_seconds_ = 0;
  std::size_t chains_ = 0;
};

// The machine is shared: what others take from a round makes it slower, never faster.
double BetterQuartile(std::vector<double> values, bool more_is_better) {
  std::sort(values.begin(), values.end());
  const std::size_t quarter = values.size() / 4;
  return values[more_is_better ? values.size() - 1 - quarter : quarter];
}

void Run() {
  struct Named {
    const char* what;
    std::unique_ptr<Bed> bed;
  };
  std::vector<Named> beds;
  beds.push_back({"bare forwarding", std::make_unique<Bed>("bare", -1)});
  beds.push_back({"one allow-all profile", std::make_unique<Bed>("one", 0)});
  beds.push_back({"100 policies", std::make_unique<Bed>("few", 100)});
  beds.push_back({"10 000 policies", std::make_unique<Bed>("many", 10'000)});
  for (const Named& one : beds) {
    if (one.bed->Chains() > 0)
      fmt::print("{:24} {} chains in each family, written in {:.2f} s\n", one.what, one.bed->Chains(),
                 one.bed->SetupSeconds());
  }
  struct Figure {
    const char* what;
    bool more_is_better;
    std::function<double(Bed&)> measure;
  };
  const std::vector<Figure> figures{
      {"TCP stream, Gbit/s", true, [](Bed& bed) { return bed.Stream(); }},
      {"UDP, 1000 packets/s", true, [](Bed& bed) { return bed.Packets(); }},
      {"TCP round trip, us", false, [](Bed& bed) { return bed.RoundTrip(); }},
      {"new TCP connection, us", false, [](Bed& bed) { return bed.NewConnection(); }},
  };
  for (const Figure& figure : figures) {
    std::vector<std::vector<double>> values(beds.size());
    for (int round = 0; round <= kRounds; ++round) {
      for (std::size_t i = 0; i < beds.size(); ++i) {
        const std::size_t turn = (i + static_cast<std::size_t>(round)) % beds.size();
        const double value = figure.measure(*beds[turn].bed);
        if (round > 0) values[turn].push_back(value);  // the first warms caches
      }
    }
    const double profile = BetterQuartile(values[1], figure.more_is_better);
    fmt::print("{:24}", figure.what);
    for (std::size_t i = 0; i < beds.size(); ++i) {
      const double value = BetterQuartile(values[i], figure.more_is_better);
      fmt::print(" | {} {:.1f} (x{:.3f})", beds[i].what, value, value / profile);
    }
    fmt::print("\n");
  }
  fmt::print("the better quartile of {} rounds taken in turns; in brackets: beside the profile\n", kRounds);
}

}  // namespace
}  // namespace calico

int main() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
      ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("tmpfs", "/run", "tmpfs", 0, nullptr) != 0) {
    std::perror("namespaces of its own: run this as root");
    return 1;
  }
  calico::Run();
  return 0;
}
