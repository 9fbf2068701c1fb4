// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "model/update.h"

namespace calico::model {

// The order of a create or update (reference datastore-model C.1): ApplyDefaults, Validate, then what needs
// other objects or the store. None of these functions looks at other objects.

// Kind-specific defaulting (C.6, A.7, and the defaults of C.7). `old` is the stored object on update, nullptr
// on create; only a pool needs it. The checks of C.6 happen here too, in the reference's order.
Status ApplyDefaults(Object& object, const Object* old);

// ValidateFields, then ValidateSchema if the fields are sound.
Status Validate(const Object& object);

// Field and metadata checks (C.2 to C.5). One error that lists every failing field in upstream's words
// (A.16): "error with field IPPool.Spec.CIDR = '10.0.0.1/8' (IPPool CIDR is not strictly masked)".
// This alone, without defaults, is what `calicoctl validate` does (reference calicoctl C.6). An absent name
// is no failure: an endpoint's is computed, and for the others creating says so.
Status ValidateFields(const Object& object);

// The rules of the resource definitions of v3.32 (C.7): fields are JSON paths such as spec.cidr, without
// value. Wants an object with its defaults. Kinds without definition (Node, WorkloadEndpoint, Profile) pass.
Status ValidateSchema(const Object& object);

// "error with field <name> = '<value>' (<reason>)"
Error FieldError(const std::string& field, const std::string& value, const std::string& reason);

}  // namespace calico::model
