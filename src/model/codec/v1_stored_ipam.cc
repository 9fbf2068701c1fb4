// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <fmt/format.h>

#include "model/codec/fields.h"
#include "model/codec/v1_stored.h"

namespace calico::model {
namespace {

using codec::Json;

Error NotJson(const Key& key) {
  return Error(ErrorCode::kInvalidArgument, Describe(key) + ": not JSON");
}

// Members that newer versions added to a block (reference datastore-model A.10.3, B.5).
const std::set<std::string>& NewBlockMembers() {
  static const std::set<std::string> names{"affinity_claim_time", "sequenceNumber",
                                           "sequenceNumberForAllocation", "deleted", "hostAffinity"};
  return names;
}

Json BlockToV1(const Json& block) {
  const auto member = [&](const char* name, Json otherwise) {
    return block.contains(name) ? block[name] : std::move(otherwise);
  };
  Json stored{{"cidr", member("cidr", "")},
              {"affinity", member("affinity", nullptr)},
              {"strictAffinity", member("strictAffinity", false)},
              {"allocations", member("allocations", Json::array())},
              {"unallocated", member("unallocated", Json::array())},
              {"attributes", Json::array()}};
  for (const Json& attribute : member("attributes", Json::array())) {
    Json one{{"handle_id", nullptr}, {"secondary", nullptr}};  // always there
    for (const auto& [name, value] : attribute.items()) one[name] = value;
    stored["attributes"].push_back(std::move(one));
  }
  for (const auto& [name, value] : block.items()) {
    if (!stored.contains(name) && !NewBlockMembers().contains(name)) stored[name] = value;
  }
  return stored;
}

}  // namespace

Result<std::string> IpamValueFromV1(const Key& key, std::string_view stored, std::int64_t revision) {
  if (key.kind == Kind::kBlockAffinity) return std::string(R"({"state":"confirmed","deleted":false})");
  Json json = Json::parse(stored, nullptr, false);
  if (!json.is_object()) return NotJson(key);
  if (key.kind == Kind::kIpamBlock) {
    json["sequenceNumber"] = revision;
    json["sequenceNumberForAllocation"] = Json::object();
    json["deleted"] = false;
  } else if (key.kind == Kind::kIpamHandle) {
    json["deleted"] = false;
  }
  return codec::DumpStored(json);
}

Result<std::string> IpamValueToV1(const Key& key, std::string_view value) {
  // 2.6 has no states: an affinity is there or not.
  if (key.kind == Kind::kBlockAffinity) return std::string("{}");
  Json json = Json::parse(value, nullptr, false);
  if (!json.is_object()) return NotJson(key);
  if (key.kind == Kind::kIpamBlock) return codec::DumpStored(BlockToV1(json));
  json.erase("deleted");
  if (key.kind == Kind::kIpamConfig) {
    for (const char* name : {"maxBlocksPerHost", "kubeVirtVMAddressPersistence"}) {
      if (json.contains(name) && !json[name].empty() && json[name] != 0 && json[name] != "")
        return NeedsEtcdV3(fmt::format("{} of the IPAM configuration", name));
      json.erase(name);
    }
  }
  return codec::DumpStored(json);
}

}  // namespace calico::model
