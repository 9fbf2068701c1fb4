// SPDX-License-Identifier: Apache-2.0
#include "datastore/generation.h"

#include <optional>
#include <thread>

#include <fmt/format.h>

#include "base/text.h"
#include "datastore/discovery.h"
#include "datastore/etcdv2/probe.h"
#include "datastore/etcdv3/probe.h"
#include "model/key.h"

namespace calico::datastore {

const Probes& NetworkProbes() {
  static const Probes probes{EtcdV2HoldsData, EtcdV3HoldsData,
                             [](const std::string& domain) { return DiscoverEtcd(domain); }};
  return probes;
}

Result<Generations> AskForGenerations(const EtcdOptions& etcd, const Probes& probes) {
  std::optional<Result<bool>> v2;
  std::thread other([&] { v2 = probes.holds_v2(etcd); });
  const Result<bool> v3 = probes.holds_v3(etcd);
  other.join();
  if (!v3.has_value()) return v3.error();
  if (!v2->has_value()) return v2->error();
  return Generations{**v2, *v3};
}

Status CheckGeneration(const StoreChoice& choice, Client& client, const Probes& probes) {
  if (choice.type == StoreType::kSqlite || choice.by_content) return Ok();
  // Every store on which a node has ever started holds this.
  const auto known =
      client.Get(model::ToPath(model::Key::Resource(model::Kind::kClusterInformation, "default")));
  if (known.has_value()) return Ok();
  if (known.error().code() == ErrorCode::kUnavailable) return known.error();
  // A store that answers something else, e.g. that a user may not read this, says so again when it matters.
  if (known.error().code() != ErrorCode::kNotFound) return Ok();
  const bool v2 = choice.type == StoreType::kEtcdV2;
  EtcdOptions brief = choice.etcd;
  brief.call_timeout = std::chrono::seconds(1);
  // A generation that does not answer is no generation in use.
  const Result<bool> other = v2 ? probes.holds_v3(brief) : probes.holds_v2(brief);
  if (!other.has_value() || !*other) return Ok();
  const Result<bool> own = v2 ? probes.holds_v2(brief) : probes.holds_v3(brief);
  if (!own.has_value() || *own) return Ok();
  return Error(
      ErrorCode::kUnsupported,
      fmt::format("{} was asked for ({}), but etcd {} holds Calico data in {} only: use that with "
                  "DATASTORE_TYPE={} or datastoreType, or move the data with calicoctl datastore migrate",
                  v2 ? "etcdv2" : "etcdv3", choice.reason, Join(choice.etcd.endpoints, ","),
                  v2 ? "etcdv3" : "etcdv2", v2 ? "etcdv3" : "etcdv2"));
}

}  // namespace calico::datastore
