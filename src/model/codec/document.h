// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/update.h"
#include "model/v1.h"
#include "model/v1_names.h"

namespace calico::model {

enum class ApiVersion { kV1, kV3 };

// One resource read from a user's file.
struct Document {
  Object object;
  std::string kind_as_written;  // "ipPool" in v1, "IPPool" in v3: success lines repeat it
  ApiVersion version = ApiVersion::kV3;
  std::shared_ptr<const v1::Resource> v1 = nullptr;  // with partial_v1: as it stands in the file
};

enum class DocumentStep { kRead, kUnpackList, kConvert };

struct DocumentOptions {
  V1Names v1_names = V1Names::kConverted;
  bool name_v1_endpoints = false;  // create: a v1 workload endpoint without a name gets a random one
  bool partial_v1 = false;         // get: a v1 document need not be sound, nor name one resource
  // convert: Kubernetes' NetworkPolicy (networking.k8s.io/v1) and List (v1) are documents too.
  bool kubernetes = false;
  DocumentStep* failed = nullptr;  // convert: becomes the step at which an error came up
};

inline constexpr std::size_t kLargestDocument = 10u << 20;  // bytes; reference calicoctl A.5

// Parses YAML or JSON text: several documents separated by "---", `<Kind>List` objects, arrays; both
// `projectcalico.org/v3` and `v1` (converted, reference datastore-model D). Strict: an unknown field is
// "field in document is not recognized or is in the wrong location: x"; broken YAML names `source`,
// line and column. Reference calicoctl A.5 and A.5.1 (scalars).
Result<std::vector<Document>> ParseDocuments(std::string_view text, const std::string& source,
                                             const DocumentOptions& options = {});

// How calicoctl prints (reference calicoctl B.3): one object, or a List with the store's revision.
std::string PrintYaml(const Object& object);
std::string PrintJson(const Object& object);
std::string PrintListYaml(Kind kind, const std::vector<Object>& items, const std::string& revision);
std::string PrintListJson(Kind kind, const std::vector<Object>& items, const std::string& revision);
// Several single results (`get pool a b`): an array.
std::string PrintArrayYaml(const std::vector<Object>& items);
std::string PrintArrayJson(const std::vector<Object>& items);
// As documents of the v1 API, a flat array also for one object (reference calicoctl D.5). kInvalidArgument
// names what the v1 API cannot express (v1_convert.h).
Result<std::string> PrintV1Yaml(const std::vector<Object>& items);
Result<std::string> PrintV1Json(const std::vector<Object>& items);

}  // namespace calico::model
