// SPDX-License-Identifier: Apache-2.0
// Selectors: any text is parsed or refused; a parsed one prints to a text that means, and prints, the same.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "model/selector/selector.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using calico::model::Selector;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto parsed = Selector::Parse(text);
  if (!parsed.has_value()) {
    CHECK(!parsed.error().message().empty(), "an error says why");
    return 0;
  }
  const std::string printed = parsed->text();
  const auto again = Selector::Parse(printed);
  CHECK(again.has_value(), "the canonical text of a selector is a selector");
  CHECK(again->text() == printed, "printing is stable");
  return 0;
}
