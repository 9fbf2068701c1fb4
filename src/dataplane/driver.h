// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "dataplane/names.h"
#include "dataplane/offload_check.h"
#include "dataplane_api/updates.h"
#include "kernel/conntrack.h"
#include "kernel/foreign_firewall.h"
#include "kernel/iptables_firewall.h"
#include "kernel/nftables.h"
#include "kernel/rtnetlink.h"
#include "kernel/sysctl.h"
#include "kernel/wireguard.h"

namespace calico::dataplane {

// Makes the kernel equal to what calc asked for. Runs on the dataplane loop; owns order, throttle and
// backoff. Nothing is written before the first in-sync batch has come and the interfaces have been listed
// once.
class Driver final {
 public:
  struct Kernel {  // all of the dataplane loop's thread but conntrack and offload; must outlive the driver
    kernel::Rtnetlink& rtnetlink;
    kernel::RtnetlinkMonitor& links;
    kernel::Nftables& nftables;
    kernel::NftMonitor& nft_monitor;
    kernel::Sysctl& sysctl;
    kernel::IptablesFirewall& iptables;
    kernel::Conntrack& conntrack;  // of a thread of the driver's own
    kernel::Wireguard& wireguard;
    kernel::ForeignFirewall& foreign;
    OffloadCheck& offload;  // has a thread of its own
  };
  struct Pending {      // one item that the kernel does not have yet
    std::string what;   // "route 10.0.0.1/32 dev cali123"
    std::string error;  // of the last try; empty if not tried yet
    double age_seconds = 0;
  };
  struct EndpointState {
    bool programmed = false;  // interface up, route, sysctls and dispatch in the kernel
    std::string error;
  };

  Driver(EventLoop& loop, const Clock& clock, Kernel kernel);
  ~Driver();

  // Starts watching interfaces and nf_tables.
  Status Start();
  // A batch from calc; applied at once.
  void OnBatch(dataplane_api::Batch batch);

  // Called on the loop each time an endpoint becomes programmed or stops being so; by interface name.
  void OnEndpointState(std::function<void(const std::string& interface_name, const EndpointState&)> callback);

  // Called on the loop when tunl0 has been found or made: routes through it are possible now.
  void OnIpipDevice(std::function<void()> callback);
  // Called on the loop with this host's WireGuard public key of a family, in base64; empty: there is none.
  void OnWireguardKey(std::function<void(net::Family family, const std::string& key)> callback);
  // Called on the loop when another MTU fits new workloads.
  void OnWorkloadMtu(std::function<void(int mtu_bytes)> callback);

  // Queries, on the loop.
  bool ready() const;  // first apply succeeded
  std::vector<Pending> pending() const;
  std::map<std::string, EndpointState> endpoints() const;
  // Chains of somebody else that may drop what policy allows, and that we may not edit.
  std::vector<kernel::ForeignChain> foreign_firewalls() const;
  // WireGuard that is asked for and that the kernel lacks.
  std::vector<std::string> not_encrypted() const;
  Result<std::map<std::string, kernel::nft::CounterValue>>
  ReadCounters();                // denied packets, both families summed
  std::string DescribeTables();  // desired nftables text

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Removes every trace of ours: tables, the accept rules, routes of protocol 80, routes on workload
// interfaces. For `calico-node clean`.
Status RemoveEverything(const Driver::Kernel& kernel);

}  // namespace calico::dataplane
