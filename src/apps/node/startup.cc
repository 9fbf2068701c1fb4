// SPDX-License-Identifier: Apache-2.0
#include "apps/node/startup.h"

#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/node/default_pools.h"
#include "apps/node/settings.h"
#include "base/log.h"
#include "base/text.h"
#include "datastore/initialisation.h"
#include "datastore/resources.h"
#include "model/codec/json.h"

namespace calico::node {
namespace {

using model::Key;
using model::Kind;

constexpr char kComponent[] = "startup";

// "65000" or "65000.1" (RFC 5396).
std::optional<std::uint32_t> ParseAs(const std::string& text) {
  const auto number = [](std::string_view part, std::uint64_t limit) -> std::optional<std::uint64_t> {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
    if (error != std::errc() || end != part.data() + part.size() || value > limit) return std::nullopt;
    return value;
  };
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos) {
    const auto value = number(text, 0xffffffff);
    return value ? std::optional(static_cast<std::uint32_t>(*value)) : std::nullopt;
  }
  const auto high = number(std::string_view(text).substr(0, dot), 0xffff),
             low = number(std::string_view(text).substr(dot + 1), 0xffff);
  if (!high || !low) return std::nullopt;
  return static_cast<std::uint32_t>((*high << 16) | *low);
}

class Startup {
 public:
  explicit Startup(const StartupInputs& inputs) : in_(inputs), resources_(inputs.client, inputs.clock) {}

  // Of a running agent: what it has stored is in use.
  Status Update() {
    RETURN_IF_ERROR(ReadNode());
    if (!exists_) return Ok();  // deleted: not ours to bring back
    running_ = true;
    RETURN_IF_ERROR(ChooseAddresses());
    if (node_ == before_) return Ok();
    RETURN_IF_ERROR(CheckConflicts());
    RETURN_IF_ERROR(WriteNode());
    for (const AddressChoice& choice : choices_)
      LogInfo(kComponent, "address {}: {}", choice.address, choice.reason);
    return Ok();
  }
  std::vector<AddressChoice> TakeChoices() { return std::move(choices_); }

  Status Run() {
    RETURN_IF_ERROR(ReadNode());
    RETURN_IF_ERROR(ChooseAddresses());
    RETURN_IF_ERROR(CheckConflicts());
    RETURN_IF_ERROR(ChooseAsNumber());
    ChooseOrchestratorName();
    ASSIGN_OR_RETURN(const auto pools, PlanDefaultPools(in_, resources_));
    RETURN_IF_ERROR(datastore::EnsureInitialised(in_.client, in_.clock,
                                                 {in_.version, in_.environment.GetOr("CLUSTER_TYPE", "")}));
    RETURN_IF_ERROR(WriteNode());
    for (const model::IPPool& pool : pools) {
      LogInfo(kComponent, "creating the default pool {} ({})", pool.metadata.name, pool.cidr);
      RETURN_IF_ERROR(CreateUnlessThere(pool));
    }
    if (in_.client.dialect() != datastore::Dialect::kCalico26) return WriteDefaultConfigurations();
    RETURN_IF_ERROR(FillConfigurations());
    return MakeDirectories();
  }

 private:
  Status ReadNode() {
    auto stored = resources_.Get(Key::Resource(Kind::kNode, in_.node_name));
    if (stored.has_value()) {
      node_ = std::get<model::Node>(stored->object);
      exists_ = true;
      before_ = node_;
      return Ok();
    }
    if (stored.error().code() != ErrorCode::kNotFound) return std::move(stored).error();
    node_.metadata.name = in_.node_name;
    return Ok();
  }

  Status ChooseAddresses() {
    if (!node_.bgp) node_.bgp = model::NodeBgp{};
    RETURN_IF_ERROR(ChooseAddress(net::Family::kV4, "IP", node_.bgp->ipv4_address));
    RETURN_IF_ERROR(ChooseAddress(net::Family::kV6, "IP6", node_.bgp->ipv6_address));
    ASSIGN_OR_RETURN(const Backend backend, BackendOf(in_.environment));
    const bool vxlan = in_.environment.GetOr("CALICO_NETWORKING_BACKEND", "") == "vxlan";
    if ((backend != Backend::kNone || vxlan) && node_.bgp->ipv4_address.empty() &&
        node_.bgp->ipv6_address.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   "this host has neither an IPv4 nor an IPv6 address to use: set IP or IP6");
    }
    node_.addresses.clear();
    for (const std::string& address : {node_.bgp->ipv4_address, node_.bgp->ipv6_address}) {
      if (!address.empty()) node_.addresses.push_back({address, "CalicoNodeIP"});
    }
    return Ok();
  }

  Status ChooseAddress(net::Family family, const std::string& variable, std::string& stored) {
    AddressChoice choice;
    choice.family = family;
    RETURN_IF_ERROR(ChooseAddress(variable, stored, choice));
    choice.address = stored;
    if (!running_) {
      LogInfo(kComponent, "{}: {}{}", variable, stored.empty() ? "" : stored + ", ", choice.reason);
      for (const Detected::PassedOver& other : choice.passed_over)
        LogInfo(kComponent, "{}: not {}, which {}", variable, other.interface, other.reason);
      if (!choice.problem.empty()) LogWarning(kComponent, "{}", choice.problem);
    }
    choices_.push_back(std::move(choice));
    return Ok();
  }
  // Reference bgp-and-node A1: `IP` and `IP6`. "" keeps what is stored and, for IPv4, detects when nothing
  // is.
  Status ChooseAddress(const std::string& variable, std::string& stored, AddressChoice& choice) {
    const std::string setting = in_.environment.GetOr(variable, "");
    if (setting == "autodetect") return Detect(variable, stored, choice);
    if (setting == "none") {
      stored.clear();
      choice.reason = variable + "=none";
      return Ok();
    }
    if (setting.empty()) {
      if (!stored.empty()) {
        choice.reason = fmt::format("stored by an earlier start; {} is not set", variable);
        return Ok();
      }
      if (choice.family == net::Family::kV4) return Detect(variable, stored, choice);
      choice.reason = fmt::format("{} is not set", variable);
      return Ok();
    }
    const auto cidr = net::Cidr::Parse(setting);
    if (!cidr || cidr->family() != choice.family) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}='{}' is no {} address: use an address, autodetect or none", variable,
                               setting, choice.family == net::Family::kV4 ? "IPv4" : "IPv6"));
    }
    const auto on_host = AddressOnHost(in_.host, cidr->ip());
    if (!on_host)
      choice.problem =
          fmt::format("no interface of this host has the address {} of {}", cidr->ip().ToString(), variable);
    const bool plain = setting.find('/') == std::string::npos;
    // A running agent keeps the prefix length that it found: the address may be away for a moment.
    if (!running_ || stored.empty()) stored = (plain && on_host ? *on_host : *cidr).ToString();
    choice.reason = fmt::format("{}={}", variable, setting);
    return Ok();
  }

  Status Detect(const std::string& variable, std::string& stored, AddressChoice& choice) {
    const std::string method = in_.environment.GetOr(variable + "_AUTODETECTION_METHOD", "first-found");
    const auto in_use = running_ ? net::Cidr::Parse(stored) : std::nullopt;
    auto found = DetectAddress(in_.host, choice.family, method, in_.source_towards, in_use);
    if (found.has_value()) {
      stored = found->address.ToString();
      choice.reason = found->reason;
      choice.passed_over = std::move(found->passed_over);
      return Ok();
    }
    if (stored.empty() || found.error().code() == ErrorCode::kInvalidArgument)
      return std::move(found).error();
    choice.reason = "stored before";
    choice.problem = fmt::format("{}; keeping {}", found.error().message(), stored);
    return Ok();
  }

  // Other nodes that have one of our addresses: only those last written before `revision`, if one is given.
  Status CheckConflicts(datastore::Revision revision = 0) {
    if (in_.environment.GetOr("DISABLE_NODE_IP_CHECK", "") == "true" || !node_.bgp) return Ok();
    ASSIGN_OR_RETURN(const auto nodes, resources_.List(Kind::kNode));
    for (const auto& stored : nodes.items) {
      const auto& other = std::get<model::Node>(stored.object);
      if (other.metadata.name == in_.node_name || !other.bgp) continue;
      if (revision != 0 && stored.revision > revision) continue;
      RETURN_IF_ERROR(CheckConflict(other, "IPv4", "IP", other.bgp->ipv4_address, node_.bgp->ipv4_address));
      RETURN_IF_ERROR(CheckConflict(other, "IPv6", "IP6", other.bgp->ipv6_address, node_.bgp->ipv6_address));
    }
    return Ok();
  }
  Status CheckConflict(const model::Node& other, const char* family, const char* variable,
                       const std::string& theirs, const std::string& ours) const {
    const auto a = net::Cidr::Parse(theirs), b = net::Cidr::Parse(ours);
    if (!a || !b || a->ip() != b->ip()) return Ok();
    return Error(
        ErrorCode::kConflict,
        fmt::format("Calico node '{}' is already using the {} address {} of this node '{}': set {} on one "
                    "of the two hosts, or delete the node if it is gone",
                    other.metadata.name, family, a->ip().ToString(), in_.node_name, variable));
  }

  Status ChooseAsNumber() {
    const auto text = in_.environment.Get("AS");
    if (!text) return Ok();
    const auto number = ParseAs(*text);
    if (!number)
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("AS='{}' is no AS number: use 64512 or 65000.1", *text));
    node_.bgp->as_number = *number;
    return Ok();
  }

  // CALICO_K8S_NODE_REF: what Kubernetes calls this node, for programs that read our Node.
  void ChooseOrchestratorName() {
    const auto name = in_.environment.Get("CALICO_K8S_NODE_REF");
    if (!name) return;
    std::erase_if(node_.orch_refs, [](const model::OrchRef& ref) { return ref.orchestrator == "k8s"; });
    node_.orch_refs.push_back({*name, "k8s"});
  }

  Status WriteNode() {
    // Without networking there may be nothing to say about BGP, and validation refuses an empty section.
    if (node_.bgp == model::NodeBgp{}) node_.bgp.reset();
    if (exists_ && node_ == before_) return Ok();
    auto written = exists_ ? resources_.Update(node_) : resources_.Create(node_);
    if (!written.has_value())
      return std::move(written).error().WithContext("writing the node " + in_.node_name);
    if (exists_ && SameAddresses(node_, before_)) return Ok();
    // Another node may have passed its check when we passed ours. Who wrote later gives way.
    const Status alone = CheckConflicts(written->revision);
    if (alone.has_value() || alone.error().code() != ErrorCode::kConflict) return alone;
    TakeBack(*written);
    return alone;
  }
  static bool SameAddresses(const model::Node& a, const model::Node& b) {
    return a.bgp.value_or(model::NodeBgp()).ipv4_address == b.bgp.value_or(model::NodeBgp()).ipv4_address &&
           a.bgp.value_or(model::NodeBgp()).ipv6_address == b.bgp.value_or(model::NodeBgp()).ipv6_address;
  }
  void TakeBack(const datastore::Stored& written) {
    Status undone;
    if (exists_) {
      before_.metadata.resource_version = std::get<model::Node>(written.object).metadata.resource_version;
      auto updated = resources_.Update(before_);
      if (!updated.has_value()) undone = std::move(updated).error();
    } else {
      undone = resources_.Delete(Key::Resource(Kind::kNode, in_.node_name), written.revision);
    }
    if (!undone.has_value())
      LogWarning(kComponent, "taking the address back from the store: {}", undone.error().message());
  }

  Status CreateUnlessThere(const model::Object& object) {
    auto created = resources_.Create(object);
    // Another node was faster: as good.
    if (created.has_value() || created.error().code() == ErrorCode::kAlreadyExists) return Ok();
    return std::move(created).error();
  }

  Status WriteDefaultConfigurations() {
    model::FelixConfiguration global;
    global.metadata.name = "default";
    global.reporting_interval = "0s";
    global.log_severity_screen = "Info";
    RETURN_IF_ERROR(CreateUnlessThere(global));
    model::FelixConfiguration own;
    own.metadata.name = "node." + in_.node_name;
    own.default_endpoint_to_host_action = "Return";
    RETURN_IF_ERROR(CreateUnlessThere(own));
    model::BGPConfiguration bgp;
    bgp.metadata.name = "default";
    return CreateUnlessThere(bgp);
  }

  // Calico 2.6 has single settings where v3 has objects: each is written if it is absent (reference
  // datastore-model B.7).
  Status FillConfigurations() {
    RETURN_IF_ERROR(Fill<model::FelixConfiguration>("default", [](model::FelixConfiguration& global) {
      if (global.reporting_interval.empty()) global.reporting_interval = "0s";
      if (global.log_severity_screen.empty()) global.log_severity_screen = "Info";
    }));
    RETURN_IF_ERROR(
        Fill<model::FelixConfiguration>("node." + in_.node_name, [](model::FelixConfiguration& own) {
          if (own.default_endpoint_to_host_action.empty()) own.default_endpoint_to_host_action = "Return";
        }));
    return Fill<model::BGPConfiguration>("default", [](model::BGPConfiguration& bgp) {
      bgp.node_to_node_mesh_enabled = bgp.node_to_node_mesh_enabled.value_or(true);
      bgp.as_number = bgp.as_number.value_or(model::kDefaultAsNumber);
      if (bgp.log_severity_screen.empty()) bgp.log_severity_screen = "Info";
    });
  }
  template <typename T, typename Change>
  Status Fill(const std::string& name, const Change& change) {
    T settings;
    settings.metadata.name = name;
    auto stored = resources_.Get(model::KeyOf(settings));
    if (!stored.has_value() && stored.error().code() != ErrorCode::kNotFound)
      return std::move(stored).error();
    if (stored.has_value()) settings = std::get<T>(stored->object);
    const T before = settings;
    change(settings);
    if (!stored.has_value()) return CreateUnlessThere(settings);
    if (settings == before) return Ok();
    auto written = resources_.Update(settings);
    // Another node wrote what was absent.
    if (written.has_value() || written.error().code() == ErrorCode::kConflict) return Ok();
    return std::move(written).error();
  }

  // What confd of 2.6 wants to find on the hosts that still run it (reference datastore-model B.3.1).
  Status MakeDirectories() {
    const std::string blocks = "/calico/ipam/v2/host/" + in_.node_name;
    for (const std::string& directory :
         {std::string("/calico/v1/ipam/v4/pool/"), std::string("/calico/v1/ipam/v6/pool/"),
          std::string("/calico/bgp/v1/global/custom_filters/v4/"),
          std::string("/calico/bgp/v1/global/custom_filters/v6/"), blocks + "/ipv4/block/",
          blocks + "/ipv6/block/"}) {
      auto made = in_.client.Create(directory, "");
      if (!made.has_value() && made.error().code() != ErrorCode::kAlreadyExists)
        return std::move(made).error();
    }
    return Ok();
  }

  const StartupInputs& in_;
  datastore::Resources resources_;
  model::Node node_, before_;
  bool exists_ = false, running_ = false;
  std::vector<AddressChoice> choices_;
};

}  // namespace

Result<std::vector<AddressChoice>> RunStartup(const StartupInputs& inputs) {
  Startup startup(inputs);
  RETURN_IF_ERROR(startup.Run());
  return startup.TakeChoices();
}

Result<std::vector<AddressChoice>> UpdateAddresses(const StartupInputs& inputs) {
  Startup startup(inputs);
  RETURN_IF_ERROR(startup.Update());
  return startup.TakeChoices();
}

std::string ToJson(const std::vector<AddressChoice>& choices) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const AddressChoice& choice : choices) {
    nlohmann::ordered_json json;
    json["family"] = choice.family == net::Family::kV4 ? "IPv4" : "IPv6";
    if (!choice.address.empty()) json["address"] = choice.address;
    json["reason"] = choice.reason;
    for (const Detected::PassedOver& other : choice.passed_over)
      json["passedOver"].push_back({{"interface", other.interface}, {"reason", other.reason}});
    if (!choice.problem.empty()) json["problem"] = choice.problem;
    list.push_back(std::move(json));
  }
  return list.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

}  // namespace calico::node
