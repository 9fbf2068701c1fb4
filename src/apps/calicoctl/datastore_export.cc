// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <nlohmann/json.hpp>

#include "apps/calicoctl/cluster_lock.h"
#include "apps/calicoctl/datastore_migrate.h"
#include "apps/calicoctl/go_json.h"
#include "model/codec/document.h"
#include "model/codec/json.h"

namespace calico::calicoctl {
namespace {

using Json = nlohmann::ordered_json;
using model::Kind;

// In the order of the stream.
constexpr Kind kExported[] = {Kind::kIPPool,
                              Kind::kBGPPeer,
                              Kind::kTier,
                              Kind::kGlobalNetworkPolicy,
                              Kind::kStagedGlobalNetworkPolicy,
                              Kind::kGlobalNetworkSet,
                              Kind::kHostEndpoint,
                              Kind::kKubeControllersConfiguration,
                              Kind::kNetworkPolicy,
                              Kind::kStagedNetworkPolicy,
                              Kind::kStagedKubernetesNetworkPolicy,
                              Kind::kNetworkSet,
                              Kind::kNode,
                              Kind::kBGPConfiguration,
                              Kind::kFelixConfiguration,
                              Kind::kIPReservation,
                              Kind::kBGPFilter};
constexpr std::string_view kKubernetesPolicy = "knp.default.";  // its controller makes it again

void ForgetOrigin(model::Metadata& metadata) {
  metadata.uid.clear();
  metadata.resource_version.clear();
  metadata.creation_timestamp.clear();
}

std::string Capitalised(std::string word) {
  const bool upper = std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (!upper) return word;
  for (std::size_t i = 1; i < word.size(); ++i) word[i] = static_cast<char>(word[i] - 'A' + 'a');
  return word;
}

// Old releases wrote "ACCEPT", which the API refuses since.
void CapitaliseActions(model::FelixConfiguration& felix) {
  felix.default_endpoint_to_host_action = Capitalised(felix.default_endpoint_to_host_action);
  for (const char* name :
       {"iptablesFilterAllowAction", "iptablesMangleAllowAction", "iptablesFilterDenyAction"}) {
    const auto found = felix.other_parameters.find(name);
    if (found == felix.other_parameters.end() || found->second.size() < 2) continue;
    const std::string word = found->second.substr(1, found->second.size() - 2);
    found->second = "\"" + Capitalised(word) + "\"";
  }
}

Result<std::string> ExportedList(const Session& session, Kind kind) {
  ASSIGN_OR_RETURN(const datastore::ObjectList list, session.resources().List(kind));
  std::vector<model::Object> items;
  for (const datastore::Stored& stored : list.items) {
    model::Object object = stored.object;
    model::Metadata& metadata = model::MetadataOf(object);
    if (kind == Kind::kNetworkPolicy && metadata.name.starts_with(kKubernetesPolicy)) continue;
    ForgetOrigin(metadata);
    if (auto* felix = std::get_if<model::FelixConfiguration>(&object)) CapitaliseActions(*felix);
    items.push_back(std::move(object));
  }
  return model::PrintListYaml(kind, items, "");
}

// {"Key": …, "Value": …, "TTL": 0}
Result<Json> Entry(const datastore::KeyValue& kv) {
  Json value = Json::parse(kv.value.empty() ? "{}" : kv.value, nullptr, false);
  if (value.is_discarded())
    return Error(ErrorCode::kInvalidArgument, "the value of " + kv.key + " is no JSON");
  return Json{{"Key", kv.key}, {"Value", std::move(value)}, {"TTL", 0}};
}

Result<Json> Entries(const Session& session, const std::vector<std::string>& prefixes) {
  Json entries = Json::array();
  for (const std::string& prefix : prefixes) {
    ASSIGN_OR_RETURN(const datastore::ListResult list, session.client().List(prefix));
    for (const datastore::KeyValue& kv : list.items) {
      ASSIGN_OR_RETURN(Json entry, Entry(kv));
      entries.push_back(std::move(entry));
    }
  }
  return entries;
}

Result<std::string> ExportedIpam(const Session& session) {
  Json ipam = Json::object();
  ASSIGN_OR_RETURN(ipam["block_affinities"],
                   Entries(session, {model::ListPrefix(Kind::kBlockAffinity), "/calico/ipam/v2/virtual/"}));
  ASSIGN_OR_RETURN(ipam["blocks"], Entries(session, {model::ListPrefix(Kind::kIpamBlock)}));
  ASSIGN_OR_RETURN(ipam["handles"], Entries(session, {model::ListPrefix(Kind::kIpamHandle)}));
  const auto config = session.client().Get(model::ToPath(model::Key::Resource(Kind::kIpamConfig, {})));
  if (config.has_value()) {
    ASSIGN_OR_RETURN(ipam["config"], Entry(*config));
  } else if (config.error().code() == ErrorCode::kNotFound) {
    ipam["config"] = nullptr;
  } else {
    return config.error();
  }
  return EscapedAsGo(ipam.dump(2));
}

Result<std::string> Export(const Session& session) {
  if (session.client().dialect() == datastore::Dialect::kCalico26) {
    return Error(ErrorCode::kUnsupported,
                 "invalid datastore type: etcdv2 to export from for datastore migration. Datastore type must "
                 "be etcdv3");
  }
  ASSIGN_OR_RETURN(model::ClusterInformation cluster, ReadClusterInformation(session));
  if (!IsLocked(cluster)) {
    return Error(ErrorCode::kInvalidArgument,
                 "datastore is not locked. Run the `calicoctl datastore migrate lock` command in order to "
                 "begin migration");
  }
  std::string stream;
  for (const Kind kind : kExported) {
    ASSIGN_OR_RETURN(const std::string list, ExportedList(session, kind));
    stream += list + "---\n";
  }
  ForgetOrigin(cluster.metadata);
  stream += "===\n" + model::PrintJson(cluster);
  if (stream.back() != '\n') stream += '\n';
  ASSIGN_OR_RETURN(const std::string ipam, ExportedIpam(session));
  return stream + "===\n" + ipam + "\n";
}

int RunExport(const Session& session) {
  const Result<std::string> stream = Export(session);
  if (!stream.has_value()) return session.Fail(stream.error().message());
  session.out() << *stream;
  return 0;
}

}  // namespace

Command DatastoreExportCommand() {
  Command command;
  command.path = {"datastore", "migrate", "export"};
  command.summary = "Write the contents of the datastore to stdout, for 'datastore migrate import'";
  command.description =
      "Needs a locked datastore. Workload endpoints and profiles are not part of it: whoever runs the "
      "containers makes them again.";
  command.options = ConnectionOptions();
  command.examples = "calicoctl datastore migrate export > calico-export.yaml";
  command.run = RunExport;
  return command;
}

}  // namespace calico::calicoctl
