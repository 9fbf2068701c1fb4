// SPDX-License-Identifier: Apache-2.0
#include "apps/node/settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "calc/felix_settings.h"

namespace calico::node {
namespace {

constexpr char kComponent[] = "settings";

}  // namespace

Result<std::string> DetermineNodeName(const Environment& environment) {
  if (const auto name = environment.Get("NODENAME"); name && !Trim(*name).empty())
    return std::string(Trim(*name));
  const std::string file =
      environment.GetOr("CALICO_NODENAME_FILE", std::string(kLibDirectory) + "/nodename");
  if (const auto stored = ReadFile(file); stored.has_value() && !Trim(*stored).empty())
    return std::string(Trim(*stored));
  if (const auto name = environment.Get("HOSTNAME"); name && !Trim(*name).empty())
    return ToLower(Trim(*name));
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
    return Error(ErrorCode::kInvalidArgument, "this host has no name: set NODENAME");
  }
  return ToLower(Trim(host));
}

Result<Backend> BackendOf(const Environment& environment) {
  const std::string backend = environment.GetOr("CALICO_NETWORKING_BACKEND", "bird");
  if (backend == "none" || backend == "vxlan" || !environment.GetBool("CALICO_NETWORKING", true))
    return Backend::kNone;
  if (backend == "bird") return Backend::kBird;
  if (backend == "gobgp") return Backend::kGobgp;
  return Error(
      ErrorCode::kUnsupported,
      fmt::format("CALICO_NETWORKING_BACKEND='{}' is not known: use bird, gobgp, vxlan or none", backend));
}

Result<LogLevel> StartupLogLevel(const Environment& environment, const model::FelixConfiguration& overrides) {
  LogLevel level = LogLevel::kInfo;
  ParseLogLevel(overrides.log_severity_screen, level);
  if (const auto text = environment.Get("CALICO_STARTUP_LOGLEVEL"); text && !ParseLogLevel(*text, level)) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("CALICO_STARTUP_LOGLEVEL='{}': {}", *text, kLogLevelWords));
  }
  return environment.Get("CALICO_DEBUG") ? LogLevel::kDebug : level;
}

Duration AddressPeriod(const Environment& environment) {
  constexpr Duration kDefault = std::chrono::seconds(60);
  const auto text = environment.Get("AUTODETECT_POLL_INTERVAL");
  if (!text) return kDefault;
  const auto period = ParseGoDuration(*text);
  if (period && *period > 0) return Duration(*period);
  LogWarning(kComponent, "AUTODETECT_POLL_INTERVAL='{}' is no duration such as 90s or 2m: taking 60s", *text);
  return kDefault;
}

Result<std::optional<net::Ip>> RouterIdOf(const Environment& environment, const std::string& node) {
  const std::string text = environment.GetOr("CALICO_ROUTER_ID", "");
  if (text.empty()) return std::optional<net::Ip>();
  if (text == "hash") {
    const std::string hash = Sha256Hex(node);
    std::string quad;
    for (std::size_t index = 0; index < 4; ++index) {
      int byte = std::stoi(hash.substr(index * 2, 2), nullptr, 16);
      if (index == 0 && byte > 223) byte -= 32;  // multicast and beyond are no identifiers
      quad += (index == 0 ? "" : ".") + std::to_string(byte);
    }
    return net::Ip::Parse(quad);
  }
  const auto ip = net::Ip::Parse(text);
  if (!ip || ip->family() != net::Family::kV4) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("CALICO_ROUTER_ID='{}' is no router ID: use hash or an IPv4 address", text));
  }
  return ip;
}

FelixSettings Merge(const std::vector<const model::FelixConfiguration*>& weakest_first) {
  FelixSettings settings;
  for (const model::FelixConfiguration* configuration : weakest_first) {
    if (configuration == nullptr) continue;
    ParseLogLevel(configuration->log_severity_screen, settings.log_level);
    settings.health_enabled = configuration->health_enabled.value_or(settings.health_enabled);
    if (!configuration->health_host.empty()) settings.health_host = configuration->health_host;
    settings.health_port = configuration->health_port.value_or(settings.health_port);
    settings.metrics_enabled = configuration->prometheus_metrics_enabled.value_or(settings.metrics_enabled);
    if (!configuration->prometheus_metrics_host.empty())
      settings.metrics_host = configuration->prometheus_metrics_host;
    settings.metrics_port = configuration->prometheus_metrics_port.value_or(settings.metrics_port);
    settings.ipv6 = configuration->ipv6_support.value_or(settings.ipv6);
    settings.claim_blocks_at_start =
        configuration->claim_blocks_at_start.value_or(settings.claim_blocks_at_start);
  }
  settings.wireguard_host_encryption =
      calc::FelixSettings(weakest_first).Bool("wireguardHostEncryptionEnabled");
  return settings;
}

Result<FelixSettings> ReadFelixSettings(datastore::Resources resources, const std::string& node,
                                        const model::FelixConfiguration& overrides) {
  std::vector<model::FelixConfiguration> stored;
  for (const std::string& name : {std::string("default"), "node." + node}) {
    auto one = resources.Get(model::Key::Resource(model::Kind::kFelixConfiguration, name));
    if (one.has_value()) {
      stored.push_back(std::get<model::FelixConfiguration>(one->object));
    } else if (one.error().code() != ErrorCode::kNotFound) {
      return std::move(one).error();
    }
  }
  std::vector<const model::FelixConfiguration*> all;
  for (const model::FelixConfiguration& one : stored) all.push_back(&one);
  all.push_back(&overrides);
  return Merge(all);
}

}  // namespace calico::node
