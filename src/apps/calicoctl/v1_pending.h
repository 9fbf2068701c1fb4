#pragma once
#include "base/result.h"
#include "model/update.h"
namespace calico::model {
inline Result<std::string> PrintV1Yaml(const std::vector<Object>&) {
  return Error(ErrorCode::kUnsupported, "pending");
}
inline Result<std::string> PrintV1Json(const std::vector<Object>&) {
  return Error(ErrorCode::kUnsupported, "pending");
}
}  // namespace calico::model
