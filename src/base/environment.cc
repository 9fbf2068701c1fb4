// SPDX-License-Identifier: Apache-2.0
#include "base/environment.h"

#include <string_view>

#include <unistd.h>

#include "base/text.h"

namespace calico {

Environment Environment::OfProcess() {
  std::map<std::string, std::string> variables;
  for (char** entry = ::environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::size_t at = text.find('=');
    if (at != std::string_view::npos) variables.emplace(text.substr(0, at), text.substr(at + 1));
  }
  return Environment(std::move(variables));
}

std::optional<std::string> Environment::Get(const std::string& name) const {
  const auto found = variables_.find(name);
  if (found == variables_.end() || found->second.empty()) return std::nullopt;
  return found->second;
}

std::string Environment::GetOr(const std::string& name, const std::string& fallback) const {
  return Get(name).value_or(fallback);
}

bool Environment::GetBool(const std::string& name, bool fallback) const {
  const auto value = Get(name);
  if (!value) return fallback;
  const std::string lower = ToLower(*value);
  return !(lower == "false" || lower == "0" || lower == "no" || lower == "n" || lower == "f");
}

}  // namespace calico
