// SPDX-License-Identifier: Apache-2.0
#include "datastore/config_file.h"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "base/file.h"
#include "base/suggest.h"

namespace calico::datastore {
namespace {

Error Syntax(const std::string& path, const std::string& reason) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("syntax error in {}: {}", path, reason));
}
Error Unparsable(const std::string& path, const YAML::Mark& mark, const std::string& reason) {
  return Syntax(path, fmt::format("failed to parse config as YAML/JSON: line {}, column {}: {}",
                                  mark.line + 1, mark.column + 1, reason));
}

// The keys of `spec`; null: accepted and not used, as the answer should be about the store and not about a
// key.
using Fields = std::map<std::string, std::string*>;

struct Spec {
  StoreSettings settings;
  std::string scheme, authority;

  Fields FieldsOf(bool v1) {
    Fields fields{{"datastoreType", &settings.type},          {"etcdEndpoints", &settings.endpoints},
                  {"etcdUsername", &settings.etcd.username},  {"etcdPassword", &settings.etcd.password},
                  {"etcdCACertFile", &settings.etcd.ca_file}, {"etcdCertFile", &settings.etcd.cert_file},
                  {"etcdKeyFile", &settings.etcd.key_file},   {"sqlitePath", &settings.sqlite_path}};
    for (const char* kubernetes : {"kubeconfig", "k8sAPIEndpoint", "k8sKeyFile", "k8sCertFile", "k8sCAFile",
                                   "k8sAPIToken", "k8sInsecureSkipTLSVerify", "k8sDisableNodePoll"}) {
      fields.emplace(kubernetes, nullptr);
    }
    if (v1) {
      fields.insert({{"etcdScheme", &scheme}, {"etcdAuthority", &authority}});
      return fields;
    }
    fields.insert({{"etcdDiscoverySrv", &settings.discovery_srv},
                   {"etcdCACert", &settings.etcd.ca_pem},
                   {"etcdCert", &settings.etcd.cert_pem},
                   {"etcdKey", &settings.etcd.key_pem}});
    for (const char* kubernetes : {"usePodCIDR", "kubeconfigInline", "k8sClientQPS", "k8sClientBurst",
                                   "k8sCurrentContext", "calicoAPIGroup"}) {
      fields.emplace(kubernetes, nullptr);
    }
    return fields;
  }
};

// Each key once and known. `where` is "spec." or "".
Status CheckKeys(const YAML::Node& map, const std::string& where, const std::vector<std::string>& known,
                 const std::string& path) {
  std::set<std::string> seen;
  for (const auto& entry : map) {
    if (!entry.first.IsScalar()) return Unparsable(path, entry.first.Mark(), "a key must be text");
    const std::string& key = entry.first.Scalar();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      const auto meant = Closest(key, known);
      return Unparsable(path, entry.first.Mark(),
                        fmt::format("unknown field \"{}{}\"{}", where, key,
                                    meant ? fmt::format(" (did you mean {}?)", *meant) : ""));
    }
    if (!seen.insert(key).second)
      return Unparsable(path, entry.first.Mark(), fmt::format("field \"{}{}\" is given twice", where, key));
  }
  return Ok();
}

Status ReadSpec(const YAML::Node& node, const Fields& fields, const std::string& path) {
  if (!node.IsMap()) return Unparsable(path, node.Mark(), "spec must be a mapping");
  std::vector<std::string> known;
  for (const auto& [name, target] : fields) known.push_back(name);
  RETURN_IF_ERROR(CheckKeys(node, "spec.", known, path));
  for (const auto& entry : node) {
    std::string* target = fields.at(entry.first.Scalar());
    if (target == nullptr || entry.second.IsNull()) continue;
    if (!entry.second.IsScalar()) {
      return Unparsable(path, entry.second.Mark(),
                        fmt::format("field \"spec.{}\" must be text", entry.first.Scalar()));
    }
    *target = entry.second.Scalar();
  }
  return Ok();
}

std::string TextOf(const YAML::Node& node) {
  return node && node.IsScalar() ? node.Scalar() : "";
}

// Calico 2.6: etcdv2 unless it says otherwise, and no defaults for where etcd is.
Status ReadAsV1(Spec& spec, const std::string& path) {
  StoreSettings& settings = spec.settings;
  if (settings.type.empty() && settings.sqlite_path.empty()) settings.type = "etcdv2";
  if (settings.endpoints.empty() && !spec.authority.empty() && !spec.scheme.empty())
    settings.endpoints = spec.scheme + "://" + spec.authority;
  if (settings.type.starts_with("etcd") && settings.endpoints.empty())
    return Error(ErrorCode::kInvalidArgument, path + ": no etcd authority or endpoints specified");
  return Ok();
}

Result<StoreSettings> Read(const YAML::Node& root, const std::string& path) {
  if (!root.IsMap()) return Syntax(path, "failed to parse config as YAML/JSON: not a mapping");
  const std::string version = TextOf(root["apiVersion"]), kind = TextOf(root["kind"]);
  const bool v1 = version == "v1";
  if (!v1 && version != "projectcalico.org/v3")
    return Syntax(path, fmt::format("invalid config file: unknown APIVersion '{}'", version));
  const std::string expected = v1 ? "calicoApiConfig" : "CalicoAPIConfig";
  if (kind != expected)
    return Syntax(path, fmt::format("invalid config file: expected kind '{}', got '{}'", expected, kind));
  RETURN_IF_ERROR(CheckKeys(root, "", {"apiVersion", "kind", "metadata", "spec"}, path));
  Spec spec;
  if (root["spec"] && !root["spec"].IsNull())
    RETURN_IF_ERROR(ReadSpec(root["spec"], spec.FieldsOf(v1), path));
  if (v1) RETURN_IF_ERROR(ReadAsV1(spec, path));
  return spec.settings;
}

}  // namespace

Result<StoreSettings> ReadConfigFile(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  try {
    return Read(YAML::Load(text), path);
  } catch (const YAML::Exception& error) {
    return Unparsable(path, error.mark, error.msg);
  }
}

}  // namespace calico::datastore
