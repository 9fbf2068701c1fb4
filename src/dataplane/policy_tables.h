// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/endpoint_rendering.h"
#include "dataplane/host_rendering.h"
#include "dataplane/sets.h"
#include "dataplane/table_sync.h"
#include "dataplane_api/updates.h"
#include "kernel/nftables.h"

namespace calico::dataplane {

// Endpoints, policies, profiles and IP sets as the content of `ip calico` and `ip6 calico`. Both families
// change in one transaction, before which new chains have come in where nothing leads to them. The cost of a
// change follows what it touches: a rule rewrites the chains of its policy, a member its element, an endpoint
// its elements of the dispatch maps.
class PolicyTables final {
 public:
  explicit PolicyTables(kernel::Nftables& nftables) : nftables_(nftables) {}

  void OnBatch(const dataplane_api::Batch& batch);
  // Which interfaces host endpoints stand for: interface or "*" -> name of the host endpoint.
  void SetHostInterfaces(std::map<std::string, std::string> interfaces);

  // Compares with the kernel's content when Apply() runs next.
  void RereadNext() { must_read_ = true; }
  // The same, unless the kernel's count of commits says that all since the last reading were ours: reading a
  // set of a million members takes the kernel minutes.
  void RereadNextIfOthersCommitted();
  // Writes the differences, if any. `wrote` tells whether there were some.
  struct Outcome {
    bool wrote = false;
  };
  Result<Outcome> Apply();
  // Connections that policy has allowed are looked at again, from the next Apply() on. Due after each one
  // that wrote something; may be late, so that several changes cost one look.
  void NewGeneration();

  const TableSync& table(net::Family family) const { return tables_[family == net::Family::kV4 ? 0 : 1]; }

 private:
  // A policy or a profile.
  struct Unit {
    dataplane_api::Rules rules;
    bool profile = false;
    std::set<std::string> ip_sets;                     // whose shape its chains depend on
    std::array<std::vector<std::string>, 2> literals;  // by family, one entry per use
  };
  using UnitKey = std::pair<bool, std::string>;  // profile?, name
  using UnitChain = std::pair<UnitKey, Direction>;
  // Of an endpoint or a tier, as several have it.
  struct SharedChain {
    int users = 0;
    std::vector<UnitChain> units;  // that it leads to
  };
  struct Workload {
    dataplane_api::Endpoint endpoint;
    std::map<std::pair<Direction, Way>, std::string> entry;  // its chain on each way
    std::vector<std::string> chains;                         // in use, one entry per use
    std::string spoof_chain;                                 // empty: none
  };
  struct Host {
    dataplane_api::HostEndpoint endpoint;
    std::map<HostDispatch, std::string> entry;  // its chain on each way
    std::vector<std::string> chains;
  };

  void SetHost(const dataplane_api::HostSettings& host);
  void RenderHost();
  void RenderAllAnew();
  void SetRemoteHost(const std::string& name, const std::optional<dataplane_api::RemoteHost>& remote);
  void PointFloatingIps();

  void SetUnit(const UnitKey& key, const dataplane_api::Rules& rules);
  void RemoveUnit(const UnitKey& key);
  void RenderUnit(const UnitKey& key, Unit& unit);
  static std::string ChainNameOf(const UnitKey& key, Direction direction, Way way);

  void SetWorkload(const std::string& name, const dataplane_api::Endpoint& endpoint);
  void RemoveWorkload(const std::string& name);
  void PointInterface(const std::string& interface);
  void SetHostEndpoint(const std::string& name, const dataplane_api::HostEndpoint& endpoint);
  void RemoveHostEndpoint(const std::string& name);
  void RenderHostDispatch();
  bool AnyEnforced(const dataplane_api::BothDirections& policies) const;

  // Chains and sets that several share: counted.
  EndpointChainNames UseEndpointChains(const EndpointPolicies& policies, Way way,
                                       std::vector<std::string>& used);
  void ReleaseChains(const std::vector<std::string>& names);
  void UseUnits(const std::vector<UnitChain>& units, int change);
  void UseLiterals(net::Family family, const std::map<std::string, kernel::nft::Set>& literals,
                   std::vector<std::string>& used);
  void ReleaseLiterals(net::Family family, const std::vector<std::string>& names);

  // Both families in one transaction; whether there was anything to write.
  template <typename Pending>
  Result<bool> Write(const Pending& pending);

  static std::size_t IndexOf(net::Family family) { return family == net::Family::kV4 ? 0 : 1; }
  TableSync& TableOf(net::Family family) { return tables_[IndexOf(family)]; }
  std::vector<Way> Ways() const;

  kernel::Nftables& nftables_;
  std::array<TableSync, 2> tables_{TableSync(net::Family::kV4), TableSync(net::Family::kV6)};
  IpSetTables ip_sets_{tables_};
  HostView host_;
  bool host_known_ = false;
  std::array<std::set<std::string>, 2> host_chains_;  // as rendered last, by family
  std::set<std::string> host_maps_;
  std::map<std::string, std::set<net::Ip>> remote_addresses_;  // by node
  std::map<net::Ip, int> remote_users_;
  std::map<UnitKey, Unit> units_;
  std::map<std::string, std::set<UnitKey>> units_of_sets_;
  std::map<std::string, Workload> workloads_;
  std::set<std::string> with_floating_ips_;
  bool floating_changed_ = false;
  std::map<std::string, Host> host_endpoints_;
  std::map<std::string, std::string> host_interfaces_;
  std::map<std::string, std::set<std::string>> interface_users_;  // workloads by interface
  std::map<std::string, SharedChain> shared_chains_;
  std::map<UnitChain, int> unit_users_;  // only those that somebody leads to are in the kernel
  std::map<std::string, int> spoof_users_;
  std::map<std::string, std::array<std::vector<std::string>, 2>> spoof_literals_;  // by chain
  std::array<std::map<std::string, int>, 2> literal_users_;
  bool must_read_ = true;
  std::optional<std::uint32_t> expected_generation_;  // of the kernel's commits, if all of them were ours
  bool first_read_ = true;
};

}  // namespace calico::dataplane
