// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/network_round.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "apps/libnetwork/network_plan.h"
#include "apps/libnetwork/network_users.h"
#include "base/log.h"
#include "base/text.h"
#include "model/codec/json.h"
#include "model/validate/validate.h"

namespace calico::libnetwork {
namespace {

using model::Key;
using model::Kind;
using Do = NetworkStep::Do;

constexpr char kComponent[] = "libnetwork";
// Made once per data directory of dockerd and kept over its restarts, unlike "bridge".
constexpr char kBuiltInNetwork[] = "none";

struct StoredNetwork {
  model::DockerNetwork network;
  datastore::Revision revision = 0;
};
struct StoreView {
  std::map<std::string, StoredNetwork> networks;
  std::set<std::string> unreadable;  // names that are stored, but not in a form that we know
  NetworkRecords records;
};

Result<StoreView> ReadStore(datastore::Client& client) {
  StoreView view;
  ASSIGN_OR_RETURN(const datastore::ListResult networks,
                   client.List(model::ListPrefix(Kind::kDockerNetwork)));
  for (const datastore::KeyValue& kv : networks.items) {
    const auto key = model::ParsePath(kv.key);
    if (!key) continue;
    const auto object = model::DecodeValue(*key, kv.value);
    if (!object.has_value() || !model::Validate(*object).has_value()) {
      LogWarning(kComponent, "leaving network {} alone: {}", key->name,
                 object.has_value() ? model::Validate(*object).error().message() : object.error().message());
      view.unreadable.insert(key->name);
      continue;
    }
    view.networks[key->name] = {std::get<model::DockerNetwork>(*object), kv.revision};
  }
  ASSIGN_OR_RETURN(view.records, ReadNetworkRecords(client));
  return view;
}

bool IsRace(const Error& error) {
  return error.code() == ErrorCode::kConflict || error.code() == ErrorCode::kAlreadyExists ||
         error.code() == ErrorCode::kNotFound;
}

// One network of one host.
class Step {
 public:
  Step(const NetworkRound& round, const NetworkView& view, datastore::Revision revision,
       NetworkRound::Outcome& outcome)
      : round_(round), view_(view), revision_(revision), outcome_(outcome) {}

  Status Take(const NetworkStep& step) {
    switch (step.action) {
      case Do::kNothing:
        return Ok();
      case Do::kPublish:
        return Publish(step);
      case Do::kUnpublish:
        return Unpublish();
      case Do::kCreate:
        return Create(step);
      case Do::kRemove:
      case Do::kReplace:
        return Remove(step);
      case Do::kNote:
        return Note(step.id, step.state, step.problem);
      case Do::kForget:
        return Forget();
    }
    return Ok();
  }

 private:
  Key NetworkKey() const { return Key::Resource(Kind::kDockerNetwork, view_.name); }
  Key RecordKey() const { return Key{Kind::kDockerNetworkHost, round_.node, view_.name}; }

  Status Publish(const NetworkStep& step) {
    model::DockerNetwork network = *step.network;
    network.created_by = round_.node;
    network.metadata.creation_timestamp = FormatRfc3339(round_.clock.WallNow());
    network.metadata.uid = RandomUuid();
    const std::string path = model::ToPath(NetworkKey());
    const std::string value = model::EncodeValue(NetworkKey(), network);
    const auto written =
        view_.desired ? round_.client.Update(path, value, revision_) : round_.client.Create(path, value);
    if (!written.has_value()) return Raced(written.error());
    LogInfo(kComponent, "network {} was made on this host: other hosts get it (generation {})", view_.name,
            network.generation);
    generation_ = network.generation;
    return Note(step.id, kReady, "");
  }

  Status Unpublish() {
    const Status deleted = round_.client.Delete(model::ToPath(NetworkKey()), revision_);
    if (!deleted.has_value() && deleted.error().code() != ErrorCode::kNotFound) return Raced(deleted.error());
    LogInfo(kComponent, "network {} was removed on this host: other hosts remove theirs", view_.name);
    return Forget();
  }

  Status Create(const NetworkStep& step) {
    // First a record without ID: it tells a network that we made from one that a user made, should we end
    // between making it and noting its ID.
    const bool tried =
        view_.record && view_.record->id.empty() && view_.record->generation == view_.desired->generation;
    if (!tried) RETURN_IF_ERROR(Write("", step.state == kReady ? kCreating : step.state, step.problem));
    auto id = round_.docker.CreateNetwork(RequestedForm(*view_.desired));
    if (!id.has_value()) {
      // A user made one of that name a moment ago, or Docker has another reason.
      ASSIGN_OR_RETURN(const std::vector<DockerNetwork> now, round_.docker.ListNetworks());
      for (const DockerNetwork& network : now) {
        if (network.name == view_.name) return Raced(Error(ErrorCode::kConflict, ""));
      }
      return Note("", kFailed, "Docker does not make it: " + id.error().message());
    }
    LogInfo(kComponent, "made network {} of host {} (generation {})", view_.name, view_.desired->created_by,
            view_.desired->generation);
    return Note(*id, step.state, step.problem);
  }

  Status Remove(const NetworkStep& step) {
    const Status removed = round_.docker.RemoveNetwork(step.id);
    if (!removed.has_value() && removed.error().code() == ErrorCode::kConflict) {
      outcome_.waiting.insert(view_.name);
      generation_ = view_.record->generation;
      return Note(step.id, kStillUsed,
                  "it was removed on another host, but containers of this host are connected to it: it goes "
                  "with the last of them");
    }
    if (!removed.has_value() && removed.error().code() != ErrorCode::kNotFound) {
      RETURN_IF_ERROR(DockerAnswers(removed.error()));
      generation_ = view_.record->generation;
      return Note(step.id, kFailed, "Docker does not remove it: " + removed.error().message());
    }
    LogInfo(kComponent, "removed network {}, which was removed on another host", view_.name);
    if (step.action == Do::kRemove) return Forget();
    NetworkStep create;
    return Create(create);
  }

  Status Note(const std::string& id, const std::string& state, const std::string& problem) {
    if (!problem.empty()) outcome_.problems.push_back(fmt::format("network {}: {}", view_.name, problem));
    return Write(id, state, problem);
  }

  Status Write(const std::string& id, const std::string& state, const std::string& problem) {
    model::DockerNetworkHost record;
    if (view_.record) record = *view_.record;
    record.host = round_.node;
    record.id = id;
    record.generation = generation_ ? *generation_ : view_.desired->generation;
    record.engine = view_.engine;
    record.state = state;
    record.problem = problem;
    if (written_ ? *written_ == record : view_.record == record) return Ok();
    if (!problem.empty() && (!view_.record || view_.record->problem != problem))
      LogWarning(kComponent, "network {}: {}", view_.name, problem);
    const auto put = round_.client.Put(model::ToPath(RecordKey()), model::EncodeValue(RecordKey(), record));
    if (!put.has_value()) return put.error();
    written_ = std::move(record);
    return Ok();
  }

  Status Forget() {
    const Status deleted = round_.client.Delete(model::ToPath(RecordKey()), 0);
    return !deleted.has_value() && deleted.error().code() != ErrorCode::kNotFound ? deleted : Ok();
  }

  // dockerd's status 500 is about this network, unless it is going down: then nothing can be said of any.
  Status DockerAnswers(const Error& error) {
    if (error.code() != ErrorCode::kUnavailable) return Ok();
    const auto listed = round_.docker.ListNetworks();
    return listed.has_value() ? Ok() : Status(listed.error());
  }

  Status Raced(const Error& error) {
    if (!IsRace(error)) return error;
    outcome_.again = true;
    return Ok();
  }

  const NetworkRound& round_;
  const NetworkView& view_;
  const datastore::Revision revision_;
  NetworkRound::Outcome& outcome_;
  std::optional<std::uint64_t> generation_;  // where it is not the desired network's
  std::optional<model::DockerNetworkHost> written_;
};

}  // namespace

Result<NetworkRound::Outcome> NetworkRound::Run() {
  // Docker first: what is made by the time the store is read cannot look as if it had been removed.
  ASSIGN_OR_RETURN(const std::vector<DockerNetwork> local, docker.ListNetworks());
  ASSIGN_OR_RETURN(const StoreView store, ReadStore(client));
  std::string engine;
  std::map<std::string, std::vector<DockerNetwork>> by_name;
  for (const DockerNetwork& network : local) {
    if (network.name == kBuiltInNetwork) engine = network.id;
    by_name[network.name].push_back(network);
  }
  std::set<std::string> names;
  for (const auto& [name, networks] : by_name) {
    for (const DockerNetwork& network : networks) {
      if (network.driver == kDriverName && network.scope == kLocalScope) names.insert(name);
    }
  }
  for (const auto& [name, network] : store.networks) names.insert(name);
  for (const auto& [name, records] : store.records) {
    if (records.contains(node)) names.insert(name);
  }
  Outcome outcome;
  for (const std::string& name : names) {
    if (store.unreadable.contains(name)) continue;
    NetworkView view;
    view.name = name;
    view.engine = engine;
    view.local = by_name[name];
    datastore::Revision revision = 0;
    if (const auto stored = store.networks.find(name); stored != store.networks.end()) {
      view.desired = stored->second.network;
      revision = stored->second.revision;
    }
    std::map<std::string, std::string> ids;
    if (const auto records = store.records.find(name); records != store.records.end()) {
      for (const auto& [host, record] : records->second) {
        ids[host] = record.id;
        view.highest_generation = std::max(view.highest_generation, record.generation);
        if (host == node) view.record = record;
      }
    }
    if (AsksForUsers(view)) {
      ASSIGN_OR_RETURN(view.users_elsewhere, OtherHostsUsing(client, name, ids, node));
    }
    RETURN_IF_ERROR(Step(*this, view, revision, outcome).Take(DecideNetwork(view)));
  }
  return outcome;
}

}  // namespace calico::libnetwork
