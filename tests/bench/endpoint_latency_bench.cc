// SPDX-License-Identifier: Apache-2.0
// Store write to kernel for a new endpoint, on a host where calico-node runs: the time from the start of the
// write of a WorkloadEndpoint until the kernel tells about its route. The floor is measured in turn: the same
// write until our own watch sees it, plus one route written and told about.
//
//   endpoint_latency_bench NODE      (store from the environment, as for calicoctl)

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <string>
#include <thread>

#include <fmt/format.h>
#include <poll.h>

#include "base/environment.h"
#include "base/log.h"
#include "datastore/choice.h"
#include "datastore/resources.h"
#include "kernel/rtnetlink.h"
#include "model/codec/json.h"
#include "tests/bench/figures.h"

namespace calico {
namespace {

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

// Waits until the kernel tells that a route exists (or is gone).
void AwaitRoute(kernel::RtnetlinkMonitor& monitor, const net::Cidr& dst, bool removed) {
  for (;;) {
    pollfd fd{monitor.fd(), POLLIN, 0};
    if (::poll(&fd, 1, 5000) <= 0) {
      fmt::print(stderr, "route {} {} not seen within 5 s\n", dst.ToString(), removed ? "removal" : "");
      std::exit(1);
    }
    const auto events = Must(monitor.Read(), "monitor");
    for (const auto& route : events.routes) {
      if (route.key.dst == dst && route.removed == removed && route.table == kernel::kMainTable) return;
    }
  }
}

class WatchedKey {
 public:
  void OnEvents() {
    const std::lock_guard lock(mutex_);
    ++events_;
    changed_.notify_all();
  }
  void AwaitNext(int seen) {
    std::unique_lock lock(mutex_);
    if (!changed_.wait_for(lock, std::chrono::seconds(5), [&] { return events_ > seen; })) std::exit(1);
  }
  int seen() {
    const std::lock_guard lock(mutex_);
    return events_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int events_ = 0;
};

int Run(const std::string& node) {
  InitLogging(LogLevel::kError, "endpoint_latency_bench");
  const SystemClock clock;
  auto client = Must(
      datastore::OpenStore(Must(
          datastore::ChooseStore(Environment::OfProcess(), "", datastore::Program::kCalicoctl), "store")),
      "store");
  datastore::Resources resources(*client, clock);
  auto rtnetlink = Must(kernel::OpenRtnetlink(), "rtnetlink");
  auto monitor = Must(kernel::OpenRtnetlinkMonitor(), "monitor");
  const std::string prefix = "/calico/bench/";
  WatchedKey watched;
  auto watch = client->StartWatch(
      prefix, Must(client->List(prefix), "list").revision,
      {.on_events = [&](auto) { watched.OnEvents(); }, .on_error = [](Error) { std::exit(1); }});
  Must(rtnetlink->CreateVeth({.host_name = "calibench000000",
                              .peer_name = "pbench",
                              .mtu_bytes = 0,
                              .peer_mac = {},
                              .host_up = true}),
       "veth");
  const kernel::Link link = Must(rtnetlink->GetLink("calibench000000"), "link");
  Must(rtnetlink->CreateVeth(
           {.host_name = "fbench", .peer_name = "gbench", .mtu_bytes = 0, .peer_mac = {}, .host_up = true}),
       "veth");
  const kernel::Link floor_link = Must(rtnetlink->GetLink("fbench"), "link");
  Must(rtnetlink->SetLinkUp(floor_link.ifindex, true), "up");

  bench::Samples ours, least;
  for (int i = 0; i < kRuns; ++i) {
    const net::Cidr dst =
        net::Cidr::Host(net::Ip::V4(0xc6336400u + static_cast<std::uint32_t>(i)));  // 198.51.100.0/24
    model::WorkloadEndpoint endpoint;
    endpoint.metadata.ns = "default";
    endpoint.orchestrator = "bench";
    endpoint.workload = "w";
    endpoint.node = node;
    endpoint.endpoint = "e";
    endpoint.interface_name = link.name;
    endpoint.ip_networks = {dst.ToString()};
    endpoint.profiles = {"projectcalico-default-allow"};
    endpoint.metadata.name = Must(model::WorkloadEndpointName(endpoint), "name");
    const model::Key key = model::KeyOf(endpoint);
    ours.push_back(bench::Microseconds([&] {
      static_cast<void>(Must(resources.Create(endpoint), "create endpoint"));
      AwaitRoute(*monitor, dst, false);
    }));
    Must(resources.Delete(key), "delete endpoint");
    AwaitRoute(*monitor, dst, true);

    const std::string bytes = model::EncodeValue(key, endpoint);
    const std::string floor_key = prefix + std::to_string(i);
    const int seen = watched.seen();
    least.push_back(bench::Microseconds([&] {
      static_cast<void>(Must(client->Create(floor_key, bytes), "create"));
      watched.AwaitNext(seen);
      Must(rtnetlink->ReplaceRoute(kernel::kMainTable, {dst, 0},
                                   {.type = kernel::RouteType::kUnicast,
                                    .scope = kernel::RouteScope::kLink,
                                    .protocol = kernel::kProtoStatic,
                                    .ifindex = floor_link.ifindex,
                                    .gateway = {},
                                    .onlink = false}),
           "route");
      AwaitRoute(*monitor, dst, false);
    }));
    Must(client->Delete(floor_key, 0), "delete");
    Must(rtnetlink->DeleteRoute(kernel::kMainTable, {dst, 0}, kernel::kAnyProtocol), "route");
    AwaitRoute(*monitor, dst, true);
  }
  Must(rtnetlink->DeleteLink("calibench000000"), "veth");
  Must(rtnetlink->DeleteLink("fbench"), "veth");
  bench::PrintPair("store write to kernel, new endpoint", ours, least,
                   "the same write seen by a watch + one route written");
  return 0;
}

}  // namespace
}  // namespace calico

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: endpoint_latency_bench NODE\n");
    return 1;
  }
  return calico::Run(argv[1]);
}
