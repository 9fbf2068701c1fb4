// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/environment.h"
#include "base/log.h"
#include "base/result.h"
#include "datastore/resources.h"
#include "model/felix_configuration.h"
#include "net/ip.h"

namespace calico::node {

inline constexpr char kRunDirectory[] = "/var/run/calico";
inline constexpr char kLogDirectory[] = "/var/log/calico";
inline constexpr char kLibDirectory[] = "/var/lib/calico";

// NODENAME, /var/lib/calico/nodename, HOSTNAME, the host's name (reference bgp-and-node A1); the last two in
// lower case.
Result<std::string> DetermineNodeName(const Environment& environment);

// Who speaks BGP: CALICO_NETWORKING_BACKEND, and `CALICO_NETWORKING=false` for none (reference bgp-and-node
// A1). With any but BIRD the agent programs the routes to other hosts. kUnsupported.
enum class Backend { kBird, kGobgp, kNone };
Result<Backend> BackendOf(const Environment& environment);

// What the log shows until FelixConfiguration has been read: CALICO_STARTUP_LOGLEVEL, else
// FELIX_LOGSEVERITYSCREEN; CALICO_DEBUG wins over everything, and later, too. kInvalidArgument.
Result<LogLevel> StartupLogLevel(const Environment& environment, const model::FelixConfiguration& overrides);
inline constexpr char kLogLevelWords[] = "use debug, info, warning, error, critical or none";

// AUTODETECT_POLL_INTERVAL; what cannot be read is logged and 60 s (reference bgp-and-node A1.3).
Duration AddressPeriod(const Environment& environment);

// CALICO_ROUTER_ID: a dotted quad, or "hash" for one that follows from the node's name, or nothing for the
// node's IPv4 address (reference bgp-and-node A1.3). kInvalidArgument.
Result<std::optional<net::Ip>> RouterIdOf(const Environment& environment, const std::string& node);

// What the agent itself needs of FelixConfiguration: global, per node, environment; the last wins.
struct FelixSettings {
  LogLevel log_level = LogLevel::kInfo;
  bool health_enabled = true;
  std::string health_host = "localhost";
  int health_port = 9099;
  bool metrics_enabled = true;
  std::string metrics_host = "127.0.0.1";
  int metrics_port = 9091;
  bool ipv6 = true;
  bool claim_blocks_at_start = false;
  bool wireguard_host_encryption = false;
};
FelixSettings Merge(const std::vector<const model::FelixConfiguration*>& weakest_first);
Result<FelixSettings> ReadFelixSettings(datastore::Resources resources, const std::string& node,
                                        const model::FelixConfiguration& overrides);

}  // namespace calico::node
