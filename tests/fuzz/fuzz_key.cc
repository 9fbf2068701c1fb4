// SPDX-License-Identifier: Apache-2.0
// Paths of a store: any text is a key or not; a key prints to a path that is read as the same key.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "model/key.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace calico::model;
  const std::string_view path(reinterpret_cast<const char*>(data), size);
  const auto key = ParsePath(path);
  if (!key) return 0;
  CHECK(!Describe(*key).empty(), "every key has a name for messages");
  // Names are written verbatim but read unescaped (reference datastore-model A.1): one with "/" or "%" has no
  // path of its own.
  if (IsResource(key->kind) && (key->name + key->ns).find_first_of("/%") != std::string::npos) return 0;
  const auto again = ParsePath(ToPath(*key));
  CHECK(again.has_value() && *again == *key, "a key's path is read as the key");
  return 0;
}
