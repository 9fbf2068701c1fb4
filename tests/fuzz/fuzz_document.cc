// SPDX-License-Identifier: Apache-2.0
// Documents of users, YAML or JSON, v1 or v3: any bytes give resources or one error that names the file. What
// is read is printed in a form that reads as the same resource.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "model/codec/document.h"
#include "model/codec/json.h"
#include "model/validate/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace calico::model;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto documents = ParseDocuments(text, "input");
  if (!documents.has_value()) {
    CHECK(documents.error().message().find("input") != std::string::npos, "an error names the file");
    return 0;
  }
  for (const Document& document : *documents) {
    const std::string printed = PrintYaml(document.object);
    const auto again = ParseDocuments(printed, "printed");
    CHECK(again.has_value() && again->size() == 1, "what we print we can read: " + printed);
    CHECK(PrintYaml(again->front().object) == printed, "what we print means the same: " + printed);
    Object object = document.object;
    if (ApplyDefaults(object, nullptr).has_value()) static_cast<void>(Validate(object));
  }
  return 0;
}
