// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "model/felix_parameters.h"

namespace calico::model {

// A parameter's value between its two homes: JSON text of FelixConfiguration's member, and the raw text that
// Calico 2.6 keeps under /calico/v1/config (reference datastore-model A.14, B.7, D.4).
std::string FelixValueToV1(const FelixParameter& parameter, const std::string& json_text);
Result<std::string> FelixValueFromV1(const FelixParameter& parameter, const std::string& v1_text);

}  // namespace calico::model
