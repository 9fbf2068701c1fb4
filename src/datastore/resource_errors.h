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

// The store's error about `key`.
inline Error Named(Error error, const model::Key& key) {
  const std::string what = model::Describe(key);
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

// `id` is the bare name, as upstream has it for these.
inline Error NotSupported(const std::string& operation, const std::string& id, const std::string& reason) {
  return Error(ErrorCode::kUnsupported,
               fmt::format("operation {} is not supported on {}: {}", operation, id, reason));
}

}  // namespace calico::datastore
