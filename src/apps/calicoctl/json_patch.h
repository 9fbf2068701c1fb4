// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

// The three ways to say what to change in a JSON document. Text in, text out; members keep their order.
namespace calico::calicoctl {

enum class PatchType {
  kStrategic,  // maps are merged, null deletes, lists are replaced; "$patch": "replace" or "delete"
  kMerge,      // RFC 7386
  kJson,       // RFC 6902: a list of operations
};

Result<std::string> PatchJson(const std::string& document, const std::string& patch, PatchType type);

}  // namespace calico::calicoctl
