// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "net/ports.h"

namespace calico::model {

// Stored forms: 80, "8000:8080", "http" (a named port).
using Port = std::variant<net::PortRange, std::string>;

struct ServiceMatch {
  std::string name;
  std::string ns;
  bool operator==(const ServiceMatch&) const = default;
};
struct ServiceAccountMatch {
  std::vector<std::string> names;
  std::string selector;
  bool operator==(const ServiceAccountMatch&) const = default;
};
struct EntityRule {
  std::vector<std::string> nets;
  std::vector<std::string> not_nets;
  std::string selector;
  std::string not_selector;
  std::string namespace_selector;
  std::optional<ServiceMatch> services;
  std::vector<Port> ports;
  std::vector<Port> not_ports;
  std::optional<ServiceAccountMatch> service_accounts;
  bool operator==(const EntityRule&) const = default;
};
struct IcmpMatch {
  std::optional<int> type;
  std::optional<int> code;
  bool operator==(const IcmpMatch&) const = default;
};
// Exactly one is set.
struct HttpPath {
  std::string exact;
  std::string prefix;
  bool operator==(const HttpPath&) const = default;
};
struct HttpMatch {
  std::vector<std::string> methods;
  std::vector<HttpPath> paths;
  bool operator==(const HttpMatch&) const = default;
};
struct RuleMetadata {
  std::map<std::string, std::string> annotations;
  bool operator==(const RuleMetadata&) const = default;
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
  std::optional<HttpMatch> http;
  std::optional<RuleMetadata> metadata;
  bool operator==(const Rule&) const = default;
};

}  // namespace calico::model
