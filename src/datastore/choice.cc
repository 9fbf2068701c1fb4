// SPDX-License-Identifier: Apache-2.0
#include "datastore/choice.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "datastore/config_file.h"
#include "datastore/etcdv2/etcdv2_client.h"
#include "datastore/etcdv3/etcdv3_client.h"
#include "datastore/sqlite/sqlite_client.h"

namespace calico::datastore {
namespace {

constexpr char kNoStore[] =
    "no datastore configured: set ETCD_ENDPOINTS or /etc/calico/calicoctl.cfg, or start calico-node for a "
    "local store";

// Every variable may be prefixed CALICO_, and then wins.
std::string Variable(const Environment& environment, const std::string& name) {
  return environment.GetOr("CALICO_" + name, environment.GetOr(name, ""));
}

bool HasEtcdVariable(const Environment& environment) {
  for (const auto& [name, value] : environment.all()) {
    if (!value.empty() && (name.starts_with("ETCD_") || name.starts_with("CALICO_ETCD_"))) return true;
  }
  return false;
}

StoreSettings FromEnvironment(const Environment& environment) {
  StoreSettings settings;
  settings.type = Variable(environment, "DATASTORE_TYPE");
  settings.sqlite_path = Variable(environment, "SQLITE_PATH");
  settings.endpoints = Variable(environment, "ETCD_ENDPOINTS");
  if (const std::string authority = Variable(environment, "ETCD_AUTHORITY");
      settings.endpoints.empty() && !authority.empty()) {
    const std::string scheme = Variable(environment, "ETCD_SCHEME");
    settings.endpoints = (scheme.empty() ? "http" : scheme) + "://" + authority;
  }
  settings.discovery_srv = Variable(environment, "ETCD_DISCOVERY_SRV");
  settings.etcd.username = Variable(environment, "ETCD_USERNAME");
  settings.etcd.password = Variable(environment, "ETCD_PASSWORD");
  settings.etcd.ca_file = Variable(environment, "ETCD_CA_CERT_FILE");
  settings.etcd.cert_file = Variable(environment, "ETCD_CERT_FILE");
  settings.etcd.key_file = Variable(environment, "ETCD_KEY_FILE");
  return settings;
}

Error Unsupported(const std::string& type) {
  return Error(
      ErrorCode::kUnsupported,
      fmt::format("datastore type '{}' is not supported by this version: use etcdv2, etcdv3 or sqlite",
                  type));
}

Result<StoreChoice> Choose(StoreSettings settings, const std::string& reason, Program program) {
  StoreChoice choice;
  choice.reason = reason;
  choice.create_sqlite = program == Program::kNode;
  choice.sqlite_path = settings.sqlite_path.empty() ? kDefaultSqlitePath : settings.sqlite_path;
  if (settings.type == "sqlite") {
    choice.type = StoreType::kSqlite;
    return choice;
  }
  if (settings.type.empty() && settings.endpoints.empty() && settings.discovery_srv.empty())
    return Unsupported("kubernetes");
  if (!settings.type.empty() && settings.type != "etcdv2" && settings.type != "etcdv3")
    return Unsupported(settings.type);
  if (!settings.discovery_srv.empty()) {
    return Error(ErrorCode::kUnsupported,
                 "etcd discovery by DNS SRV is not supported by this version: name the servers with "
                 "ETCD_ENDPOINTS or etcdEndpoints");
  }
  choice.type = settings.type == "etcdv2" ? StoreType::kEtcdV2 : StoreType::kEtcdV3;
  choice.etcd = settings.etcd;
  for (const std::string& part : Split(settings.endpoints, ',')) {
    if (!Trim(part).empty()) choice.etcd.endpoints.emplace_back(Trim(part));
  }
  if (choice.etcd.endpoints.empty()) return Error(ErrorCode::kInvalidArgument, "no etcd endpoints specified");
  return choice;
}

}  // namespace

Result<StoreChoice> ChooseStore(const Environment& environment, const std::string& config_file,
                                Program program) {
  if (!config_file.empty()) {
    if (!PathExists(config_file))
      return Error(ErrorCode::kInvalidArgument, "Error reading config file: " + config_file);
    ASSIGN_OR_RETURN(StoreSettings settings, ReadConfigFile(config_file));
    return Choose(std::move(settings), config_file, program);
  }
  const StoreSettings variables = FromEnvironment(environment);
  if (!variables.type.empty()) return Choose(variables, "DATASTORE_TYPE is set", program);
  const bool file_counts = program != Program::kNode || !HasEtcdVariable(environment);
  if (file_counts && PathExists(kDefaultConfigFile)) {
    ASSIGN_OR_RETURN(StoreSettings settings, ReadConfigFile(kDefaultConfigFile));
    return Choose(std::move(settings), kDefaultConfigFile, program);
  }
  if (!variables.endpoints.empty() || !variables.discovery_srv.empty()) {
    return Choose(variables, "ETCD_ENDPOINTS is set", program);
  }
  StoreChoice choice;
  choice.sqlite_path = variables.sqlite_path.empty() ? kDefaultSqlitePath : variables.sqlite_path;
  choice.create_sqlite = program == Program::kNode;
  choice.reason = "nothing else is configured";
  if (!choice.create_sqlite && !PathExists(choice.sqlite_path)) return Error(ErrorCode::kNotFound, kNoStore);
  return choice;
}

Result<std::unique_ptr<Client>> OpenStore(const StoreChoice& choice) {
  if (choice.type == StoreType::kEtcdV2) return OpenEtcdV2(choice.etcd);
  if (choice.type == StoreType::kEtcdV3) return OpenEtcdV3(choice.etcd);
  SqliteOptions options;
  options.path = choice.sqlite_path;
  options.create = choice.create_sqlite;
  return OpenSqlite(options);
}

}  // namespace calico::datastore
