// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside datastore's typed layer only: upstream's words (reference datastore-model A.16).

#include <string>

#include <fmt/format.h>

#include "base/result.h"
#include "model/key.h"

namespace calico::datastore {

inline constexpr char kAllowProfile[] = "projectcalico-default-allow";

inline bool IsStaticProfile(const model::Key& key) {
  return key.kind == model::Kind::kProfile && key.name == kAllowProfile;
}

// The store's error about `what`, a resource as upstream describes it. v3 appends the store's own error,
// which is empty.
inline Error WordedV3(Error error, const std::string& what) {
  switch (error.code()) {
    case ErrorCode::kNotFound:
      return Error(ErrorCode::kNotFound, fmt::format("resource does not exist: {} with error: <nil>", what));
    case ErrorCode::kAlreadyExists:
      return Error(ErrorCode::kAlreadyExists,
                   fmt::format("resource already exists: {} with error: <nil>", what));
    case ErrorCode::kConflict:
      return Error(ErrorCode::kConflict, fmt::format("update conflict: {}", what));
    default:
      return error;
  }
}
// The same by Calico 2.6 (reference datastore-model C.10).
inline Error WordedV1(Error error, const std::string& what) {
  switch (error.code()) {
    case ErrorCode::kNotFound:
      return Error(ErrorCode::kNotFound, "resource does not exist: " + what);
    case ErrorCode::kAlreadyExists:
      return Error(ErrorCode::kAlreadyExists, "resource already exists: " + what);
    case ErrorCode::kConflict:
      return Error(ErrorCode::kConflict, fmt::format("update conflict: '{}'", what));
    default:
      return error;
  }
}

// `id` is the bare name, as upstream has it for these.
inline Error NotSupported(const std::string& operation, const std::string& id, const std::string& reason) {
  return Error(ErrorCode::kUnsupported,
               fmt::format("operation {} is not supported on {}: {}", operation, id, reason));
}

}  // namespace calico::datastore
