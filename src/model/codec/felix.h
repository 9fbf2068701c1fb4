// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: parameters of FelixConfiguration, and forms that several kinds share.

#include <string>

#include "model/codec/fields.h"
#include "model/codec/value.h"
#include "model/felix_parameters.h"

namespace calico::model::codec {

// Go's form of a duration: "90s" -> "1m30s", "0" -> "0s"; what is no duration stays as it is.
std::string NormalDuration(const std::string& text);
// "6" -> 6, everything else stays text.
Json NumberWhenDigits(const std::string& text);
// The value of a parameter as it is stored. Throws Bad when it has another type.
Json NormalFelixValue(const Json& json, const FelixParameter& parameter, const Step& at);

}  // namespace calico::model::codec
