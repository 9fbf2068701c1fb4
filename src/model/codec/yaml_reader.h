// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: one YAML document as JSON.

#include <map>
#include <optional>
#include <string>

#include "model/codec/fields.h"

namespace calico::model::codec {

// In the text, from 1; line 0: not known.
struct Place {
  int line = 0;
  int column = 0;
};
// Where the members of a document stand, by RFC 6901 pointer; "" is the document itself.
using Places = std::map<std::string, Place>;

struct YamlProblem {
  Place place;
  std::string text;
};

// Reads a text that holds one document (or none: null). Plain scalars keep their text behind kPlainScalar:
// what they mean depends on the member they are for. Quick, because it keeps no places; who needs them to
// explain an error reads the text again with `places`.
std::optional<YamlProblem> ReadYaml(const std::string& text, Json& out, Places* places = nullptr);

}  // namespace calico::model::codec
