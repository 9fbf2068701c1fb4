// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

// Members of JSON objects, read leniently: one that is missing or of another type is empty. `Json` is
// nlohmann's json or ordered_json, which only the .cc files include.
namespace calico::libnetwork {

// nullptr: `object` has none of that name, or is no object.
template <typename Json>
const Json* Member(const Json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(name);
  return found == object.end() ? nullptr : &*found;
}

template <typename Json>
std::string Text(const Json& object, const char* name) {
  const Json* member = Member(object, name);
  return member != nullptr && member->is_string() ? member->template get<std::string>() : std::string();
}

template <typename Json>
bool Flag(const Json& object, const char* name) {
  const Json* member = Member(object, name);
  return member != nullptr && member->is_boolean() && member->template get<bool>();
}

}  // namespace calico::libnetwork
