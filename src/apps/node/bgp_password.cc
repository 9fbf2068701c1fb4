// SPDX-License-Identifier: Apache-2.0
#include "apps/node/bgp_password.h"

#include <algorithm>
#include <cctype>

#include "base/file.h"

namespace calico::node {
namespace {

constexpr std::size_t kLongestPassword = 80;  // TCP_MD5SIG_MAXKEYLEN in linux/tcp.h

bool IsFileName(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

bool IsUsable(const std::string& password) {
  return !password.empty() && password.size() <= kLongestPassword &&
         std::all_of(password.begin(), password.end(),
                     [](char c) { return c != '"' && std::iscntrl(static_cast<unsigned char>(c)) == 0; });
}

std::string VariableOf(const dataplane_api::BgpSecret& secret) {
  std::string name = "CALICO_BGP_SECRET_" + secret.name + "_" + secret.key;
  for (char& c : name) {
    const auto byte = static_cast<unsigned char>(c);
    c = std::isalnum(byte) != 0 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return name;
}

}  // namespace

std::optional<std::string> ReadBgpPassword(const Environment& environment,
                                           const dataplane_api::BgpSecret& secret,
                                           const std::string& directory) {
  std::optional<std::string> password;
  if (IsFileName(secret.name) && IsFileName(secret.key)) {
    if (auto text = ReadFile(directory + "/" + secret.name + "/" + secret.key); text.has_value()) {
      while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
      password = std::move(*text);
    }
  }
  if (!password) password = environment.Get(VariableOf(secret));
  if (password && !IsUsable(*password)) password.reset();
  return password;
}

}  // namespace calico::node
