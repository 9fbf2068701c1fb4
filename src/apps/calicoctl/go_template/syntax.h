// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "apps/calicoctl/go_template/value.h"
#include "base/result.h"

namespace calico::calicoctl::go_template {

struct Place {
  std::size_t line = 1;
  std::size_t column = 1;
};
Error At(const Place& place, const std::string& text);

struct Pipeline;

// One word of a command, and the fields behind it: `.A.B`, `$x.A`, `"text"`, `(…).A`, `len`.
struct Operand {
  enum class Type { kDot, kVariable, kLiteral, kFunction, kPipeline } type = Type::kDot;
  Place place;
  std::string name;  // of variables (with "$") and functions
  Value literal;
  std::shared_ptr<const Pipeline> pipeline;
  std::vector<std::string> fields;
};
struct Command {
  std::vector<Operand> words;
};
// `$x := a b | c`
struct Pipeline {
  Place place;
  std::vector<std::string> variables;  // declared or assigned; two in `range $i, $x := …`
  bool declares = true;                // ":=", not "="
  std::vector<Command> commands;
};

struct Node;
struct Block {
  std::vector<Node> nodes;
};
struct Node {
  enum class Type { kText, kAction, kIf, kWith, kRange, kBreak, kContinue } type = Type::kText;
  Place place;
  std::string text;
  Pipeline pipeline;
  Block body;
  Block otherwise;  // of {{else}}
};

// --- tokens of one action

struct Token {
  enum class Type {
    kField,     // ".Name"
    kDot,       // "."
    kVariable,  // "$x"
    kWord,      // if, range, eq, true
    kText,      // "…", `…`: without the quotes
    kNumber,
    kSymbol,  // | ( ) , := =
    kEnd,
  } type = Type::kEnd;
  std::string text;
  Place place;
  bool blank_before = false;
  Value value;  // of kText and kNumber
};

// A template is text and actions in turn.
struct Piece {
  Place place;
  bool is_action = false;
  std::string text;           // of text
  std::vector<Token> tokens;  // of an action, kEnd last
};
// Comments and the blanks that "{{-" and "-}}" trim are gone.
Result<std::vector<Piece>> SplitTemplate(std::string_view text);

}  // namespace calico::calicoctl::go_template
