// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/host_endpoints.h"

#include <algorithm>

#include <fmt/format.h>

namespace calico::policy_eval {
namespace {

using model::HostEndpoint;

bool HoldsAnyOf(const Host& host, const std::string& interface, const std::vector<std::string>& expected) {
  const auto found = host.interfaces.find(interface);
  if (found == host.interfaces.end()) return false;
  return std::any_of(expected.begin(), expected.end(), [&](const std::string& text) {
    const auto ip = net::Cidr::Parse(text);
    return ip && std::find(found->second.begin(), found->second.end(), ip->ip()) != found->second.end();
  });
}

bool Claims(const HostEndpoint& endpoint, const Host& host, const std::string& interface) {
  if (!endpoint.interface_name.empty()) return endpoint.interface_name == interface;
  return HoldsAnyOf(host, interface, endpoint.expected_ips);
}

std::optional<std::string> Find(const std::vector<FailsafePort>& ports, std::uint8_t protocol,
                                std::uint16_t port, const net::Ip& other_side) {
  for (const FailsafePort& open : ports) {
    if (open.protocol != protocol || open.port != port) continue;
    if (open.net && !open.net->Contains(other_side)) continue;
    return fmt::format("{} {}", ProtocolName(protocol), port);
  }
  return std::nullopt;
}

}  // namespace

std::optional<model::Key> HostEndpointOf(const Cluster& cluster, const Host& host,
                                         const std::string& interface) {
  if (host.IsWorkloadInterface(interface) || host.IsExcludedInterface(interface)) return std::nullopt;
  std::optional<model::Key> own, any;
  // By name, so the first is the smallest.
  cluster.ForEach<HostEndpoint>([&](const model::Key& key, const HostEndpoint& endpoint) {
    if (endpoint.node != host.node) return;
    if (endpoint.interface_name == kAnyInterface) {
      if (!any) any = key;
    } else if (!own && Claims(endpoint, host, interface)) {
      own = key;
    }
  });
  return own ? own : any;
}

std::optional<std::string> FailsafeFor(const Host& host, Stage stage, Direction direction,
                                       const Packet& packet) {
  if (stage == Stage::kForward) return std::nullopt;
  const bool ingress = direction == Direction::kIngress;
  const net::Ip& other_side = ingress ? packet.source : packet.destination;
  const auto& requests = ingress ? host.failsafe_inbound : host.failsafe_outbound;
  if (auto found = Find(requests, packet.protocol, packet.destination_port, other_side)) return found;
  if (stage != Stage::kUntracked) return std::nullopt;
  // Nothing is tracked there, so answers need to be let through as well.
  const auto& answered = ingress ? host.failsafe_outbound : host.failsafe_inbound;
  return Find(answered, packet.protocol, packet.source_port, other_side);
}

}  // namespace calico::policy_eval
