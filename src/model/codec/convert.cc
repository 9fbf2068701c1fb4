// SPDX-License-Identifier: Apache-2.0
#include "model/codec/convert.h"

#include <utility>
#include <vector>

#include <fmt/format.h>

#include "model/codec/document.h"
#include "model/codec/fields.h"
#include "model/codec/json.h"
#include "model/codec/kubernetes_policy.h"
#include "model/codec/print.h"
#include "model/validate/validate.h"

namespace calico::model {
namespace {

using codec::Json;

// What a store would add is not part of a document; upstream prints the missing time.
Json Printed(const Object& object) {
  Object fresh = object;
  Metadata& metadata = MetadataOf(fresh);
  metadata.uid.clear();
  metadata.resource_version.clear();
  metadata.creation_timestamp.clear();
  Json json = codec::EncodeObject(fresh, false);
  json["metadata"]["creationTimestamp"] = nullptr;
  return Json::parse(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}

const char* Doing(DocumentStep step) {
  switch (step) {
    case DocumentStep::kUnpackList:
      return "Failed to unpack lists";
    case DocumentStep::kConvert:
      return "Failed to convert resource";
    case DocumentStep::kRead:
      break;
  }
  return "Failed to create resources from file";
}

Status Validated(const std::vector<Document>& documents) {
  for (const Document& document : documents) {
    if (const Status status = Validate(document.object); !status.has_value()) {
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("Converted manifest resource(s) failed validation: {}\n"
                      "Re-run the command with '--ignore-validation' flag to see the converted output.",
                      status.error().message()));
    }
  }
  return Ok();
}

}  // namespace

Result<std::string> ConvertDocuments(std::string_view text, const std::string& source,
                                     const ConvertOptions& options) {
  DocumentOptions reading;
  DocumentStep failed = DocumentStep::kRead;
  reading.kubernetes = true;
  reading.failed = &failed;
  auto documents = ParseDocuments(text, source, reading);
  if (!documents.has_value()) return std::move(documents).error().WithContext(Doing(failed));
  if (documents->empty())
    return Error(ErrorCode::kInvalidArgument,
                 "Failed to create resources from file: " + source + ": no resources");
  for (const Document& document : *documents) {
    if (document.version == ApiVersion::kV3) {
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("Failed to convert resource: conversion for the resource type '{}' is not supported",
                      document.kind_as_written));
    }
  }
  if (!options.ignore_validation) RETURN_IF_ERROR(Validated(*documents));
  Json result;
  if (documents->size() == 1) {
    result = Printed(documents->front().object);
  } else {
    result =
        Json{{"kind", "List"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"items", Json::array()}};
    for (const Document& document : *documents) result["items"].push_back(Printed(document.object));
  }
  return options.json ? codec::JsonText(result) + "\n" : codec::YamlText(result);
}

Result<PolicySpec> SpecOfKubernetesPolicy(const StagedKubernetesNetworkPolicy& staged) {
  const auto member = [](const std::string& text) {
    return Json::parse(text.empty() ? "null" : text, nullptr, false);
  };
  const Json document{{"apiVersion", codec::kKubernetesPolicyVersion},
                      {"kind", "NetworkPolicy"},
                      {"metadata", {{"name", staged.metadata.name}, {"namespace", staged.metadata.ns}}},
                      {"spec",
                       {{"podSelector", member(staged.pod_selector_json)},
                        {"ingress", member(staged.ingress_json)},
                        {"egress", member(staged.egress_json)},
                        {"policyTypes", staged.policy_types}}}};
  codec::DecodeNotes notes;
  ASSIGN_OR_RETURN(Object object, codec::DecodeKubernetesPolicy(document, notes));
  return std::move(std::get<NetworkPolicy>(object).spec);
}

}  // namespace calico::model
