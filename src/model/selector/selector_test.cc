// SPDX-License-Identifier: Apache-2.0
#include "model/selector/selector.h"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace calico::model {
namespace {

using ::testing::HasSubstr;

std::string Canonical(const std::string& text) {
  const auto selector = Selector::Parse(text);
  EXPECT_TRUE(selector.has_value()) << text << ": " << (selector ? "" : selector.error().message());
  return selector ? selector->text() : "";
}
bool Matches(const std::string& text, const Labels& labels) {
  const auto selector = Selector::Parse(text);
  EXPECT_TRUE(selector.has_value()) << text;
  return selector && selector->Matches(labels);
}

// Reference datastore-model C.8: forms and their canonical text.
TEST(Selector, HasACanonicalText) {
  const std::pair<std::string, std::string> cases[] = {
      {"", "all()"},
      {" \t", "all()"},
      {"all( )", "all()"},
      {"global()", "global()"},
      {"role=='web'", R"(role == "web")"},
      {"a != \"it's\"", R"(a != "it's")"},
      {R"(a == 'say "x"')", R"(a == 'say "x"')"},
      {R"(a in {'c', "b",'c',})", R"(a in {"b", "c"})"},
      {"a in{}", "a in {}"},
      {"a notin {'x'}", R"(a not in {"x"})"},
      {"a not \t in {'x'}", R"(a not in {"x"})"},
      {"a startswith 'x'", R"(a starts with "x")"},
      {"a ends   with 'x'", R"(a ends with "x")"},
      {"a contains'x'", R"(a contains "x")"},
      {"has( projectcalico.org/namespace )", "has(projectcalico.org/namespace)"},
      {"! ! !has(a)", "!has(a)"},
      {"!(!has(a))", "has(a)"},
      {"!all()", "!all()"},
      {"has(a)&&has(b)||has(c)", "((has(a) && has(b)) || has(c))"},
      {"has(a)&&(has(b)||has(c))", "(has(a) && (has(b) || has(c)))"},
      {"((has(a)))", "has(a)"},
      // Operators and functions are also names of labels.
      {"in in {'in'}", R"(in in {"in"})"},
      {"has == 'x' && has(all)", R"((has == "x" && has(all)))"},
  };
  for (const auto& [text, canonical] : cases) EXPECT_EQ(Canonical(text), canonical) << text;
}

TEST(Selector, SaysWhatIsWrong) {
  const std::pair<std::string, std::string> cases[] = {
      {"a == 'x", "unterminated string"},
      {"a == x", "expected string"},
      {"a", "expected operator after label \"a\""},
      {"a b 'c'", "expected operator after label \"a\""},
      {"has (a)", "expected operator after label \"has\""},
      {"has(a", "no closing ')' after has("},
      {"all(x)", "no closing ')' after all("},
      {"global(", "no closing ')' after global("},
      {"has()", "expected identifier"},
      {"(has(a)", "expected )"},
      {"a in {'x' 'y'}", "expected }"},
      {"a in 'x'", "expected set literal"},
      {"has(a) has(b)", "unexpected content at end of selector"},
      {"has(a) &&", "unexpected end of string looking for op"},
      {"!", "unexpected end of string looking for op"},
      {"== 'x'", "expected identifier"},
      {"has(a)\n&& has(b)", "expected identifier"},  // a line feed is no blank
      {"a = 'x'", "expected =="},
      {"has(a) & has(b)", "expected &&"},
      {"has(a) | has(b)", "expected ||"},
      {"has(a) has(b", "no closing ')' after has("},  // words come before grammar
      {"== 'x", "unterminated string"},
      {"a in {'x'", "expected }"},
      {"a in {x}", "expected string"},
      {"a is 'x'", "expected operator after label \"a\""},
      {std::string(513, 'l') + " == 'x'", "label too long"},
  };
  for (const auto& [text, error] : cases) {
    const auto selector = Selector::Parse(text);
    ASSERT_FALSE(selector.has_value()) << text;
    EXPECT_EQ(selector.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(selector.error().message(), HasSubstr(error)) << text;
  }
}

// Hashed by other means: printf 's:all()' | openssl dgst -sha224 -binary | base64url.
TEST(Selector, HasAnIdOfItsCanonicalText) {
  const auto id = [](const std::string& text) { return Selector::Parse(text)->Id(); };
  EXPECT_EQ(id("all()"), "s:5y5I3VdRZfDU01O--xXAPx2yxCQQqMf0M6IWug");
  EXPECT_EQ(id(""), id("all( )"));
  EXPECT_EQ(id("role=='web'"), "s:MR9Dy5iWW0UxNKyRkM6UiRI3iZzQ2k0xiUotow");
  EXPECT_EQ(id("role == \"web\""), id("role=='web'"));
  EXPECT_NE(id("role == 'db'"), id("role == 'web'"));
}

TEST(Selector, KnowsWhetherItSaysGlobal) {
  EXPECT_TRUE(Selector::Parse("has(a) || !(global() && has(b))")->says_global());
  EXPECT_FALSE(Selector::Parse("a == 'global()'")->says_global());
  EXPECT_FALSE(Selector::Parse("")->says_global());
}

TEST(Selector, RefusesNestingThatWouldExhaustTheStack) {
  const std::size_t deep = 1'000'000;
  EXPECT_FALSE(Selector::Parse(std::string(deep, '(') + "all()" + std::string(deep, ')')).has_value());
  EXPECT_EQ(Canonical(std::string(deep, '!') + "has(a)"), "has(a)");
}

TEST(Selector, TreatsAnAbsentLabelAsUnequal) {
  EXPECT_TRUE(Matches("a != 'x'", {}));
  EXPECT_TRUE(Matches("a not in {'x'}", {}));
  EXPECT_FALSE(Matches("a == ''", {}));
  EXPECT_FALSE(Matches("a in {''}", {}));
  EXPECT_FALSE(Matches("a starts with ''", {}));
  EXPECT_TRUE(Matches("a starts with ''", {{"a", ""}}));
  EXPECT_FALSE(Matches("a in {}", {{"a", "x"}}));
}

// An expression as text in one of its many spellings, and what it means.
struct Expression {
  std::string text;
  std::function<bool(const Labels&)> means;
};

std::string Blank() {
  return *rc::gen::element<std::string>("", " ", "\t", "  ");
}
std::string Label() {
  return *rc::gen::element<std::string>("a", "b", "in");
}
std::string Value() {
  return *rc::gen::element<std::string>("", "x", "xy", "yx");
}
std::string Quoted(const std::string& value) {
  const std::string quote = *rc::gen::element<std::string>("'", "\"");
  return quote + value + quote;
}

Expression Comparison() {
  const std::string label = Label(), value = Value(), other = Value();
  const auto test = [label](bool absent, std::function<bool(const std::string&)> holds) {
    return [=](const Labels& labels) {
      const auto found = labels.find(label);
      return found == labels.end() ? absent : holds(found->second);
    };
  };
  const std::string set =
      "{" + Blank() + Quoted(value) + Blank() + "," + Blank() + Quoted(other) + Blank() + "}";
  const auto one_of = [=](const std::string& v) { return v == value || v == other; };
  const auto one = [&](const std::string& operation) {
    return label + " " + operation + Blank() + Quoted(value);
  };
  switch (*rc::gen::inRange(0, 9)) {
    case 0:
      return {one("=="), test(false, [=](const std::string& v) { return v == value; })};
    case 1:
      return {one("!="), test(true, [=](const std::string& v) { return v != value; })};
    case 2:
      return {label + " in" + Blank() + set, test(false, one_of)};
    case 3:
      return {label + " not in" + Blank() + set,
              test(true, [=](const std::string& v) { return !one_of(v); })};
    case 4:
      return {one("contains"), test(false, [=](const std::string& v) { return v.find(value) != v.npos; })};
    case 5:
      return {one("starts with"), test(false, [=](const std::string& v) { return v.rfind(value, 0) == 0; })};
    case 6:
      return {one("ends with"), test(false, [=](const std::string& v) {
                return v.size() >= value.size() && v.substr(v.size() - value.size()) == value;
              })};
    case 7:
      return {"all(" + Blank() + ")", [](const Labels&) { return true; }};
    default:
      return {"has(" + Blank() + label + Blank() + ")", test(false, [](const std::string&) { return true; })};
  }
}

Expression AnyExpression(int depth) {
  if (depth == 0) return Comparison();
  const Expression left = AnyExpression(depth - 1);
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return left;
    case 1:
      return {"!" + Blank() + "(" + Blank() + left.text + Blank() + ")",
              [=](const Labels& labels) { return !left.means(labels); }};
    case 2: {
      const Expression right = AnyExpression(depth - 1);
      return {"(" + left.text + ")" + Blank() + "&&" + Blank() + "(" + right.text + ")",
              [=](const Labels& labels) { return left.means(labels) && right.means(labels); }};
    }
    default: {
      const Expression right = AnyExpression(depth - 1);
      // Without parentheses: || binds loosest.
      return {left.text + Blank() + "||" + Blank() + right.text,
              [=](const Labels& labels) { return left.means(labels) || right.means(labels); }};
    }
  }
}

TEST(Selector, MatchesWhatTheExpressionMeans) {
  EXPECT_TRUE(rc::check([] {
    const Expression expression = AnyExpression(*rc::gen::inRange(0, 4));
    const auto selector = Selector::Parse(expression.text);
    RC_ASSERT(selector.has_value());
    const auto again = Selector::Parse(selector->text());
    RC_ASSERT(again.has_value());
    RC_ASSERT(again->text() == selector->text());
    // Every assignment of a few values, or none, to the three labels.
    const std::vector<const char*> values{nullptr, "", "x", "xy", "zzz"};
    for (const char* a : values) {
      for (const char* b : values) {
        for (const char* in : values) {
          Labels labels{{"unrelated", "x"}};
          if (a != nullptr) labels["a"] = a;
          if (b != nullptr) labels["b"] = b;
          if (in != nullptr) labels["in"] = in;
          RC_ASSERT(selector->Matches(labels) == expression.means(labels));
          RC_ASSERT(again->Matches(labels) == expression.means(labels));
        }
      }
    }
  }));
}

TEST(Selector, NeverCrashesOnAnyText) {
  EXPECT_TRUE(rc::check([] {
    const auto pieces = *rc::gen::container<std::vector<std::string>>(
        rc::gen::element<std::string>("a", "in", "not", "has(", "all(", ")", "(", "{", "}", ",", "'", "\"",
                                      "==", "!=", "!", "&&", "||", " ", "starts", "with", "\xff"));
    std::string text;
    for (const std::string& piece : pieces) text += piece;
    if (const auto selector = Selector::Parse(text); selector.has_value())
      RC_ASSERT(Canonical(selector->text()) == selector->text());
  }));
}

}  // namespace
}  // namespace calico::model
