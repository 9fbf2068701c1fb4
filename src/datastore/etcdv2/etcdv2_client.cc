// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv2/etcdv2_client.h"

#include <algorithm>
#include <utility>

#include "base/log.h"
#include "datastore/etcdv2/http.h"
#include "datastore/etcdv2/objects.h"
#include "datastore/etcdv2/raw_store.h"
#include "datastore/etcdv2/watch.h"
#include "datastore/etcdv2/writer.h"

namespace calico::datastore {
namespace {

using etcdv2::Condition;
using etcdv2::RawStore;
using model::Key;

constexpr char kHosts[] = "/calico/v1/host";
constexpr std::string_view kResources = "/calico/resources/";

Error NotFound(const std::string& path) {
  return Error(ErrorCode::kNotFound, "no such key: " + path);
}

class EtcdV2Client final : public Client {
 public:
  explicit EtcdV2Client(RawStore store) : store_(std::move(store)) {}

  Result<KeyValue> Get(const std::string& path) override {
    if (path.starts_with(kResources)) {
      const auto key = etcdv2::ParseResourcePath(path);
      if (!key || !etcdv2::IsStored(key->kind)) return NotFound(path);
      ASSIGN_OR_RETURN(const etcdv2::StoredObject stored, etcdv2::Find(store_, *key));
      return etcdv2::ToKeyValue(stored);
    }
    ASSIGN_OR_RETURN(const etcdv2::RawNode node, store_.Get(path));
    return etcdv2::ToKeyValue(path, node.value, node.modified);
  }

  Result<ListResult> List(const std::string& prefix) override {
    if (prefix == model::ListPrefix(model::Kind::kNode)) return ListNodes(prefix);
    const etcdv2::Scope scope = etcdv2::ScopeOf(prefix);
    etcdv2::Mirror mirror;
    ListResult result;
    for (const std::string& root : scope.roots) {
      ASSIGN_OR_RETURN(const etcdv2::RawList list, store_.List(root, true));
      // The earliest: a watch from there repeats rather than misses.
      result.revision = result.revision == 0 ? list.index : std::min(result.revision, list.index);
      for (const etcdv2::RawNode& node : list.nodes) mirror.Put(node);
    }
    // Kinds that this store lacks have no root; the list is empty as of now.
    if (scope.roots.empty()) {
      ASSIGN_OR_RETURN(const etcdv2::RawList list, store_.List("/calico/v1/Ready", false));
      result.revision = list.index;
    }
    result.items = etcdv2::ObjectsIn(mirror, prefix);
    if (!scope.raw) return result;
    for (const auto& [raw_key, entry] : mirror.entries()) {
      if (entry.dir || !raw_key.starts_with(prefix)) continue;
      auto kv = etcdv2::ToKeyValue(raw_key, entry.value, entry.modified);
      if (kv.has_value())
        result.items.push_back(*std::move(kv));
      else
        LogWarning("etcdv2", "skipping {}: {}", raw_key, kv.error().message());
    }
    std::sort(result.items.begin(), result.items.end(),
              [](const KeyValue& a, const KeyValue& b) { return a.key < b.key; });
    return result;
  }

  Result<Revision> Create(const std::string& path, const std::string& value) override {
    if (path.ends_with('/')) return store_.MakeDirectory(path.substr(0, path.size() - 1));
    if (path.starts_with(kResources)) {
      ASSIGN_OR_RETURN(const Key key, ResourceKey(path));
      return etcdv2::Create(store_, key, value);
    }
    ASSIGN_OR_RETURN(const std::string raw, ToRaw(path, value));
    return store_.Put(path, raw, Condition::Absent());
  }

  Result<Revision> Update(const std::string& path, const std::string& value, Revision expected) override {
    if (path.starts_with(kResources)) {
      ASSIGN_OR_RETURN(const Key key, ResourceKey(path));
      return etcdv2::Update(store_, key, value, expected);
    }
    ASSIGN_OR_RETURN(const std::string raw, ToRaw(path, value));
    return store_.Put(path, raw, Condition::At(expected));
  }

  Result<Revision> Put(const std::string& path, const std::string& value) override {
    if (path.starts_with(kResources)) {
      ASSIGN_OR_RETURN(const Key key, ResourceKey(path));
      return etcdv2::Put(store_, key, value);
    }
    ASSIGN_OR_RETURN(const std::string raw, ToRaw(path, value));
    return store_.Put(path, raw, Condition::None());
  }

  Status Delete(const std::string& path, Revision expected) override {
    if (path.starts_with(kResources)) {
      ASSIGN_OR_RETURN(const Key key, ResourceKey(path));
      return etcdv2::Delete(store_, key, expected);
    }
    return store_.Delete(path, expected != 0 ? std::optional(expected) : std::nullopt, false);
  }

  std::unique_ptr<Watch> StartWatch(const std::string& prefix, Revision from,
                                    WatchCallbacks callbacks) override {
    return etcdv2::StartWatch(store_.transport(), prefix, from, std::move(callbacks));
  }

  std::unique_ptr<Client> WithDeadline(TimePoint deadline) override {
    return std::make_unique<EtcdV2Client>(
        RawStore(store_.transport(), store_.deadline() ? std::min(*store_.deadline(), deadline) : deadline));
  }
  Dialect dialect() const override { return Dialect::kCalico26; }
  const std::string& name() const override { return store_.transport()->name(); }

 private:
  static Result<Key> ResourceKey(const std::string& path) {
    const auto key = etcdv2::ParseResourcePath(path);
    if (!key) return Error(ErrorCode::kInvalidArgument, path + " is no path of a resource");
    return *key;
  }
  static Result<std::string> ToRaw(const std::string& path, const std::string& value) {
    const auto key = model::ParsePath(path);
    if (!key || !etcdv2::IsIpam(key->kind)) return value;
    return model::IpamValueToV1(*key, value);
  }

  // Without reading every workload of every host (reference datastore-model B.3.1).
  Result<ListResult> ListNodes(const std::string& prefix) {
    ASSIGN_OR_RETURN(const etcdv2::RawList hosts, store_.List(kHosts, false));
    ASSIGN_OR_RETURN(const etcdv2::RawList bgp, store_.List("/calico/bgp/v1/host", true));
    etcdv2::Mirror mirror;
    for (const etcdv2::RawNode& node : bgp.nodes) mirror.Put(node);
    for (const etcdv2::RawNode& host : hosts.nodes) {
      if (!host.dir || host.key == kHosts) continue;
      for (const std::string& part : {host.key, host.key + "/config/IpInIpTunnelAddr"}) {
        ASSIGN_OR_RETURN(const etcdv2::RawList list, store_.List(part, false));
        for (const etcdv2::RawNode& node : list.nodes) mirror.Put(node);
      }
    }
    return ListResult{etcdv2::ObjectsIn(mirror, prefix), std::min(hosts.index, bgp.index)};
  }

  const RawStore store_;
};

}  // namespace

Result<std::unique_ptr<Client>> OpenEtcdV2(const EtcdOptions& options) {
  ASSIGN_OR_RETURN(std::shared_ptr<etcdv2::Transport> transport, etcdv2::Transport::Open(options));
  return std::unique_ptr<Client>(
      std::make_unique<EtcdV2Client>(RawStore(std::move(transport), std::nullopt)));
}

}  // namespace calico::datastore
