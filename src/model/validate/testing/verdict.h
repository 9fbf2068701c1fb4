// SPDX-License-Identifier: Apache-2.0
#pragma once

// For tests of model/validate: rows of YAML, as a user writes it, and what is said about it.

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "model/codec/document.h"
#include "model/codec/json.h"
#include "model/validate/validate.h"

namespace calico::model::validate {

inline constexpr char kSound[] = "";

// "IPPool", "{cidr: 10.0.0.0/8}" -> a document.
inline std::string Yaml(const std::string& kind, const std::string& spec, const std::string& name,
                        const std::string& more_metadata = "") {
  const bool namespaced = kind == "NetworkPolicy" || kind == "NetworkSet" || kind == "WorkloadEndpoint" ||
                          kind == "StagedNetworkPolicy" || kind == "StagedKubernetesNetworkPolicy" ||
                          kind == "LiveMigration";
  return fmt::format("apiVersion: projectcalico.org/v3\nkind: {}\nmetadata: {{name: '{}'{}{}}}\nspec: {}\n",
                     kind, name, namespaced ? ", namespace: shop" : "", more_metadata, spec);
}
// The one resource in a text; a text that does not parse fails the test.
inline Object Parsed(const std::string& yaml) {
  auto documents = ParseDocuments(yaml, "test.yaml");
  if (!documents.has_value() || documents->size() != 1) {
    ADD_FAILURE() << (documents.has_value() ? "not one document" : documents.error().message()) << "\n"
                  << yaml;
    return ClusterInformation{};
  }
  return (*documents)[0].object;
}
inline std::string Said(const Status& status) {
  return status.has_value() ? kSound : status.error().message();
}

// As Parsed, also for kinds that only programs write: their spec must be JSON.
inline Object Read(const std::string& kind, const std::string& spec, const std::string& name) {
  const auto known = ParseKindName(kind);
  if (!known || IsManaged(*known)) return Parsed(Yaml(kind, spec, name));
  const auto object = DecodeValue(
      Key::Resource(*known, name, IsNamespaced(*known) ? "shop" : ""),
      fmt::format(
          R"({{"kind":"{}","apiVersion":"projectcalico.org/v3","metadata":{{"name":"{}"}},"spec":{}}})", kind,
          name, spec));
  if (object.has_value()) return *object;
  ADD_FAILURE() << object.error().message();
  return ClusterInformation{};
}

// What creating says (without the checks that need other objects).
inline std::string OfCreate(Object object) {
  if (const Status defaults = ApplyDefaults(object, nullptr); !defaults.has_value()) return Said(defaults);
  return Said(Validate(object));
}
inline std::string OfFields(const Object& object) {
  return Said(ValidateFields(object));
}
inline std::string OfSchema(const Object& object) {
  return Said(ValidateSchema(object));
}

// The texts of reference datastore-model A.16 and C.1.
inline std::string Field(const std::string& name, const std::string& value, const std::string& reason) {
  return fmt::format("error with field {}{} ({})", name, value.empty() ? "" : " = '" + value + "'", reason);
}
inline std::string Tag(const std::string& name, const std::string& value, const std::string& tag,
                       const std::string& detail = "") {
  return Field(name, value,
               fmt::format("Reason: failed to validate Field: {} because of Tag: {} {}", name, tag, detail));
}

struct Row {
  std::string spec;
  std::string verdict;
};
template <typename Verdict>
void ExpectVerdicts(const std::string& kind, const std::string& name, const Verdict& verdict,
                    const std::vector<Row>& rows) {
  for (const Row& row : rows) EXPECT_EQ(verdict(Read(kind, row.spec, name)), row.verdict) << row.spec;
}

}  // namespace calico::model::validate
