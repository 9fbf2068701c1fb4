// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "apps/calicoctl/go_template/functions.h"
#include "apps/calicoctl/go_template/syntax.h"
#include "apps/calicoctl/go_template/template.h"
#include "base/suggest.h"

namespace calico::calicoctl::go_template {
namespace {

constexpr int kDeepest = 100;                       // blocks and brackets inside each other
constexpr std::size_t kLongestTemplate = 1u << 20;  // bytes

using Type = Token::Type;

// Reads the pieces of a template in turn.
class Parser {
 public:
  explicit Parser(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

  Result<Block> Parse() {
    variables_.emplace_back("$");
    Block block;
    ASSIGN_OR_RETURN(const std::string end, ParseBlock(block, 0));
    if (!end.empty()) return At(pieces_[at_ - 1].place, fmt::format("unexpected {{{{{}}}}}", end));
    return block;
  }

 private:
  // Until the action that ends the block; returns its word, "" at the end of the template. After "else" and
  // "end" `tokens_` stands behind the word.
  Result<std::string> ParseBlock(Block& block, int depth) {
    if (depth > kDeepest) return At(pieces_[std::min(at_, pieces_.size() - 1)].place, "nested too deeply");
    const std::size_t variables = variables_.size();
    while (at_ < pieces_.size()) {
      const Piece& piece = pieces_[at_++];
      if (!piece.is_action) {
        block.nodes.push_back({Node::Type::kText, piece.place, piece.text, {}, {}, {}});
        continue;
      }
      tokens_ = &piece.tokens;
      next_ = 0;
      const std::string word = Peek().type == Type::kWord ? Peek().text : "";
      if (word == "end" || word == "else") {
        ++next_;
        variables_.resize(variables);
        return word;
      }
      ASSIGN_OR_RETURN(Node node, ParseAction(word, piece.place, depth));
      block.nodes.push_back(std::move(node));
    }
    return std::string();
  }

  Result<Node> ParseAction(const std::string& word, const Place& place, int depth) {
    for (const char* unsupported : {"define", "template", "block"}) {
      if (word == unsupported) return At(place, fmt::format("{{{{{}}}}} is not supported", word));
    }
    Node node;
    node.place = place;
    if (word == "break" || word == "continue") {
      if (loops_ == 0) return At(place, fmt::format("{{{{{}}}}} outside {{{{range}}}}", word));
      ++next_;
      node.type = word == "break" ? Node::Type::kBreak : Node::Type::kContinue;
      RETURN_IF_ERROR(ExpectEnd());
      return node;
    }
    if (word == "if" || word == "with" || word == "range") {
      ++next_;
      node.type = word == "if" ? Node::Type::kIf : word == "with" ? Node::Type::kWith : Node::Type::kRange;
      RETURN_IF_ERROR(ParseControl(node, depth));
      return node;
    }
    node.type = Node::Type::kAction;
    ASSIGN_OR_RETURN(node.pipeline, ParsePipeline(depth, false));
    RETURN_IF_ERROR(ExpectEnd());
    return node;
  }

  // Behind "if", "with" or "range": pipeline, body, else branches, end. Variables of the pipeline live until
  // the end.
  Status ParseControl(Node& node, int depth) {
    if (depth > kDeepest) return At(node.place, "nested too deeply");
    const std::size_t variables = variables_.size();
    const bool range = node.type == Node::Type::kRange;
    ASSIGN_OR_RETURN(node.pipeline, ParsePipeline(depth, range));
    RETURN_IF_ERROR(ExpectEnd());
    loops_ += range ? 1 : 0;
    ASSIGN_OR_RETURN(std::string end, ParseBlock(node.body, depth + 1));
    loops_ -= range ? 1 : 0;
    if (end == "else") {
      ASSIGN_OR_RETURN(end, ParseElse(node, depth));
    }
    if (end != "end") return At(node.place, end.empty() ? "{{end}} is missing" : "{{else}} twice");
    if (end == "end") RETURN_IF_ERROR(ExpectEnd());
    variables_.resize(variables);
    return Ok();
  }

  // "{{else}}", "{{else if …}}", "{{else with …}}": the latter two are a block of their own whose end is
  // ours.
  Result<std::string> ParseElse(Node& node, int depth) {
    const std::string word = Peek().type == Type::kWord ? Peek().text : "";
    if (word == "if" || word == "with") {
      Node inner;
      inner.place = Peek().place;
      inner.type = word == "if" ? Node::Type::kIf : Node::Type::kWith;
      if ((node.type == Node::Type::kIf) != (word == "if") || node.type == Node::Type::kRange)
        return At(Peek().place, fmt::format("unexpected {{{{else {}}}}}", word));
      ++next_;
      RETURN_IF_ERROR(ParseControl(inner, depth + 1));
      node.otherwise.nodes.push_back(std::move(inner));
      return std::string("end");
    }
    RETURN_IF_ERROR(ExpectEnd());
    return ParseBlock(node.otherwise, depth + 1);
  }

  const Token& Peek(std::size_t by = 0) const {
    return (*tokens_)[std::min(next_ + by, tokens_->size() - 1)];
  }
  bool TakeSymbol(const std::string& symbol) {
    if (Peek().type != Type::kSymbol || Peek().text != symbol) return false;
    ++next_;
    return true;
  }
  Status ExpectEnd() {
    if (Peek().type == Type::kEnd) return Ok();
    return At(Peek().place, fmt::format("unexpected '{}'", Peek().text));
  }

  Result<Pipeline> ParsePipeline(int depth, bool range) {
    if (depth > kDeepest) return At(Peek().place, "nested too deeply");
    Pipeline pipeline;
    pipeline.place = Peek().place;
    if (brackets_ == 0) {
      ASSIGN_OR_RETURN(pipeline.variables, ParseVariables(range, pipeline.declares));
    }
    while (true) {
      ASSIGN_OR_RETURN(Command command, ParseCommand(depth));
      pipeline.commands.push_back(std::move(command));
      if (!TakeSymbol("|")) break;
    }
    for (std::size_t i = 1; i < pipeline.commands.size(); ++i) {
      const Operand& first = pipeline.commands[i].words.front();
      if (first.type != Operand::Type::kFunction)
        return At(first.place, "behind '|' there must be a function");
    }
    // What a declaration declares is not known to its own right side.
    if (pipeline.declares)
      variables_.insert(variables_.end(), pipeline.variables.begin(), pipeline.variables.end());
    return pipeline;
  }

  // "$x :=", "$x =", "$i, $x :="; nothing if the pipeline starts otherwise.
  Result<std::vector<std::string>> ParseVariables(bool range, bool& declares) {
    std::vector<std::string> variables;
    if (Peek().type != Type::kVariable) return variables;
    const bool two = range && Peek(1).type == Type::kSymbol && Peek(1).text == ",";
    const Token& symbol = Peek(two ? 3 : 1);
    if (symbol.type != Type::kSymbol || (symbol.text != ":=" && symbol.text != "=")) return variables;
    declares = symbol.text == ":=";
    variables.push_back(Peek().text);
    if (two) {
      if (Peek(2).type != Type::kVariable) return At(Peek(2).place, "a variable is missing");
      variables.push_back(Peek(2).text);
    }
    for (const std::string& name : variables) {
      if (!declares && !IsKnown(name)) return At(Peek().place, fmt::format("undefined variable {}", name));
    }
    next_ += two ? 4 : 2;
    return variables;
  }
  bool IsKnown(const std::string& name) const {
    return std::find(variables_.begin(), variables_.end(), name) != variables_.end();
  }

  Result<Command> ParseCommand(int depth) {
    Command command;
    while (Peek().type != Type::kEnd && !IsCommandsEnd(Peek())) {
      ASSIGN_OR_RETURN(Operand operand, ParseOperand(depth));
      command.words.push_back(std::move(operand));
      if (Peek().type != Type::kEnd && !IsCommandsEnd(Peek()) && !Peek().blank_before)
        return At(Peek().place, fmt::format("a blank is missing before '{}'", Peek().text));
    }
    if (command.words.empty()) return At(Peek().place, "missing value");
    const Operand& first = command.words.front();
    if (command.words.size() > 1 && first.type != Operand::Type::kFunction)
      return At(first.place, "can't give arguments to what is no function");
    return command;
  }
  static bool IsCommandsEnd(const Token& token) {
    return token.type == Type::kSymbol && (token.text == "|" || token.text == ")");
  }

  Result<Operand> ParseOperand(int depth) {
    const Token token = Peek();
    ++next_;
    Operand operand;
    operand.place = token.place;
    switch (token.type) {
      case Type::kDot:
        return operand;
      case Type::kField:
        operand.fields.push_back(token.text);
        break;
      case Type::kVariable:
        if (!IsKnown(token.text)) return At(token.place, fmt::format("undefined variable {}", token.text));
        operand.type = Operand::Type::kVariable;
        operand.name = token.text;
        break;
      case Type::kText:
      case Type::kNumber:
        operand.type = Operand::Type::kLiteral;
        operand.literal = token.value;
        return operand;
      case Type::kWord:
        return ParseWord(token, operand);
      case Type::kSymbol:
        if (token.text == "(") {
          ++brackets_;
          ASSIGN_OR_RETURN(Pipeline inner, ParsePipeline(depth + 1, false));
          --brackets_;
          if (!TakeSymbol(")")) return At(token.place, "unclosed left paren");
          operand.type = Operand::Type::kPipeline;
          operand.pipeline = std::make_shared<const Pipeline>(std::move(inner));
          break;
        }
        [[fallthrough]];
      case Type::kEnd:
        return At(token.place, fmt::format("unexpected '{}'", token.text));
    }
    while (Peek().type == Type::kField && !Peek().blank_before) {
      operand.fields.push_back(Peek().text);
      ++next_;
    }
    return operand;
  }
  static Result<Operand> ParseWord(const Token& token, Operand operand) {
    operand.type = Operand::Type::kLiteral;
    if (token.text == "true" || token.text == "false") {
      operand.literal = Value::Bool(token.text == "true");
      return operand;
    }
    if (token.text == "nil") return operand;
    operand.type = Operand::Type::kFunction;
    operand.name = token.text;
    if (IsFunction(token.text)) return operand;
    const auto closest = Closest(token.text, FunctionNames());
    return At(token.place, fmt::format("function \"{}\" not defined{}", token.text,
                                       closest ? fmt::format(": did you mean {}?", *closest) : ""));
  }

  const std::vector<Piece> pieces_;
  std::size_t at_ = 0;
  const std::vector<Token>* tokens_ = nullptr;  // of the action that is read
  std::size_t next_ = 0;
  std::vector<std::string> variables_;  // known here
  int loops_ = 0;
  int brackets_ = 0;  // no variable is declared inside
};

}  // namespace

Result<Template> Template::Parse(std::string_view text) {
  if (text.size() > kLongestTemplate) return At({}, "longer than 1 MiB");
  ASSIGN_OR_RETURN(std::vector<Piece> pieces, SplitTemplate(text));
  ASSIGN_OR_RETURN(Block block, Parser(std::move(pieces)).Parse());
  Template result;
  result.block_ = std::make_shared<const Block>(std::move(block));
  return result;
}

}  // namespace calico::calicoctl::go_template
