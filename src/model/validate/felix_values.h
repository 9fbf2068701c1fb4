// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/validate only: FelixConfiguration as its parameters.

#include <map>
#include <string>
#include <string_view>

#include "model/felix_configuration.h"
#include "model/felix_parameters.h"

namespace calico::model::validate {

// Field of spec -> JSON text of its value, whether or not the struct has a member for it.
std::map<std::string, std::string> FelixValues(const FelixConfiguration& configuration);
std::string FelixText(const std::string& json_text);  // without quotes
// "bpfLogLevel" -> "BPFLogLevel", as upstream names the field.
std::string FelixFieldName(std::string_view field);

}  // namespace calico::model::validate
