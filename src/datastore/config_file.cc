// SPDX-License-Identifier: Apache-2.0
#include "datastore/config_file.h"

#include <map>
#include <set>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "base/file.h"

namespace calico::datastore {
namespace {

// Keys of stores that this version lacks are accepted, so that the answer is about the store and not about a
// key.
const std::set<std::string>& OtherStoresKeys() {
  static const std::set<std::string> keys{
      "kubeconfig",   "k8sAPIEndpoint",           "k8sKeyFile",         "k8sCertFile",   "k8sCAFile",
      "k8sAPIToken",  "k8sInsecureSkipTLSVerify", "k8sDisableNodePoll", "usePodCIDR",    "kubeconfigInline",
      "k8sClientQPS", "k8sClientBurst",           "k8sCurrentContext",  "calicoAPIGroup"};
  return keys;
}

struct Spec {
  StoreSettings settings;
  std::string scheme, authority;

  std::map<std::string, std::string*> Fields() {
    return {{"datastoreType", &settings.type},
            {"etcdEndpoints", &settings.endpoints},
            {"etcdDiscoverySrv", &settings.discovery_srv},
            {"etcdScheme", &scheme},
            {"etcdAuthority", &authority},
            {"etcdUsername", &settings.etcd.username},
            {"etcdPassword", &settings.etcd.password},
            {"etcdCACertFile", &settings.etcd.ca_file},
            {"etcdCertFile", &settings.etcd.cert_file},
            {"etcdKeyFile", &settings.etcd.key_file},
            {"etcdCACert", &settings.etcd.ca_pem},
            {"etcdCert", &settings.etcd.cert_pem},
            {"etcdKey", &settings.etcd.key_pem},
            {"sqlitePath", &settings.sqlite_path}};
  }
};

Error Syntax(const std::string& path, const std::string& reason) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("syntax error in {}: {}", path, reason));
}

Status ReadSpec(const YAML::Node& node, const std::string& path, Spec& spec) {
  const auto fields = spec.Fields();
  for (const auto& entry : node) {
    const std::string key = entry.first.as<std::string>();
    const auto field = fields.find(key);
    if (field == fields.end()) {
      if (OtherStoresKeys().contains(key)) continue;
      return Syntax(path, fmt::format("failed to parse config as YAML/JSON: unknown field \"spec.{}\"", key));
    }
    if (!entry.second.IsNull()) *field->second = entry.second.as<std::string>();
  }
  return Ok();
}

Status CheckInline(const EtcdOptions& etcd, const std::string& path) {
  const bool inlined = !etcd.ca_pem.empty() || !etcd.cert_pem.empty() || !etcd.key_pem.empty();
  const bool files = !etcd.ca_file.empty() || !etcd.cert_file.empty() || !etcd.key_file.empty();
  if (inlined && files)
    return Error(ErrorCode::kInvalidArgument,
                 path + ": Cannot mix inline certificate-key and certificate / key files");
  if (etcd.cert_pem.empty() != etcd.key_pem.empty()) {
    return Error(ErrorCode::kInvalidArgument, path + ": Certificate and Key must both be present inline.");
  }
  return Ok();
}

Result<StoreSettings> Read(const YAML::Node& root, const std::string& path) {
  if (!root.IsMap()) return Syntax(path, "failed to parse config as YAML/JSON: not a mapping");
  const std::string version = root["apiVersion"] ? root["apiVersion"].as<std::string>() : "";
  const std::string kind = root["kind"] ? root["kind"].as<std::string>() : "";
  const bool v1 = version == "v1";
  if (!v1 && version != "projectcalico.org/v3")
    return Syntax(path, fmt::format("invalid config file: unknown APIVersion '{}'", version));
  const std::string expected = v1 ? "calicoApiConfig" : "CalicoAPIConfig";
  if (kind != expected)
    return Syntax(path, fmt::format("invalid config file: expected kind '{}', got '{}'", expected, kind));
  for (const auto& entry : root) {
    const std::string key = entry.first.as<std::string>();
    if (key != "apiVersion" && key != "kind" && key != "metadata" && key != "spec") {
      return Syntax(path, fmt::format("failed to parse config as YAML/JSON: unknown field \"{}\"", key));
    }
  }
  Spec spec;
  if (root["spec"] && !root["spec"].IsNull()) RETURN_IF_ERROR(ReadSpec(root["spec"], path, spec));
  StoreSettings& settings = spec.settings;
  if (v1 && settings.type.empty()) settings.type = "etcdv2";
  if (settings.endpoints.empty() && !spec.authority.empty())
    settings.endpoints = spec.scheme + "://" + spec.authority;
  if (!settings.endpoints.empty() && !settings.discovery_srv.empty()) {
    return Error(ErrorCode::kInvalidArgument, path +
                                                  ": multiple discovery or bootstrap options specified, use "
                                                  "either \"etcdEndpoints\" or \"etcdDiscoverySrv\"");
  }
  RETURN_IF_ERROR(CheckInline(settings.etcd, path));
  return settings;
}

}  // namespace

Result<StoreSettings> ReadConfigFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  try {
    return Read(YAML::Load(text), path);
  } catch (const YAML::Exception& error) {
    return Syntax(path, fmt::format("failed to parse config as YAML/JSON: {}", error.what()));
  }
}

}  // namespace calico::datastore
