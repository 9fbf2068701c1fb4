// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/table_sync.h"
#include "dataplane_api/updates.h"
#include "kernel/nftables.h"

namespace calico::dataplane {

// Endpoints, profiles and IP sets as the content of `ip calico` and `ip6 calico`. Both families change in one
// transaction.
class PolicyTables final {
 public:
  explicit PolicyTables(kernel::Nftables& nftables) : nftables_(nftables) {}

  void OnBatch(const dataplane_api::Batch& batch);

  // Compares with the kernel's content when Apply() runs next.
  void RereadNext() { must_read_ = true; }
  // Writes the differences, if any. `wrote` tells whether there were some.
  struct Outcome {
    bool wrote = false;
  };
  Result<Outcome> Apply();

  const TableSync& table(net::Family family) const { return tables_[family == net::Family::kV4 ? 0 : 1]; }

 private:
  void SetEndpoint(const std::string& name, const dataplane_api::Endpoint& endpoint);
  void RemoveEndpoint(const std::string& name);
  void UseChains(const std::vector<std::string>& profiles);
  void ReleaseChains(const std::vector<std::string>& profiles);
  void SetProfile(const std::string& name, const dataplane_api::ProfileRules& rules);
  void SetHost(const dataplane_api::HostSettings& host);
  void SetIpSet(const std::string& id, const dataplane_api::IpSet& set);
  TableSync& TableOf(net::Family family) { return tables_[family == net::Family::kV4 ? 0 : 1]; }

  kernel::Nftables& nftables_;
  std::array<TableSync, 2> tables_{TableSync(net::Family::kV4), TableSync(net::Family::kV6)};
  std::map<std::string, dataplane_api::Endpoint> endpoints_;
  std::map<std::string, int> chain_users_;  // by joined profile list
  std::map<std::string, int> interface_users_;
  bool must_read_ = true;
};

}  // namespace calico::dataplane
