// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: JSON as calicoctl prints it.

#include <string>

#include "model/codec/fields.h"

namespace calico::model::codec {

std::string YamlText(const Json& json);  // sorted keys, ends with a line feed
std::string JsonText(const Json& json);  // two blanks a level, Go's HTML escapes, no line feed at the end

}  // namespace calico::model::codec
