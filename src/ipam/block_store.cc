// SPDX-License-Identifier: Apache-2.0
#include "ipam/block_store.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "model/codec/json.h"
#include "model/key.h"

namespace calico::ipam {
namespace {

using model::Key;

template <typename T>
Result<T> Decode(const Key& key, const datastore::KeyValue& kv) {
  ASSIGN_OR_RETURN(model::Object object, model::DecodeValue(key, kv.value));
  return std::get<T>(std::move(object));
}

Result<StoredBlock> DecodeBlock(const Key& key, const datastore::KeyValue& kv) {
  ASSIGN_OR_RETURN(model::IpamBlock block, Decode<model::IpamBlock>(key, kv));
  if (block.cidr.ToString() != key.name) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("block {} is stored under {}", block.cidr.ToString(), kv.key));
  }
  RETURN_IF_ERROR(CheckConsistent(block));
  return StoredBlock{std::move(block), kv.revision};
}

Result<StoredAffinity> DecodeAffinity(const Key& key, const datastore::KeyValue& kv) {
  ASSIGN_OR_RETURN(const model::BlockAffinity affinity, Decode<model::BlockAffinity>(key, kv));
  const std::optional<net::Cidr> cidr = net::Cidr::ParsePrefix(key.name);
  if (!cidr.has_value()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{} names no block", kv.key));
  }
  return StoredAffinity{*cidr, affinity.state, kv.revision};
}

}  // namespace

Result<model::IpamConfig> BlockStore::ReadConfig() {
  const Key key = Key::Resource(model::Kind::kIpamConfig, {});
  auto kv = client_.Get(model::ToPath(key));
  if (!kv.has_value()) {
    if (kv.error().code() == ErrorCode::kNotFound) return model::IpamConfig{};
    return std::move(kv).error().WithContext("reading the IPAM configuration");
  }
  return Decode<model::IpamConfig>(key, *kv);
}

Status BlockStore::WriteConfig(const model::IpamConfig& config) {
  if (!config.strict_affinity && !config.auto_allocate_blocks) {
    return Error(ErrorCode::kInvalidArgument,
                 "Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time");
  }
  if (config.max_blocks_per_host > 0 && !config.strict_affinity) {
    return Error(ErrorCode::kInvalidArgument, "MaxBlocksPerHost requires StrictAffinity to be enabled");
  }
  ASSIGN_OR_RETURN(const model::IpamConfig old, ReadConfig());
  if (old == config) return Ok();
  if (client_.dialect() == datastore::Dialect::kCalico26) {
    for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
      ASSIGN_OR_RETURN(const BlockMap blocks, ListBlocks(family));
      if (blocks.empty()) continue;
      return Error(ErrorCode::kInvalidArgument, "Cannot change IPAM config while allocations exist");
    }
  }
  const Key key = Key::Resource(model::Kind::kIpamConfig, {});
  ASSIGN_OR_RETURN(const datastore::Revision revision,
                   client_.Put(model::ToPath(key), model::EncodeValue(key, config)));
  static_cast<void>(revision);
  return Ok();
}

Result<StoredBlock> BlockStore::ReadBlock(const net::Cidr& cidr) {
  const Key key = Key::Block(cidr);
  ASSIGN_OR_RETURN(const datastore::KeyValue kv, client_.Get(model::ToPath(key)));
  return DecodeBlock(key, kv);
}

Result<BlockMap> BlockStore::ListBlocks(net::Family family) {
  ASSIGN_OR_RETURN(const datastore::ListResult list, client_.List(model::BlockPrefix(family)));
  BlockMap blocks;
  for (const datastore::KeyValue& kv : list.items) {
    const std::optional<Key> key = model::ParsePath(kv.key);
    if (!key.has_value() || key->kind != model::Kind::kIpamBlock) continue;
    const std::optional<net::Cidr> cidr = net::Cidr::ParsePrefix(key->name);
    if (!cidr.has_value()) continue;
    auto block = DecodeBlock(*key, kv);
    if (block.has_value()) {
      blocks.emplace(*cidr, std::move(*block));
    } else {
      LogWarning("ipam", "ignoring block {}: {}", cidr->ToString(), block.error().message());
      blocks.emplace(*cidr, std::nullopt);
    }
  }
  return blocks;
}

Result<std::vector<StoredHandle>> BlockStore::ListHandles() {
  ASSIGN_OR_RETURN(const datastore::ListResult list,
                   client_.List(model::ListPrefix(model::Kind::kIpamHandle)));
  std::vector<StoredHandle> handles;
  for (const datastore::KeyValue& kv : list.items) {
    const std::optional<Key> key = model::ParsePath(kv.key);
    if (!key.has_value() || key->kind != model::Kind::kIpamHandle) continue;
    auto handle = Decode<model::IpamHandle>(*key, kv);
    if (handle.has_value()) {
      handles.push_back({key->name, std::move(*handle), kv.revision});
    } else {
      LogWarning("ipam", "ignoring handle {}: {}", kv.key, handle.error().message());
    }
  }
  return handles;
}

Status BlockStore::DeleteHandle(const std::string& handle_id, datastore::Revision expected) {
  return DeleteObject(Key::Handle(handle_id), expected);
}

Result<std::vector<StoredAffinity>> BlockStore::ListAffinities(const std::string& host, net::Family family) {
  ASSIGN_OR_RETURN(const datastore::ListResult list, client_.List(model::AffinityPrefix(host, family)));
  std::vector<StoredAffinity> affinities;
  for (const datastore::KeyValue& kv : list.items) {
    const std::optional<Key> key = model::ParsePath(kv.key);
    if (!key.has_value() || key->kind != model::Kind::kBlockAffinity || key->ns != host) continue;
    auto affinity = DecodeAffinity(*key, kv);
    if (affinity.has_value()) {
      affinities.push_back(*affinity);
    } else {
      LogWarning("ipam", "ignoring affinity {}: {}", kv.key, affinity.error().message());
    }
  }
  return affinities;
}

Result<datastore::Revision> BlockStore::CreateObject(const Key& key, const model::Object& object) {
  return client_.Create(model::ToPath(key), model::EncodeValue(key, object));
}

Result<datastore::Revision> BlockStore::UpdateObject(const Key& key, const model::Object& object,
                                                     datastore::Revision expected) {
  return client_.Update(model::ToPath(key), model::EncodeValue(key, object), expected);
}

Status BlockStore::DeleteObject(const Key& key, datastore::Revision expected) {
  return client_.Delete(model::ToPath(key), expected);
}

Status BlockStore::UpdateBlock(StoredBlock& stored) {
  BumpSequence(stored.block);
  ASSIGN_OR_RETURN(stored.revision,
                   UpdateObject(Key::Block(stored.block.cidr), stored.block, stored.revision));
  return Ok();
}

Status BlockStore::WriteOrDelete(StoredBlock& stored) {
  if (!stored.block.affinity.has_value() && IsEmpty(stored.block)) {
    return DeleteObject(Key::Block(stored.block.cidr), stored.revision);
  }
  return UpdateBlock(stored);
}

Result<StoredAffinity> BlockStore::ReadAffinity(const std::string& host, const net::Cidr& cidr) {
  const Key key = Key::Affinity(host, cidr);
  ASSIGN_OR_RETURN(const datastore::KeyValue kv, client_.Get(model::ToPath(key)));
  return DecodeAffinity(key, kv);
}

Status BlockStore::SetAffinity(const std::string& host, StoredAffinity& affinity,
                               model::AffinityState state) {
  model::BlockAffinity value;
  value.state = state;
  ASSIGN_OR_RETURN(affinity.revision,
                   UpdateObject(Key::Affinity(host, affinity.cidr), value, affinity.revision));
  affinity.state = state;
  return Ok();
}

Status BlockStore::RemoveAffinity(const std::string& host, const StoredAffinity& affinity) {
  auto removed = DeleteObject(Key::Affinity(host, affinity.cidr), affinity.revision);
  if (removed.has_value()) return Ok();
  // Another process of the host is at it: what it writes now is newer than what we judged.
  const ErrorCode code = removed.error().code();
  if (code == ErrorCode::kNotFound || code == ErrorCode::kConflict) return Ok();
  return removed;
}

}  // namespace calico::ipam
