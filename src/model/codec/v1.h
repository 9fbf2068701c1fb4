// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: documents of the v1 API (reference calicoctl D.6) as v3 objects (datastore-model
// D.2).

#include <string>

#include "model/codec/document.h"
#include "model/codec/fields.h"

namespace calico::model::codec {

bool IsV1Kind(const std::string& kind);  // "ipPool", "policy", …: the seven kinds of Calico 2.6
Result<Document> DecodeV1(const Json& json, const std::string& kind, V1Names names, DecodeNotes& notes);

}  // namespace calico::model::codec
