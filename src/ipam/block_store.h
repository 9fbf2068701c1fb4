// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"
#include "ipam/block.h"
#include "model/ipam.h"
#include "model/update.h"

namespace calico::ipam {

inline constexpr int kMaxAttempts = 100;  // compare-and-swap rounds per call, reference ipam 19

struct StoredBlock {
  model::IpamBlock block;
  datastore::Revision revision = 0;
};
struct StoredAffinity {
  net::Cidr cidr;
  model::AffinityState state = model::AffinityState::kConfirmed;
  datastore::Revision revision = 0;
};
struct StoredHandle {
  std::string id;
  model::IpamHandle handle;
  datastore::Revision revision = 0;
};
// All blocks of one family by CIDR. A block that does not decode is nullopt: nobody may claim its place.
using BlockMap = std::map<net::Cidr, std::optional<StoredBlock>>;

// Blocks, affinities and handles in the store: the compare-and-swap loops over the arithmetic of block.h.
//
// Why it is not trivial: one change spans two or three keys and the store writes one at a time, so a crash or
// a lost reply may fall between any two. Each order is chosen so that what remains is harmless:
//  * affinity pending -> block -> affinity confirmed: only the block's own field gives ownership;
//  * handle count up -> block written; block written -> count down: a count may be too high, never too low;
//  * a write whose outcome is unknown (kUnavailable) is never undone blindly: it may have happened.
class BlockStore final {
 public:
  BlockStore(datastore::Client& client, const Clock& clock) : client_(client), clock_(clock) {}

  Result<model::IpamConfig> ReadConfig();  // upstream's defaults when there is none
  // Unconditional, as upstream's. kInvalidArgument for settings that exclude each other (reference
  // datastore-model A.10.2; in a store of Calico 2.6 also B.5).
  Status WriteConfig(const model::IpamConfig& config);
  Result<StoredBlock> ReadBlock(const net::Cidr& cidr);
  Result<BlockMap> ListBlocks(net::Family family);
  Result<std::vector<StoredHandle>> ListHandles();
  // Removes a handle that still is what was read; kNotFound and kConflict: it is not.
  Status DeleteHandle(const std::string& handle_id, datastore::Revision expected);
  Result<std::vector<StoredAffinity>> ListAffinities(const std::string& host, net::Family family);

  // Reference ipam 4.1. nullopt: another host owns the block (our key is removed); pick another one.
  Result<std::optional<StoredBlock>> Claim(const std::string& host, const net::Cidr& cidr);

  struct ReleaseOptions {
    bool require_empty = true;
    std::optional<std::uint64_t> sequence_number;  // refuse when the block has moved on since
  };
  // Reference ipam 4.3, possibly on behalf of another host. False: the block is in use or moved on.
  Result<bool> ReleaseAffinity(const std::string& host, const net::Cidr& cidr, const ReleaseOptions& options);
  // Removes the key if it still is what was read.
  Status RemoveAffinity(const std::string& host, const StoredAffinity& affinity);

  struct AssignOptions {
    int count = 1;
    Owner owner;
    std::string required_owner;  // host that must own the block; empty = anybody or nobody
  };
  // Takes what the block has, possibly nothing.
  Result<std::vector<net::Ip>> AutoAssign(StoredBlock start, const AssignOptions& options);
  // kAlreadyExists if taken; kConflict when the block is gone or not `required_owner`'s.
  Status AssignIp(const net::Cidr& cidr, const net::Ip& ip, const AssignOptions& options);
  // A missing block released nothing.
  Result<Released> Release(const net::Cidr& cidr, const std::vector<net::Ip>& ips);
  // All or nothing inside the block; kInvalidArgument when a condition does not hold.
  Result<Released> ReleaseMatching(const net::Cidr& cidr, const std::vector<ReleaseCondition>& conditions);
  Status ReleaseByHandle(const std::string& handle_id);  // kNotFound when there is no such handle
  Status SetOwner(const net::Cidr& cidr, const net::Ip& ip, const Owner& owner);

  Status IncrementHandle(const std::string& handle_id, const net::Cidr& block, int count);
  // Counting below zero or a missing handle is no error: the count only ever was too high.
  Status DecrementHandle(const std::string& handle_id, const net::Cidr& block, int count);

 private:
  Result<datastore::Revision> CreateObject(const model::Key& key, const model::Object& object);
  Result<datastore::Revision> UpdateObject(const model::Key& key, const model::Object& object,
                                           datastore::Revision expected);
  Status UpdateBlock(StoredBlock& stored);    // bumps the sequence number
  Status WriteOrDelete(StoredBlock& stored);  // deletes when it is empty and nobody's
  Status DeleteObject(const model::Key& key, datastore::Revision expected);

  Result<StoredAffinity> ReadAffinity(const std::string& host, const net::Cidr& cidr);
  Status SetAffinity(const std::string& host, StoredAffinity& affinity, model::AffinityState state);
  Result<StoredAffinity> PendingUnlessConfirmed(const std::string& host, const net::Cidr& cidr);
  Result<std::optional<StoredBlock>> TryClaim(const std::string& host, const net::Cidr& cidr);
  Result<std::optional<StoredBlock>> CreateClaimed(const std::string& host, StoredAffinity& affinity);
  Status Confirm(const std::string& host, StoredAffinity& affinity);
  void ForgetReleased(const net::Cidr& cidr, const Released& released);
  template <typename Change>
  Result<Released> ReleaseFromBlock(const net::Cidr& cidr, Change change);

  datastore::Client& client_;
  const Clock& clock_;
};

}  // namespace calico::ipam
