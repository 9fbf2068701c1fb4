// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <istream>
#include <string>
#include <vector>

#include "apps/calicoctl/arguments.h"
#include "base/result.h"
#include "datastore/resources.h"
#include "model/codec/document.h"

namespace calico::calicoctl {

// All resources of --filename: a file, stdin, or the YAML and JSON files of a directory in lexical order.
// Everything is parsed before anything is returned.
Result<std::vector<model::Document>> ReadDocuments(const Arguments& arguments, std::istream& in);

// --namespace and --all-namespaces.
struct NamespaceFlags {
  std::string ns;
  bool all = false;  // only `get` has it
};
NamespaceFlags NamespaceFlagsOf(const Arguments& arguments);

// The namespace of one resource (reference calicoctl A.6): what the resource says, --namespace and
// --all-namespaces together. `named`: one resource is meant, not a list.
Result<std::string> ResolveNamespace(model::Kind kind, const std::string& in_resource, bool named,
                                     const NamespaceFlags& flags);

// What is stored under a name as typed: an IP pool may be named by its CIDR, and names of the v1 API that v3
// does not allow are converted.
Result<std::string> StoredName(datastore::Resources& resources, model::Kind kind, const std::string& typed);

// Fills in the namespace. In v1 a pool's CIDR is its identity: a v1 document of a pool that exists under
// another name takes that name.
Status ResolveIdentity(datastore::Resources& resources, const NamespaceFlags& flags,
                       model::Document& document);

}  // namespace calico::calicoctl
