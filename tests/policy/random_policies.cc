// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/random_policies.h"

#include <fmt/format.h>

namespace calico::policy_test {
namespace {

using model::Key;
using model::Kind;

constexpr int kWorkloads = 4, kRemotes = 3;

net::Ip I(const std::string& text) {
  return *net::Ip::Parse(text);
}
std::string WorkloadIp(int number, net::Family family) {
  return family == net::Family::kV4 ? fmt::format("10.65.0.{}", number + 1)
                                    : fmt::format("fd00:65::{}", number + 1);
}
std::string RemoteIp(int number, net::Family family) {
  return family == net::Family::kV4 ? fmt::format("10.65.1.{}", number + 1)
                                    : fmt::format("fd00:65:1::{}", number + 1);
}
// Beyond eth0, and beyond eth1.
std::string OutsideIp(int number, net::Family family) {
  return family == net::Family::kV4 ? fmt::format("203.0.113.{}", number + 1)
                                    : fmt::format("2001:db8:9::{}", number + 1);
}
std::string SecondNetIp(int number, net::Family family) {
  return family == net::Family::kV4 ? fmt::format("198.51.100.{}", number + 10)
                                    : fmt::format("2001:db8:2::{}", number + 10);
}
std::string HostIp(const std::string& interface, net::Family family) {
  const bool first = interface == "eth0";
  if (family == net::Family::kV4) return first ? "192.0.2.1" : "198.51.100.1";
  return first ? "2001:db8:1::1" : "2001:db8:2::1";
}

template <typename T>
void Put(policy_eval::Cluster& cluster, Kind kind, const std::string& name, T object,
         const std::string& ns = "") {
  object.metadata.name = name;
  object.metadata.ns = ns;
  cluster.objects[Key::Resource(kind, name, ns)] = std::make_shared<const model::Object>(std::move(object));
}

}  // namespace

std::map<std::string, std::vector<net::Ip>> RandomPolicies::Interfaces() {
  std::map<std::string, std::vector<net::Ip>> interfaces;
  for (const char* name : {"eth0", "eth1"})
    interfaces[name] = {I(HostIp(name, net::Family::kV4)), I(HostIp(name, net::Family::kV6))};
  for (int i = 0; i < kWorkloads; ++i) interfaces[fmt::format("cali{}", i)] = {};
  return interfaces;
}

std::map<std::string, std::string> RandomPolicies::AnyLabels() {
  std::map<std::string, std::string> labels;
  if (Chance(60)) labels["a"] = std::to_string(Below(2));
  if (Chance(60)) labels["b"] = std::to_string(Below(3));
  if (Chance(30)) labels["role"] = OneOf<std::string>({"web", "webcache", "db"});
  return labels;
}

std::string RandomPolicies::AnySelector() {
  return OneOf<std::string>({"a == '0'", "a == '1'", "has(a)", "!has(b)", "b != '1'", "b in {'0', '2'}",
                             "b not in {'1'}", "role starts with 'web'", "role ends with 'b'",
                             "role contains 'cache'", "all()", "a == '0' || b == '1'", "a == '1' && has(b)",
                             "!(a == '0') && !has(role)"});
}

std::string RandomPolicies::AnyNet(net::Family family) {
  return family == net::Family::kV4
             ? OneOf<std::string>({"10.65.0.0/16", "10.65.0.0/31", "10.65.0.2/32", "10.65.1.0/24",
                                   "203.0.113.0/24", "203.0.113.0/31", "198.51.100.0/24", "192.0.2.1/32",
                                   "0.0.0.0/0"})
             : OneOf<std::string>({"fd00:65::/64", "fd00:65::2/127", "fd00:65::3/128", "fd00:65:1::/64",
                                   "2001:db8:9::/64", "2001:db8:2::/64", "2001:db8:1::1/128", "::/0"});
}

void RandomPolicies::AddEntity(model::EntityRule& entity, bool has_ports, net::Family family,
                               bool is_source) {
  const auto nets = [&] {
    std::vector<std::string> out;
    for (int i = 1 + Below(3); i > 0; --i)
      out.push_back(AnyNet(Chance(90)                   ? family
                           : family == net::Family::kV4 ? net::Family::kV6
                                                        : net::Family::kV4));
    return out;
  };
  if (Chance(25)) entity.nets = nets();
  if (Chance(12)) {
    entity.not_nets = nets();
    std::erase_if(entity.not_nets, [](const std::string& net) { return net.ends_with("/0"); });
  }
  if (Chance(22)) entity.selector = AnySelector();
  if (Chance(14)) entity.not_selector = AnySelector();
  if (Chance(10))
    entity.namespace_selector =
        OneOf<std::string>({"all()", "global()", "env == 'prod'", "env != 'prod'", "has(env)"});
  if (Chance(8)) {
    entity.service_accounts.emplace();
    if (Chance(60)) entity.service_accounts->names = {OneOf<std::string>({"sa0", "sa1"})};
    if (Chance(50)) entity.service_accounts->selector = OneOf<std::string>({"team == 'q'", "!has(team)"});
  }
  const auto ports = [&](bool names) {
    std::vector<model::Port> out;
    for (int i = 1 + Below(3); i > 0; --i) {
      if (names && Chance(40))
        out.emplace_back(OneOf<std::string>({"web", "dns"}));
      else if (is_source)
        out.emplace_back(OneOf<net::PortRange>({{1024, 1024}, {40000, 40000}, {50000, 60000}}));
      else
        out.emplace_back(OneOf<net::PortRange>({{80, 80}, {443, 443}, {22, 53}, {8000, 9000}, {8080, 8080}}));
    }
    return out;
  };
  if (has_ports && Chance(is_source ? 14 : 35)) entity.ports = ports(!is_source);
  if (!has_ports && !is_source && Chance(6)) entity.ports = {std::string("web")};
  if (has_ports && Chance(is_source ? 8 : 14)) entity.not_ports = ports(!is_source && Chance(50));
}

// A rule with one criterion, so that each kind of them decides often enough.
model::Rule RandomPolicies::OneCriterion(bool profile) {
  model::Rule rule;
  rule.action = OneOf<std::string>({"Allow", "Allow", "Deny", profile ? "Deny" : "Pass"});
  const net::Family family = Chance(50) ? net::Family::kV4 : net::Family::kV6;
  model::EntityRule& side = Chance(50) ? rule.source : rule.destination;
  const bool is_source = &side == &rule.source;
  const auto nets = [&] {
    // Of both families: such rules are about either one.
    std::vector<std::string> out{AnyNet(net::Family::kV4), AnyNet(net::Family::kV6)};
    std::erase_if(out, [](const std::string& net) { return net.ends_with("/0"); });
    return out;
  };
  switch (Below(48)) {
    case 0:
      rule.ip_version = family == net::Family::kV4 ? 4 : 6;
      break;
    case 1:
      rule.protocol = OneOf<std::string>({"TCP", "UDP", "SCTP", "ICMP", "ICMPv6", "6", "17"});
      break;
    case 2:
    case 16:
    case 17:
      rule.not_protocol = OneOf<std::string>({"TCP", "UDP", "SCTP", "ICMP", "ICMPv6"});
      break;
    case 3:
    case 11:
    case 12:
    case 13:
    case 14:
    case 15:
    case 27:
    case 28:
    case 32: {
      const bool v4 = family == net::Family::kV4;
      rule.protocol = v4 ? "ICMP" : "ICMPv6";
      const model::IcmpMatch match{v4 ? OneOf<int>({8, 8, 13}) : OneOf<int>({128, 128, 139}),
                                   Chance(40) ? std::optional<int>(Below(2)) : std::nullopt};
      (Chance(38) ? rule.icmp : rule.not_icmp) = match;
      break;
    }
    case 5:
      side.nets = nets();
      break;
    case 6:
    case 18:
    case 19:
      side.not_nets = nets();
      break;
    case 7:
      side.selector = AnySelector();
      break;
    case 8:
    case 20:
    case 21:
    case 22:
      side.not_selector = AnySelector();
      break;
    case 9:
      side.namespace_selector =
          OneOf<std::string>({"all()", "global()", "env == 'prod'", "env != 'prod'", "has(env)"});
      break;
    case 10:
      side.service_accounts.emplace();
      side.service_accounts->names = {OneOf<std::string>({"sa0", "sa1"})};
      break;
    case 23:
    case 24:
    case 25:
    case 26:
    case 29:
    case 30:
    case 31:
      if (Chance(35)) rule.protocol = "TCP";
      {
        std::vector<model::Port>& ports = Chance(45) ? rule.destination.ports : rule.destination.not_ports;
        ports.emplace_back(OneOf<std::string>({"web", "web", "dns"}));
        if (Chance(30)) ports.emplace_back(std::string("dns"));
      }
      break;
    default: {
      rule.protocol = OneOf<std::string>({"TCP", "TCP", "UDP"});
      std::vector<model::Port>& ports = Chance(38) ? side.ports : side.not_ports;
      for (int i = Chance(50) ? 1 : 2; i > 0; --i) {
        ports.emplace_back(
            is_source ? OneOf<net::PortRange>({{1024, 1024}, {40000, 40000}, {50000, 60000}})
                      : OneOf<net::PortRange>({{80, 80}, {80, 443}, {22, 53}, {22, 80}, {8000, 9000}}));
      }
    }
  }
  return rule;
}

model::Rule RandomPolicies::AnyRule(bool profile) {
  if (Chance(80)) return OneCriterion(profile);
  model::Rule rule;
  rule.action =
      OneOf<std::string>({"Allow", "Allow", "Allow", "Deny", "Deny", profile ? "Deny" : "Pass", "Log"});
  if (Chance(12)) rule.ip_version = Chance(50) ? 4 : 6;
  if (Chance(65))
    rule.protocol = OneOf<std::string>(
        {"TCP", "TCP", "UDP", "UDP", "SCTP", "ICMP", "ICMPv6", "UDPLite", "6", "47", "1", "58"});
  else if (Chance(35))
    rule.not_protocol = OneOf<std::string>({"TCP", "UDP", "SCTP", "ICMP", "47"});
  const auto number = net::ParseProtocol(rule.protocol);
  const bool has_ports = number && (*number == net::kTcp || *number == net::kUdp || *number == net::kSctp ||
                                    *number == net::kUdpLite);
  if (number == net::kIcmp || number == net::kIcmpV6) {
    const std::vector<int> types =
        number == net::kIcmp ? std::vector<int>{8, 13, 17} : std::vector<int>{128, 139};
    if (Chance(60))
      rule.icmp = model::IcmpMatch{OneOf(types), Chance(40) ? std::optional<int>(Below(2)) : std::nullopt};
    if (Chance(30))
      rule.not_icmp =
          model::IcmpMatch{OneOf(types), Chance(40) ? std::optional<int>(Below(2)) : std::nullopt};
  }
  const net::Family family = Chance(50) ? net::Family::kV4 : net::Family::kV6;
  AddEntity(rule.source, has_ports, family, true);
  AddEntity(rule.destination, has_ports, family, false);
  if (!has_ports && Chance(2)) rule.destination.ports = {net::PortRange{80, 80}};  // cannot be read
  return rule;
}

std::vector<model::Rule> RandomPolicies::AnyRules(bool profile) {
  std::vector<model::Rule> rules;
  for (int i = Below(5); i > 0; --i) rules.push_back(AnyRule(profile));
  if (Chance(35)) {
    model::Rule last;
    last.action = "Allow";
    rules.push_back(last);
  }
  return rules;
}

model::PolicySpec RandomPolicies::AnySpec() {
  model::PolicySpec spec;
  spec.tier = OneOf<std::string>({"default", "default", "t0", "t1", "ghost"});
  if (Chance(80)) spec.order = Below(3);
  if (Chance(45)) spec.selector = AnySelector();
  spec.types = OneOf<std::vector<std::string>>(
      {{"Ingress"}, {"Egress"}, {"Ingress", "Egress"}, {"Ingress", "Egress"}});
  if (Chance(8)) spec.service_account_selector = OneOf<std::string>({"team == 'q'", "all()", "!has(team)"});
  spec.ingress = AnyRules(false);
  spec.egress = AnyRules(false);
  if (Chance(2)) spec.unreadable = "not what it should be";
  return spec;
}

model::GlobalPolicySpec RandomPolicies::AnyGlobal() {
  model::GlobalPolicySpec global;
  if (Chance(12)) global.namespace_selector = OneOf<std::string>({"all()", "env == 'prod'", "env != 'prod'"});
  if (Chance(45)) {
    global.apply_on_forward = true;
    if (Chance(20))
      global.do_not_track = true;
    else if (Chance(20))
      global.pre_dnat = true;
  }
  return global;
}

policy_eval::Cluster RandomPolicies::AnyCluster() {
  policy_eval::Cluster cluster;
  cluster.interfaces[kNode] = Interfaces();
  for (int ns = 0; ns < 2; ++ns) {
    model::Profile profile;
    const std::string name = fmt::format("ns{}", ns);
    profile.labels_to_apply["pcns.projectcalico.org/name"] = name;
    if (Chance(70)) profile.labels_to_apply["pcns.env"] = Chance(50) ? "prod" : "dev";
    model::Rule allow;
    allow.action = "Allow";
    profile.ingress = profile.egress = {allow};
    if (Chance(30)) {
      profile.ingress = AnyRules(true);
      profile.egress = AnyRules(true);
    }
    Put(cluster, Kind::kProfile, "kns." + name, profile);
    for (int account = 0; account < 2; ++account) {
      model::Profile of_account;
      of_account.labels_to_apply["pcsa.projectcalico.org/name"] = fmt::format("sa{}", account);
      if (Chance(50)) of_account.labels_to_apply["pcsa.team"] = "q";
      Put(cluster, Kind::kProfile, fmt::format("ksa.{}.sa{}", name, account), of_account);
    }
  }
  for (int i = 0; i < kWorkloads + kRemotes; ++i) {
    const bool local = i < kWorkloads;
    model::WorkloadEndpoint endpoint;
    const std::string ns = fmt::format("ns{}", Below(2)), account = fmt::format("sa{}", Below(2));
    endpoint.node = local ? kNode : "host-b";
    endpoint.orchestrator = "k8s";
    endpoint.workload = endpoint.endpoint = fmt::format("w{}", i);
    endpoint.interface_name = fmt::format("cali{}", i);
    endpoint.metadata.labels = AnyLabels();
    endpoint.service_account_name = account;
    for (const net::Family family : {net::Family::kV4, net::Family::kV6})
      endpoint.ip_networks.push_back((local ? WorkloadIp(i, family) : RemoteIp(i - kWorkloads, family)) +
                                     (family == net::Family::kV4 ? "/32" : "/128"));
    endpoint.profiles = {"kns." + ns, fmt::format("ksa.{}.{}", ns, account)};
    if (Chance(3)) endpoint.profiles.insert(endpoint.profiles.begin(), "gone");
    if (Chance(60))
      endpoint.ports.push_back({"web", Chance(80) ? "TCP" : "UDP", OneOf<int>({80, 8080}), 0, ""});
    if (Chance(30)) endpoint.ports.push_back({"dns", "UDP", 53, 0, ""});
    Put(cluster, Kind::kWorkloadEndpoint, fmt::format("w{}", i), endpoint, ns);
  }
  for (const char* name : {"default", "t0", "t1"}) {
    if (name == std::string("t1") && Chance(30)) continue;
    model::Tier tier;
    tier.order = std::string(name) == "default" ? 1'000'000 : Below(3);
    tier.default_action = std::string(name) != "default" && Chance(50) ? "Pass" : "Deny";
    Put(cluster, Kind::kTier, name, tier);
  }
  for (int i = Below(3); i > 0; --i) {
    const std::vector<std::string> nets{AnyNet(net::Family::kV4), AnyNet(net::Family::kV6), "203.0.113.1"};
    if (Chance(50)) {
      model::GlobalNetworkSet set;
      set.metadata.labels = AnyLabels();
      set.nets = nets;
      Put(cluster, Kind::kGlobalNetworkSet, fmt::format("set{}", i), set);
    } else {
      model::NetworkSet set;
      set.metadata.labels = AnyLabels();
      set.nets = nets;
      Put(cluster, Kind::kNetworkSet, fmt::format("set{}", i), set, fmt::format("ns{}", Below(2)));
    }
  }
  const int host_endpoints = Chance(55) ? 1 + Below(2) : 0;
  for (int i = 0; i < host_endpoints; ++i) {
    model::HostEndpoint endpoint;
    endpoint.node = kNode;
    endpoint.metadata.labels = AnyLabels();
    switch (Below(3)) {
      case 0:
        endpoint.interface_name = OneOf<std::string>({"eth0", "eth1"});
        break;
      case 1:
        endpoint.interface_name = "*";
        break;
      default:
        endpoint.expected_ips = {HostIp(OneOf<std::string>({"eth0", "eth1"}), net::Family::kV4)};
    }
    if (Chance(70)) endpoint.profiles = {"projectcalico-default-allow"};
    Put(cluster, Kind::kHostEndpoint, fmt::format("hep{}", i), endpoint);
  }
  const int policies = 4 + Below(6);
  for (int i = 0; i < policies; ++i) {
    const std::string name = fmt::format("p{}", Below(9));
    if (Chance(60)) {
      model::GlobalNetworkPolicy policy;
      policy.spec = AnySpec();
      policy.global = AnyGlobal();
      if (policy.global.pre_dnat) policy.spec.types = {"Ingress"};
      Put(cluster, Kind::kGlobalNetworkPolicy, name, policy);
    } else if (Chance(75)) {
      model::NetworkPolicy policy;
      policy.spec = AnySpec();
      Put(cluster, Kind::kNetworkPolicy, name, policy, fmt::format("ns{}", Below(2)));
    } else {
      model::StagedGlobalNetworkPolicy policy;
      policy.spec = AnySpec();
      policy.global = AnyGlobal();
      policy.global.pre_dnat = false;
      policy.staged_action = "Set";
      Put(cluster, Kind::kStagedGlobalNetworkPolicy, name, policy);
    }
  }
  model::FelixConfiguration felix;
  felix.default_endpoint_to_host_action = OneOf<std::string>({"", "Return", "Accept"});
  Put(cluster, Kind::kFelixConfiguration, "default", felix);
  return cluster;
}

policy_eval::Crossing RandomPolicies::AnyCrossing() {
  const net::Family family = Chance(50) ? net::Family::kV4 : net::Family::kV6;
  policy_eval::Crossing crossing;
  crossing.node = kNode;
  policy_eval::Packet& packet = crossing.packet;
  // Where it comes from and where it goes to. Not from anywhere back to the same place.
  const auto end = [&](net::Ip& ip, std::string& interface) {
    switch (Below(10)) {
      case 0:
      case 1:
      case 2:
      case 3: {
        const int number = Below(kWorkloads);
        ip = I(WorkloadIp(number, family));
        interface = fmt::format("cali{}", number);
        return;
      }
      case 4:
      case 5: {
        const std::string own = OneOf<std::string>({"eth0", "eth1"});
        ip = I(HostIp(own, family));
        interface = "";
        return;
      }
      case 6:
        ip = I(RemoteIp(Below(kRemotes), family));
        interface = "eth0";
        return;
      case 7:
        ip = I(SecondNetIp(Below(2), family));
        interface = "eth1";
        return;
      default:
        ip = I(OutsideIp(Below(3), family));
        interface = "eth0";
    }
  };
  do {
    end(packet.source, crossing.in_interface);
    end(packet.destination, crossing.out_interface);
  } while (crossing.in_interface == crossing.out_interface);
  // Answers to earlier packets have these ports the other way round, or no ports.
  packet.source_port = OneOf<std::uint16_t>({1024, 40000, 50000});
  packet.destination_port = OneOf<std::uint16_t>({22, 53, 80, 80, 80, 80, 443, 8080, 8080, 9000});
  const std::uint8_t icmp = family == net::Family::kV4 ? net::kIcmp : net::kIcmpV6;
  packet.protocol = OneOf<std::uint8_t>(
      {net::kTcp, net::kTcp, net::kTcp, net::kUdp, net::kUdp, net::kSctp, icmp, icmp, icmp, icmp});
  if (packet.protocol == icmp) {
    packet.icmp_type = icmp == net::kIcmp ? OneOf<int>({8, 8, 13, 17}) : OneOf<int>({128, 128, 139});
    packet.icmp_code = Chance(25) ? 1 : 0;
    packet.source_port = packet.destination_port = 0;
  }
  return crossing;
}

}  // namespace calico::policy_test
