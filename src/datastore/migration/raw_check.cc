// SPDX-License-Identifier: Apache-2.0
#include "datastore/migration/raw_check.h"

#include <map>

#include <fmt/format.h>

#include "datastore/etcdv2/layout.h"
#include "datastore/migration/conversion.h"
#include "model/codec/felix_v1.h"
#include "model/codec/json.h"
#include "model/felix_parameters.h"

namespace calico::datastore::migration {
namespace {

using model::Kind;

class RawCheck final {
 public:
  explicit RawCheck(const std::vector<KeyValue>& source) {
    for (const KeyValue& kv : source) objects_.emplace(kv.key, &kv);
  }

  void Look(const KeyValue& raw) {
    for (const etcdv2::Part& part : etcdv2::PartsAt(raw.key)) {
      if (part.role == etcdv2::kExistence) continue;
      const Kind kind = part.place.key.kind;
      if (kind == Kind::kFelixConfiguration) {
        LookAtSetting(raw, part);
      } else if (objects_.count(model::ToPath(part.place.key)) == 0) {
        Report(part, fmt::format("the value of {} can not be read", raw.key));
      } else if (kind == Kind::kWorkloadEndpoint) {
        LookAtWorkload(part);
      } else if (kind == Kind::kProfile && part.role == "tags") {
        LookAtTags(raw, part);
      }
    }
  }
  std::vector<Remark> Done() && { return std::move(problems_); }

 private:
  void Report(const etcdv2::Part& part, const std::string& text) {
    problems_.push_back({KindIn26(part.place.key.kind), part.place.key.name, text});
  }

  void LookAtSetting(const KeyValue& raw, const etcdv2::Part& part) {
    const model::FelixParameter* parameter = model::FindFelixParameterByV1Name(part.role);
    if (parameter == nullptr) return;
    const auto value = model::FelixValueFromV1(*parameter, raw.value);
    if (!value.has_value())
      Report(part, fmt::format("{} = '{}': {}", part.role, raw.value, value.error().message()));
  }

  // A pod's name is "<namespace>.<pod>".
  void LookAtWorkload(const etcdv2::Part& part) {
    const model::V1Identity& identity = part.place.identity;
    if (identity.orchestrator != "k8s" || identity.workload.find('.') != std::string::npos) return;
    Report(part, fmt::format("workload '{}' of Kubernetes names no namespace", identity.workload));
  }

  // A tag becomes a label: it must not be one already.
  void LookAtTags(const KeyValue& raw, const etcdv2::Part& part) {
    const KeyValue& stored = *objects_.at(model::ToPath(part.place.key));
    const auto object = model::DecodeValue(part.place.key, stored.value);
    if (!object.has_value()) return;
    for (const auto& [label, value] : std::get<model::Profile>(*object).labels_to_apply) {
      if (value.empty() || raw.value.find("\"" + label + "\"") == std::string::npos) continue;
      Report(part,
             fmt::format("Tag: '{}' and Label '{} == {}' have the same value for Profile: {}. Change the "
                         "Label key before proceeding",
                         label, label, value, part.place.key.name));
    }
  }

  std::map<std::string, const KeyValue*> objects_;
  std::vector<Remark> problems_;
};

}  // namespace

std::vector<Remark> FindUnreadable(const std::vector<KeyValue>& source, const std::vector<KeyValue>& raw) {
  RawCheck check(source);
  for (const KeyValue& kv : raw) check.Look(kv);
  return std::move(check).Done();
}

}  // namespace calico::datastore::migration
