// SPDX-License-Identifier: Apache-2.0
// Rules of a profile (reference datastore-model C.4.1).
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/validate/validate.h"

namespace calico::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

Profile With(const std::function<void(Rule&)>& change) {
  Profile profile;
  profile.metadata.name = "web";
  Rule rule;
  rule.action = "Allow";
  change(rule);
  profile.ingress = {rule};
  return profile;
}
void ExpectSound(const std::function<void(Rule&)>& change) {
  const Status status = Validate(With(change));
  EXPECT_TRUE(status.has_value()) << status.error().message();
}
void ExpectRefused(const std::string& field, const std::string& reason,
                   const std::function<void(Rule&)>& change) {
  const Status status = Validate(With(change));
  ASSERT_FALSE(status.has_value()) << field << ": " << reason;
  EXPECT_THAT(status.error().message(), AllOf(HasSubstr(field), HasSubstr(reason)));
}

constexpr net::PortRange kHttp{80, 80};

TEST(Rule, IsSoundInItsUsualForms) {
  ExpectSound([](Rule&) {});
  ExpectSound([](Rule& r) {
    r.protocol = "TCP";
    r.destination.ports = {kHttp, net::PortRange{8000, 8080}, std::string("http")};
    r.source.nets = {"10.0.0.0/8", "192.168.1.1/32"};
    r.source.selector = "role == 'web'";
  });
  ExpectSound(
      [](Rule& r) { r.destination.ports = {std::string("http")}; });  // a named port needs no protocol
  ExpectSound([](Rule& r) { r.protocol = "132", r.source.not_ports = {kHttp}; });
  ExpectSound([](Rule& r) { r.protocol = "ICMP", r.icmp = IcmpMatch{8, 0}; });
  ExpectSound([](Rule& r) { r.protocol = "ICMPv6", r.ip_version = 6, r.source.nets = {"fd00::/8"}; });
  ExpectSound([](Rule& r) { r.source.nets = {"0.0.0.0/0"}; });
}

TEST(Rule, MustHaveAKnownActionProtocolAndVersion) {
  ExpectRefused("Action", "required", [](Rule& r) { r.action = ""; });
  ExpectRefused("Action = 'allow'", "Tag: action", [](Rule& r) { r.action = "allow"; });
  ExpectRefused("IPVersion = '5'", "ipVersion", [](Rule& r) { r.ip_version = 5; });
  ExpectRefused("Protocol = 'GRE'", "protocol name invalid", [](Rule& r) { r.protocol = "GRE"; });
  ExpectRefused("Protocol = '0'", "protocol number invalid", [](Rule& r) { r.protocol = "0"; });
  ExpectRefused("NotProtocol = '256'", "protocol number invalid", [](Rule& r) { r.not_protocol = "256"; });
  ExpectRefused("IPVersion", "must set ipversion to '4' with protocol icmp",
                [](Rule& r) { r.protocol = "ICMP", r.ip_version = 6; });
  ExpectRefused("IPVersion", "must set ipversion to '6' with protocol icmpv6",
                [](Rule& r) { r.not_protocol = "ICMPv6", r.ip_version = 4; });
}

TEST(Rule, MatchesIcmpOnlyWithItsProtocolAndAType) {
  ExpectRefused("ICMP", "rules that specify ICMP fields must set protocol to ICMP", [](Rule& r) {
    r.protocol = "TCP", r.icmp = IcmpMatch{8, {}};
  });
  ExpectRefused("ICMP", "ICMP code specified without an ICMP type", [](Rule& r) {
    r.protocol = "ICMP", r.icmp = IcmpMatch{{}, 0};
  });
  ExpectRefused("ICMP.Type = '255'", "", [](Rule& r) { r.protocol = "ICMP", r.icmp = IcmpMatch{255, {}}; });
  ExpectRefused("NotICMP.Code = '256'", "", [](Rule& r) { r.not_icmp = IcmpMatch{8, 256}; });
}

TEST(Rule, HasPortsOnlyWithAProtocolThatHasThem) {
  const std::string numeric = "rules with numeric port or port range must set protocol to TCP or UDP or SCTP";
  const std::string protocol = "rules that specify ports must set protocol to TCP or UDP or SCTP";
  ExpectRefused("Source.Ports", numeric, [](Rule& r) { r.source.ports = {kHttp}; });
  ExpectRefused("Source.NotPorts", numeric, [](Rule& r) {
    r.source.not_ports = {std::string("http"), kHttp};
  });
  ExpectRefused("Destination.Ports", protocol,
                [](Rule& r) { r.protocol = "ICMP", r.destination.ports = {kHttp}; });
  ExpectRefused("Destination.NotPorts", protocol,
                [](Rule& r) { r.protocol = "UDPLite", r.destination.not_ports = {std::string("http")}; });
  ExpectRefused("Destination.Ports = '0'", "between 1 and 65535", [](Rule& r) {
    r.protocol = "TCP", r.destination.ports = {net::PortRange{0, 80}};
  });
  ExpectRefused("Destination.Ports = 'a b'", "",
                [](Rule& r) { r.protocol = "TCP", r.destination.ports = {std::string("a b")}; });
}

TEST(Rule, HasNetsOfOneFamily) {
  ExpectRefused("Source.Nets = '10.0.0.1'", "invalid CIDR", [](Rule& r) { r.source.nets = {"10.0.0.1"}; });
  ExpectRefused("Source.Nets = '10.0.0.1/8'", "Tag: net", [](Rule& r) { r.source.nets = {"10.0.0.1/8"}; });
  ExpectRefused("Destination.Nets = 'fd00::/8'", "rule IP version doesn't match CIDR version",
                [](Rule& r) { r.ip_version = 4, r.destination.nets = {"fd00::/8"}; });
  ExpectRefused("Nets", "rule contains both IPv4 and IPv6 CIDRs",
                [](Rule& r) { r.source.nets = {"10.0.0.0/8"}, r.destination.not_nets = {"fd00::/8"}; });
  ExpectRefused("Source.NotNets = '0.0.0.0/0'", "catch-all CIDR in negation",
                [](Rule& r) { r.source.not_nets = {"0.0.0.0/0"}; });
}

TEST(Rule, HasSelectorsThatParse) {
  ExpectRefused("Selector = 'a =='", "expected string", [](Rule& r) { r.source.selector = "a =="; });
  ExpectRefused("NotSelector = 'a'", "expected operator", [](Rule& r) { r.destination.not_selector = "a"; });
  ExpectRefused("NamespaceSelector = '!'", "", [](Rule& r) { r.source.namespace_selector = "!"; });
  ExpectRefused("Selector field", "global() can only be used in an EntityRule namespaceSelector",
                [](Rule& r) { r.source.selector = "global()"; });
  ExpectSound([](Rule& r) { r.source.namespace_selector = "global()"; });
  ExpectRefused("NamespaceSelector field", "global() cannot be combined with other selectors",
                [](Rule& r) { r.source.namespace_selector = "global() && has(a)"; });
}

}  // namespace
}  // namespace calico::model
