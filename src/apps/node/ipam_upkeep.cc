// SPDX-License-Identifier: Apache-2.0
#include "apps/node/ipam_upkeep.h"

#include <algorithm>

#include "apps/node/settings.h"
#include "base/log.h"
#include "ipam/allocator.h"
#include "ipam/block_store.h"

namespace calico::node {
namespace {

constexpr char kComponent[] = "ipam";
constexpr net::Family kFamilies[] = {net::Family::kV4, net::Family::kV6};

}  // namespace

IpamUpkeep::IpamUpkeep(datastore::Client& client, const Clock& clock, std::string node,
                       model::FelixConfiguration overrides)
    : client_(client),
      clock_(clock),
      node_(std::move(node)),
      overrides_(std::move(overrides)),
      backoff_(std::chrono::milliseconds(200), std::chrono::seconds(30)),
      thread_("blocks") {}

IpamUpkeep::~IpamUpkeep() {
  thread_.StopAndJoin();
  retry_.reset();  // before its loop, which is the last member
}

void IpamUpkeep::Start() {
  thread_.Start();
  Recheck();
}

void IpamUpkeep::Recheck() {
  if (pending_.exchange(true)) return;
  thread_.loop().Post([this] { Run(); });
}

void IpamUpkeep::SetWireguardKey(net::Family family, const std::string& key) {
  thread_.loop().Post([this, family, key] { wireguard_.keys[family == net::Family::kV4 ? 0 : 1] = key; });
  Recheck();
}

void IpamUpkeep::Run() {
  pending_ = false;
  if (Status status = Check(); !status.has_value()) {
    const Duration delay = backoff_.Next();
    LogWarning(kComponent, "blocks and tunnel addresses of this host: {}; trying again",
               status.error().message());
    retry_ = thread_.loop().After(delay, [this] { Recheck(); });
    return;
  }
  backoff_.Reset();
}

Status IpamUpkeep::Check() {
  if (!repaired_) {
    RETURN_IF_ERROR(ipam::Allocator(client_, clock_, node_).RepairAffinities());
    repaired_ = true;
  }
  ASSIGN_OR_RETURN(const FelixSettings settings,
                   ReadFelixSettings(datastore::Resources(client_, clock_), node_, overrides_));
  if (settings.claim_blocks_at_start) RETURN_IF_ERROR(ClaimUsablePools());
  wireguard_.needs_address = !settings.wireguard_host_encryption;
  RETURN_IF_ERROR(EnsureTunnelAddresses(client_, clock_, node_, wireguard_));
  return ReleaseBlocksWithoutPool();
}

Status IpamUpkeep::ClaimUsablePools() {
  ipam::Allocator allocator(client_, clock_, node_);
  for (const net::Family family : kFamilies) {
    auto pools = allocator.UsablePools(family, "Workload");
    if (!pools.has_value()) {
      if (pools.error().code() == ErrorCode::kNotFound) continue;  // no pool of this family
      return std::move(pools).error();
    }
    for (const model::IPPool& pool : *pools) {
      auto block = allocator.EnsureBlock(pool);
      // A full pool is nothing to repeat: the next change of the pools brings us back.
      if (!block.has_value() && block.error().code() == ErrorCode::kUnavailable)
        return std::move(block).error();
      if (!block.has_value())
        LogWarning(kComponent, "no block of pool {} for this host: {}", pool.cidr, block.error().message());
    }
  }
  return Ok();
}

Status IpamUpkeep::ReleaseBlocksWithoutPool() {
  ASSIGN_OR_RETURN(const auto listed, datastore::Resources(client_, clock_).List(model::Kind::kIPPool));
  std::vector<net::Cidr> pools;
  for (const auto& stored : listed.items) {
    if (const auto cidr = net::Cidr::Parse(std::get<model::IPPool>(stored.object).cidr))
      pools.push_back(*cidr);
  }
  ipam::BlockStore store(client_, clock_);
  for (const net::Family family : kFamilies) {
    ASSIGN_OR_RETURN(const auto affinities, store.ListAffinities(node_, family));
    for (const auto& affinity : affinities) {
      const bool has_pool = std::any_of(pools.begin(), pools.end(),
                                        [&](const net::Cidr& pool) { return pool.Contains(affinity.cidr); });
      if (has_pool) continue;
      ASSIGN_OR_RETURN(const bool released, store.ReleaseAffinity(node_, affinity.cidr, {}));
      if (released) LogInfo(kComponent, "gave up block {}: its pool is gone", affinity.cidr.ToString());
    }
  }
  return Ok();
}

}  // namespace calico::node
