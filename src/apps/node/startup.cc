// SPDX-License-Identifier: Apache-2.0
#include "apps/node/startup.h"

#include <charconv>

#include <fmt/format.h>

#include "apps/node/default_pools.h"
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

  Status Run() {
    RETURN_IF_ERROR(ReadNode());
    RETURN_IF_ERROR(ChooseAddresses());
    RETURN_IF_ERROR(CheckConflicts());
    RETURN_IF_ERROR(ChooseAsNumber());
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
    const bool none = in_.environment.GetOr("CALICO_NETWORKING_BACKEND", "bird") == "none";
    if (!none && node_.bgp->ipv4_address.empty() && node_.bgp->ipv6_address.empty()) {
      return Error(ErrorCode::kInvalidArgument,
                   "this host has neither an IPv4 nor an IPv6 address to use: set IP or IP6");
    }
    node_.addresses.clear();
    for (const std::string& address : {node_.bgp->ipv4_address, node_.bgp->ipv6_address}) {
      if (!address.empty()) node_.addresses.push_back({address, "CalicoNodeIP"});
    }
    return Ok();
  }

  // Reference bgp-and-node A1: `IP` and `IP6`. "" keeps what is stored and, for IPv4, detects when nothing
  // is.
  Status ChooseAddress(net::Family family, const std::string& variable, std::string& stored) {
    const std::string setting = in_.environment.GetOr(variable, "");
    if (setting == "none") {
      stored.clear();
      return Ok();
    }
    if (setting.empty() && (!stored.empty() || family == net::Family::kV6)) return Ok();
    if (setting.empty() || setting == "autodetect") return Detect(family, variable, stored);
    const auto cidr = net::Cidr::Parse(setting);
    if (!cidr || cidr->family() != family) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}='{}' is no {} address: use an address, autodetect or none", variable,
                               setting, family == net::Family::kV4 ? "IPv4" : "IPv6"));
    }
    const auto on_host = AddressOnHost(in_.host, cidr->ip());
    if (!on_host)
      LogWarning(kComponent, "no interface of this host has the address {} of {}", cidr->ip().ToString(),
                 variable);
    const bool plain = setting.find('/') == std::string::npos;
    stored = (plain && on_host ? *on_host : *cidr).ToString();
    return Ok();
  }

  Status Detect(net::Family family, const std::string& variable, std::string& stored) {
    const std::string method = in_.environment.GetOr(variable + "_AUTODETECTION_METHOD", "first-found");
    auto found = DetectAddress(in_.host, family, method, in_.source_towards);
    if (found.has_value()) {
      LogInfo(kComponent, "autodetected {} ({}={})", found->ToString(), variable + "_AUTODETECTION_METHOD",
              method);
      stored = found->ToString();
      return Ok();
    }
    if (stored.empty() || found.error().code() == ErrorCode::kInvalidArgument)
      return std::move(found).error();
    LogWarning(kComponent, "{}; keeping {}", found.error().message(), stored);
    return Ok();
  }

  Status CheckConflicts() {
    if (in_.environment.GetOr("DISABLE_NODE_IP_CHECK", "") == "true") return Ok();
    ASSIGN_OR_RETURN(const auto nodes, resources_.List(Kind::kNode));
    for (const auto& stored : nodes.items) {
      const auto& other = std::get<model::Node>(stored.object);
      if (other.metadata.name == in_.node_name || !other.bgp) continue;
      RETURN_IF_ERROR(CheckConflict(other, "IPv4", "IP", other.bgp->ipv4_address, node_.bgp->ipv4_address));
      RETURN_IF_ERROR(CheckConflict(other, "IPv6", "IP6", other.bgp->ipv6_address, node_.bgp->ipv6_address));
    }
    return Ok();
  }
  static Status CheckConflict(const model::Node& other, const char* family, const char* variable,
                              const std::string& theirs, const std::string& ours) {
    const auto a = net::Cidr::Parse(theirs), b = net::Cidr::Parse(ours);
    if (!a || !b || a->ip() != b->ip()) return Ok();
    return Error(ErrorCode::kConflict,
                 fmt::format("Calico node '{}' is already using the {} address {}: set {} on one of the two "
                             "hosts, or delete the node if it is gone",
                             other.metadata.name, family, a->ip().ToString(), variable));
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

  Status WriteNode() {
    // Without networking there may be nothing to say about BGP, and validation refuses an empty section.
    if (node_.bgp == model::NodeBgp{}) node_.bgp.reset();
    if (exists_ && node_ == before_) return Ok();
    auto written = exists_ ? resources_.Update(node_) : resources_.Create(node_);
    if (!written.has_value())
      return std::move(written).error().WithContext("writing the node " + in_.node_name);
    return Ok();
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
  bool exists_ = false;
};

}  // namespace

Status RunStartup(const StartupInputs& inputs) {
  return Startup(inputs).Run();
}

}  // namespace calico::node
