// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/ports.h"

namespace calico::model {

// Stored forms: 80, "8000:8080", "http" (a named port).
using Port = std::variant<net::PortRange, std::string>;

struct EntityRule {
  std::vector<std::string> nets;
  std::vector<std::string> not_nets;
  std::string selector;
  std::string not_selector;
  std::string namespace_selector;
  std::vector<Port> ports;
  std::vector<Port> not_ports;
  bool operator==(const EntityRule&) const = default;
};
struct IcmpMatch {
  std::optional<int> type;
  std::optional<int> code;
  bool operator==(const IcmpMatch&) const = default;
};
// Reference datastore-model C.4.1.
struct Rule {
  std::string action;  // "Allow", "Deny", "Log", "Pass"
  std::optional<int> ip_version;
  std::string protocol;  // "TCP" or a number's text; empty = any
  std::string not_protocol;
  std::optional<IcmpMatch> icmp;
  std::optional<IcmpMatch> not_icmp;
  EntityRule source;
  EntityRule destination;
  bool operator==(const Rule&) const = default;
};

}  // namespace calico::model
