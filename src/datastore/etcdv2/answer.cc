// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv2/answer.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace calico::datastore::etcdv2 {
namespace {

using Json = nlohmann::json;

// Follows the text and keeps only what RawNode has. An open object is a node of the answer ("node" at the
// top, any object inside "nodes"), the node before the change, or the answer itself.
class NodeReader final : public nlohmann::json_sax<Json> {
 public:
  RawAnswer answer;
  std::string problem;

  bool key(string_t& name) override {
    member_ = name;
    return true;
  }
  bool start_object(std::size_t) override {
    if (open_.empty()) {
      open_.push_back({Kind::kAnswer, 0});
    } else if (open_.back().kind == Kind::kAnswer && member_ == "prevNode") {
      open_.push_back({Kind::kPrevious, 0});
    } else if (open_.back().kind == Kind::kPrevious) {
      open_.push_back({Kind::kPrevious, 0});
    } else {
      open_.push_back({Kind::kNode, answer.nodes.size()});
      answer.nodes.emplace_back();
    }
    return true;
  }
  bool end_object() override {
    open_.pop_back();
    return true;
  }
  bool string(string_t& text) override {
    if (open_.empty()) return true;
    if (open_.back().kind == Kind::kAnswer && member_ == "action") answer.action = text;
    if (RawNode* node = Current()) {
      if (member_ == "key") node->key = std::move(text);
      if (member_ == "value") node->value = std::move(text);
    }
    return true;
  }
  bool boolean(bool value) override {
    if (member_ != "dir" || open_.empty()) return true;
    if (RawNode* node = Current()) node->dir = value;
    if (open_.back().kind == Kind::kPrevious && open_.size() == 2) answer.dir_gone = value;
    return true;
  }
  bool number_unsigned(number_unsigned_t value) override {
    if (RawNode* node = Current(); node != nullptr && member_ == "modifiedIndex")
      node->modified = static_cast<Revision>(value);
    return true;
  }
  bool number_integer(number_integer_t) override { return true; }
  bool number_float(number_float_t, const string_t&) override { return true; }
  bool null() override { return true; }
  bool binary(binary_t&) override { return true; }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::detail::exception& error) override {
    problem = error.what();
    return false;
  }

 private:
  enum class Kind { kAnswer, kPrevious, kNode };
  struct Open {
    Kind kind;
    std::size_t index;  // in answer.nodes
  };
  RawNode* Current() {
    if (open_.empty() || open_.back().kind != Kind::kNode) return nullptr;
    return &answer.nodes[open_.back().index];
  }

  std::vector<Open> open_;
  std::string member_;
};

}  // namespace

Result<RawAnswer> ParseAnswer(std::string_view json) {
  NodeReader reader;
  if (!Json::sax_parse(json, &reader) || reader.answer.nodes.empty()) {
    return Error(ErrorCode::kSystem,
                 fmt::format("etcd's answer is not what etcd v2 says: {}",
                             reader.problem.empty() ? std::string(json.substr(0, 200)) : reader.problem));
  }
  return std::move(reader.answer);
}

std::optional<RawError> ParseError(std::string_view json) {
  const Json parsed = Json::parse(json, nullptr, false);
  if (!parsed.is_object()) return std::nullopt;
  RawError error;
  const auto number = [&](const char* name) -> std::int64_t {
    const auto found = parsed.find(name);
    return found != parsed.end() && found->is_number_integer() ? found->get<std::int64_t>() : 0;
  };
  error.code = static_cast<int>(number("errorCode"));
  error.index = number("index");
  for (const char* name : {"message", "cause"}) {
    const auto found = parsed.find(name);
    if (found == parsed.end() || !found->is_string()) continue;
    if (!error.message.empty()) error.message += ": ";
    error.message += found->get<std::string>();
  }
  return error;
}

}  // namespace calico::datastore::etcdv2
