// SPDX-License-Identifier: Apache-2.0
// Upstream imports into Kubernetes alone; ours fills an empty etcd or SQLite store.
#include <algorithm>
#include <sstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/calicoctl/cluster_lock.h"
#include "apps/calicoctl/datastore_migrate.h"
#include "apps/calicoctl/go_json.h"
#include "base/file.h"
#include "model/codec/document.h"
#include "model/codec/json.h"
#include "model/validate/validate.h"

namespace calico::calicoctl {
namespace {

using Json = nlohmann::ordered_json;
using model::Kind;

constexpr char kIpamPrefix[] = "/calico/ipam/v2/";
constexpr const char* kBuiltInTiers[] = {"default", "kube-admin", "kube-baseline"};

struct Exported {
  std::vector<model::Object> resources;
  model::ClusterInformation cluster;
  std::vector<datastore::KeyValue> ipam;
};

Error BadFile(const std::string& file) {
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("imported file: {} is improperly formatted. Try recreating with 'calicoctl export'", file));
}

// The parts between the lines "===".
std::vector<std::string> PartsOf(const std::string& text) {
  std::vector<std::string> parts(1);
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line == "===") {
      parts.emplace_back();
    } else {
      parts.back() += line + "\n";
    }
  }
  return parts;
}

bool IsBuiltInTier(const model::Key& key) {
  return key.kind == Kind::kTier &&
         std::find(std::begin(kBuiltInTiers), std::end(kBuiltInTiers), key.name) != std::end(kBuiltInTiers);
}

Status AddIpamEntry(const Json& entry, std::vector<datastore::KeyValue>& entries) {
  datastore::KeyValue kv{entry.at("Key").get<std::string>(), EscapedAsGo(entry.at("Value").dump())};
  if (kv.key.rfind(kIpamPrefix, 0) != 0) {
    return Error(ErrorCode::kInvalidArgument, "not a key of IPAM: " + kv.key);
  }
  if (const auto key = model::ParsePath(kv.key)) {
    const auto decoded = model::DecodeValue(*key, kv.value);
    if (!decoded.has_value()) return Error(decoded.error()).WithContext(kv.key);
  }
  entries.push_back(std::move(kv));
  return Ok();
}

Result<std::vector<datastore::KeyValue>> IpamOf(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    std::vector<datastore::KeyValue> entries;
    // A handle whose block is missing is harmless, a block whose handle is missing is not.
    for (const char* list : {"handles", "blocks", "block_affinities"}) {
      for (const Json& entry : json.at(list)) RETURN_IF_ERROR(AddIpamEntry(entry, entries));
    }
    if (json.contains("config") && !json.at("config").is_null()) {
      RETURN_IF_ERROR(AddIpamEntry(json.at("config"), entries));
    }
    return entries;
  } catch (const Json::exception& error) {
    return Error(ErrorCode::kInvalidArgument, error.what());
  }
}

// What others refer to goes first.
int Rank(const model::Object& object) {
  const Kind kind = model::KeyOf(object).kind;
  return kind == Kind::kTier || kind == Kind::kBGPFilter ? 0 : 1;
}

Result<Exported> ReadExport(const std::string& file, const std::string& text) {
  const std::vector<std::string> parts = PartsOf(text);
  if (parts.size() != 3) return BadFile(file);
  Exported exported;
  ASSIGN_OR_RETURN(const std::vector<model::Document> documents, model::ParseDocuments(parts[0], file));
  for (const model::Document& document : documents) {
    model::Object object = document.object;
    RETURN_IF_ERROR(model::ApplyDefaults(object, nullptr));
    const Status valid = model::Validate(object);
    if (!valid.has_value()) return Error(valid.error()).WithContext(model::Describe(model::KeyOf(object)));
    exported.resources.push_back(document.object);
  }
  std::stable_sort(exported.resources.begin(), exported.resources.end(),
                   [](const auto& a, const auto& b) { return Rank(a) < Rank(b); });
  ASSIGN_OR_RETURN(const auto cluster, model::ParseDocuments(parts[1], file));
  if (cluster.size() != 1 || !std::holds_alternative<model::ClusterInformation>(cluster[0].object)) {
    return BadFile(file);
  }
  exported.cluster = std::get<model::ClusterInformation>(cluster[0].object);
  auto ipam = IpamOf(parts[2]);
  if (!ipam.has_value()) return Error(ipam.error()).WithContext(file);
  exported.ipam = std::move(*ipam);
  return exported;
}

Status CheckEmpty(const Session& session) {
  for (const char* prefix : {"/calico/resources/v3/", kIpamPrefix}) {
    ASSIGN_OR_RETURN(const datastore::ListResult list, session.client().List(prefix));
    for (const datastore::KeyValue& kv : list.items) {
      const auto key = model::ParsePath(kv.key);
      if (key && (key->kind == Kind::kClusterInformation || IsBuiltInTier(*key))) continue;
      const std::string what = key && model::IsResource(key->kind) ? model::Describe(*key) : kv.key;
      return Error(
          ErrorCode::kAlreadyExists,
          fmt::format("datastore already has Calico resources: {}. Import into an empty datastore", what));
    }
  }
  return Ok();
}

Status ImportResources(const Session& session, const std::vector<model::Object>& resources) {
  int applied = 0;
  for (const model::Object& object : resources) {
    const auto stored = session.resources().Apply(object);  // the built-in tiers are there already
    if (!stored.has_value()) {
      return Error(stored.error()).WithContext(model::Describe(model::KeyOf(object)));
    }
    ++applied;
  }
  session.out() << fmt::format("Successfully applied {} resource(s)\n", applied);
  return Ok();
}

Status ImportCluster(const Session& session, const model::ClusterInformation& exported) {
  const model::Key key = model::Key::Resource(Kind::kClusterInformation, "default");
  ASSIGN_OR_RETURN(const datastore::KeyValue kv, session.client().Get(model::ToPath(key)));
  ASSIGN_OR_RETURN(model::Object object, model::DecodeValue(key, kv.value));
  auto& cluster = std::get<model::ClusterInformation>(object);
  cluster.cluster_guid = exported.cluster_guid;
  cluster.calico_version = exported.calico_version;
  cluster.cluster_type = exported.cluster_type;  // the containers stay what they are
  ASSIGN_OR_RETURN(const datastore::Revision revision,
                   session.client().Update(model::ToPath(key), model::EncodeValue(key, object), kv.revision));
  static_cast<void>(revision);
  return Ok();
}

Status Import(const Session& session) {
  if (session.client().dialect() == datastore::Dialect::kCalico26) {
    return Error(
        ErrorCode::kUnsupported,
        "invalid datastore type: etcdv2 to import to for datastore migration. Datastore type must be "
        "etcdv3 or sqlite");
  }
  const std::string file = session.arguments.Text("--filename");
  std::string text;
  if (file == "-") {
    std::ostringstream all;
    all << session.in().rdbuf();
    text = all.str();
  } else {
    ASSIGN_OR_RETURN(text, ReadFile(file));
  }
  ASSIGN_OR_RETURN(const Exported exported, ReadExport(file, text));
  RETURN_IF_ERROR(CheckEmpty(session));
  RETURN_IF_ERROR(SetLocked(session, true));
  RETURN_IF_ERROR(ImportResources(session, exported.resources));
  RETURN_IF_ERROR(ImportCluster(session, exported.cluster));
  session.out() << "Importing IPAM resources\n";
  for (const datastore::KeyValue& kv : exported.ipam) {
    const auto created = session.client().Create(kv.key, kv.value);
    if (!created.has_value()) return Error(created.error()).WithContext(kv.key);
  }
  session.out() << fmt::format("Successfully applied {} IPAM resource(s)\n", exported.ipam.size())
                << "Datastore information successfully imported. Please refer to the datastore migration "
                   "documentation for next steps.\n";
  return Ok();
}

int RunImport(const Session& session) {
  const Status imported = Import(session);
  return imported.has_value() ? 0 : session.Fail(imported.error().message());
}

}  // namespace

Command DatastoreImportCommand() {
  Command command;
  command.path = {"datastore", "migrate", "import"};
  command.summary = "Fill an empty datastore with what 'datastore migrate export' wrote";
  command.description =
      "The whole file is checked first. The datastore is locked afterwards: 'calicoctl datastore migrate "
      "unlock' lets nodes use it.";
  command.options = Joined({{"--filename", 'f', "FILENAME", "the file, or - for stdin", Completion::kFile}},
                           ConnectionOptions());
  command.examples = "calicoctl datastore migrate import -f calico-export.yaml";
  command.mistake = [](const Arguments& arguments) {
    return std::string(arguments.Has("--filename") ? "" : "--filename is needed");
  };
  command.makes_store = true;
  command.run = RunImport;
  return command;
}

}  // namespace calico::calicoctl
