// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/endpoints.h"

#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "model/codec/json.h"

namespace calico::libnetwork {
namespace {

constexpr std::string_view kEndpointHandlePrefix = "libnetwork.";
constexpr char kRequestedNote[] = "requested address";
constexpr char kAuxiliaryNote[] = "auxiliary address";
constexpr std::size_t kIdCharacters = 11;
constexpr int kChangeAttempts = 10;

model::WorkloadEndpoint Identity(const std::string& node, const std::string& endpoint_id) {
  model::WorkloadEndpoint endpoint;
  endpoint.node = node;
  endpoint.orchestrator = kOrchestrator;
  endpoint.workload = kOrchestrator;
  endpoint.endpoint = endpoint_id;
  return endpoint;
}

constexpr std::string_view kSandboxes = "/calico/docker/v1/sandbox/";

std::string SandboxPath(const std::string& node, const std::string& endpoint_id) {
  return fmt::format("{}{}/{}", kSandboxes, node, endpoint_id);
}

// "<sandbox> <network>"; notes of older agents have no network.
std::string ValueOf(const SandboxNote& note) {
  return note.sandbox_key + " " + note.network_id;
}
std::optional<SandboxNote> NoteOf(const datastore::KeyValue& kv) {
  const std::vector<std::string> parts = Split(kv.key.substr(kSandboxes.size()), '/');
  if (parts.size() != 2) return std::nullopt;
  const std::size_t space = kv.value.find(' ');
  return SandboxNote{parts[0], parts[1], kv.value.substr(0, space),
                     space == std::string::npos ? "" : kv.value.substr(space + 1)};
}

}  // namespace

std::string HostInterface(const std::string& endpoint_id) {
  return "cali" + endpoint_id.substr(0, kIdCharacters);
}

std::string ContainerInterface(const std::string& endpoint_id) {
  return "temp" + endpoint_id.substr(0, kIdCharacters);
}

Result<model::Key> EndpointKey(const std::string& node, const std::string& endpoint_id) {
  ASSIGN_OR_RETURN(std::string name, model::WorkloadEndpointName(Identity(node, endpoint_id)));
  return model::Key::Resource(model::Kind::kWorkloadEndpoint, std::move(name), kNamespace);
}

ipam::Owner UnboundOwner(const std::string& node, const Clock& clock, bool requested_by_user) {
  ipam::Owner owner{"",
                    {{"node", node}, {"type", kOrchestrator}, {"timestamp", AttributeTime(clock.WallNow())}}};
  if (requested_by_user) owner.attributes["note"] = kRequestedNote;
  return owner;
}

ipam::Owner OwnerForNetwork(const std::string& node, const std::string& network_id, const Clock& clock) {
  ipam::Owner owner = UnboundOwner(node, clock, false);
  owner.attributes["network"] = network_id;
  owner.attributes["note"] = kAuxiliaryNote;
  return owner;
}

ipam::Owner OwnerOfEndpoint(const std::string& node, const std::string& network_id,
                            const std::string& endpoint_id, const Clock& clock) {
  return {HandleOfEndpoint(endpoint_id),
          {{"node", node},
           {"type", kOrchestrator},
           {"network", network_id},
           {"timestamp", AttributeTime(clock.WallNow())}}};
}

std::string HandleOfEndpoint(const std::string& endpoint_id) {
  return std::string(kEndpointHandlePrefix) + endpoint_id;
}

std::string EndpointOfHandle(const std::string& handle) {
  if (handle.rfind(kEndpointHandlePrefix, 0) != 0) return {};
  return handle.substr(kEndpointHandlePrefix.size());
}

std::string AttributeText(const model::AllocationAttribute& attribute, const std::string& name) {
  const auto found = attribute.secondary.find(name);
  return found == attribute.secondary.end() ? std::string() : found->second;
}

bool IsOfDocker(const model::AllocationAttribute& attribute) {
  return AttributeText(attribute, "type") == kOrchestrator;
}

bool IsRequestedByUser(const model::AllocationAttribute& attribute) {
  return AttributeText(attribute, "note") == kRequestedNote;
}

bool IsKeptByNetwork(const model::AllocationAttribute& attribute) {
  return AttributeText(attribute, "note") == kAuxiliaryNote;
}

std::string AttributeTime(WallTime time) {
  std::string text = FormatRfc3339(time);  // 2026-03-02T10:05:00Z
  text[text.find('T')] = ' ';
  text.pop_back();
  return fmt::format("{}.{:09} +0000 UTC", text, UnixNanos(time) % 1'000'000'000);
}

std::optional<WallTime> ParseAttributeTime(const std::string& text) {
  const std::size_t dot = text.find('.');
  if (dot != 19 || text[10] != ' ') return std::nullopt;
  auto time = ParseRfc3339(text.substr(0, 10) + "T" + text.substr(11, 8) + "Z");
  std::int64_t nanos = 0;
  const char* begin = text.data() + dot + 1;
  const auto parsed = std::from_chars(begin, text.data() + text.size(), nanos);
  if (!time.has_value() || parsed.ec != std::errc() || parsed.ptr != begin + 9) return std::nullopt;
  return *time + std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(nanos));
}

bool IsCalico26(const datastore::Client& client) {
  return client.dialect() == datastore::Dialect::kCalico26;
}

Result<bool> NoteSandbox(datastore::Client& client, const SandboxNote& note) {
  const std::string mine = SandboxPath(note.node, note.endpoint_id);
  ASSIGN_OR_RETURN(const datastore::ListResult list, client.List(SandboxPath(note.node, "")));
  bool first = true, noted = false;
  for (const datastore::KeyValue& kv : list.items) {
    const auto other = NoteOf(kv);
    if (kv.key == mine)
      noted = kv.value == ValueOf(note);
    else
      first = first && (!other || other->sandbox_key != note.sandbox_key);
  }
  if (noted) return first;
  ASSIGN_OR_RETURN(const datastore::Revision written, client.Put(mine, ValueOf(note)));
  static_cast<void>(written);
  return first;
}

Result<std::vector<SandboxNote>> ListSandboxes(datastore::Client& client) {
  ASSIGN_OR_RETURN(const datastore::ListResult list, client.List(std::string(kSandboxes)));
  std::vector<SandboxNote> notes;
  for (const datastore::KeyValue& kv : list.items) {
    if (auto note = NoteOf(kv)) notes.push_back(std::move(*note));
  }
  return notes;
}

Status ForgetSandbox(datastore::Client& client, const std::string& node, const std::string& endpoint_id) {
  const Status deleted = client.Delete(SandboxPath(node, endpoint_id), 0);
  return !deleted.has_value() && deleted.error().code() != ErrorCode::kNotFound ? deleted : Ok();
}

Result<std::vector<model::WorkloadEndpoint>> ListSiblings(datastore::Client& client, const std::string& node,
                                                          const std::string& endpoint_id,
                                                          const std::string& sandbox_key) {
  std::set<std::string> noted;  // by NoteSandbox
  if (IsCalico26(client)) {
    ASSIGN_OR_RETURN(const datastore::ListResult list, client.List(SandboxPath(node, "")));
    for (const datastore::KeyValue& kv : list.items) {
      if (const auto note = NoteOf(kv); note && note->sandbox_key == sandbox_key)
        noted.insert(note->endpoint_id);
    }
  }
  ASSIGN_OR_RETURN(const std::vector<datastore::Stored> endpoints, ListEndpoints(client, node));
  std::vector<model::WorkloadEndpoint> siblings;
  for (const datastore::Stored& stored : endpoints) {
    const auto& endpoint = std::get<model::WorkloadEndpoint>(stored.object);
    if (endpoint.endpoint == endpoint_id) continue;
    const auto sandbox = endpoint.metadata.annotations.find(kSandboxAnnotation);
    if (noted.contains(endpoint.endpoint) ||
        (sandbox != endpoint.metadata.annotations.end() && sandbox->second == sandbox_key))
      siblings.push_back(endpoint);
  }
  return siblings;
}

Status ChangeEndpoint(datastore::Client& client, const Clock& clock, const std::string& node,
                      const std::string& endpoint_id,
                      const std::function<void(model::WorkloadEndpoint&)>& change) {
  datastore::Resources resources(client, clock);
  ASSIGN_OR_RETURN(const model::Key key, EndpointKey(node, endpoint_id));
  for (int attempt = 1;; ++attempt) {
    auto stored = resources.Get(key);
    if (!stored.has_value())
      return stored.error().code() == ErrorCode::kNotFound ? Ok() : Status(std::move(stored).error());
    const auto& before = std::get<model::WorkloadEndpoint>(stored->object);
    auto after = before;
    change(after);
    if (after == before) return Ok();
    auto updated = resources.Update(std::move(after));
    if (updated.has_value() || updated.error().code() == ErrorCode::kNotFound) return Ok();
    if (updated.error().code() != ErrorCode::kConflict || attempt == kChangeAttempts)
      return std::move(updated).error();
  }
}

Result<bool> EndpointExists(const Call& call, const std::string& endpoint_id) {
  ASSIGN_OR_RETURN(const model::Key key, EndpointKey(call.options.node_name, endpoint_id));
  const auto stored = call.client.Get(model::ToPath(key));
  if (stored.has_value()) return true;
  if (stored.error().code() == ErrorCode::kNotFound) return false;
  return stored.error();
}

Result<std::vector<datastore::Stored>> ListEndpoints(datastore::Client& client, const std::string& node) {
  ASSIGN_OR_RETURN(model::Key any, EndpointKey(node, "x"));
  any.name.pop_back();  // up to the endpoint's ID, which holds no dash
  ASSIGN_OR_RETURN(const datastore::ListResult list, client.List(model::ToPath(any)));
  std::vector<datastore::Stored> endpoints;
  for (const datastore::KeyValue& kv : list.items) {
    const auto key = model::ParsePath(kv.key);
    if (!key.has_value() || key->kind != model::Kind::kWorkloadEndpoint) continue;
    auto object = model::DecodeValue(*key, kv.value);
    if (!object.has_value()) {
      LogWarning("libnetwork", "ignoring endpoint {}: {}", kv.key, object.error().message());
      continue;
    }
    model::MetadataOf(*object).resource_version = std::to_string(kv.revision);
    // Dashes are doubled inside a segment, so a prefix may match another node's name: look at the field.
    if (std::get<model::WorkloadEndpoint>(*object).node != node) continue;
    endpoints.push_back({std::move(*object), kv.revision});
  }
  return endpoints;
}

}  // namespace calico::libnetwork
