// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/calicoctl/go_template/template.h"

namespace calico::calicoctl::go_template {

bool IsFunction(const std::string& name);
std::vector<std::string> FunctionNames();
// `and` and `or` stop at the argument that decides: the caller gives them only the arguments they need.
// Errors say what is wrong, not where.
Result<Value> CallFunction(const std::string& name, const std::vector<Value>& arguments,
                           const Environment& environment);

// Go's fmt.Sprintf for the verbs %v %s %q %d %x %c %t %f %g %e %%.
std::string GoPrintf(const std::string& format, const std::vector<Value>& arguments);

}  // namespace calico::calicoctl::go_template
