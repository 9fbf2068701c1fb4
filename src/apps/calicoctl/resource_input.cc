// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/resource_input.h"

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "base/file.h"
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

Result<std::vector<model::Document>> ReadOne(const std::string& path, bool skip_empty) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  ASSIGN_OR_RETURN(std::vector<model::Document> documents, model::ParseDocuments(text, path));
  if (documents.empty() && !skip_empty) {
    return Error(ErrorCode::kInvalidArgument, "no resources specified in file " + path);
  }
  return documents;
}

// The name of the pool with this CIDR; empty if there is none.
Result<std::string> PoolWithCidr(datastore::Resources& resources, const net::Cidr& cidr) {
  ASSIGN_OR_RETURN(const datastore::ObjectList pools, resources.List(model::Kind::kIPPool));
  for (const datastore::Stored& stored : pools.items) {
    const auto& pool = std::get<model::IPPool>(stored.object);
    const auto of_pool = net::Cidr::ParsePrefix(pool.cidr);
    if (of_pool && of_pool->Masked() == cidr.Masked()) return pool.metadata.name;
  }
  return std::string();
}

Error Refused(std::string text) {
  return Error(ErrorCode::kInvalidArgument, std::move(text));
}

}  // namespace

Result<std::vector<model::Document>> ReadDocuments(const Arguments& arguments, std::istream& in) {
  const std::string path = arguments.Text("--filename");
  const bool skip_empty = arguments.Has("--skip-empty");
  if (path == "-") {
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    ASSIGN_OR_RETURN(std::vector<model::Document> documents, model::ParseDocuments(text, "stdin"));
    if (documents.empty() && !skip_empty) return Refused("no resources specified in file -");
    return documents;
  }
  std::error_code error;
  if (!fs::is_directory(path, error)) return ReadOne(path, skip_empty);

  ASSIGN_OR_RETURN(const std::vector<std::string> files,
                   arguments.Has("--recursive") ? FilesUnder<fs::recursive_directory_iterator>(path)
                                                : FilesUnder<fs::directory_iterator>(path));
  std::vector<model::Document> documents;
  for (const std::string& file : files) {
    ASSIGN_OR_RETURN(std::vector<model::Document> of_file, ReadOne(file, true));
    std::move(of_file.begin(), of_file.end(), std::back_inserter(documents));
  }
  if (documents.empty() && !skip_empty) return Refused("no resources specified in directory " + path);
  return documents;
}

NamespaceFlags NamespaceFlagsOf(const Arguments& arguments) {
  NamespaceFlags flags{arguments.Text("--namespace"), false};
  const std::vector<Option>& options = arguments.command().options;
  const bool has_all = std::any_of(options.begin(), options.end(),
                                   [](const Option& option) { return option.name == "--all-namespaces"; });
  flags.all = has_all && arguments.Has("--all-namespaces");
  return flags;
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

Result<std::string> StoredName(datastore::Resources& resources, model::Kind kind, const std::string& typed) {
  if (kind == model::Kind::kIPPool) {
    const auto cidr = net::Cidr::ParsePrefix(typed);
    if (!cidr) return typed;
    ASSIGN_OR_RETURN(std::string name, PoolWithCidr(resources, *cidr));
    return name.empty() ? typed : name;
  }
  // Names that v3 allows are themselves; Docker's and v1's may have upper case and "_".
  if (model::NormaliseName(typed) == typed) return typed;
  if (kind == model::Kind::kProfile) return model::V3ProfileName(typed);
  if (kind == model::Kind::kNode) return model::NormaliseName(typed);
  return typed;
}

Status ResolveIdentity(datastore::Resources& resources, const NamespaceFlags& flags,
                       model::Document& document) {
  model::Metadata& metadata = model::MetadataOf(document.object);
  ASSIGN_OR_RETURN(metadata.ns,
                   ResolveNamespace(model::KeyOf(document.object).kind, metadata.ns, true, flags));
  if (document.kind_as_written != "ipPool") return Ok();
  const auto cidr = net::Cidr::ParsePrefix(std::get<model::IPPool>(document.object).cidr);
  if (!cidr) return Ok();  // validation will say what is wrong with it
  ASSIGN_OR_RETURN(const std::string name, PoolWithCidr(resources, *cidr));
  if (!name.empty()) metadata.name = name;
  return Ok();
}

}  // namespace calico::calicoctl
