// SPDX-License-Identifier: Apache-2.0
#include "model/selector/selector.h"

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <openssl/evp.h>

#include "base/text.h"
#include "model/selector/lexical.h"
#include "model/selector/node.h"

namespace calico::model {

namespace {

using Node = SelectorNode;
using NodePtr = std::shared_ptr<const Node>;
using Type = Node::Type;

// Ours: a stored text must not exhaust the stack of the recursive functions below.
constexpr int kMaxDepth = 200;

// Recursive descent over the grammar of reference felix 2.8. The first error wins.
class Parser {
 public:
  explicit Parser(std::string_view text) : rest_(text) {}

  Result<NodePtr> Parse() {
    if (auto fault = LexicalFault(rest_)) return Error(ErrorCode::kInvalidArgument, *std::move(fault));
    SkipBlank();
    if (rest_.empty()) return std::make_shared<const Node>();
    NodePtr root = Or();
    SkipBlank();
    if (error_.empty() && !rest_.empty())
      Fail(fmt::format("unexpected content at end of selector {}", rest_));
    if (!error_.empty()) return Error(ErrorCode::kInvalidArgument, error_);
    return root;
  }

 private:
  NodePtr Fail(std::string text) {
    if (error_.empty()) error_ = std::move(text);
    rest_ = {};
    return std::make_shared<const Node>();
  }
  void SkipBlank() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  bool Take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  // A word operator must end at a character that cannot be part of a label.
  bool TakeWord(std::string_view word) {
    if (!rest_.starts_with(word) || (rest_.size() > word.size() && IsLabelChar(rest_[word.size()])))
      return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  bool TakeTwoWords(std::string_view first, std::string_view second) {
    const std::string_view before = rest_;
    if (Take(first)) {
      SkipBlank();
      if (TakeWord(second)) return true;
    }
    rest_ = before;
    return false;
  }

  NodePtr Chain(Type type, std::string_view token, NodePtr (Parser::*operand)()) {
    std::vector<NodePtr> children{(this->*operand)()};
    for (SkipBlank(); Take(token); SkipBlank()) children.push_back((this->*operand)());
    if (children.size() == 1) return children[0];
    auto node = std::make_shared<Node>();
    node->type = type;
    node->children = std::move(children);
    return node;
  }
  NodePtr Or() { return Chain(Type::kOr, "||", &Parser::And); }
  NodePtr And() { return Chain(Type::kAnd, "&&", &Parser::Operation); }

  NodePtr Operation() {
    bool negated = false;
    for (SkipBlank(); Take("!"); SkipBlank()) negated = !negated;
    NodePtr node = Primary();
    if (!negated) return node;
    if (node->type == Type::kNot) return node->children[0];  // "!(!x)" is canonically "x"
    auto inverse = std::make_shared<Node>();
    inverse->type = Type::kNot;
    inverse->children = {std::move(node)};
    return inverse;
  }

  NodePtr Call(Type type, std::string_view word) {
    auto node = std::make_shared<Node>();
    node->type = type;
    SkipBlank();
    if (type == Type::kHas) {
      node->label = Label();
      if (node->label.empty()) return Fail("expected identifier");
      SkipBlank();
    }
    if (!Take(")")) return Fail(fmt::format("no closing ')' after {}(", word));
    return node;
  }

  NodePtr Primary() {
    if (Take("(")) {
      if (++depth_ > kMaxDepth) return Fail("parentheses nested too deeply");
      NodePtr node = Or();
      --depth_;
      SkipBlank();
      if (!Take(")")) return Fail("expected )");
      return node;
    }
    if (Take("all(")) return Call(Type::kAll, "all");
    if (Take("global(")) return Call(Type::kGlobal, "global");
    if (Take("has(")) return Call(Type::kHas, "has");
    std::string label = Label();
    if (label.empty())
      return Fail(rest_.empty() ? "unexpected end of string looking for op" : "expected identifier");
    return Comparison(std::move(label));
  }

  NodePtr Comparison(std::string label) {
    SkipBlank();
    auto node = std::make_shared<Node>();
    node->label = std::move(label);
    if (Take("=="))
      node->type = Type::kEqual;
    else if (Take("!="))
      node->type = Type::kNotEqual;
    else if (TakeWord("contains"))
      node->type = Type::kContains;
    else if (TakeTwoWords("starts", "with"))
      node->type = Type::kStarts;
    else if (TakeTwoWords("ends", "with"))
      node->type = Type::kEnds;
    else if (TakeTwoWords("not", "in"))
      node->type = Type::kNotIn;
    else if (TakeWord("in"))
      node->type = Type::kIn;
    else
      return Fail(fmt::format("expected operator after label \"{}\"", node->label));
    SkipBlank();
    if (node->type == Type::kIn || node->type == Type::kNotIn) {
      if (!ParseSet(node->values)) return Fail(error_);
    } else {
      const auto value = String();
      if (!value) return Fail(error_);
      node->values = {*value};
    }
    return node;
  }

  bool ParseSet(std::vector<std::string>& values) {
    if (!Take("{")) {
      Fail("expected set literal");
      return false;
    }
    for (SkipBlank(); !Take("}"); SkipBlank()) {
      const auto value = String();
      if (!value) return false;
      values.push_back(*value);
      SkipBlank();
      if (Take(",")) continue;
      if (Take("}")) break;
      Fail("expected }");
      return false;
    }
    std::sort(values.begin(), values.end());
    values.erase(std::unique(values.begin(), values.end()), values.end());
    return true;
  }

  std::string Label() {
    std::size_t length = 0;
    while (length < rest_.size() && IsLabelChar(rest_[length])) ++length;
    std::string label(rest_.substr(0, length));
    if (length > kMaxLabelOfSelector) {
      Fail("label too long: " + label);
      return label;
    }
    rest_.remove_prefix(length);
    return label;
  }

  std::optional<std::string> String() {
    if (rest_.empty() || (rest_.front() != '"' && rest_.front() != '\'')) {
      Fail("expected string");
      return std::nullopt;
    }
    const std::size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos) {
      Fail("unterminated string");
      return std::nullopt;
    }
    std::string value(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return value;
  }

  std::string_view rest_;
  std::string error_;
  int depth_ = 0;
};

std::string Quoted(const std::string& value) {
  return value.find('"') == std::string::npos ? "\"" + value + "\"" : "'" + value + "'";
}

bool MatchesNode(const Node& node, const Labels& labels) {
  const auto& [type, label, values, children] = node;
  const auto found = labels.find(label);
  const bool present = found != labels.end();
  const auto is_member = [&] {
    return present && std::binary_search(values.begin(), values.end(), found->second);
  };
  switch (type) {
    case Type::kAll:
    case Type::kGlobal:
      return true;
    case Type::kHas:
      return present;
    case Type::kEqual:
      return present && found->second == values[0];
    case Type::kNotEqual:
      return !present || found->second != values[0];
    case Type::kIn:
      return is_member();
    case Type::kNotIn:
      return !is_member();
    case Type::kContains:
      return present && found->second.find(values[0]) != std::string::npos;
    case Type::kStarts:
      return present && found->second.starts_with(values[0]);
    case Type::kEnds:
      return present && found->second.ends_with(values[0]);
    case Type::kNot:
      return !MatchesNode(*children[0], labels);
    case Type::kAnd:
      return std::all_of(children.begin(), children.end(),
                         [&](const auto& c) { return MatchesNode(*c, labels); });
    case Type::kOr:
      return std::any_of(children.begin(), children.end(),
                         [&](const auto& c) { return MatchesNode(*c, labels); });
  }
  return false;
}

std::string TextOf(const Node& node) {
  const auto& [type, label, values, children] = node;
  const auto joined = [&](std::string_view operation) {
    std::vector<std::string> parts;
    for (const auto& child : children) parts.push_back(TextOf(*child));
    return "(" + Join(parts, operation) + ")";
  };
  const auto set = [&] {
    std::vector<std::string> parts;
    for (const std::string& value : values) parts.push_back(Quoted(value));
    return "{" + Join(parts, ", ") + "}";
  };
  switch (type) {
    case Type::kAll:
      return "all()";
    case Type::kGlobal:
      return "global()";
    case Type::kHas:
      return "has(" + label + ")";
    case Type::kEqual:
      return label + " == " + Quoted(values[0]);
    case Type::kNotEqual:
      return label + " != " + Quoted(values[0]);
    case Type::kIn:
      return label + " in " + set();
    case Type::kNotIn:
      return label + " not in " + set();
    case Type::kContains:
      return label + " contains " + Quoted(values[0]);
    case Type::kStarts:
      return label + " starts with " + Quoted(values[0]);
    case Type::kEnds:
      return label + " ends with " + Quoted(values[0]);
    case Type::kNot:
      return "!" + TextOf(*children[0]);
    case Type::kAnd:
      return joined(" && ");
    case Type::kOr:
      return joined(" || ");
  }
  return {};
}

bool SaysGlobal(const Node& node) {
  return node.type == Type::kGlobal || std::any_of(node.children.begin(), node.children.end(),
                                                   [](const auto& child) { return SaysGlobal(*child); });
}

}  // namespace

Result<Selector> Selector::Parse(std::string_view text) {
  ASSIGN_OR_RETURN(NodePtr root, Parser(text).Parse());
  return Selector(std::move(root));
}

Selector::Selector(std::shared_ptr<const Node> root) : root_(std::move(root)), text_(TextOf(*root_)) {}

bool Selector::Matches(const Labels& labels) const {
  return MatchesNode(*root_, labels);
}

bool Selector::says_global() const {
  return SaysGlobal(*root_);
}

Selector Selector::Rewritten(const Rewriting& rewriting) const {
  const std::function<NodePtr(const NodePtr&)> rewrite = [&](const NodePtr& node) -> NodePtr {
    if (node->type == Type::kAll && rewriting.all != nullptr) return rewriting.all->root_;
    if (node->type == Type::kGlobal && rewriting.global != nullptr) return rewriting.global->root_;
    auto copy = std::make_shared<Node>(*node);
    if (!copy->label.empty()) copy->label = rewriting.label_prefix + copy->label;
    for (NodePtr& child : copy->children) child = rewrite(child);
    return copy;
  };
  return Selector(rewrite(root_));
}

Selector Selector::AllOf(const std::vector<Selector>& selectors) {
  if (selectors.size() == 1) return selectors[0];
  auto node = std::make_shared<Node>();
  if (selectors.empty()) return Selector(std::move(node));
  node->type = Type::kAnd;
  for (const Selector& selector : selectors) node->children.push_back(selector.root_);
  return Selector(std::move(node));
}

Selector Selector::Negated() const {
  if (root_->type == Type::kNot) return Selector(root_->children[0]);
  auto node = std::make_shared<Node>();
  node->type = Type::kNot;
  node->children = {root_};
  return Selector(std::move(node));
}

std::string Selector::Id() const {
  const std::string hashed = "s:" + text_;
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  if (EVP_Digest(hashed.data(), hashed.size(), digest.data(), &size, EVP_sha224(), nullptr) != 1) return {};
  std::array<unsigned char, 2 * EVP_MAX_MD_SIZE> encoded{};
  const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
  std::string id = "s:";
  for (int i = 0; i < length && encoded[static_cast<std::size_t>(i)] != '='; ++i) {
    const char c = static_cast<char>(encoded[static_cast<std::size_t>(i)]);
    id += c == '+' ? '-' : c == '/' ? '_' : c;
  }
  return id;
}

}  // namespace calico::model
