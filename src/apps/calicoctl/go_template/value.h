// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace calico::calicoctl::go_template {

// What a template works on: a tree like Go's values. Copies share their members.
class Value {
 public:
  enum class Type {
    kNil,
    kBool,
    kInteger,
    kFloat,
    kText,
    kList,
    kStruct,  // named fields in order; another name is an error
    kMap,     // text keys in order; another key gives nothing
  };
  using Member = std::pair<std::string, Value>;

  Value() = default;
  static Value Bool(bool value);
  static Value Integer(std::int64_t value);
  static Value Float(double value);
  static Value Text(std::string value);
  static Value List(std::vector<Value> items);
  // `open`: a field that the struct lacks is one without a value, not a mistake.
  static Value Struct(std::vector<Member> fields, bool open = false);
  static Value Map(std::vector<Member> entries);

  Type type() const { return type_; }
  bool is_number() const { return type_ == Type::kInteger || type_ == Type::kFloat; }
  bool boolean() const { return integer_ != 0; }
  std::int64_t integer() const { return integer_; }
  double number() const { return type_ == Type::kFloat ? float_ : static_cast<double>(integer_); }
  const std::string& text() const;
  const std::vector<Value>& items() const;     // of lists
  const std::vector<Member>& members() const;  // of structs and maps
  bool open() const { return integer_ != 0; }  // of structs

  // nil, or a field that an open struct lacks: false, prints as nothing.
  bool IsAbsent() const;
  // Go's truth: false, 0, "", nil and what has no members are not.
  bool IsTrue() const;
  // As `{{.}}` shows it: Go's %v.
  std::string Shown() const;

 private:
  struct Tree {
    std::string text;
    std::vector<Value> items;
    std::vector<Member> members;
  };
  Type type_ = Type::kNil;
  std::int64_t integer_ = 0;
  double float_ = 0;
  std::shared_ptr<const Tree> tree_;
};

}  // namespace calico::calicoctl::go_template
