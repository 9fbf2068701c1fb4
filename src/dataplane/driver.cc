// SPDX-License-Identifier: Apache-2.0
#include "dataplane/driver.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/backoff.h"
#include "base/log.h"
#include "base/metrics.h"
#include "dataplane/connection_cleaner.h"
#include "dataplane/host_firewalls.h"
#include "dataplane/host_interfaces.h"
#include "dataplane/interface_settings.h"
#include "dataplane/names.h"
#include "dataplane/outcome.h"
#include "dataplane/policy_tables.h"
#include "dataplane/route_sync.h"
#include "dataplane/tunnels.h"
#include "dataplane/uplink.h"
#include "dataplane/wireguard_sync.h"
#include "dataplane/workload_interfaces.h"

namespace calico::dataplane {
namespace {

constexpr char kComponent[] = "dataplane";
constexpr Duration kResyncPeriod = std::chrono::seconds(90);
constexpr Duration kLegacyPeriod = std::chrono::seconds(1);  // iptables-legacy sends no events
// Others commit in bursts (dockerd runs iptables a dozen times): look once for all of them.
constexpr Duration kForeignCommitDelay = std::chrono::milliseconds(20);
// Changed policy is asked again about the connections that are there. All changes within this time cost one
// look at each connection.
constexpr Duration kRecheckDelay = std::chrono::milliseconds(200);

Counter& Writes() {
  static Counter& counter = RegisterCounter(
      "calico_dataplane_writes_total",
      "Changes written to the kernel: transactions, routes, sysctls, neighbours, firewall rules.");
  return counter;
}
Counter& Repairs() {
  static Counter& counter =
      RegisterCounter("calico_dataplane_repairs_total",
                      "Times that the kernel's state was found changed by somebody else and put right.");
  return counter;
}
Gauge& PendingItems() {
  static Gauge& gauge = RegisterGauge("calico_dataplane_pending", "Items that the kernel does not have yet.");
  return gauge;
}
Counter& Resyncs() {
  static Counter& counter =
      RegisterCounter("calico_dataplane_resync_total", "Full comparisons with the kernel's state.");
  return counter;
}

}  // namespace

struct Driver::Impl {
  Impl(EventLoop& l, const Clock& c, Kernel k)
      : loop(l),
        clock(c),
        kernel(k),
        policy(k.nftables),
        tunnels(k.rtnetlink),
        wireguards{WireguardSync(net::Family::kV4, k.rtnetlink, k.wireguard),
                   WireguardSync(net::Family::kV6, k.rtnetlink, k.wireguard)},
        routes(k.rtnetlink, interfaces),
        neighbours(k.rtnetlink),
        firewalls(k.iptables, k.foreign),
        connections(k.conntrack) {}

  // ---- inputs ----

  Status Start() {
    RETURN_IF_ERROR(ListLinks());
    link_events = loop.WatchFd(kernel.links.fd(), EventLoop::Interest::kRead, [this] { OnLinkEvents(); });
    nft_events = loop.WatchFd(kernel.nft_monitor.fd(), EventLoop::Interest::kRead, [this] { OnNftEvents(); });
    resync_timer = loop.Every(kResyncPeriod, [this] { Resync(); });
    legacy_timer = loop.Every(kLegacyPeriod, [this] {
      if (in_sync) Wrote(firewalls.CheckIptables(kernel::IptablesBackend::kLegacy));
    });
    return Ok();
  }

  Status ListLinks() {
    ASSIGN_OR_RETURN(const auto links, kernel.rtnetlink.ListLinks());
    interfaces.Replace(links, clock.Now());
    ASSIGN_OR_RETURN(const auto listed, kernel.rtnetlink.ListAddresses());
    addresses = {listed.begin(), listed.end()};
    AssignHosts();
    MeasureUplink();
    return Ok();
  }
  void AssignHosts() {
    policy.SetHostInterfaces(AssignHostInterfaces(
        host_endpoints, addresses,
        [&](int ifindex) {
          const auto* entry = interfaces.Find(ifindex);
          return entry == nullptr ? std::string() : entry->link.name;
        },
        [&](const std::string& name) { return interfaces.IsWorkload(name); }));
  }

  void OnBatch(const dataplane_api::Batch& batch) {
    if (batch.host) {
      interfaces.SetPrefixes(batch.host->interface_prefixes);
      routes.SetBlocks(batch.host->own_blocks);
      firewalls.SetEditForeign(batch.host->edit_foreign_firewalls);
      const auto& [ipip, vxlan_v4, vxlan_v6, vni] = batch.host->tunnels;
      firewalls.SetInputMatters(ipip || vxlan_v4 || vxlan_v6 || batch.host->wireguard.v4.enabled ||
                                batch.host->wireguard.v6.enabled);
      if (applied_once) Wrote(firewalls.CheckForeign());
      if (std::exchange(forwards, batch.host->ip_forwarding) != forwards && applied_once) ApplyForwarding();
      tunnels.SetHost(*batch.host);
      for (WireguardSync& wireguard : wireguards) wireguard.SetHost(*batch.host);
      src_valid_mark = batch.host->wireguard.host_encryption && batch.host->wireguard.v4.enabled;
      uplink.SetHost(*batch.host);
      MeasureUplink();
    }
    for (const auto& [name, host] : batch.hosts) {
      tunnels.SetRemoteHost(name, host);
      for (WireguardSync& wireguard : wireguards) wireguard.SetRemoteHost(name, host);
    }
    for (const auto& [destination, route] : batch.routes) {
      routes.SetRemote(destination, route);
      for (WireguardSync& wireguard : wireguards) wireguard.SetRoute(destination, route);
    }
    for (const auto& [name, endpoint] : batch.endpoints) {
      if (endpoint)
        SetEndpoint(name, *endpoint);
      else
        RemoveEndpoint(name);
    }
    for (const auto& [name, endpoint] : batch.host_endpoints) {
      if (endpoint)
        host_endpoints[name] = *endpoint;
      else
        host_endpoints.erase(name);
    }
    policy.OnBatch(batch);
    if (!batch.host_endpoints.empty() || batch.host) AssignHosts();
    in_sync = in_sync || batch.in_sync;
    Apply();
  }

  void SetEndpoint(const std::string& name, const dataplane_api::Endpoint& endpoint) {
    RemoveEndpoint(name);
    endpoints[name] = endpoint;
    by_interface[endpoint.interface_name].insert(name);
    std::vector<net::Cidr> destinations = endpoint.addresses;
    for (const dataplane_api::FloatingIp& one : endpoint.floating_ips)
      destinations.push_back(net::Cidr::Host(one.external));
    routes.SetEndpoint(name, endpoint.interface_name, destinations);
    unconfigured.insert(name);
  }
  void RemoveEndpoint(const std::string& name) {
    const auto found = endpoints.find(name);
    if (found == endpoints.end()) return;
    const std::string interface = found->second.interface_name;
    for (const net::Cidr& address : found->second.addresses) departed.insert(address.ip());
    by_interface[interface].erase(name);
    if (by_interface[interface].empty()) by_interface.erase(interface);
    routes.RemoveEndpoint(name);
    unconfigured.erase(name);
    endpoints.erase(found);
    if (!by_interface.contains(interface)) states.erase(interface);
  }

  // Addresses that no endpoint of this host has any more.
  void ForgetConnections() {
    if (departed.empty()) return;
    for (const auto& [name, endpoint] : endpoints) {
      for (const net::Cidr& address : endpoint.addresses) departed.erase(address.ip());
    }
    connections.Forget(std::exchange(departed, {}));
  }

  void OnLinkEvents() {
    auto events = kernel.links.Read();
    if (!events.has_value()) {
      LogError(kComponent, "{}", events.error().message());
      Resync();
      return;
    }
    if (events->overrun) {
      Resync();
      return;
    }
    bool relevant = OnAddresses(*events);
    // A workload's interface is never the uplink, and comes and goes all the time.
    bool measure = !events->addresses.empty();
    for (const auto& changed : events->links) {
      relevant = OnLink(changed.link) || relevant;
      measure = measure || !interfaces.IsWorkload(changed.link.name);
    }
    for (const auto& removed : events->links_removed) {
      const auto* entry = interfaces.Find(removed.ifindex);
      relevant = relevant || (entry != nullptr && interfaces.IsWorkload(entry->link.name));
      relevant = tunnels.OnLink(removed.name, removed.ifindex) || relevant;
      for (WireguardSync& wireguard : wireguards) relevant = wireguard.OnLink(removed.name) || relevant;
      const std::string name = entry == nullptr ? removed.name : entry->link.name;
      measure = measure || !interfaces.IsWorkload(name);
      interfaces.Remove(removed.ifindex);
      LostLink(removed.ifindex, name);
    }
    for (const auto& route : events->routes) {
      if (!routes.OnRoute(route)) continue;
      relevant = true;
    }
    relevant = (measure && MeasureUplink()) || relevant;
    if (relevant) Apply();
  }

  // True when host endpoints may stand for other interfaces now.
  bool OnAddresses(const kernel::RtnetlinkMonitor::Events& events) {
    for (const auto& changed : events.addresses) {
      if (changed.removed)
        addresses.erase(changed.address);
      else
        addresses.insert(changed.address);
    }
    bool relevant = false;
    for (const auto& changed : events.addresses) {
      // Which interface has this host's address, and what tunnels have.
      relevant = tunnels.OnAddress(changed.address) || relevant;
    }
    if (events.addresses.empty() || host_endpoints.empty()) return relevant;
    AssignHosts();
    return true;
  }

  // True when the tunnels' MTU may have to follow.
  bool MeasureUplink() {
    const int before = uplink.mtu_bytes();
    uplink.Measure(interfaces, addresses);
    tunnels.SetUplinkMtu(uplink.mtu_bytes());
    for (WireguardSync& wireguard : wireguards) wireguard.SetUplinkMtu(uplink.mtu_bytes());
    return uplink.mtu_bytes() != before;
  }

  // True when it concerns us.
  bool OnLink(const kernel::Link& link) {
    const auto* old = interfaces.Find(link.ifindex);
    const bool was_up = old != nullptr && old->link.admin_up;
    const auto old_state =
        old == nullptr ? std::nullopt : std::optional(std::pair{old->link.admin_up, old->link.mtu_bytes});
    const bool renamed = old != nullptr && old->link.name != link.name;
    if (renamed) LostLink(link.ifindex, old->link.name);
    interfaces.Set(link, clock.Now());
    if (!interfaces.IsWorkload(link.name)) {
      if (was_up && !link.admin_up) LostLink(link.ifindex, link.name);
      // Counters and carriers of others come as often as they like.
      const bool same = old_state && *old_state == std::pair{link.admin_up, link.mtu_bytes};
      if (same && !renamed) return false;
      bool ours = tunnels.OnLink(link.name, link.ifindex);
      for (WireguardSync& wireguard : wireguards) ours = wireguard.OnLink(link.name) || ours;
      return ours || renamed;
    }
    if (was_up && link.admin_up && !renamed) return false;  // carrier or statistics
    if (!link.admin_up) {
      LostLink(link.ifindex, link.name);
      return true;
    }
    if (const auto users = by_interface.find(link.name); users != by_interface.end()) {
      unconfigured.insert(users->second.begin(), users->second.end());
    }
    routes.OnLink(link.name);
    return true;
  }
  void LostLink(int ifindex, const std::string& name) {
    routes.OnLinkDown(ifindex);
    routes.OnLink(name);
    neighbours.Forget(ifindex);
    if (const auto users = by_interface.find(name); users != by_interface.end()) {
      unconfigured.insert(users->second.begin(), users->second.end());
    }
  }

  void OnNftEvents() {
    const auto generations = kernel.nft_monitor.Read();
    bool by_others = !generations.has_value();
    if (generations.has_value()) {
      for (const auto& generation : *generations)
        by_others = by_others || generation.port_id != kernel.nftables.port_id();
    }
    if (!by_others || !in_sync || foreign_commit != nullptr) return;
    foreign_commit = loop.After(kForeignCommitDelay, [this] {
      foreign_commit.reset();
      Wrote(firewalls.CheckIptables(kernel::IptablesBackend::kNft));
      Wrote(firewalls.CheckForeign());
      policy.RereadNext();
      suspicious = true;
      Apply();
    });
  }

  void CheckFirewalls() {
    Wrote(firewalls.CheckIptables(kernel::IptablesBackend::kNft));
    Wrote(firewalls.CheckIptables(kernel::IptablesBackend::kLegacy));
    Wrote(firewalls.CheckForeign());
  }

  void Resync() {
    Resyncs().Add();
    if (Status status = ListLinks(); !status.has_value()) {
      LogError(kComponent, "{}", status.error().message());
      Retry();
      return;
    }
    policy.RereadNextIfOthersCommitted();
    routes.RereadNext();
    tunnels.RereadNext();
    for (WireguardSync& wireguard : wireguards) wireguard.RereadNext();
    neighbours.RereadNext();
    for (const auto& [name, endpoint] : endpoints) unconfigured.insert(name);
    if (!in_sync) return;
    CheckFirewalls();
    Apply();
  }

  // ---- outputs ----

  void Wrote(int count) {
    if (count > 0) Writes().Add(count);
  }

  // Policy before interfaces before routes: no packet passes that policy has not seen.
  void Apply() {
    if (!in_sync) return;
    const bool first = !applied_once;
    failures.clear();
    const auto tables = policy.Apply();
    if (!tables.has_value()) {
      local_done = false;
      failures.push_back({"nftables", tables.error().message()});
      Retry();
      PublishStates();
      return;
    }
    Wrote(tables->wrote ? 1 : 0);
    if (tables->wrote && !std::exchange(new_generation, false) && recheck == nullptr) {
      recheck = loop.After(kRecheckDelay, [this] {
        recheck.reset();
        policy.NewGeneration();
        new_generation = true;
        Apply();
      });
    }
    if (std::exchange(suspicious, false) && tables->wrote) {
      Repairs().Add();
      LogWarning(kComponent, "somebody changed our nftables tables: repaired");
    }
    if (first) {
      CheckFirewalls();
      ApplyForwarding();
    }
    ApplyTunnels();
    ConfigureInterfaces();
    bool wait = false;
    if (const auto outcome = routes.Apply(clock.Now()); outcome.has_value()) {
      Wrote(outcome->writes);
      wait = outcome->wait_for_young;
      failures.insert(failures.end(), outcome->failures.begin(), outcome->failures.end());
    } else {
      failures.push_back({"routes", outcome.error().message()});
    }
    // A tunnel that the kernel cannot have is no reason to hold up workloads of this host.
    local_done = failures.empty();
    failures.insert(failures.end(), tunnel_failures.begin(), tunnel_failures.end());
    if (local_done) {
      if (!applied_once) LogInfo(kComponent, "in sync: {} endpoint(s)", endpoints.size());
      applied_once = true;
      ForgetConnections();
    }
    if (failures.empty()) {
      failed_rounds = 0;
      backoff.Reset();
      retry.reset();
      if (wait) retry = loop.After(std::chrono::seconds(5), [this] { Apply(); });
    } else {
      Retry();
    }
    PendingItems().Set(static_cast<double>(failures.size()));
    PublishStates();
  }

  void ApplyForwarding() {
    if (!forwards) return;  // somebody else sees to it
    const auto writes = EnsureForwarding(kernel.sysctl);
    if (writes.has_value())
      Wrote(*writes);
    else
      failures.push_back({"ip_forward", writes.error().message()});
  }

  void ApplyTunnels() {
    const Outcome outcome = tunnels.Apply(interfaces, addresses);
    Wrote(outcome.writes);
    tunnel_failures = outcome.failures;
    for (const OffloadCheck::Probe& probe : tunnels.Probes()) kernel.offload.Consider(probe);
    int mtu = tunnels.WorkloadMtu();
    for (WireguardSync& wireguard : wireguards) {
      const Outcome one = wireguard.Apply(addresses);
      Wrote(one.writes);
      tunnel_failures.insert(tunnel_failures.end(), one.failures.begin(), one.failures.end());
      if (const int own = wireguard.MtuBytes(); own > 0) mtu = mtu == 0 ? own : std::min(mtu, own);
    }
    if (src_valid_mark) {
      const auto set = EnsureValidMarks(kernel.sysctl);
      if (set.has_value())
        Wrote(*set);
      else
        tunnel_failures.push_back({"src_valid_mark", set.error().message()});
    }
    if (mtu > 0 && std::exchange(workload_mtu, mtu) != mtu && on_workload_mtu) on_workload_mtu(mtu);
    if (tunnel_links == tunnels.links()) return;
    // What was made just now: the events about it come later.
    if (const auto links = kernel.rtnetlink.ListLinks(); links.has_value()) {
      for (const kernel::Link& link : *links) interfaces.Set(link, clock.Now());
    }
    const int ipip_before = std::exchange(tunnel_links, tunnels.links()).ipip;
    routes.SetTunnelLinks(tunnel_links);
    if (tunnel_links.ipip != 0 && tunnel_links.ipip != ipip_before && on_ipip_device) on_ipip_device();
  }

  void ConfigureInterfaces() {
    std::set<std::string> left;
    for (const std::string& name : unconfigured) {
      const dataplane_api::Endpoint& endpoint = endpoints.at(name);
      const auto* interface = interfaces.Find(endpoint.interface_name);
      if (interface == nullptr || !interface->link.admin_up) continue;  // an event will bring it back
      if (Status status = ConfigureInterface(interface->link, endpoint); !status.has_value()) {
        failures.push_back({"interface " + endpoint.interface_name, status.error().message()});
        left.insert(name);
      }
    }
    unconfigured = std::move(left);
  }
  Status ConfigureInterface(const kernel::Link& link, const dataplane_api::Endpoint& endpoint) {
    ASSIGN_OR_RETURN(const int settings,
                     EnsureInterfaceSysctls(kernel.sysctl, link.name, !endpoint.spoofable.empty()));
    Wrote(settings);
    if (!endpoint.mac) return Ok();
    ASSIGN_OR_RETURN(const int entries, neighbours.Ensure(link.ifindex, endpoint.addresses, *endpoint.mac));
    Wrote(entries);
    return Ok();
  }

  void Retry() {
    if (failed_rounds++ == 0) failing_since = clock.Now();
    for (const Failure& failure : failures) {
      if (failed_rounds == 1) LogWarning(kComponent, "{}: {}; trying again", failure.what, failure.error);
    }
    retry = loop.After(backoff.Next(), [this] {
      // An interface may have gone while we were busy: the events are read before the next try.
      Apply();
    });
  }

  void PublishStates() {
    for (const auto& [interface, names] : by_interface) {
      EndpointState now;
      const auto* entry = interfaces.Find(interface);
      now.programmed = applied_once && local_done && entry != nullptr && entry->link.admin_up;
      for (const std::string& name : names) {
        now.programmed = now.programmed && !unconfigured.contains(name) && routes.InKernel(name);
      }
      for (const Failure& failure : failures) {
        if (failure.what.find(interface) != std::string::npos || failure.what == "nftables")
          now.error = failure.error;
      }
      EndpointState& known = states[interface];
      if (known.programmed == now.programmed && known.error == now.error) continue;
      known = now;
      if (on_state) on_state(interface, now);
    }
  }

  EventLoop& loop;
  const Clock& clock;
  const Kernel kernel;
  WorkloadInterfaces interfaces;
  PolicyTables policy;
  Uplink uplink;
  Tunnels tunnels;
  TunnelLinks tunnel_links;  // that the routes know
  std::array<WireguardSync, 2> wireguards;
  bool src_valid_mark = false;
  bool forwards = true;  // makes the host a router
  RouteSync routes;
  NeighbourSync neighbours;
  HostFirewalls firewalls;
  std::set<net::Ip> departed;  // of endpoints that went; their connections are to end
  ConnectionCleaner connections;
  std::map<std::string, dataplane_api::Endpoint> endpoints;
  std::map<std::string, dataplane_api::HostEndpoint> host_endpoints;
  std::set<kernel::Address> addresses;
  std::map<std::string, std::set<std::string>> by_interface;
  std::set<std::string> unconfigured;  // endpoints whose interface is to be looked at
  std::map<std::string, EndpointState> states;
  std::function<void(const std::string&, const EndpointState&)> on_state;
  std::function<void()> on_ipip_device;
  std::function<void(int)> on_workload_mtu;
  int workload_mtu = 0;
  bool in_sync = false;
  bool applied_once = false;
  bool new_generation = false;  // the next comparison writes nothing else
  bool suspicious = false;      // the next comparison follows somebody else's commit
  int failed_rounds = 0;
  TimePoint failing_since;
  std::vector<Failure> failures;         // of the last round
  std::vector<Failure> tunnel_failures;  // those that concern no workload of this host
  bool local_done = false;               // the last round had no others
  Backoff backoff{std::chrono::milliseconds(100), std::chrono::seconds(5)};
  std::unique_ptr<EventLoop::Handle> link_events, nft_events, resync_timer, legacy_timer, retry,
      foreign_commit, recheck;
};

Driver::Driver(EventLoop& loop, const Clock& clock, Kernel kernel)
    : impl_(std::make_unique<Impl>(loop, clock, kernel)) {}
Driver::~Driver() = default;

Status Driver::Start() {
  return impl_->Start();
}
void Driver::OnBatch(dataplane_api::Batch batch) {
  impl_->OnBatch(batch);
}
void Driver::OnEndpointState(std::function<void(const std::string&, const EndpointState&)> callback) {
  impl_->on_state = std::move(callback);
}

void Driver::OnIpipDevice(std::function<void()> callback) {
  impl_->on_ipip_device = std::move(callback);
}
void Driver::OnWireguardKey(std::function<void(net::Family, const std::string&)> callback) {
  for (WireguardSync& wireguard : impl_->wireguards) wireguard.OnKey(callback);
}

void Driver::OnWorkloadMtu(std::function<void(int)> callback) {
  impl_->on_workload_mtu = std::move(callback);
}

bool Driver::ready() const {
  return impl_->applied_once;
}
std::vector<Driver::Pending> Driver::pending() const {
  std::vector<Pending> pending;
  const double age = std::chrono::duration<double>(impl_->clock.Now() - impl_->failing_since).count();
  for (const Failure& failure : impl_->failures) pending.push_back({failure.what, failure.error, age});
  if (!impl_->firewalls.error().empty())
    pending.push_back({"accept rule in iptables", impl_->firewalls.error(), 0});
  return pending;
}
std::vector<kernel::ForeignChain> Driver::foreign_firewalls() const {
  return impl_->firewalls.foreign();
}
std::vector<std::string> Driver::not_encrypted() const {
  std::vector<std::string> reasons;
  for (const WireguardSync& wireguard : impl_->wireguards) {
    if (!wireguard.unsupported().empty()) reasons.push_back(wireguard.unsupported());
  }
  return reasons;
}
std::map<std::string, Driver::EndpointState> Driver::endpoints() const {
  return impl_->states;
}

Result<std::map<std::string, kernel::nft::CounterValue>> Driver::ReadCounters() {
  std::map<std::string, kernel::nft::CounterValue> sum;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const auto counters, impl_->kernel.nftables.ReadCounters(family));
    for (const auto& [name, value] : counters) {
      sum[name].packets += value.packets;
      sum[name].bytes += value.bytes;
    }
  }
  return sum;
}

std::string Driver::DescribeTables() {
  std::string text;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    text += kernel::nft::ToText(family, kTableName, impl_->policy.table(family).desired());
  }
  return text;
}

}  // namespace calico::dataplane
