// SPDX-License-Identifier: Apache-2.0
#include "model/validate/v1_rule.h"

#include <optional>
#include <regex>
#include <string_view>
#include <utility>

#include "model/selector/selector.h"
#include "net/cidr.h"
#include "net/ports.h"

namespace calico::model::validate {
namespace {

constexpr char kNameLetters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
constexpr std::size_t kLongestName = 128;

std::string Text(const Port& port) {
  if (const auto* name = std::get_if<std::string>(&port)) return *name;
  const auto& range = std::get<net::PortRange>(port);
  return range.first == range.last ? std::to_string(range.first)
                                   : fmt::format("{}:{}", range.first, range.last);
}

bool IsNumber(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

// The families that the networks of one rule are of.
struct Families {
  std::optional<int> version;  // what the rule or its first network says
  bool told = false;           // one complaint is enough
};

void CheckNet(const std::string& at, const std::string& field, const std::string& text, Families& families,
              V1Problems& problems) {
  const auto cidr = net::Cidr::Parse(text);
  if (!cidr) {
    problems.Add(at, field, text, "must be a network or an address");
    return;
  }
  const int version = cidr->family() == net::Family::kV4 ? 4 : 6;
  if (families.version && *families.version != version && !families.told) {
    problems.Add(at, field, text,
                 fmt::format("IP version {} does not match the rule's other networks or ipVersion {}",
                             version, *families.version));
    families.told = true;
  }
  if (!families.version) families.version = version;
}

void CheckPorts(const std::string& at, const std::string& field, const std::vector<Port>& ports,
                const std::string& protocol, V1Problems& problems) {
  for (std::size_t i = 0; i < ports.size(); ++i) {
    const std::string place = fmt::format("{}/{}", at, i);
    const auto* range = std::get_if<net::PortRange>(&ports[i]);
    if (range == nullptr) {
      problems.Add(place, field, Text(ports[i]), "must be a port number or a range min:max; no named ports");
    } else if (range->first == 0) {
      problems.Add(place, field, Text(ports[i]),
                   "port range invalid, port number must be between 1 and 65535");
    }
  }
  const bool takes_ports = protocol == "tcp" || protocol == "udp" || protocol == "6" || protocol == "17";
  if (!ports.empty() && !takes_ports) problems.Add(at, field, protocol, "protocol does not support ports");
}

void CheckEntity(const v1::Entity& entity, const std::string& at, const std::string& side,
                 const std::string& protocol, Families& families, V1Problems& problems) {
  CheckV1Name(at + "/tag", side + ".Tag", entity.tag, problems);
  CheckV1Name(at + "/notTag", side + ".NotTag", entity.not_tag, problems);
  CheckV1Selector(at + "/selector", side + ".Selector", entity.selector, problems);
  CheckV1Selector(at + "/notSelector", side + ".NotSelector", entity.not_selector, problems);
  if (!entity.net.empty()) CheckNet(at + "/net", side + ".Net", entity.net, families, problems);
  if (!entity.not_net.empty()) CheckNet(at + "/notNet", side + ".NotNet", entity.not_net, families, problems);
  for (std::size_t i = 0; i < entity.nets.size(); ++i)
    CheckNet(fmt::format("{}/nets/{}", at, i), side + ".Nets", entity.nets[i], families, problems);
  for (std::size_t i = 0; i < entity.not_nets.size(); ++i)
    CheckNet(fmt::format("{}/notNets/{}", at, i), side + ".NotNets", entity.not_nets[i], families, problems);
  CheckPorts(at + "/ports", side + ".Ports", entity.ports, protocol, problems);
  CheckPorts(at + "/notPorts", side + ".NotPorts", entity.not_ports, protocol, problems);
}

void CheckProtocol(const std::string& at, const std::string& field, const std::string& text,
                   V1Problems& problems) {
  if (text.empty()) return;
  if (IsNumber(text)) {
    if (!net::ParseProtocol(text)) problems.Add(at, field, text, "protocol number must be between 1 and 255");
    return;
  }
  for (const char* known : {"tcp", "udp", "icmp", "icmpv6", "sctp", "udplite"}) {
    if (text == known) return;
  }
  problems.Add(at, field, text, "must be a number, tcp, udp, icmp, icmpv6, sctp or udplite");
}

void CheckIcmp(const std::string& at, const std::string& field, const std::optional<IcmpMatch>& icmp,
               V1Problems& problems) {
  if (!icmp) return;
  if (icmp->code && !icmp->type)
    problems.Add(at + "/code", field + ".Code", std::to_string(*icmp->code),
                 "ICMP code specified without an ICMP type");
  if (icmp->type && (*icmp->type < 0 || *icmp->type > 254))
    problems.Add(at + "/type", field + ".Type", std::to_string(*icmp->type), "must be between 0 and 254");
  if (icmp->code && (*icmp->code < 0 || *icmp->code > 255))
    problems.Add(at + "/code", field + ".Code", std::to_string(*icmp->code), "must be between 0 and 255");
}

}  // namespace

void CheckV1Name(const std::string& at, const std::string& field, const std::string& value,
                 V1Problems& problems) {
  if (value.size() > kLongestName || value.find_first_not_of(kNameLetters) != std::string::npos)
    problems.Add(at, field, value, "must be 1 to 128 letters, digits, '_', '.' or '-'");
}

void CheckV1NamespacedName(const std::string& at, const std::string& field, const std::string& value,
                           V1Problems& problems) {
  static const std::string kLetters = std::string(kNameLetters) + "/";
  if (value.size() > kLongestName || value.find_first_not_of(kLetters) != std::string::npos)
    problems.Add(at, field, value, "must be 1 to 128 letters, digits, '_', '.', '-' or '/'");
}

void CheckV1Labels(const std::map<std::string, std::string>& labels, V1Problems& problems) {
  static const std::regex kValue("[a-zA-Z0-9]?([a-zA-Z0-9_.-]{0,61}[a-zA-Z0-9])?");
  static const std::string kKeyLetters = std::string(kNameLetters) + "/";
  constexpr std::size_t kLongestKey = 512, kLongestValue = 63;
  for (const auto& [key, value] : labels) {
    if (key.empty() || key.size() > kLongestKey || key.find_first_not_of(kKeyLetters) != std::string::npos)
      problems.Add("/metadata/labels", "Labels", key,
                   "a label's name must be letters, digits, '_', '.', '-' or '/'");
    if (value.size() > kLongestValue || !std::regex_match(value, kValue)) {
      problems.Add("/metadata/labels", "Labels", fmt::format("{}: {}", key, value),
                   "a label's value must be at most 63 letters, digits, '_', '.' or '-', and end with a "
                   "letter or digit");
    }
  }
}

void CheckV1Selector(const std::string& at, const std::string& field, const std::string& value,
                     V1Problems& problems) {
  if (const auto parsed = Selector::Parse(value); !parsed.has_value())
    problems.Add(at, field, value, parsed.error().message());
}

void CheckV1Rule(const v1::Rule& rule, const std::string& at, V1Problems& problems) {
  const bool known =
      rule.action == "allow" || rule.action == "deny" || rule.action == "log" || rule.action == "pass";
  if (rule.action.empty())
    problems.Add(at, "Action", "", "a rule needs an action: allow, deny, log or pass");
  else if (!known)
    problems.Add(at + "/action", "Action", rule.action, "must be allow, deny, log or pass");
  if (rule.ip_version && *rule.ip_version != 4 && *rule.ip_version != 6)
    problems.Add(at + "/ipVersion", "IPVersion", std::to_string(*rule.ip_version), "must be 4 or 6");
  CheckProtocol(at + "/protocol", "Protocol", rule.protocol, problems);
  CheckProtocol(at + "/notProtocol", "NotProtocol", rule.not_protocol, problems);
  CheckIcmp(at + "/icmp", "ICMP", rule.icmp, problems);
  CheckIcmp(at + "/notICMP", "NotICMP", rule.not_icmp, problems);
  const auto single = [](const v1::Entity& entity) { return !entity.net.empty() || !entity.not_net.empty(); };
  const auto lists = [](const v1::Entity& entity) {
    return !entity.nets.empty() || !entity.not_nets.empty();
  };
  // Of the whole rule: `net` in its source and `nets` in its destination do not go together either.
  if ((single(rule.source) || single(rule.destination)) && (lists(rule.source) || lists(rule.destination)))
    problems.Add(at, "Nets", "", "only one of Net and Nets fields allowed");
  Families families{rule.ip_version};
  CheckEntity(rule.source, at + "/source", "Source", rule.protocol, families, problems);
  CheckEntity(rule.destination, at + "/destination", "Destination", rule.protocol, families, problems);
}

}  // namespace calico::model::validate
