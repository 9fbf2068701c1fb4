// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: JSON members of each kind, named once and visited by encoder and decoder.

#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "model/update.h"

namespace calico::model::codec {

using Json = nlohmann::ordered_json;

// A plain (unquoted) YAML scalar on its way to a typed member: the reader of the member decides what it
// means. JSON texts never contain this control character.
inline constexpr char kPlainScalar = '\x01';

// Decodes into `object` (already of the right alternative). Unknown members go into its `unknown`.
Status DecodeObject(const Json& json, Object& object);
// With `stored`: the exact stored form. Without: what calicoctl prints (resourceVersion, no empty
// source/destination).
Json EncodeObject(const Object& object, bool stored);
Object EmptyObject(Kind kind);
// Compact text with Go's HTML escapes.
std::string DumpStored(const Json& json);
// Resolves plain scalars that no typed member took, by YAML 1.1.
Json ResolvePlain(const Json& json);

}  // namespace calico::model::codec
