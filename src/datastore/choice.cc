// SPDX-License-Identifier: Apache-2.0
#include "datastore/choice.h"

#include <algorithm>
#include <string_view>

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "datastore/config_file.h"
#include "datastore/etcdv2/etcdv2_client.h"
#include "datastore/etcdv3/etcdv3_client.h"
#include "datastore/generation.h"
#include "datastore/sqlite/sqlite_client.h"

namespace calico::datastore {
namespace {

constexpr char kNoStore[] =
    "no datastore configured: set ETCD_ENDPOINTS or /etc/calico/calicoctl.cfg, or start calico-node for a "
    "local store";
constexpr char kDefaultAuthority[] = "127.0.0.1:2379";
constexpr char kDefaultScheme[] = "http";

// Every variable may be prefixed CALICO_, and then wins.
std::string Variable(const Environment& environment, const std::string& name,
                     const std::string& fallback = "") {
  return environment.GetOr("CALICO_" + name, environment.GetOr(name, fallback));
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
  settings.discovery_srv = Variable(environment, "ETCD_DISCOVERY_SRV");
  settings.endpoints = Variable(environment, "ETCD_ENDPOINTS");
  // Calico 2.6's form; each half has a default here, which it has not in a file.
  const bool by_authority =
      !Variable(environment, "ETCD_AUTHORITY").empty() || !Variable(environment, "ETCD_SCHEME").empty();
  if (settings.endpoints.empty() && settings.discovery_srv.empty() && by_authority) {
    settings.endpoints = Variable(environment, "ETCD_SCHEME", kDefaultScheme) + "://" +
                         Variable(environment, "ETCD_AUTHORITY", kDefaultAuthority);
  }
  settings.etcd.username = Variable(environment, "ETCD_USERNAME");
  settings.etcd.password = Variable(environment, "ETCD_PASSWORD");
  settings.etcd.ca_file = Variable(environment, "ETCD_CA_CERT_FILE");
  settings.etcd.cert_file = Variable(environment, "ETCD_CERT_FILE");
  settings.etcd.key_file = Variable(environment, "ETCD_KEY_FILE");
  // Inline texts are variables of the node only (reference bgp-and-node A1).
  settings.etcd.ca_pem = Variable(environment, "ETCD_CA_CERT");
  settings.etcd.cert_pem = Variable(environment, "ETCD_CERT");
  settings.etcd.key_pem = Variable(environment, "ETCD_KEY");
  return settings;
}

const char* WhatNamesTheServers(const Environment& environment) {
  for (const char* name : {"ETCD_ENDPOINTS", "ETCD_DISCOVERY_SRV", "ETCD_AUTHORITY", "ETCD_SCHEME"}) {
    if (!Variable(environment, name).empty()) return name;
  }
  return nullptr;
}

Result<EtcdOptions> FindServers(const StoreSettings& settings, const Probes& probes) {
  if (!settings.endpoints.empty() && !settings.discovery_srv.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 "multiple discovery or bootstrap options specified, use either \"etcdEndpoints\" or "
                 "\"etcdDiscoverySrv\"");
  }
  EtcdOptions etcd = settings.etcd;
  if (!settings.discovery_srv.empty()) {
    ASSIGN_OR_RETURN(etcd.endpoints, probes.discover(settings.discovery_srv));
  }
  for (const std::string& part : Split(settings.endpoints, ',')) {
    if (!Trim(part).empty()) etcd.endpoints.emplace_back(Trim(part));
  }
  if (etcd.endpoints.empty()) return Error(ErrorCode::kInvalidArgument, "no etcd endpoints specified");
  return etcd;
}

StoreChoice LocalStore(const StoreSettings& settings, const std::string& reason, Program program) {
  StoreChoice choice;
  choice.reason = reason;
  choice.create_sqlite = program == Program::kNode;
  choice.sqlite_path = settings.sqlite_path.empty() ? kDefaultSqlitePath : settings.sqlite_path;
  return choice;
}

Error NotSupported(const std::string& type) {
  return Error(ErrorCode::kUnsupported,
               fmt::format("datastore type '{}' is not supported: use etcdv3, etcdv2 or sqlite", type));
}

// The type is said, nothing is asked.
Result<StoreChoice> OfSaidType(const StoreSettings& settings, const std::string& reason, Program program,
                               const Probes& probes) {
  if (settings.type == "sqlite") return LocalStore(settings, reason, program);
  if (settings.type != "etcdv2" && settings.type != "etcdv3") return NotSupported(settings.type);
  StoreChoice choice;
  choice.type = settings.type == "etcdv2" ? StoreType::kEtcdV2 : StoreType::kEtcdV3;
  choice.reason = reason;
  ASSIGN_OR_RETURN(choice.etcd, FindServers(settings, probes));
  return choice;
}

// Calico 2.6 and every calico-node look for etcd on this host; calicoctl of Calico 3 wants to be told.
Result<StoreChoice> ByVariableType(StoreSettings settings, Program program, const Probes& probes) {
  const bool nowhere = settings.endpoints.empty() && settings.discovery_srv.empty();
  if (nowhere && (settings.type == "etcdv2" || program == Program::kNode))
    settings.endpoints = std::string(kDefaultScheme) + "://" + kDefaultAuthority;
  return OfSaidType(settings, "DATASTORE_TYPE is set", program, probes);
}

Result<StoreChoice> ByFile(const std::string& path, Program program, const Probes& probes) {
  ASSIGN_OR_RETURN(StoreSettings settings, ReadConfigFile(path));
  const bool names_servers = !settings.endpoints.empty() || !settings.discovery_srv.empty();
  if (settings.type.empty() && !settings.sqlite_path.empty() && !names_servers) settings.type = "sqlite";
  if (settings.type.empty() && names_servers) settings.type = "etcdv3";
  if (settings.type.empty()) {
    return Error(
        ErrorCode::kUnsupported,
        fmt::format("{}: without datastoreType and etcdEndpoints this means kubernetes, which is not "
                    "supported: use datastoreType etcdv3, etcdv2 or sqlite",
                    path));
  }
  auto choice = OfSaidType(settings, path, program, probes);
  if (!choice.has_value()) return std::move(choice).error().WithContext(path);
  return choice;
}

// The servers are named, their generation is not.
Result<StoreChoice> ByContent(const StoreSettings& settings, const std::string& variable,
                              const Environment& environment, Program program, const Probes& probes) {
  StoreChoice choice;
  choice.by_content = true;
  ASSIGN_OR_RETURN(choice.etcd, FindServers(settings, probes));
  EtcdOptions asked = choice.etcd;
  // The agent tries again until it is told to stop, which must not take long.
  if (program == Program::kNode) asked.call_timeout = std::chrono::seconds(2);
  ASSIGN_OR_RETURN(const Generations held, AskForGenerations(asked, probes));
  if (held.v2 && held.v3) {
    return Error(
        ErrorCode::kUnsupported,
        fmt::format("etcd {} holds Calico data of both generations, Calico 2.6's in etcdv2 and Calico "
                    "3's in etcdv3: say which with DATASTORE_TYPE=etcdv2 or DATASTORE_TYPE=etcdv3",
                    Join(choice.etcd.endpoints, ",")));
  }
  const bool libnetwork = environment.Get("CALICO_LIBNETWORK_ENABLED").has_value();
  const bool v2 = held.v2 || (!held.v3 && libnetwork);
  choice.type = v2 ? StoreType::kEtcdV2 : StoreType::kEtcdV3;
  const char* type = v2 ? "etcdv2" : "etcdv3";
  choice.reason = variable + " is set; ";
  if (held.v2 || held.v3) {
    choice.reason += fmt::format("Calico data is in {}", type);
  } else {
    choice.reason +=
        libnetwork ? "no Calico data yet, CALICO_LIBNETWORK_ENABLED is set" : "no Calico data yet";
  }
  return choice;
}

// The package's sample is all comments and says nothing. One that cannot be read is an error later.
bool DefaultFileCounts() {
  const auto text = ReadFile(kDefaultConfigFile);
  if (!text.has_value()) return PathExists(kDefaultConfigFile);
  const auto lines = Split(*text, '\n');
  return std::any_of(lines.begin(), lines.end(), [](const auto& line) {
    const std::string_view said = Trim(line);
    return !said.empty() && said[0] != '#';
  });
}

}  // namespace

Result<StoreChoice> ChooseStore(const Environment& environment, const std::string& config_file,
                                Program program, const Probes& probes) {
  const bool default_file = DefaultFileCounts();
  if (!config_file.empty() && (config_file == kDefaultConfigFile ? default_file : PathExists(config_file)))
    return ByFile(config_file, program, probes);
  if (!config_file.empty() && config_file != kDefaultConfigFile)
    return Error(ErrorCode::kInvalidArgument, "Error reading config file: " + config_file);
  const StoreSettings variables = FromEnvironment(environment);
  if (!variables.type.empty()) return ByVariableType(variables, program, probes);
  const bool file_counts = program != Program::kNode || !HasEtcdVariable(environment);
  if (file_counts && default_file) return ByFile(kDefaultConfigFile, program, probes);
  if (const char* variable = WhatNamesTheServers(environment); variable != nullptr)
    return ByContent(variables, variable, environment, program, probes);
  StoreChoice choice = LocalStore(variables, "nothing else is configured", program);
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
