// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/resource_input.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "base/file.h"
#include "base/suggest.h"
#include "base/text.h"
#include "model/codec/json.h"
#include "model/v1_names.h"

namespace calico::calicoctl {
namespace {

namespace fs = std::filesystem;

bool IsResourceFile(const fs::path& path) {
  const std::string extension = ToLower(path.extension().string());
  return extension == ".yaml" || extension == ".yml" || extension == ".json";
}

template <typename Iterator>
Result<std::vector<std::string>> FilesUnder(const std::string& directory) {
  std::vector<std::string> files;
  std::error_code error;
  for (Iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    if (it->is_regular_file(error) && IsResourceFile(it->path())) files.push_back(it->path().string());
  }
  if (error) return Error::FromErrno(error.value(), "read directory " + directory);
  std::sort(files.begin(), files.end());
  return files;
}

Result<std::vector<model::Document>> ReadOne(const std::string& path, bool skip_empty,
                                             const model::DocumentOptions& options) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  ASSIGN_OR_RETURN(std::vector<model::Document> documents, model::ParseDocuments(text, path, options));
  if (documents.empty() && !skip_empty) {
    return Error(ErrorCode::kInvalidArgument, "no resources specified in file " + path);
  }
  return documents;
}

Error Refused(std::string text) {
  return Error(ErrorCode::kInvalidArgument, std::move(text));
}

bool Has(const Arguments& arguments, const std::string& name) {
  const std::vector<Option>& options = arguments.command().options;
  return std::any_of(options.begin(), options.end(),
                     [&](const Option& option) { return option.name == name; }) &&
         arguments.Has(name);
}
std::string Text(const Arguments& arguments, const std::string& name) {
  return Has(arguments, name) ? arguments.Text(name) : "";
}

// Kinds of the v1 API whose spellings mean something else in v3.
std::optional<model::Kind> ParseV1Alias(const std::string& typed) {
  for (const char* alias : {"policy", "policies", "pol", "pols"}) {
    if (EqualsIgnoreCase(typed, alias)) return model::Kind::kGlobalNetworkPolicy;
  }
  return std::nullopt;
}

}  // namespace

model::ApiVersion DialectOf(const Session& session) {
  const bool of_2_6 = session.store != nullptr && session.client().dialect() == datastore::Dialect::kCalico26;
  return of_2_6 ? model::ApiVersion::kV1 : model::ApiVersion::kV3;
}

Result<std::vector<model::Document>> ReadDocuments(const Session& session) {
  const std::string path = session.arguments.Text("--filename");
  const bool skip_empty = session.arguments.Has("--skip-empty");
  model::DocumentOptions options;
  if (DialectOf(session) == model::ApiVersion::kV1) options.v1_names = model::V1Names::kVerbatim;
  options.partial_v1 =
      session.arguments.command().path.front() == "get" && DialectOf(session) == model::ApiVersion::kV1;
  options.name_v1_endpoints = session.arguments.command().path.front() == "create";
  if (path == "-") {
    const std::string text{std::istreambuf_iterator<char>(session.in()), std::istreambuf_iterator<char>()};
    ASSIGN_OR_RETURN(std::vector<model::Document> documents, model::ParseDocuments(text, "stdin", options));
    if (documents.empty() && !skip_empty) return Refused("no resources specified in file -");
    return documents;
  }
  std::error_code error;
  if (!fs::is_directory(path, error)) return ReadOne(path, skip_empty, options);

  ASSIGN_OR_RETURN(const std::vector<std::string> files,
                   session.arguments.Has("--recursive") ? FilesUnder<fs::recursive_directory_iterator>(path)
                                                        : FilesUnder<fs::directory_iterator>(path));
  std::vector<model::Document> documents;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(std::vector<model::Document> of_file, ReadOne(file, true, options));
    std::move(of_file.begin(), of_file.end(), std::back_inserter(documents));
  }
  if (documents.empty() && !skip_empty) return Refused("no resources specified in directory " + path);
  return documents;
}

Result<model::Kind> ParseKind(const std::string& typed, model::ApiVersion dialect) {
  if (dialect == model::ApiVersion::kV1) {
    if (const auto kind = ParseV1Alias(typed)) return *kind;
  }
  if (const auto kind = model::ParseKindAlias(typed)) return *kind;
  std::vector<std::string> known;
  for (int i = 0; i <= static_cast<int>(model::kLastResourceKind); ++i) {
    const auto kind = static_cast<model::Kind>(i);
    if (!model::IsManaged(kind)) continue;
    for (std::string& alias : model::KindAliases(kind)) known.push_back(std::move(alias));
  }
  std::string text = fmt::format("resource type '{}' is not supported", typed);
  if (const auto closest = Closest(typed, known)) text += fmt::format(": did you mean {}?", *closest);
  return Refused(text);
}

NamespaceFlags NamespaceFlagsOf(const Arguments& arguments) {
  return {Text(arguments, "--namespace"), Has(arguments, "--all-namespaces")};
}

Result<std::string> ResolveNamespace(model::Kind kind, const std::string& in_resource, bool named,
                                     const NamespaceFlags& flags) {
  const std::string kind_name(model::KindName(kind));
  if (!model::IsNamespaced(kind)) {
    if (!in_resource.empty()) {
      return Refused(fmt::format(
          "namespace should not be specified for a non-namespaced resource. {} is not a namespaced resource",
          kind_name));
    }
    if (!flags.ns.empty() || flags.all) return Refused(kind_name + " is not namespaced");
    return std::string();
  }
  if (flags.all) {
    if (!flags.ns.empty()) {
      return Refused("cannot use both --namespace and --all-namespaces flags at the same time");
    }
    if (named) return Refused("cannot use --all-namespace flag for getting a single resource");
    return std::string();
  }
  if (!flags.ns.empty() && !in_resource.empty() && in_resource != flags.ns) {
    return Refused(
        fmt::format("resource namespace does not match client namespace. {} != {}", in_resource, flags.ns));
  }
  if (!in_resource.empty()) return in_resource;
  return flags.ns.empty() ? "default" : flags.ns;
}

std::vector<Option> V1IdentityOptions() {
  return {{"--node", 0, "NODE", "v1: endpoints and peers of this node"},
          {"--scope",
           0,
           "SCOPE",
           "v1: peers of all nodes (global) or of one (node)",
           Completion::kWords,
           {"global", "node"}},
          {"--orchestrator", 0, "ORCH", "v1: workload endpoints of this orchestrator"},
          {"--workload", 0, "WORKLOAD", "v1: workload endpoints of this workload"}};
}

V1Identity V1IdentityOfArguments(const Session& session) {
  V1Identity wanted{Text(session.arguments, "--scope"), Text(session.arguments, "--node"),
                    Text(session.arguments, "--orchestrator"), Text(session.arguments, "--workload"), ""};
  if (wanted.node.empty() && DialectOf(session) == model::ApiVersion::kV1)
    wanted.node = Text(session.arguments, "--namespace");
  return wanted;
}

Identities::Identities(const Session& session)
    : resources_(session.resources()),
      flags_(NamespaceFlagsOf(session.arguments)),
      dialect_(DialectOf(session)) {}

// The name of the pool with this CIDR; empty if there is none, or if it is no CIDR.
Result<std::string> Identities::PoolWithCidr(const std::string& cidr) {
  const auto wanted = net::Cidr::ParsePrefix(cidr);
  if (!wanted) return std::string();
  if (!pools_) {
    ASSIGN_OR_RETURN(const datastore::ObjectList listed, resources_.List(model::Kind::kIPPool));
    pools_.emplace();
    for (const datastore::Stored& stored : listed.items) {
      const auto& pool = std::get<model::IPPool>(stored.object);
      if (const auto of_pool = net::Cidr::ParsePrefix(pool.cidr))
        pools_->emplace_back(of_pool->Masked().ToString(), pool.metadata.name);
    }
  }
  for (const auto& [of_pool, name] : *pools_) {
    if (of_pool == wanted->Masked().ToString()) return name;
  }
  return std::string();
}

Result<std::string> Identities::StoredName(model::Kind kind, const std::string& typed) {
  if (kind == model::Kind::kIPPool) {
    ASSIGN_OR_RETURN(std::string name, PoolWithCidr(typed));
    return name.empty() ? typed : name;
  }
  if (dialect_ == model::ApiVersion::kV1) return typed;
  if (kind == model::Kind::kBGPPeer) return model::IpName(typed);
  // Names that v3 allows are themselves; Docker's and v1's may have upper case and "_".
  if (model::NormaliseName(typed) == typed) return typed;
  if (kind == model::Kind::kProfile) return model::V3ProfileName(typed);
  if (kind == model::Kind::kNode) return model::NormaliseName(typed);
  return typed;
}

Result<model::Key> Identities::Named(model::Kind kind, const std::string& typed) {
  if (typed.empty()) return Refused("resource name may not be empty");
  ASSIGN_OR_RETURN(const std::string ns, ResolveNamespace(kind, "", true, flags_));
  ASSIGN_OR_RETURN(const std::string name, StoredName(kind, typed));
  return model::Key::Resource(kind, name, ns);
}

Status Identities::Resolve(model::Document& document) {
  model::Metadata& metadata = model::MetadataOf(document.object);
  const NamespaceFlags flags = dialect_ == model::ApiVersion::kV1 ? NamespaceFlags{} : flags_;
  ASSIGN_OR_RETURN(metadata.ns,
                   ResolveNamespace(model::KeyOf(document.object).kind, metadata.ns, true, flags));
  if (document.kind_as_written != "ipPool") return Ok();
  ASSIGN_OR_RETURN(const std::string name, PoolWithCidr(std::get<model::IPPool>(document.object).cidr));
  if (!name.empty()) metadata.name = name;
  return Ok();
}

}  // namespace calico::calicoctl
