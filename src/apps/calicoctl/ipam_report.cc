// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/ipam_report.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/calicoctl/go_json.h"
#include "base/file.h"

namespace calico::calicoctl {
namespace {

using Json = nlohmann::ordered_json;

// Members that upstream leaves out when they are empty.
void SetText(Json& json, const char* name, const std::string& value) {
  if (!value.empty()) json[name] = value;
}

Json EntryJson(const IpamReport::Entry& entry) {
  const ipam::Allocation& allocation = entry.allocation;
  Json json = Json::object();
  json["ip"] = allocation.ip.ToString();
  SetText(json, "handle", ipam::HandleOf(allocation.attribute));
  if (allocation.sequence_number.has_value()) json["sequenceNumber"] = *allocation.sequence_number;
  for (const char* name : {"pod", "namespace", "node", "type"})
    SetText(json, name, allocation.Attribute(name));
  SetText(json, "creationTimestamp", allocation.Attribute("timestamp"));
  if (allocation.IsBorrowed()) json["borrowed"] = true;
  json["inUse"] = !entry.owners.empty();
  json["owners"] = entry.owners.empty() ? Json(nullptr) : Json(entry.owners);
  return json;
}

IpamReport::Entry EntryOf(const Json& json, const std::string& address) {
  IpamReport::Entry entry;
  const auto ip = net::Ip::Parse(json.value("ip", address));
  if (!ip) throw std::invalid_argument("not an address: " + address);
  entry.allocation.ip = *ip;
  const std::string handle = json.value("handle", "");
  if (!handle.empty()) entry.allocation.attribute.handle_id = handle;
  if (json.contains("sequenceNumber")) {
    entry.allocation.sequence_number = json.at("sequenceNumber").get<std::uint64_t>();
  }
  if (!json.at("inUse").get<bool>()) return entry;
  if (json.contains("owners") && json.at("owners").is_array()) {
    entry.owners = json.at("owners").get<std::vector<std::string>>();
  }
  if (entry.owners.empty()) entry.owners.push_back("unknown");  // in use, whoever it is
  return entry;
}

IpamReport ReportOf(const Json& json) {
  IpamReport report;
  report.version = json.at("version").get<std::string>();
  report.cluster_guid = json.at("clusterGUID").get<std::string>();
  report.datastore_locked = json.at("datastoreLocked").get<bool>();
  report.cluster_information_revision = json.at("clusterInformationRevision").get<std::string>();
  report.cluster_type = json.value("clusterType", "");
  const Json& allocations = json.at("allocations");
  for (const auto& [address, list] : allocations.items()) {
    for (const Json& entry : list) report.entries.push_back(EntryOf(entry, address));
  }
  if (!json.contains("leakedHandles") || json.at("leakedHandles").is_null()) return report;
  for (const Json& handle : json.at("leakedHandles")) {
    report.leaked_handles.push_back(
        {handle.at("ID").get<std::string>(), std::stoll(handle.at("Revision").get<std::string>())});
  }
  return report;
}

}  // namespace

std::string WriteIpamReport(const IpamReport& report) {
  Json json = Json::object();
  json["version"] = report.version;
  json["clusterGUID"] = report.cluster_guid;
  json["datastoreLocked"] = report.datastore_locked;
  json["clusterInformationRevision"] = report.cluster_information_revision;
  json["clusterType"] = report.cluster_type;
  // Go sorts a map's keys as texts.
  std::map<std::string, Json> allocations;
  for (const IpamReport::Entry& entry : report.entries) {
    Json& list = allocations[entry.allocation.ip.ToString()];
    list.push_back(EntryJson(entry));
  }
  json["allocations"] = Json::object();
  for (auto& [address, list] : allocations) json["allocations"][address] = std::move(list);
  for (const IpamReport::Handle& handle : report.leaked_handles) {
    json["leakedHandles"].push_back(
        {{"ID", handle.id}, {"UID", nullptr}, {"Revision", std::to_string(handle.revision)}});
  }
  return EscapedAsGo(json.dump(2, ' ', false, Json::error_handler_t::replace));
}

Result<IpamReport> ReadIpamReport(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  try {
    return ReportOf(Json::parse(text));
  } catch (const std::exception& error) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{} is not a report of 'calicoctl ipam check': {}", path, error.what()));
  }
}

}  // namespace calico::calicoctl
