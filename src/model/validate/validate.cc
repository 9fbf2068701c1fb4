// SPDX-License-Identifier: Apache-2.0
#include "model/validate/validate.h"

#include <fmt/format.h>

#include "model/validate/checks.h"
#include "model/validate/problems.h"

namespace calico::model {

Error FieldError(const std::string& field, const std::string& value, const std::string& reason) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("error with field {}{} ({})", field, validate::Shown(value), reason));
}

Status ValidateFields(const Object& object) {
  validate::Problems problems;
  std::visit(
      [&](const auto& o) {
        using T = std::decay_t<decltype(o)>;
        if constexpr (requires { validate::Check(o, problems); }) validate::Check(o, problems);
        if constexpr (requires(const T& resource) { resource.metadata; })
          validate::CheckMetadata(static_cast<Kind>(object.index()), o.metadata, problems);
      },
      object);
  return problems.Summary();
}

Status ValidateSchema(const Object& object) {
  validate::Problems problems;
  validate::CheckSchema(object, problems);
  return problems.Summary();
}

Status Validate(const Object& object) {
  RETURN_IF_ERROR(ValidateFields(object));
  return ValidateSchema(object);
}

}  // namespace calico::model
