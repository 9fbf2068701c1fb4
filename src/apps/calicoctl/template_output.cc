// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/template_output.h"

#include <ostream>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/calicoctl/go_template/template.h"
#include "base/text.h"
#include "model/codec/complete.h"
#include "model/codec/json.h"

namespace calico::calicoctl {
namespace {

using Json = nlohmann::ordered_json;
using go_template::Value;

// What upstream's structs hold as maps; other JSON objects are structs.
bool IsMap(const std::string& member) {
  static const std::set<std::string> kMaps{"labels", "annotations", "labelsToApply", "environmentVars"};
  return kMaps.contains(member);
}

Value ToValue(const Json& json, const std::string& member, bool open) {
  if (json.is_boolean()) return Value::Bool(json.get<bool>());
  if (json.is_number_integer()) return Value::Integer(json.get<std::int64_t>());
  if (json.is_number()) return Value::Float(json.get<double>());
  if (json.is_string()) return Value::Text(json.get<std::string>());
  if (json.is_array()) {
    std::vector<Value> items;
    for (const Json& item : json) items.push_back(ToValue(item, "", open));
    return Value::List(std::move(items));
  }
  if (!json.is_object()) return {};
  std::vector<Value::Member> members;
  for (const auto& [name, value] : json.items()) members.emplace_back(name, ToValue(value, name, open));
  return IsMap(member) ? Value::Map(std::move(members)) : Value::Struct(std::move(members), open);
}

Value TypeMeta(const std::string& kind, const std::string& version) {
  return Value::Struct({{"Kind", Value::Text(kind)}, {"APIVersion", Value::Text(version)}});
}

// With Go's names of what v3 embeds: TypeMeta and ObjectMeta.
Value OfV3(const model::Object& object) {
  const Json json = Json::parse(model::CompleteJson(object));
  std::vector<Value::Member> members{
      {"TypeMeta", TypeMeta(json["kind"].get<std::string>(), json["apiVersion"].get<std::string>())},
      {"ObjectMeta", ToValue(json["metadata"], "", false)},
      {"Spec", ToValue(json["spec"], "", false)}};
  if (json.contains("status")) members.emplace_back("Status", ToValue(json["status"], "", false));
  return Value::Struct(std::move(members));
}

// v1 documents have only members with a value: what they lack is empty.
Result<Value> OfV1(const model::Object& object) {
  ASSIGN_OR_RETURN(const std::string text, model::PrintV1Json({object}));
  return ToValue(Json::parse(text).at(0), "", true);
}

class TemplatePrinter final : public Printer {
 public:
  TemplatePrinter(go_template::Template parsed, const Shown& shown, std::ostream& out)
      : template_(std::move(parsed)), shown_(shown), out_(out) {}

  Status Add(const model::Object& object) override {
    if (shown_.version == model::ApiVersion::kV1) {
      ASSIGN_OR_RETURN(Value value, OfV1(object));
      values_.push_back(std::move(value));
    } else {
      values_.push_back(OfV3(object));
    }
    return Ok();
  }

  Status Finish(const std::string& revision) override {
    const bool list = shown_.list || shown_.version == model::ApiVersion::kV1;
    if (list) {
      std::vector<Value::Member> members{{"Items", Value::List(std::move(values_))}};
      if (shown_.list) {
        members.emplace_back("TypeMeta", TypeMeta(std::string(model::KindName(*shown_.list)) + "List",
                                                  "projectcalico.org/v3"));
        members.emplace_back("ListMeta", Value::Struct({{"ResourceVersion", Value::Text(revision)}}));
      }
      values_ = {Value::Struct(std::move(members))};
    }
    const go_template::Environment environment{[this](const std::string& name) -> Result<std::string> {
      if (EqualsIgnoreCase(name, "asnumber")) return shown_.global_as_number();
      return Error(ErrorCode::kInvalidArgument, fmt::format("unknown setting '{}': asnumber is known", name));
    }};
    ASSIGN_OR_RETURN(const std::string text, template_.Execute(Value::List(std::move(values_)), environment));
    out_ << text;
    return Ok();
  }

 private:
  const go_template::Template template_;
  const Shown shown_;
  std::ostream& out_;
  std::vector<Value> values_;
};

}  // namespace

Result<std::unique_ptr<Printer>> MakeTemplatePrinter(const Shown& shown, std::ostream& out) {
  ASSIGN_OR_RETURN(go_template::Template parsed, go_template::Template::Parse(shown.form.template_text));
  return std::unique_ptr<Printer>(std::make_unique<TemplatePrinter>(std::move(parsed), shown, out));
}

}  // namespace calico::calicoctl
