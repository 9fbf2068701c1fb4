// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dataplane_api/bgp_view.h"

namespace calico::bgp {

using PasswordOf = std::function<std::optional<std::string>(const dataplane_api::BgpSecret& secret)>;

// The passwords of a view's sessions. Each is read once: several sessions may have one, and reading is a
// file.
struct Passwords {
  std::map<dataplane_api::BgpSecret, std::optional<std::string>> known;
  std::vector<std::string> missing;  // "10.0.0.1: secret tor, key password"
};
Passwords ReadPasswords(const dataplane_api::BgpView& view, const PasswordOf& password_of);
bool HasPasswords(const dataplane_api::BgpView& view);

}  // namespace calico::bgp
