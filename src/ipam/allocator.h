// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"
#include "ipam/block.h"
#include "ipam/block_store.h"
#include "ipam/consistency.h"
#include "ipam/pool_choice.h"
#include "model/ip_pool.h"
#include "model/ipam.h"
#include "net/cidr.h"

namespace calico::ipam {

// Assigns and releases addresses for one host with upstream's protocol (reference ipam 4 to 8): every write
// is a compare-and-swap, so any number of processes on any number of hosts may do this at once. Synchronous;
// make one per request on a deadline view of the client.
class Allocator final {
 public:
  struct Request {
    net::Family family = net::Family::kV4;
    int count = 1;
    Owner owner;
    std::vector<net::Cidr> pools;  // empty = all enabled ones that select this host
    std::string intended_use = "Workload";
  };
  struct Assigned {
    std::vector<net::Ip> ips;  // may be fewer than asked
    std::string reason;        // why fewer: "no address left in pools: 10.0.0.0/26"
  };

  Allocator(datastore::Client& client, const Clock& clock, std::string host);

  Result<Assigned> AutoAssign(const Request& request);
  // A specific address; claims its block if nobody has it. kAlreadyExists when taken, kInvalidArgument when
  // in no pool or strict affinity forbids it.
  Status AssignIp(const net::Ip& ip, const Owner& owner);
  // Addresses that were not allocated are no error; returned are those that were.
  Result<std::vector<net::Ip>> ReleaseIps(const std::vector<net::Ip>& ips);
  // Releases what still is as expected. An address that is something else now makes its whole block stay and
  // the call fail, after the other blocks; `not_allocated` are those that nobody has.
  struct ConditionalRelease {
    std::vector<net::Ip> released, not_allocated;
    std::optional<Error> error;
  };
  ConditionalRelease ReleaseMatching(const std::vector<ReleaseCondition>& conditions);
  // kNotFound when there is no such handle.
  Status ReleaseByHandle(const std::string& handle_id);
  // Changes handle and attributes of an allocated address (the endpoint ID is unknown when Docker asks for
  // it).
  Status SetOwner(const net::Ip& ip, const Owner& owner);

  // Makes sure that this host owns a confirmed block in the pool (FelixConfiguration claimBlocksAtStart).
  Result<net::Cidr> EnsureBlock(const model::IPPool& pool);
  // Finishes or removes half-done claims of this host (pending, pendingDeletion, block gone or foreign).
  Status RepairAffinities();

  // The enabled pools of a family that this host may use, in name order.
  Result<std::vector<model::IPPool>> UsablePools(net::Family family, const std::string& intended_use);

  // Of any host.
  Result<std::vector<Allocation>> ListAllocations();
  // Handles with this prefix that no block refers to, and that still are what they were in `seen` (from the
  // last call): what crashes between two writes leave. Removes them; returns what to pass as `seen` next
  // time.
  Result<std::map<std::string, datastore::Revision>> SweepHandles(
      const std::string& prefix, const std::map<std::string, datastore::Revision>& seen);

 private:
  struct Search;  // the state of one AutoAssign

  Result<std::vector<Pool>> ReadPools();
  Result<model::Labels> NodeLabelsFor(const std::vector<Pool>& pools);
  Result<Search> StartSearch(const Request& request);
  void ReleaseUnselected(const Search& search, const StoredAffinity& affinity);
  Status FillFromOwnBlocks(Search& search);
  Status FillFromNewBlocks(Search& search);
  Status FillFromForeignBlocks(Search& search);
  Status TakeFrom(Search& search, StoredBlock block, const std::string& required_owner);
  Result<std::optional<StoredBlock>> ClaimUsableBlock(const std::vector<Pool>& pools);
  Result<std::optional<StoredBlock>> ReclaimEmptyBlock(const std::vector<StoredBlock>& candidates);
  // The block that holds the address, if there is one.
  Result<std::optional<StoredBlock>> LocateBlock(const std::vector<Pool>& pools, const net::Ip& ip);
  Status RepairAffinity(const StoredAffinity& affinity);
  Status AdoptUnannouncedBlocks(net::Family family);

  datastore::Client& client_;
  const Clock& clock_;
  const std::string host_;
  BlockStore store_;
};

// For `calicoctl ipam show`.
struct PoolUsage {
  net::Cidr cidr;
  double total = 0, in_use = 0;
  struct BlockUsage {
    net::Cidr cidr;
    double total = 0, in_use = 0;
    std::string host;
  };
  std::vector<BlockUsage> blocks;
};
struct Usage {
  std::vector<PoolUsage> pools;
  std::vector<PoolUsage::BlockUsage> orphaned;
};
Result<Usage> ReadUsage(datastore::Client& client, const Clock& clock);
// nullopt: not allocated.
Result<std::optional<model::AllocationAttribute>> ReadAllocation(datastore::Client& client,
                                                                 const Clock& clock, const net::Ip& ip);

}  // namespace calico::ipam
