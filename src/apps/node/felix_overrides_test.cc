// SPDX-License-Identifier: Apache-2.0
#include "apps/node/felix_overrides.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "calc/felix_settings.h"
#include "model/felix_parameters.h"

namespace calico::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Variables = std::map<std::string, std::string>;

std::string Refusal(const std::string& name, const std::string& value) {
  const auto overrides = FelixOverrides(Environment(Variables{{name, value}}));
  if (overrides.has_value()) return "";
  EXPECT_EQ(overrides.error().code(), ErrorCode::kInvalidArgument);
  return overrides.error().message();
}

// The JSON text that a variable gives to its parameter.
std::string Json(const std::string& name, const std::string& value, const std::string& field) {
  const auto overrides = FelixOverrides(Environment(Variables{{name, value}}));
  if (!overrides.has_value()) return overrides.error().message();
  const auto found = overrides->other_parameters.find(field);
  return found == overrides->other_parameters.end() ? "-" : found->second;
}

TEST(FelixOverrides, NothingSetOverridesNothing) {
  const auto overrides = FelixOverrides(Environment(Variables{{"FELIX_HEALTHPORT", ""}}));
  ASSERT_TRUE(overrides.has_value());
  EXPECT_EQ(*overrides, model::FelixConfiguration{});
}

TEST(FelixOverrides, FillTheMembersOfTheirParameters) {
  const auto overrides = FelixOverrides(Environment({{"FELIX_INTERFACEPREFIX", "cali,tap"},
                                                     {"FELIX_DEFAULTENDPOINTTOHOSTACTION", "ACCEPT"},
                                                     {"FELIX_LOGSEVERITYSCREEN", "Debug"},
                                                     {"FELIX_HEALTHENABLED", "false"},
                                                     {"FELIX_HEALTHHOST", "0.0.0.0"},
                                                     {"FELIX_HEALTHPORT", "9098"},
                                                     {"FELIX_PROMETHEUSMETRICSENABLED", "true"},
                                                     {"FELIX_PROMETHEUSMETRICSHOST", "10.0.0.1"},
                                                     {"FELIX_PROMETHEUSMETRICSPORT", "0"},
                                                     {"FELIX_IPV6SUPPORT", "no"},
                                                     {"FELIX_CLAIMBLOCKSATSTART", "yes"}}));
  ASSERT_TRUE(overrides.has_value()) << overrides.error().message();
  model::FelixConfiguration expected;
  expected.interface_prefix = "cali,tap";
  expected.default_endpoint_to_host_action = "Accept";
  expected.log_severity_screen = "Debug";
  expected.health_enabled = false;
  expected.health_host = "0.0.0.0";
  expected.health_port = 9098;
  expected.prometheus_metrics_enabled = true;
  expected.prometheus_metrics_host = "10.0.0.1";
  expected.prometheus_metrics_port = 0;
  expected.ipv6_support = false;
  expected.claim_blocks_at_start = true;
  EXPECT_EQ(*overrides, expected);
}

// A value that is neither the default nor wrong, as it stands in the variable.
std::string Sample(const model::FelixParameter& parameter) {
  using Type = model::FelixParameterType;
  switch (parameter.type) {
    case Type::kBool:
      return parameter.default_value == "true" ? "false" : "true";
    case Type::kInt:
    case Type::kUint32:
    case Type::kDuration:
      return "77";
    case Type::kPort:
      return "1000:2000";
    case Type::kProtoPortList:
      return "tcp:7,udp:8";
    case Type::kStringList:
      return "10.1.0.0/16,10.2.0.1";
    case Type::kRouteTableRange:
      return "7-9";
    case Type::kRouteTableRanges:
      return "7-9,20-30";
    default:
      break;
  }
  std::string words(parameter.accepted);
  if (words.empty()) return "word";
  if (words.starts_with("(?i)")) words.erase(0, 4);
  return Split(words, ',').front();
}

TEST(FelixOverrides, EachParameterThatHasAnEffectComesBackAsItWasSaid) {
  int seen = 0;
  for (const model::FelixParameter& parameter : model::FelixParameters()) {
    std::string name =
        "FELIX_" + std::string(parameter.v1_name.empty() ? parameter.field : parameter.v1_name);
    const std::string value = Sample(parameter);
    const Environment environment(Variables{{name, value}});
    const auto overrides = FelixOverrides(environment);
    ASSERT_TRUE(overrides.has_value()) << overrides.error().message();
    if (*overrides == model::FelixConfiguration{}) continue;  // FelixVariablesWithoutEffect tells of it
    ++seen;
    EXPECT_THAT(FelixVariablesWithoutEffect(environment), IsEmpty()) << name;
    if (overrides->other_parameters.empty()) continue;  // a member of its own
    ASSERT_EQ(overrides->other_parameters.begin()->first, parameter.field);
    const model::FelixConfiguration weaker;
    const std::string text = calc::FelixSettings({&weaker, &*overrides}).Text(parameter.field);
    EXPECT_TRUE(EqualsIgnoreCase(text, value)) << name << "=" << value << " became " << text;
  }
  EXPECT_EQ(seen, 52);
}

TEST(FelixOverrides, NamesAndBooleansAreInAnyCase) {
  EXPECT_EQ(Json("FELIX_WireguardEnabled", "Y", "wireguardEnabled"), "true");
  EXPECT_EQ(Json("felix_wireguardenabled", "T", "wireguardEnabled"), "true");
  EXPECT_EQ(Json("FELIX_WIREGUARDENABLED", "F", "wireguardEnabled"), "false");
  EXPECT_EQ(Refusal("FELIX_HEALTHENABLED", "on"), "FELIX_HEALTHENABLED='on': use true or false");
}

TEST(FelixOverrides, NoneIsNothingOfItsKind) {
  EXPECT_EQ(Json("FELIX_FAILSAFEINBOUNDHOSTPORTS", "None", "failsafeInboundHostPorts"), "[]");
  EXPECT_EQ(Json("FELIX_WIREGUARDMTU", "none", "wireguardMTU"), "0");
  EXPECT_EQ(Json("FELIX_LOGPREFIX", "none", "logPrefix"), "\"\"");
  EXPECT_EQ(Refusal("FELIX_INTERFACEPREFIX", "none"),
            "FELIX_INTERFACEPREFIX='none': use a text that is not empty");
}

TEST(FelixOverrides, AWrongValueSaysWhatIsAllowed) {
  for (const auto& [name, value, allowed] : std::vector<std::tuple<std::string, std::string, std::string>>{
           {"FELIX_HEALTHPORT", "65536", "use a number from 0 to 65535"},
           {"FELIX_HEALTHPORT", "9099x", "use a number from 0 to 65535"},
           {"FELIX_HEALTHPORT", "99999999999", "use a number from 0 to 65535"},
           {"FELIX_PROMETHEUSMETRICSPORT", "-1", "use a number from 0 to 65535"},
           {"FELIX_DEFAULTENDPOINTTOHOSTACTION", "Reject", "use one of Accept, Drop, Return"},
           {"FELIX_LOGSEVERITYSCREEN", "loud", "use one of Debug, Error, Fatal, Info, Trace, Warning"},
           {"FELIX_FAILSAFEINBOUNDHOSTPORTS", "tcp:x", "use a list such as tcp:22,udp:68, or none"},
           {"FELIX_WIREGUARDPERSISTENTKEEPALIVE", "25s", "use a number of seconds"},
           {"FELIX_ROUTETABLERANGES", "1-2-3", "use numbers such as 1-250"},
           {"FELIX_ROUTETABLERANGE", "1-2,3-4", "use numbers such as 1-250"},
           {"FELIX_VXLANMTU", "big", "use a number"},
       }) {
    EXPECT_EQ(Refusal(name, value), name + "='" + value + "': " + allowed);
  }
}

TEST(FelixOverrides, ThoseWithoutEffectAreNamedWithTheReason) {
  EXPECT_THAT(
      FelixVariablesWithoutEffect(Environment(Variables{{"FELIX_BPFENABLED", "true"},
                                                        {"FELIX_HEALTHPORT", "1"},
                                                        {"FELIX_TYPHAK8SSERVICENAME", "calico-typha"},
                                                        {"FELIX_ETCDENDPOINTS", "http://a:2379"},
                                                        {"FELIX_HEALTPORT", "9098"},
                                                        {"FELIX_MINE", "9098"}})),
      ElementsAre("FELIX_BPFENABLED has no effect: nothing here needs this setting",
                  "FELIX_ETCDENDPOINTS has no effect: the store is named by ETCD_ENDPOINTS",
                  "FELIX_HEALTPORT is no parameter of Felix, did you mean FELIX_HEALTHPORT?",
                  "FELIX_MINE is no parameter of Felix",
                  "FELIX_TYPHAK8SSERVICENAME has no effect: there is no Typha here, each agent watches "
                  "the store itself"));
  EXPECT_THAT(FelixVariablesWithoutEffect(
                  Environment(Variables{{"FELIX_BPFENABLED", "False"}, {"FELIX_IPTABLESBACKEND", "Auto"}})),
              IsEmpty())
      << "their defaults";
}

}  // namespace
}  // namespace calico::node
