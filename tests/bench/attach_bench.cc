// SPDX-License-Identifier: Apache-2.0
// Kernel part of attaching one container: what the Docker driver and the agent do, beside the least that a
// veth pair with a host route and a dispatch element costs. Runs in a network namespace of its own.

#include <condition_variable>
#include <mutex>
#include <string>

#include <fmt/format.h>
#include <sched.h>

#include "base/event_loop.h"
#include "base/log.h"
#include "dataplane/driver.h"
#include "dataplane/kernel_handles.h"
#include "tests/bench/figures.h"
#include "workload/veth.h"

namespace calico {
namespace {

namespace nft = kernel::nft;

constexpr int kRuns = 200;

template <typename T>
T Must(Result<T> result, const char* what) {
  if (!result.has_value()) {
    fmt::print(stderr, "{}: {}\n", what, result.error().message());
    std::exit(1);
  }
  return std::move(*result);
}
void Must(Status status, const char* what) {
  if (!status.has_value()) {
    fmt::print(stderr, "{}: {}\n", what, status.error().message());
    std::exit(1);
  }
}

// The agent's dataplane on its own loop; Attach() returns when the kernel has everything.
class Agent {
 public:
  Agent() : thread_("dataplane") {
    thread_.Start();
    thread_.RunSync([this] {
      kernel_ = Must(dataplane::KernelHandles::Open(), "kernel");
      driver_ = std::make_unique<dataplane::Driver>(thread_.loop(), clock_, kernel_.AsKernel());
      driver_->OnEndpointState(
          [this](const std::string& name, const dataplane::Driver::EndpointState& state) {
            const std::lock_guard lock(mutex_);
            if (state.programmed) programmed_ = name;
            changed_.notify_all();
          });
      Must(driver_->Start(), "driver");
      dataplane_api::Batch batch;
      batch.host.emplace();
      batch.profiles["net1"].emplace().egress.push_back({});
      batch.in_sync = true;
      driver_->OnBatch(std::move(batch));
    });
  }
  ~Agent() {
    thread_.RunSync([this] { driver_.reset(); });
  }
  void Attach(const std::string& name, const net::Cidr& address) {
    dataplane_api::Batch batch;
    dataplane_api::Endpoint endpoint;
    endpoint.id = endpoint.interface_name = name;
    endpoint.addresses = {address};
    endpoint.profiles = {"net1"};
    batch.endpoints[name] = std::move(endpoint);
    thread_.loop().Post([this, batch = std::move(batch)] { driver_->OnBatch(batch); });
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(5), [&] { return programmed_ == name; })) {
      fmt::print(stderr, "{} was not programmed within 5 s\n", name);
      std::exit(1);
    }
  }

 private:
  SystemClock clock_;
  LoopThread thread_;
  dataplane::KernelHandles kernel_;
  std::unique_ptr<dataplane::Driver> driver_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string programmed_;
};

// The least: one veth pair, one route, one element of a verdict map.
class Floor {
 public:
  Floor()
      : rtnetlink_(Must(kernel::OpenRtnetlink(), "rtnetlink")),
        nftables_(Must(kernel::OpenNftables("floor"), "nftables")) {
    nft::Chain chain;
    Must(nftables_->Apply({{net::Family::kV4,
                            {nft::AddTable{}, nft::SetChain{"target", chain},
                             nft::AddSet{"dispatch", nft::SetType::kVerdictByIfname}}}}),
         "floor table");
  }
  void Attach(const std::string& name, const net::Cidr& address) {
    Must(rtnetlink_->CreateVeth({.host_name = name,
                                 .peer_name = "p" + name.substr(1),
                                 .mtu_bytes = 0,
                                 .peer_mac = {},
                                 .host_up = true}),
         "veth");
    const kernel::Link link = Must(rtnetlink_->GetLink(name), "link");
    Must(rtnetlink_->ReplaceRoute(kernel::kMainTable, {address, 0},
                                  {.type = kernel::RouteType::kUnicast,
                                   .scope = kernel::RouteScope::kLink,
                                   .protocol = kernel::kProtoBoot,
                                   .ifindex = link.ifindex,
                                   .gateway = {},
                                   .onlink = false}),
         "route");
    Must(nftables_->Apply({{net::Family::kV4,
                            {nft::AddMember{"dispatch",
                                            nft::SetType::kVerdictByIfname,
                                            {name, nft::Verdict{nft::VerdictKind::kGoto, "target"}}}}}}),
         "element");
  }

 private:
  std::unique_ptr<kernel::Rtnetlink> rtnetlink_;
  std::unique_ptr<kernel::Nftables> nftables_;
};

int Run() {
  if (::unshare(CLONE_NEWNET) != 0) {
    fmt::print(stderr, "attach_bench needs root for a network namespace of its own\n");
    return 1;
  }
  InitLogging(LogLevel::kError, "attach_bench");
  Agent agent;
  Floor floor;
  auto rtnetlink = Must(kernel::OpenRtnetlink(), "rtnetlink");
  auto sysctl = kernel::OpenSysctl();
  bench::Samples ours, least;
  for (int i = 0; i < kRuns; ++i) {
    const net::Cidr ours_address = net::Cidr::Host(net::Ip::V4(0x0a000000u + static_cast<std::uint32_t>(i)));
    const net::Cidr floor_address = net::Cidr::Host(net::Ip::V4(0x0a010000u + static_cast<std::uint32_t>(i)));
    const std::string name = fmt::format("cali{:011d}", i);
    ours.push_back(bench::Microseconds([&] {
      Must(workload::CreateHostVeth(*rtnetlink, *sysctl,
                                    {.host_name = name,
                                     .container_name = fmt::format("temp{:011d}", i),
                                     .mtu_bytes = 0,
                                     .addresses = {ours_address}}),
           "CreateHostVeth");
      agent.Attach(name, ours_address);
    }));
    least.push_back(bench::Microseconds([&] { floor.Attach(fmt::format("flor{:011d}", i), floor_address); }));
  }
  bench::PrintPair("attach one container, kernel part", ours, least,
                   "veth pair + host route + one map element");
  return 0;
}

}  // namespace
}  // namespace calico

int main() {
  return calico::Run();
}
