// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/policy.h"

namespace calico::model {

struct ConvertOptions {
  bool json = false;               // else YAML
  bool ignore_validation = false;  // print also what v3 would refuse
};

// v1 documents and Kubernetes' network policies as v3 documents, for `calicoctl convert` (reference
// datastore-model D.3): one result alone, several as a List. The text ends with a line feed.
Result<std::string> ConvertDocuments(std::string_view text, const std::string& source,
                                     const ConvertOptions& options = {});

// What a staged policy of Kubernetes would be as a policy of Calico in its namespace.
Result<PolicySpec> SpecOfKubernetesPolicy(const StagedKubernetesNetworkPolicy& staged);

}  // namespace calico::model
