// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/testing/yaml_file.h"

#include <cstdio>
#include <memory>
#include <stdexcept>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <yaml.h>

namespace calico::policy_eval {
namespace {

using Json = nlohmann::json;

std::string Text(const yaml_char_t* bytes, std::size_t length) {
  return {reinterpret_cast<const char*>(bytes), length};
}

// Plain scalars that read as JSON are numbers, booleans and null; all others are text.
Json Scalar(const yaml_node_t& node) {
  const std::string text = Text(node.data.scalar.value, node.data.scalar.length);
  if (node.data.scalar.style != YAML_PLAIN_SCALAR_STYLE) return text;
  if (text.empty()) return nullptr;
  Json value = Json::parse(text, nullptr, false);
  return value.is_discarded() ? Json(text) : value;
}

// The library has replaced aliases by what they stand for.
Json Value(yaml_document_t& document, int index) {
  const yaml_node_t& node = *yaml_document_get_node(&document, index);
  if (node.type == YAML_SCALAR_NODE) return Scalar(node);
  if (node.type == YAML_SEQUENCE_NODE) {
    Json list = Json::array();
    for (const int* item = node.data.sequence.items.start; item != node.data.sequence.items.top; ++item)
      list.push_back(Value(document, *item));
    return list;
  }
  Json map = Json::object();
  for (const yaml_node_pair_t* pair = node.data.mapping.pairs.start; pair != node.data.mapping.pairs.top;
       ++pair) {
    const yaml_node_t& key = *yaml_document_get_node(&document, pair->key);
    map[Text(key.data.scalar.value, key.data.scalar.length)] = Value(document, pair->value);
  }
  return map;
}

}  // namespace

std::string YamlFileAsJson(const std::string& path) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"), &std::fclose);
  if (file == nullptr) throw std::runtime_error("cannot open " + path);
  yaml_parser_t parser;
  yaml_parser_initialize(&parser);
  yaml_parser_set_input_file(&parser, file.get());
  yaml_document_t document;
  const bool loaded = yaml_parser_load(&parser, &document) != 0;
  const std::string problem =
      loaded ? "" : fmt::format("{}: line {}: {}", path, parser.problem_mark.line + 1, parser.problem);
  yaml_parser_delete(&parser);
  if (!loaded) throw std::runtime_error(problem);
  const Json value = Value(document, 1);
  yaml_document_delete(&document);
  return value.dump();
}

}  // namespace calico::policy_eval
