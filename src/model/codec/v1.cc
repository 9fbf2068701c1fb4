// SPDX-License-Identifier: Apache-2.0
#include "model/codec/v1.h"

#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "model/v1_names.h"

namespace calico::model::codec {
namespace {

Error Bad(std::string text) {
  return Error(ErrorCode::kInvalidArgument, std::move(text));
}

// Moves members of a v1 document to where v3 has them; what nobody moved is an unknown field.
class Mover {
 public:
  explicit Mover(const Json& from) : from_(from) {}

  // nullptr if absent or null.
  const Json* Take(const std::string& pointer) {
    taken_.insert(pointer);
    const Json::json_pointer at(pointer);
    if (!from_.contains(at) || from_[at].is_null()) return nullptr;
    return &from_[at];
  }
  void Move(const std::string& from, Json& to, const std::string& name) {
    if (const Json* json = Take(from)) to[name] = *json;
  }
  Status NothingLeft() const { return Check(from_, ""); }

 private:
  Status Check(const Json& json, const std::string& path) const {
    if (taken_.contains(path)) return Ok();
    if (!json.is_object()) {
      return Bad("field in document is not recognized or is in the wrong location: " +
                 path.substr(path.rfind('/') + 1));
    }
    for (const auto& [key, value] : json.items()) {
      if (value.is_null() && (path.empty() || !json.empty())) continue;
      RETURN_IF_ERROR(Check(value, path + "/" + key));
    }
    return Ok();
  }

  const Json& from_;
  std::set<std::string> taken_{"/apiVersion", "/kind"};
};

std::string TextOf(const Json* json) {
  if (json == nullptr) return {};
  if (!json->is_string()) return json->dump();
  std::string text = json->get<std::string>();
  return text.starts_with(kPlainScalar) ? text.substr(1) : text;
}

Result<bool> BoolOf(const Json* json, const std::string& field) {
  if (json == nullptr) return false;
  const Json value = ResolvePlain(*json);
  if (!value.is_boolean())
    return Bad(fmt::format("field {}: cannot parse '{}' as a bool", field, TextOf(json)));
  return value.get<bool>();
}

Result<Document> Finish(Json v3, Kind kind, const std::string& v1_kind, const Mover& mover) {
  RETURN_IF_ERROR(mover.NothingLeft());
  Document document{EmptyObject(kind), v1_kind, ApiVersion::kV1};
  RETURN_IF_ERROR(DecodeObject(v3, document.object));
  return document;
}

Result<Document> DecodePool(const Json& json) {
  Mover mover(json);
  const std::string cidr = TextOf(mover.Take("/metadata/cidr"));
  if (cidr.empty()) return Bad("insufficient identifiers, missing 'cidr'");
  Json spec = Json::object();
  spec["cidr"] = cidr;
  ASSIGN_OR_RETURN(const bool ipip, BoolOf(mover.Take("/spec/ipip/enabled"), "spec.ipip.enabled"));
  const std::string mode = TextOf(mover.Take("/spec/ipip/mode"));
  if (!mode.empty() && mode != "always" && mode != "cross-subnet") {
    return Bad(fmt::format("error with field IPIP.Mode = '{}' (must be 'always' or 'cross-subnet')", mode));
  }
  spec["ipipMode"] = !ipip ? "Never" : mode == "cross-subnet" ? "CrossSubnet" : "Always";
  spec["vxlanMode"] = "Never";
  mover.Move("/spec/nat-outgoing", spec, "natOutgoing");
  mover.Move("/spec/disabled", spec, "disabled");
  return Finish({{"metadata", {{"name", V3PoolName(cidr)}}}, {"spec", spec}}, Kind::kIPPool, "ipPool", mover);
}

Result<Document> DecodeNode(const Json& json) {
  Mover mover(json);
  const std::string name = TextOf(mover.Take("/metadata/name"));
  if (name.empty()) return Bad("insufficient identifiers, missing 'name'");
  Json spec = Json::object();
  if (json.contains("spec") && json["spec"].is_object() && json["spec"].contains("bgp")) {
    Json bgp = Json::object();
    mover.Move("/spec/bgp/asNumber", bgp, "asNumber");
    for (const char* member : {"ipv4Address", "ipv6Address"}) {
      const std::string address = TextOf(mover.Take(std::string("/spec/bgp/") + member));
      if (address.empty()) continue;
      const auto cidr = net::Cidr::Parse(address);
      if (!cidr) return Bad(fmt::format("field spec.bgp.{}: '{}' is no address", member, address));
      bgp[member] = cidr->ToString();
    }
    if (!bgp.contains("ipv4Address") && !bgp.contains("ipv6Address"))
      return Bad("no BGP IP address and subnet specified");
    spec["bgp"] = bgp;
  }
  mover.Move("/spec/orchRefs", spec, "orchRefs");
  return Finish({{"metadata", {{"name", NormaliseName(name)}}}, {"spec", spec}}, Kind::kNode, "node", mover);
}

Result<Document> DecodeEndpoint(const Json& json) {
  Mover mover(json);
  const auto take = [&](const char* name) { return TextOf(mover.Take(std::string("/metadata/") + name)); };
  const std::string name = take("name"), workload = take("workload"), orchestrator = take("orchestrator"),
                    node = take("node"), instance = take("activeInstanceID");
  for (const auto& [field, value] :
       {std::pair{"node", node}, {"orchestrator", orchestrator}, {"workload", workload}, {"name", name}}) {
    if (value.empty()) return Bad(fmt::format("insufficient identifiers, missing '{}'", field));
  }
  Json spec{{"orchestrator", GeneralName(orchestrator)},
            {"node", NormaliseName(node)},
            {"endpoint", GeneralName(name)}};
  std::string ns = "default";
  if (orchestrator == "k8s") {
    const std::size_t dot = workload.find('.');
    if (dot == std::string::npos)
      return Bad(fmt::format("workload '{}' of orchestrator k8s is not <namespace>.<pod>", workload));
    ns = workload.substr(0, dot);
    spec["pod"] = workload.substr(dot + 1);
    spec["containerID"] = instance;
  } else if (orchestrator == "cni") {
    spec["containerID"] = workload;
  } else {
    spec["workload"] = orchestrator == "libnetwork" ? "libnetwork" : GeneralName(workload);
  }
  for (const char* member : {"ipNetworks", "ipNATs", "ipv4Gateway", "ipv6Gateway", "interfaceName", "mac"}) {
    mover.Move(std::string("/spec/") + member, spec, member);
  }
  if (const Json* profiles = mover.Take("/spec/profiles")) {
    for (const Json& profile : *profiles) spec["profiles"].push_back(V3ProfileName(TextOf(&profile)));
  }
  Json metadata{{"namespace", ns}};
  if (const Json* labels = mover.Take("/metadata/labels")) {
    for (const auto& [key, value] : labels->items())
      metadata["labels"][key == "calico/k8s_ns" ? "projectcalico.org/namespace" : key] = value;
  }
  ASSIGN_OR_RETURN(Document document, Finish({{"metadata", metadata}, {"spec", spec}},
                                             Kind::kWorkloadEndpoint, "workloadEndpoint", mover));
  auto& endpoint = std::get<WorkloadEndpoint>(document.object);
  ASSIGN_OR_RETURN(endpoint.metadata.name, WorkloadEndpointName(endpoint));
  return document;
}

// v1 takes host bits and bare addresses in rules; v3 wants networks. What is no network is left for
// validation.
std::string Masked(const std::string& text) {
  const auto cidr = net::Cidr::Parse(text);
  return cidr ? cidr->Masked().ToString() : text;
}

// A v1 rule as a v3 rule (datastore-model D.2).
Result<Json> ConvertRule(const Json& rule) {
  Mover mover(rule);
  Json v3 = Json::object();
  const std::string action = ToLower(TextOf(mover.Take("/action")));
  if (action.empty() || action == "allow")
    v3["action"] = "Allow";
  else if (action == "deny")
    v3["action"] = "Deny";
  else if (action == "log")
    v3["action"] = "Log";
  else if (action == "pass" || action == "next-tier")
    v3["action"] = "Pass";
  else
    return Bad(fmt::format("error with field Action = '{}' (must be allow, deny, log or pass)", action));
  for (const char* member : {"ipVersion", "protocol", "icmp", "notProtocol", "notICMP"})
    mover.Move(std::string("/") + member, v3, member);
  for (const char* side : {"source", "destination"}) {
    const std::string at = std::string("/") + side + "/";
    Json entity = Json::object();
    for (const auto& [single, list] : {std::pair{"net", "nets"}, {"notNet", "notNets"}}) {
      Json nets = Json::array();
      if (const Json* values = mover.Take(at + list)) {
        for (const Json& value : *values) nets.push_back(Masked(TextOf(&value)));
      }
      if (const Json* value = mover.Take(at + single)) nets.push_back(Masked(TextOf(value)));
      if (!nets.empty()) entity[list] = nets;
    }
    for (const auto& [tag, selector] : {std::pair{"tag", "selector"}, {"notTag", "notSelector"}}) {
      std::string text =
          ReplaceAll(TextOf(mover.Take(at + selector)), "calico/k8s_ns", "projectcalico.org/namespace");
      if (const std::string name = TextOf(mover.Take(at + tag)); !name.empty()) {
        text = text.empty() ? name + " == ''" : fmt::format("({}) && {} == ''", text, name);
      }
      if (!text.empty()) entity[selector] = text;
    }
    mover.Move(at + "ports", entity, "ports");
    mover.Move(at + "notPorts", entity, "notPorts");
    v3[side] = entity;
  }
  RETURN_IF_ERROR(mover.NothingLeft());
  return v3;
}

Result<Document> DecodeProfile(const Json& json) {
  Mover mover(json);
  const std::string name = TextOf(mover.Take("/metadata/name"));
  if (name.empty()) return Bad("insufficient identifiers, missing 'name'");
  Json labels = Json::object();
  if (const Json* given = mover.Take("/metadata/labels")) labels = *given;
  if (const Json* tags = mover.Take("/metadata/tags")) {
    for (const Json& tag : *tags) {
      const std::string text = TextOf(&tag);
      if (labels.contains(text)) {
        return Bad(
            fmt::format("Tag: '{}' and Label '{} == {}' have the same value for Profile: {}. Change the "
                        "Label key before proceeding",
                        text, text, TextOf(&labels[text]), name));
      }
      labels[text] = "";
    }
  }
  Json spec = Json::object();
  for (const char* direction : {"ingress", "egress"}) {
    const Json* rules = mover.Take(std::string("/spec/") + direction);
    if (rules == nullptr) continue;
    if (!rules->is_array()) return Bad(fmt::format("field spec.{}: must be a list", direction));
    for (const Json& rule : *rules) {
      ASSIGN_OR_RETURN(Json converted, ConvertRule(rule));
      spec[direction].push_back(std::move(converted));
    }
  }
  if (!labels.empty()) spec["labelsToApply"] = labels;
  return Finish({{"metadata", {{"name", V3ProfileName(name)}}}, {"spec", spec}}, Kind::kProfile, "profile",
                mover);
}

}  // namespace

bool IsV1Kind(const std::string& kind) {
  return ParseV1KindName(kind).has_value();
}

Result<Document> DecodeV1(const Json& json, const std::string& kind, V1Names, DecodeNotes&) {
  if (kind == "ipPool") return DecodePool(json);
  if (kind == "node") return DecodeNode(json);
  if (kind == "workloadEndpoint") return DecodeEndpoint(json);
  return DecodeProfile(json);
}

}  // namespace calico::model::codec
