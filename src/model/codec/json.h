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

// As DecodeValue, for those who enforce policy: a policy (of Calico's own kinds) or profile always has a
// value. Of one that does not decode the members that cannot be read are left out, which makes its selection
// wider, never narrower: without its selector it is for every endpoint of its namespace, or of all; without
// its types for both directions; without its order it comes first in its tier. `unreadable` says why.
Result<Object> DecodeToEnforce(const Key& key, std::string_view json);
// The kinds for which it always succeeds.
bool IsEnforced(Kind kind);
// From a driver that cannot make a v3 value of what is stored: decoding it fails with this message.
std::string ValueForUnreadable(const std::string& why);
// Of a policy or profile; empty for everything else.
const std::string& WhyUnreadable(const Object& object);

// The exact stored bytes (reference datastore-model A.3, ipam 2): member order, \u0026 escapes, sorted maps,
// omitted empties, metadata without resourceVersion; unknown members at the end of their parent.
std::string EncodeValue(const Key& key, const Object& object);

// The metadata of a resource kind's object; CHECKs that it is one.
Metadata& MetadataOf(Object& object);
const Metadata& MetadataOf(const Object& object);
Key KeyOf(const Object& resource);  // from kind, namespace and name

}  // namespace calico::model
