// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model only: documents of the v1 API (reference calicoctl D.6). What they mean: model/v1_convert.h.

#include <string>

#include "model/codec/document.h"
#include "model/codec/fields.h"
#include "model/v1.h"

namespace calico::model::codec {

bool IsV1Kind(const std::string& kind);  // "ipPool", "policy", …: the seven kinds of Calico 2.6

// Strict: an unknown field is an error; so is what validate/v1.h refuses. `notes` name the place in `json`.
Result<v1::Resource> ReadV1(const Json& json, const std::string& kind, DecodeNotes& notes);
Json WriteV1(const v1::Resource& resource);

// The whole way of a user's document to a v3 object.
Result<Document> DecodeV1(const Json& json, const std::string& kind, const DocumentOptions& options,
                          DecodeNotes& notes);

// kInvalidArgument names the first member of a v3 object that the v1 API has no place for.
Status CheckExpressibleInV1(const Object& object);

}  // namespace calico::model::codec
