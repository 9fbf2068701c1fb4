// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/go_template/value.h"

#include "apps/calicoctl/columns.h"

namespace calico::calicoctl::go_template {

Value Value::Bool(bool value) {
  Value result;
  result.type_ = Type::kBool;
  result.integer_ = value ? 1 : 0;
  return result;
}
Value Value::Integer(std::int64_t value) {
  Value result;
  result.type_ = Type::kInteger;
  result.integer_ = value;
  return result;
}
Value Value::Float(double value) {
  Value result;
  result.type_ = Type::kFloat;
  result.float_ = value;
  return result;
}
Value Value::Text(std::string value) {
  Value result;
  result.type_ = Type::kText;
  result.tree_ = std::make_shared<Tree>(Tree{std::move(value), {}, {}});
  return result;
}
Value Value::List(std::vector<Value> items) {
  Value result;
  result.type_ = Type::kList;
  result.tree_ = std::make_shared<Tree>(Tree{{}, std::move(items), {}});
  return result;
}
Value Value::Struct(std::vector<Member> fields, bool open) {
  Value result = Map(std::move(fields));
  result.type_ = Type::kStruct;
  result.integer_ = open ? 1 : 0;
  return result;
}
Value Value::Map(std::vector<Member> entries) {
  Value result;
  result.type_ = Type::kMap;
  result.tree_ = std::make_shared<Tree>(Tree{{}, {}, std::move(entries)});
  return result;
}

const std::string& Value::text() const {
  static const std::string kNone;
  return tree_ ? tree_->text : kNone;
}
const std::vector<Value>& Value::items() const {
  static const std::vector<Value> kNone;
  return tree_ ? tree_->items : kNone;
}
const std::vector<Value::Member>& Value::members() const {
  static const std::vector<Member> kNone;
  return tree_ ? tree_->members : kNone;
}

bool Value::IsTrue() const {
  switch (type_) {
    case Type::kNil:
      return false;
    case Type::kBool:
    case Type::kInteger:
      return integer_ != 0;
    case Type::kFloat:
      return float_ != 0;
    case Type::kText:
      return !text().empty();
    case Type::kList:
      return !items().empty();
    case Type::kMap:
      return !members().empty();
    case Type::kStruct:
      return !IsAbsent();
  }
  return false;
}

bool Value::IsAbsent() const {
  return type_ == Type::kNil || (type_ == Type::kStruct && open() && members().empty());
}

std::string Value::Shown() const {
  std::string text;
  switch (type_) {
    case Type::kNil:
      return "<nil>";
    case Type::kBool:
      return integer_ != 0 ? "true" : "false";
    case Type::kInteger:
      return std::to_string(integer_);
    case Type::kFloat:
      return GoFloat(float_);
    case Type::kText:
      return tree_->text;
    case Type::kList:
      for (const Value& item : items()) text += (text.empty() ? "" : " ") + item.Shown();
      return "[" + text + "]";
    case Type::kStruct:
      if (IsAbsent()) return "";
      for (const Member& member : members()) text += (text.empty() ? "" : " ") + member.second.Shown();
      return "{" + text + "}";
    case Type::kMap:
      for (const Member& member : members())
        text += (text.empty() ? "" : " ") + member.first + ":" + member.second.Shown();
      return "map[" + text + "]";
  }
  return text;
}

}  // namespace calico::calicoctl::go_template
