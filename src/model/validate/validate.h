// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "model/update.h"

namespace calico::model {

// Kind-specific defaulting before a create or update (reference datastore-model C.6). `old` is the stored
// object on update, nullptr on create. Checks that need no other object happen here too, in the reference's
// order.
Status ApplyDefaults(Object& object, const Object* old);

// Field and metadata checks (C.2 to C.4). One error that lists every failing field in upstream's words
// (A.16): "error with field IPPool.Spec.CIDR = '10.0.0.1/8' (IPPool CIDR is not strictly masked)".
Status Validate(const Object& object);

// "error with field <name> = '<value>' (<reason>)"
Error FieldError(const std::string& field, const std::string& value, const std::string& reason);

}  // namespace calico::model
