// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/address_notes.h"

#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/libnetwork/endpoints.h"
#include "apps/libnetwork/json_members.h"

namespace calico::libnetwork {
namespace {

using Json = nlohmann::json;

std::string Directory(const std::string& node) {
  return fmt::format("/calico/docker/v1/address/{}/", node);
}
std::string PathOf(const std::string& node, const net::Ip& ip) {
  return Directory(node) + ip.ToString();
}

std::optional<AddressNote> Parse(const std::string& value) {
  const Json json = Json::parse(value, nullptr, false);
  const auto since = ParseAttributeTime(Text(json, "since"));
  if (!since.has_value()) return std::nullopt;
  AddressNote note;
  note.since = *since;
  note.boot_id = Text(json, "boot");
  note.endpoint_id = Text(json, "endpoint");
  note.requested_by_user = Text(json, "asked") == "by value";
  note.kept_by_network = !Text(json, "network").empty();
  return note;
}

}  // namespace

Status WriteAddressNote(datastore::Client& client, const std::string& node, const net::Ip& ip,
                        const AddressNote& note) {
  Json json{{"since", AttributeTime(note.since)}, {"boot", note.boot_id}};
  if (!note.endpoint_id.empty()) json["endpoint"] = note.endpoint_id;
  if (note.requested_by_user) json["asked"] = "by value";
  if (note.kept_by_network) json["network"] = "auxiliary";
  ASSIGN_OR_RETURN([[maybe_unused]] const datastore::Revision written,
                   client.Put(PathOf(node, ip), json.dump()));
  return Ok();
}

Result<std::optional<AddressNote>> ReadAddressNote(datastore::Client& client, const std::string& node,
                                                   const net::Ip& ip) {
  auto kv = client.Get(PathOf(node, ip));
  if (kv.has_value()) return Parse(kv->value);
  if (kv.error().code() == ErrorCode::kNotFound) return std::optional<AddressNote>();
  return std::move(kv).error();
}

Result<std::map<net::Ip, AddressNote>> ListAddressNotes(datastore::Client& client, const std::string& node) {
  std::map<net::Ip, AddressNote> notes;
  const std::string directory = Directory(node);
  ASSIGN_OR_RETURN(const datastore::ListResult list, client.List(directory));
  for (const datastore::KeyValue& kv : list.items) {
    const auto ip = net::Ip::Parse(kv.key.substr(directory.size()));
    const auto note = Parse(kv.value);
    if (ip.has_value() && note.has_value()) notes.emplace(*ip, *note);
  }
  return notes;
}

Status DeleteAddressNote(datastore::Client& client, const std::string& node, const net::Ip& ip) {
  const Status deleted = client.Delete(PathOf(node, ip), 0);
  return !deleted.has_value() && deleted.error().code() != ErrorCode::kNotFound ? deleted : Ok();
}

}  // namespace calico::libnetwork
