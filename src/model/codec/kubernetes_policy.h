// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: a NetworkPolicy of Kubernetes as one of Calico, as its controller would write it
// (reference datastore-model D.3, A.14), but under its own name.

#include "model/codec/fields.h"

namespace calico::model::codec {

inline constexpr char kKubernetesPolicyVersion[] = "networking.k8s.io/v1";

Result<Object> DecodeKubernetesPolicy(const Json& json, DecodeNotes& notes);

}  // namespace calico::model::codec
