// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: JSON members of each kind, named once and visited by encoder and decoder.

#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "base/result.h"
#include "model/update.h"

namespace calico::model::codec {

using Json = nlohmann::ordered_json;

// A plain (unquoted) YAML scalar on its way to a typed member: the reader of the member decides what it
// means. JSON texts never contain this control character.
inline constexpr char kPlainScalar = '\x01';

// For messages about a user's document; members are named by RFC 6901 pointers.
struct DecodeNotes {
  std::string bad_pointer;                   // of the member that made decoding fail
  std::map<std::string, std::string> meant;  // unknown member -> the member probably meant
  bool inexpressible = false;                // the document is sound, but v3 cannot say it
};
// Decodes into `object` (already of the right alternative). Unknown members go into its `unknown`.
Status DecodeObject(const Json& json, Object& object, DecodeNotes* notes = nullptr);
// With `stored`: the exact stored form. Without: what calicoctl prints (resourceVersion, no empty
// source/destination).
Json EncodeObject(const Object& object, bool stored);
Object EmptyObject(Kind kind);
// "field in document is not recognized or is in the wrong location: x", with the member probably meant.
Error UnknownField(const std::string& pointer, const DecodeNotes& notes);
// Compact text with Go's HTML escapes.
std::string DumpStored(const Json& json);
// Resolves plain scalars that no typed member took, by YAML 1.1.
Json ResolvePlain(const Json& json);

}  // namespace calico::model::codec
