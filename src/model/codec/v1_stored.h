// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/key.h"
#include "model/update.h"

// What Calico 2.6 stores in etcd v2 (reference datastore-model part B) as v3 objects and back. Keys are the
// business of datastore/etcdv2.
namespace calico::model {

// What the keys of an object say besides its values, un-escaped.
struct V1Identity {
  std::string node;
  std::string orchestrator;  // workload endpoints only
  std::string workload;
  std::string name;  // of the endpoint, policy, profile or host endpoint; a pool's CIDR; a peer's address
};

// The values of one object by the last part of their keys ("tags", "ip_addr_v4"); "" where one key holds
// everything.
using V1Values = std::map<std::string, std::string>;

Result<Object> ObjectFromV1(const Key& key, const V1Identity& identity, const V1Values& values);

// Calico 2.6 has a state in its endpoints; all but "active" means that the workload gets and sends nothing
// (reference felix 2.19, row 80). The v3 form has no place for it: it travels among the unknown members.
bool IsSwitchedOff(const WorkloadEndpoint& endpoint);

// The values that the store shall have. Where `object` says the same as `now` does, the text of `now` stays
// byte for byte; members of `now` that this version does not know stay too. A value of `now` that is missing
// in the result must be removed. What Calico 2.6 cannot hold is refused by NeedsEtcdV3().
Result<V1Values> ObjectToV1(const Key& key, const V1Identity& identity, const Object& object,
                            const V1Values& now);

// IPAM data: blocks, affinities, handles, the configuration; as texts, because addresses are handed out in
// between. 2.6 has no sequence number: the revision of the key stands for it.
Result<std::string> IpamValueFromV1(const Key& key, std::string_view stored, std::int64_t revision);
Result<std::string> IpamValueToV1(const Key& key, std::string_view value);

// "etcdv2 stores Calico 2.6 resources only: <what> needs etcdv3; see calicoctl datastore migrate"
Error NeedsEtcdV3(const std::string& what);

}  // namespace calico::model
