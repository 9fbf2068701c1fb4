// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "model/key.h"
#include "model/update.h"

namespace calico::model {

// Decodes a stored value. Lenient: unknown members are kept in `unknown`, missing ones get the read
// defaults of the reference (A.7.6). kInvalidArgument on malformed JSON or a wrong type, naming the member.
Result<Object> DecodeValue(const Key& key, std::string_view json);

// The exact stored bytes (reference datastore-model A.3, ipam 2): member order, \u0026 escapes, sorted maps,
// omitted empties, metadata without resourceVersion; unknown members at the end of their parent.
std::string EncodeValue(const Key& key, const Object& object);

// The metadata of a resource kind's object; CHECKs that it is one.
Metadata& MetadataOf(Object& object);
const Metadata& MetadataOf(const Object& object);
Key KeyOf(const Object& resource);  // from kind, namespace and name

}  // namespace calico::model
