// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/update.h"

namespace calico::model {

// A resource as JSON with every member its struct has, in upstream's order: those without a value too, as
// null, "", 0, false or an empty list. Numbers that are not whole in upstream's structs have a point. For
// templates, which name members of upstream's structs.
std::string CompleteJson(const Object& object);

}  // namespace calico::model
