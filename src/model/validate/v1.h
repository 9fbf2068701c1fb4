// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "model/update.h"
#include "model/v1.h"

namespace calico::model {

// The checks of Calico 2.6 (reference datastore-model C.10). One error that lists every failing field, or the
// first missing identifier: "insufficient identifiers, missing 'cidr'". `pointer` becomes the RFC 6901
// pointer of the first one in the document.
Status ValidateV1(const v1::Resource& resource, std::string* pointer = nullptr);

// Of an object that a store of Calico 2.6 shall hold.
Status ValidateV1(const Object& object);

}  // namespace calico::model
