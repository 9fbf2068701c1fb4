// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/go_template/functions.h"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "base/text.h"

namespace calico::calicoctl::go_template {
namespace {

using Type = Value::Type;
using Arguments = std::vector<Value>;

Error Bad(std::string text) {
  return Error(ErrorCode::kInvalidArgument, std::move(text));
}

// --- comparison

// Numbers compare with numbers, texts with texts, booleans with booleans, nil with anything.
Result<bool> Equal(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.IsAbsent() || b.IsAbsent()) return a.IsAbsent() && b.IsAbsent();
  if (a.type() != b.type()) return Bad("incompatible types for comparison");
  if (a.type() == Type::kText) return a.text() == b.text();
  if (a.type() == Type::kBool) return a.boolean() == b.boolean();
  return Bad("this type can not be compared");
}
Result<bool> Less(const Value& a, const Value& b) {
  if (a.is_number() && b.is_number()) return a.number() < b.number();
  if (a.type() == Type::kText && b.type() == Type::kText) return a.text() < b.text();
  return Bad("incompatible types for comparison");
}

// `eq a b c`: a is b or c.
Result<Value> Eq(const Arguments& arguments, const Environment&) {
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    ASSIGN_OR_RETURN(const bool equal, Equal(arguments[0], arguments[i]));
    if (equal) return Value::Bool(true);
  }
  return Value::Bool(false);
}
Result<Value> Ne(const Arguments& arguments, const Environment&) {
  ASSIGN_OR_RETURN(const bool equal, Equal(arguments[0], arguments[1]));
  return Value::Bool(!equal);
}
template <bool kSwapped, bool kNegated>
Result<Value> Ordered(const Arguments& arguments, const Environment&) {
  ASSIGN_OR_RETURN(const bool less, Less(arguments[kSwapped ? 1 : 0], arguments[kSwapped ? 0 : 1]));
  return Value::Bool(less != kNegated);
}

// --- logic: the evaluator stops at the argument that decides, so that the last one is the answer

Result<Value> Last(const Arguments& arguments, const Environment&) {
  return arguments.back();
}
Result<Value> Not(const Arguments& arguments, const Environment&) {
  return Value::Bool(!arguments[0].IsTrue());
}

// --- lists, maps, text

Result<Value> Len(const Arguments& arguments, const Environment&) {
  const Value& value = arguments[0];
  switch (value.type()) {
    case Type::kText:
      return Value::Integer(static_cast<std::int64_t>(value.text().size()));
    case Type::kList:
      return Value::Integer(static_cast<std::int64_t>(value.items().size()));
    case Type::kMap:
      return Value::Integer(static_cast<std::int64_t>(value.members().size()));
    default:
      return Bad("len of what has no length");
  }
}
Result<Value> Index(const Arguments& arguments, const Environment&) {
  Value value = arguments[0];
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    const Value& at = arguments[i];
    if (value.type() == Type::kList && at.type() == Type::kInteger) {
      if (at.integer() < 0 || static_cast<std::size_t>(at.integer()) >= value.items().size())
        return Bad(fmt::format("index out of range: {}", at.integer()));
      Value item = value.items()[static_cast<std::size_t>(at.integer())];
      value = std::move(item);
    } else if (value.type() == Type::kMap && at.type() == Type::kText) {
      const auto found = std::find_if(value.members().begin(), value.members().end(),
                                      [&](const Value::Member& member) { return member.first == at.text(); });
      Value item = found == value.members().end() ? Value::Text("") : found->second;
      value = std::move(item);
    } else {
      return Bad(value.type() == Type::kNil ? "index of untyped nil" : "can't index this with that");
    }
  }
  return value;
}

Result<std::string> Joined(const Value& list, const Value& separator) {
  if (list.type() != Type::kList && !list.IsAbsent()) return Bad("join of what is no list");
  std::vector<std::string> parts;
  for (const Value& item : list.items()) parts.push_back(item.Shown());
  return calico::Join(parts, separator.Shown());
}
Result<Value> JoinList(const Arguments& arguments, const Environment&) {
  ASSIGN_OR_RETURN(std::string text, Joined(arguments[0], arguments[1]));
  return Value::Text(std::move(text));
}
// Longer text is cut so that it has `max` characters with "..." at its end.
Result<Value> JoinAndTruncate(const Arguments& arguments, const Environment&) {
  constexpr std::string_view kDots = "...";
  ASSIGN_OR_RETURN(std::string text, Joined(arguments[0], arguments[1]));
  if (arguments[2].type() != Type::kInteger || arguments[2].integer() < 0)
    return Bad("the longest length must be a number");
  const auto longest = static_cast<std::size_t>(arguments[2].integer());
  if (text.size() > longest)
    text = text.substr(0, longest > kDots.size() ? longest - kDots.size() : 0) + std::string(kDots);
  return Value::Text(std::move(text));
}
Result<Value> Config(const Arguments& arguments, const Environment& environment) {
  ASSIGN_OR_RETURN(std::string text, environment.config(arguments[0].Shown()));
  return Value::Text(std::move(text));
}

// --- printing

// Blanks between operands when neither is text, as Go's Sprint has them.
Result<Value> Print(const Arguments& arguments, const Environment&) {
  std::string text;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const bool texts =
        arguments[i].type() == Type::kText || (i > 0 && arguments[i - 1].type() == Type::kText);
    text += (i > 0 && !texts ? " " : "") + arguments[i].Shown();
  }
  return Value::Text(std::move(text));
}
Result<Value> Println(const Arguments& arguments, const Environment&) {
  std::vector<std::string> parts;
  for (const Value& argument : arguments) parts.push_back(argument.Shown());
  return Value::Text(calico::Join(parts, " ") + "\n");
}
Result<Value> Printf(const Arguments& arguments, const Environment&) {
  if (arguments[0].type() != Type::kText) return Bad("the format of printf must be text");
  return Value::Text(GoPrintf(arguments[0].text(), {arguments.begin() + 1, arguments.end()}));
}

struct Function {
  std::size_t fewest, most;
  Result<Value> (*call)(const Arguments&, const Environment&);
};
constexpr std::size_t kAny = 1000;

const std::map<std::string, Function>& Functions() {
  static const std::map<std::string, Function> kFunctions{
      {"and", {1, kAny, Last}},
      {"config", {1, 1, Config}},
      {"eq", {2, kAny, Eq}},
      {"ge", {2, 2, Ordered<false, true>}},
      {"gt", {2, 2, Ordered<true, false>}},
      {"index", {1, kAny, Index}},
      {"join", {2, 2, JoinList}},
      {"joinAndTruncate", {3, 3, JoinAndTruncate}},
      {"le", {2, 2, Ordered<true, true>}},
      {"len", {1, 1, Len}},
      {"lt", {2, 2, Ordered<false, false>}},
      {"ne", {2, 2, Ne}},
      {"not", {1, 1, Not}},
      {"or", {1, kAny, Last}},
      {"print", {0, kAny, Print}},
      {"printf", {1, kAny, Printf}},
      {"println", {0, kAny, Println}},
  };
  return kFunctions;
}

}  // namespace

bool IsFunction(const std::string& name) {
  return Functions().contains(name);
}

std::vector<std::string> FunctionNames() {
  std::vector<std::string> names;
  for (const auto& [name, function] : Functions()) names.push_back(name);
  return names;
}

Result<Value> CallFunction(const std::string& name, const Arguments& arguments,
                           const Environment& environment) {
  const Function& function = Functions().at(name);
  if (arguments.size() < function.fewest || arguments.size() > function.most) {
    const std::string wants = function.fewest == function.most ? std::to_string(function.fewest)
                                                               : fmt::format("at least {}", function.fewest);
    return Bad(fmt::format("wrong number of args for {}: want {} got {}", name, wants, arguments.size()));
  }
  return function.call(arguments, environment);
}

}  // namespace calico::calicoctl::go_template
