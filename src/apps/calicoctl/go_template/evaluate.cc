// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>

#include "apps/calicoctl/go_template/functions.h"
#include "apps/calicoctl/go_template/syntax.h"
#include "apps/calicoctl/go_template/template.h"
#include "base/suggest.h"
#include "base/text.h"

namespace calico::calicoctl::go_template {
namespace {

using Type = Value::Type;

constexpr char kNoValue[] = "<no value>";  // of a map's missing key

// Field names of Go differ from those of JSON in letter case and dashes only: NATOutgoing, nat-outgoing.
bool IsField(const std::string& json_name, const std::string& go_name) {
  return EqualsIgnoreCase(ReplaceAll(json_name, "-", ""), go_name);
}
const Value* FindField(const Value& value, const std::string& name) {
  for (const auto& [json_name, field] : value.members()) {
    if (IsField(json_name, name)) return &field;
  }
  return nullptr;
}

enum class Flow { kOn, kBreak, kContinue };

class Evaluator {
 public:
  Evaluator(const Value& data, const Environment& environment) : environment_(environment) {
    variables_.emplace_back("$", data);
  }

  Result<Flow> Run(const Block& block, const Value& dot) {
    const std::size_t variables = variables_.size();
    for (const Node& node : block.nodes) {
      ASSIGN_OR_RETURN(const Flow flow, RunNode(node, dot));
      if (flow != Flow::kOn) {
        variables_.resize(variables);
        return flow;
      }
    }
    variables_.resize(variables);
    return Flow::kOn;
  }
  std::string&& output() && { return std::move(out_); }

 private:
  Result<Flow> RunNode(const Node& node, const Value& dot) {
    switch (node.type) {
      case Node::Type::kText:
        out_ += node.text;
        return Flow::kOn;
      case Node::Type::kAction: {
        ASSIGN_OR_RETURN(const Value value, Evaluate(node.pipeline, dot));
        if (node.pipeline.variables.empty()) out_ += value.Shown();
        return Flow::kOn;
      }
      case Node::Type::kIf:
      case Node::Type::kWith: {
        const std::size_t variables = variables_.size();
        ASSIGN_OR_RETURN(const Value value, Evaluate(node.pipeline, dot));
        const bool with = node.type == Node::Type::kWith;
        auto flow = value.IsTrue() ? Run(node.body, with ? value : dot) : Run(node.otherwise, dot);
        variables_.resize(variables);
        return flow;
      }
      case Node::Type::kRange:
        return RunRange(node, dot);
      case Node::Type::kBreak:
        return Flow::kBreak;
      case Node::Type::kContinue:
        return Flow::kContinue;
    }
    return Flow::kOn;
  }

  Result<Flow> RunRange(const Node& node, const Value& dot) {
    Pipeline plain = node.pipeline;
    plain.variables.clear();
    ASSIGN_OR_RETURN(const Value over, Evaluate(plain, dot));
    const std::size_t variables = variables_.size();
    std::size_t rounds = 0;
    Flow flow = Flow::kOn;
    const auto round = [&](Value key, const Value& item) -> Status {
      ++rounds;
      Bind(node.pipeline, std::move(key), item);
      ASSIGN_OR_RETURN(flow, Run(node.body, item));
      if (node.pipeline.declares) variables_.resize(variables);
      return Ok();
    };
    if (over.type() == Type::kList) {
      for (std::size_t i = 0; i < over.items().size() && flow != Flow::kBreak; ++i)
        RETURN_IF_ERROR(round(Value::Integer(static_cast<std::int64_t>(i)), over.items()[i]));
    } else if (over.type() == Type::kMap) {
      for (const auto& [key, item] : over.members()) {
        if (flow == Flow::kBreak) break;
        RETURN_IF_ERROR(round(Value::Text(key), item));
      }
    } else if (!over.IsAbsent()) {
      return At(node.pipeline.place, fmt::format("range can't iterate over {}", over.Shown()));
    }
    if (rounds == 0) return Run(node.otherwise, dot);
    return Flow::kOn;
  }

  // One variable is the item, two are key and item.
  void Bind(const Pipeline& pipeline, Value key, const Value& item) {
    const std::vector<std::string>& names = pipeline.variables;
    if (names.empty()) return;
    if (names.size() == 2) SetVariable(pipeline, names[0], std::move(key));
    SetVariable(pipeline, names.back(), item);
  }
  void SetVariable(const Pipeline& pipeline, const std::string& name, Value value) {
    Value* known = pipeline.declares ? nullptr : Variable(name);
    if (known == nullptr) {
      variables_.emplace_back(name, std::move(value));
    } else {
      *known = std::move(value);
    }
  }
  Value* Variable(const std::string& name) {
    const auto found = std::find_if(variables_.rbegin(), variables_.rend(),
                                    [&](const auto& variable) { return variable.first == name; });
    return found == variables_.rend() ? nullptr : &found->second;
  }

  Result<Value> Evaluate(const Pipeline& pipeline, const Value& dot) {
    Value value;
    for (std::size_t i = 0; i < pipeline.commands.size(); ++i) {
      ASSIGN_OR_RETURN(value, EvaluateCommand(pipeline.commands[i], dot, i > 0 ? &value : nullptr));
    }
    if (!pipeline.variables.empty()) SetVariable(pipeline, pipeline.variables.front(), value);
    return value;
  }

  // `piped`: the value of the command before, which becomes the last argument.
  Result<Value> EvaluateCommand(const Command& command, const Value& dot, const Value* piped) {
    const Operand& first = command.words.front();
    if (first.type != Operand::Type::kFunction) return EvaluateOperand(first, dot);
    const bool stops_at_true = first.name == "or", stops_at_false = first.name == "and";
    std::vector<Value> arguments;
    for (std::size_t i = 1; i < command.words.size(); ++i) {
      ASSIGN_OR_RETURN(Value argument, EvaluateOperand(command.words[i], dot));
      arguments.push_back(std::move(argument));
      const bool is_true = arguments.back().IsTrue();
      if ((stops_at_true && is_true) || (stops_at_false && !is_true)) return arguments.back();
    }
    if (piped != nullptr) arguments.push_back(*piped);
    auto result = CallFunction(first.name, arguments, environment_);
    if (!result.has_value())
      return At(first.place, fmt::format("error calling {}: {}", first.name, result.error().message()));
    return result;
  }

  Result<Value> EvaluateOperand(const Operand& operand, const Value& dot) {
    Value value;
    switch (operand.type) {
      case Operand::Type::kDot:
        value = dot;
        break;
      case Operand::Type::kVariable:
        // Known, but of a branch that did not run.
        if (Variable(operand.name) == nullptr)
          return At(operand.place, fmt::format("undefined variable {}", operand.name));
        value = *Variable(operand.name);
        break;
      case Operand::Type::kLiteral:
        return operand.literal;
      case Operand::Type::kFunction: {
        Command call;
        call.words.push_back(operand);
        return EvaluateCommand(call, dot, nullptr);
      }
      case Operand::Type::kPipeline: {
        ASSIGN_OR_RETURN(value, Evaluate(*operand.pipeline, dot));
        break;
      }
    }
    for (const std::string& field : operand.fields) {
      ASSIGN_OR_RETURN(Value inner, Field(value, field, operand.place));
      value = std::move(inner);
    }
    return value;
  }

  static Result<Value> Field(const Value& value, const std::string& name, const Place& place) {
    if (value.type() == Type::kMap) {
      for (const auto& [key, item] : value.members()) {
        if (key == name) return item;
      }
      return Value::Text(kNoValue);
    }
    if (value.type() == Type::kNil) return At(place, fmt::format("nil pointer evaluating .{}", name));
    if (value.type() != Type::kStruct) return At(place, fmt::format("can't evaluate field {}", name));
    if (const Value* field = FindField(value, name)) return *field;
    // Go reaches the fields of an embedded struct directly.
    for (const char* embedded : {"ObjectMeta", "TypeMeta"}) {
      const Value* inner = FindField(value, embedded);
      if (inner == nullptr) continue;
      if (const Value* field = FindField(*inner, name)) return *field;
    }
    if (value.open()) return Value::Struct({}, true);
    std::vector<std::string> known;
    for (const auto& [json_name, field] : value.members()) known.push_back(json_name);
    const auto closest = Closest(name, known);
    return At(place, fmt::format("can't evaluate field {}{}", name,
                                 closest ? fmt::format(": did you mean {}?", *closest) : ""));
  }

  const Environment& environment_;
  std::vector<std::pair<std::string, Value>> variables_;  // the latest of a name counts
  std::string out_;
};

}  // namespace

Result<std::string> Template::Execute(const Value& data, const Environment& environment) const {
  Evaluator evaluator(data, environment);
  ASSIGN_OR_RETURN(const Flow flow, evaluator.Run(*block_, data));
  static_cast<void>(flow);
  return std::move(evaluator).output();
}

}  // namespace calico::calicoctl::go_template
