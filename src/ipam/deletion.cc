// SPDX-License-Identifier: Apache-2.0
#include "ipam/deletion.h"

#include <set>
#include <utility>
#include <vector>

#include "base/text.h"
#include "datastore/resources.h"
#include "ipam/allocator.h"
#include "ipam/block_store.h"
#include "model/codec/json.h"

namespace calico::ipam {
namespace {

using datastore::KeyValue;
using datastore::Resources;
using model::Key;
using model::Kind;

// "Not found" is ignored throughout, and so is what the store does not have at all.
Status UnlessMissing(Status status) {
  if (status.has_value() || status.error().code() == ErrorCode::kNotFound ||
      status.error().code() == ErrorCode::kUnsupported)
    return Ok();
  return status;
}

using Claim = std::pair<std::string, net::Cidr>;  // host, block

// Who has which block, by the affinity keys and by the blocks themselves: a claim or release that was
// interrupted leaves only one of the two.
Result<std::set<Claim>> ClaimsOf(datastore::Client& client, BlockStore& store, net::Family family) {
  std::set<Claim> claims;
  const auto walked = client.ForEach(model::ListPrefix(Kind::kBlockAffinity), [&](const KeyValue& kv) {
    const auto key = model::ParsePath(kv.key);
    const auto cidr = key ? net::Cidr::Parse(key->name) : std::nullopt;
    if (cidr && cidr->family() == family) claims.emplace(key->ns, *cidr);
    return Ok();
  });
  if (!walked.has_value()) return walked.error();
  ASSIGN_OR_RETURN(const BlockMap blocks, store.ListBlocks(family));
  for (const auto& [cidr, block] : blocks) {
    if (block && !OwnerOf(block->block).empty()) claims.emplace(OwnerOf(block->block), cidr);
  }
  return claims;
}

// Releases one block whatever is allocated in it. A lost race is repeated: the host may be assigning from it.
Status ReleaseClaim(BlockStore& store, const Claim& claim) {
  const auto& [host, cidr] = claim;
  constexpr int kTries = 10;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    ASSIGN_OR_RETURN(const bool released,
                     store.ReleaseAffinity(host, cidr, {.require_empty = false, .sequence_number = {}}));
    if (released) return Ok();
    const auto block = store.ReadBlock(cidr);
    if (!block.has_value() && block.error().code() != ErrorCode::kNotFound) return block.error();
    if (!block.has_value() || OwnerOf(block->block) != host) return Ok();
    // The block is the host's, its key is not there: claiming again makes both whole.
    ASSIGN_OR_RETURN(const auto claimed, store.Claim(host, cidr));
    if (!claimed) return Ok();
  }
  return Error(ErrorCode::kConflict, "block " + cidr.ToString() + " of " + host + " is in use by too many");
}

Status DeletePool(datastore::Client& client, const Clock& clock, const Key& key,
                  const DeletionOptions& options) {
  Resources resources(client, clock);
  ASSIGN_OR_RETURN(const datastore::Stored stored, resources.Get(key));
  auto pool = std::get<model::IPPool>(stored.object);
  datastore::Revision expected = options.expected;
  if (!pool.disabled) {
    pool.disabled = true;
    // A pool that was not written by Calico's clients may lack what an update wants.
    if (pool.metadata.uid.empty()) pool.metadata.uid = RandomUuid();
    if (pool.metadata.creation_timestamp.empty())
      pool.metadata.creation_timestamp = FormatRfc3339(clock.WallNow());
    if (expected != 0) pool.metadata.resource_version = std::to_string(expected);
    ASSIGN_OR_RETURN(const datastore::Stored disabled, resources.Update(pool));
    if (expected != 0) expected = disabled.revision;
  } else if (expected != 0 && expected != stored.revision) {
    return Error(ErrorCode::kConflict, "update conflict: " + model::Describe(key));
  }
  options.wait(std::chrono::milliseconds(500));
  if (const auto cidr = net::Cidr::Parse(pool.cidr)) {
    BlockStore store(client, clock);
    ASSIGN_OR_RETURN(const std::set<Claim> claims, ClaimsOf(client, store, cidr->family()));
    for (const Claim& claim : claims) {
      if (cidr->Contains(claim.second)) RETURN_IF_ERROR(ReleaseClaim(store, claim));
    }
  }
  return resources.Delete(key, expected);
}

// The addresses of a node's endpoints and tunnels.
void AddAddress(const std::string& text, std::vector<net::Ip>& ips) {
  if (const auto cidr = net::Cidr::Parse(text)) ips.push_back(cidr->ip());
}

struct NodeContents {
  std::vector<Key> endpoints;
  std::vector<net::Ip> ips;
};

// By name prefix first, so that not every endpoint of the cluster is decoded; then by what it says, for a
// prefix also fits endpoints of nodes with longer names (reference datastore-model A.9).
Result<NodeContents> ReadEndpoints(datastore::Client& client, const std::string& node) {
  NodeContents contents;
  const std::string prefix = ReplaceAll(node, "-", "--") + "-";
  const auto walked = client.ForEach(model::ListPrefix(Kind::kWorkloadEndpoint), [&](const KeyValue& kv) {
    const auto key = model::ParsePath(kv.key);
    if (!key || !key->name.starts_with(prefix)) return Ok();
    const auto object = model::DecodeValue(*key, kv.value);
    if (!object.has_value()) return Ok();
    const auto& endpoint = std::get<model::WorkloadEndpoint>(*object);
    if (endpoint.node != node) return Ok();
    contents.endpoints.push_back(*key);
    for (const std::string& network : endpoint.ip_networks) AddAddress(network, contents.ips);
    return Ok();
  });
  if (!walked.has_value()) return walked.error();
  return contents;
}

template <typename T>
Status DeleteAllOfNode(Resources& resources, Kind kind, const std::string& node) {
  ASSIGN_OR_RETURN(const datastore::ObjectList list, resources.List(kind));
  for (const datastore::Stored& stored : list.items) {
    if (std::get<T>(stored.object).node == node)
      RETURN_IF_ERROR(UnlessMissing(resources.Delete(model::KeyOf(stored.object))));
  }
  return Ok();
}

Status ReleaseHost(datastore::Client& client, const Clock& clock, const std::string& node) {
  BlockStore store(client, clock);
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const std::set<Claim> claims, ClaimsOf(client, store, family));
    for (const Claim& claim : claims) {
      if (claim.first == node) RETURN_IF_ERROR(ReleaseClaim(store, claim));
    }
  }
  return Ok();
}

Status DeleteNode(datastore::Client& client, const Clock& clock, const Key& key,
                  const DeletionOptions& options) {
  Resources resources(client, clock);
  // Even when the node is gone its remains are removed, as upstream does; the last delete then says so.
  const auto node = resources.Get(key);
  if (!node.has_value() && node.error().code() != ErrorCode::kNotFound) return node.error();
  // Unlike upstream: a node that has changed since is refused before anything of it is deleted.
  if (node.has_value() && options.expected != 0 && options.expected != node->revision)
    return Error(ErrorCode::kConflict, "update conflict: " + model::Describe(key));
  ASSIGN_OR_RETURN(NodeContents contents, ReadEndpoints(client, key.name));
  if (node.has_value()) {
    const auto& spec = std::get<model::Node>(node->object);
    if (spec.bgp) AddAddress(spec.bgp->ipv4_ipip_tunnel_addr, contents.ips);
    AddAddress(spec.ipv4_vxlan_tunnel_addr, contents.ips);
    AddAddress(spec.ipv6_vxlan_tunnel_addr, contents.ips);
    if (spec.wireguard) {
      AddAddress(spec.wireguard->interface_ipv4_address, contents.ips);
      AddAddress(spec.wireguard->interface_ipv6_address, contents.ips);
    }
  }
  const auto released = Allocator(client, clock, key.name).ReleaseIps(contents.ips);
  if (!released.has_value()) RETURN_IF_ERROR(UnlessMissing(released.error()));
  for (const Key& endpoint : contents.endpoints) RETURN_IF_ERROR(UnlessMissing(resources.Delete(endpoint)));
  RETURN_IF_ERROR(ReleaseHost(client, clock, key.name));
  RETURN_IF_ERROR(UnlessMissing(DeleteAllOfNode<model::BGPPeer>(resources, Kind::kBGPPeer, key.name)));
  for (const Kind kind : {Kind::kFelixConfiguration, Kind::kBGPConfiguration})
    RETURN_IF_ERROR(UnlessMissing(resources.Delete(Key::Resource(kind, "node." + key.name))));
  RETURN_IF_ERROR(
      UnlessMissing(DeleteAllOfNode<model::HostEndpoint>(resources, Kind::kHostEndpoint, key.name)));
  return resources.Delete(key, options.expected);
}

}  // namespace

Status DeleteResource(datastore::Client& client, const Clock& clock, const Key& key,
                      const DeletionOptions& options) {
  if (key.kind == Kind::kIPPool) return DeletePool(client, clock, key, options);
  if (key.kind == Kind::kNode) return DeleteNode(client, clock, key, options);
  return Resources(client, clock).Delete(key, options.expected);
}

}  // namespace calico::ipam
