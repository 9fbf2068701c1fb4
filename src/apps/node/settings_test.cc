// SPDX-License-Identifier: Apache-2.0
#include "apps/node/settings.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/text.h"
#include "datastore/testing/fake_client.h"

namespace calico::node {
namespace {

using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

// A file that earlier starts would have left, removed with this object.
class NodeNameFile {
 public:
  explicit NodeNameFile(const std::string& content)
      : path_(std::filesystem::temp_directory_path() / ("nodename-" + std::to_string(::getpid()))) {
    std::ofstream(path_) << content;
  }
  ~NodeNameFile() { std::filesystem::remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  const std::filesystem::path path_;
};

std::string NameWith(const Variables& variables) {
  const auto name = DetermineNodeName(Environment(variables));
  return name.has_value() ? *name : name.error().message();
}
constexpr char kNoFile[] = "/nonexistent/nodename";

TEST(NodeName, ComesFromTheVariableBeforeAnythingElseAndKeepsItsCase) {
  const NodeNameFile file("from-file");
  EXPECT_EQ(NameWith({{"NODENAME", " Node-1 "}, {"CALICO_NODENAME_FILE", file.path()}, {"HOSTNAME", "h"}}),
            "Node-1");
}

TEST(NodeName, ComesFromTheFileOfAnEarlierStartBeforeTheHostsName) {
  const NodeNameFile file("From-File\n");
  EXPECT_EQ(NameWith({{"CALICO_NODENAME_FILE", file.path()}, {"HOSTNAME", "h"}}), "From-File");
  EXPECT_EQ(NameWith({{"NODENAME", "  "}, {"CALICO_NODENAME_FILE", file.path()}}), "From-File");
}

TEST(NodeName, AnEmptyFileIsNoName) {
  const NodeNameFile file(" \n");
  EXPECT_EQ(NameWith({{"CALICO_NODENAME_FILE", file.path()}, {"HOSTNAME", "h"}}), "h");
}

TEST(NodeName, ComesFromTheHostInLowerCase) {
  EXPECT_EQ(NameWith({{"CALICO_NODENAME_FILE", kNoFile}, {"HOSTNAME", "Host-A.Example\n"}}),
            "host-a.example");
  char host[256] = {};
  ASSERT_EQ(::gethostname(host, sizeof host - 1), 0);
  EXPECT_EQ(NameWith({{"CALICO_NODENAME_FILE", kNoFile}}), ToLower(host));
}

TEST(RouterId, IsTheNodesAddressUnlessItIsGivenOrMadeOfTheName) {
  const auto id = [](const std::string& text, const std::string& node = "node1") {
    return RouterIdOf(Environment(Variables{{"CALICO_ROUTER_ID", text}}), node);
  };
  EXPECT_EQ(id("").value(), std::nullopt);
  EXPECT_EQ(id("10.0.0.9").value(), net::Ip::Parse("10.0.0.9"));
  EXPECT_EQ(id("hash").value(), net::Ip::Parse("202.18.243.27")) << "SHA-256 begins with ca12f31b";
  EXPECT_EQ(id("hash", "calico-node3").value(), net::Ip::Parse("204.255.103.78")) << "ecff674e, 32 less";
  EXPECT_FALSE(id("fd00::1").has_value());
  EXPECT_EQ(id("me").error().message(), "CALICO_ROUTER_ID='me' is no router ID: use hash or an IPv4 address");
}

TEST(FelixOverrides, NothingSetOverridesNothing) {
  const auto overrides = FelixOverrides(Environment(Variables{}));
  ASSERT_TRUE(overrides.has_value());
  EXPECT_EQ(*overrides, model::FelixConfiguration{});
}

TEST(FelixOverrides, ReadsEveryVariable) {
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
  expected.default_endpoint_to_host_action = "ACCEPT";
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

TEST(FelixOverrides, ABadPortNamesItsVariable) {
  for (const char* variable : {"FELIX_HEALTHPORT", "FELIX_PROMETHEUSMETRICSPORT"}) {
    for (const char* value : {"x", "9099x", "-1", "65536", "99999999999", " 1", "1.5"}) {
      const auto overrides = FelixOverrides(Environment(Variables{{variable, value}}));
      ASSERT_FALSE(overrides.has_value()) << variable << "=" << value;
      EXPECT_EQ(overrides.error().code(), ErrorCode::kInvalidArgument);
      EXPECT_EQ(overrides.error().message(), std::string(variable) + "='" + value + "' is not a port number");
    }
  }
}

TEST(FelixOverrides, ABadActionSaysWhatIsAllowed) {
  const auto overrides =
      FelixOverrides(Environment(Variables{{"FELIX_DEFAULTENDPOINTTOHOSTACTION", "Reject"}}));
  ASSERT_FALSE(overrides.has_value());
  EXPECT_EQ(overrides.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_EQ(overrides.error().message(),
            "FELIX_DEFAULTENDPOINTTOHOSTACTION='Reject': use Drop, Return or Accept");
}

TEST(FelixSettingsMerge, WithoutConfigurationsTheDefaultsHold) {
  const FelixSettings settings = Merge({nullptr});
  EXPECT_EQ(settings.log_level, LogLevel::kInfo);
  EXPECT_TRUE(settings.health_enabled);
  EXPECT_EQ(settings.health_host, "localhost");
  EXPECT_EQ(settings.health_port, 9099);
  EXPECT_TRUE(settings.metrics_enabled);
  EXPECT_EQ(settings.metrics_host, "127.0.0.1");
  EXPECT_EQ(settings.metrics_port, 9091);
  EXPECT_TRUE(settings.ipv6);
  EXPECT_FALSE(settings.claim_blocks_at_start);
}

TEST(FelixSettingsMerge, TheStrongerWinsFieldByField) {
  model::FelixConfiguration weak, strong;
  weak.health_enabled = false;
  weak.health_host = "weak";
  weak.health_port = 1;
  weak.prometheus_metrics_enabled = false;
  weak.prometheus_metrics_host = "weak";
  weak.prometheus_metrics_port = 2;
  weak.ipv6_support = false;
  weak.claim_blocks_at_start = true;
  weak.log_severity_screen = "Error";
  strong.health_enabled = true;
  strong.health_port = 11;
  strong.prometheus_metrics_host = "strong";
  strong.claim_blocks_at_start = false;
  strong.log_severity_screen = "Warning";

  const FelixSettings settings = Merge({&weak, nullptr, &strong});
  EXPECT_TRUE(settings.health_enabled);
  EXPECT_EQ(settings.health_host, "weak");
  EXPECT_EQ(settings.health_port, 11);
  EXPECT_FALSE(settings.metrics_enabled);
  EXPECT_EQ(settings.metrics_host, "strong");
  EXPECT_EQ(settings.metrics_port, 2);
  EXPECT_FALSE(settings.ipv6);
  EXPECT_FALSE(settings.claim_blocks_at_start);
  EXPECT_EQ(settings.log_level, LogLevel::kWarning);
}

TEST(FelixSettingsMerge, AnUnknownLogLevelLeavesTheWeakerOne) {
  model::FelixConfiguration weak, strong;
  weak.log_severity_screen = "Debug";
  strong.log_severity_screen = "Loud";
  EXPECT_EQ(Merge({&weak, &strong}).log_level, LogLevel::kDebug);
}

class StoredSettings : public ::testing::Test {
 protected:
  void Store(const std::string& name, int port) {
    model::FelixConfiguration configuration;
    configuration.metadata.name = name;
    configuration.health_port = port;
    const auto created = resources().Create(configuration);
    ASSERT_TRUE(created.has_value()) << created.error().message();
  }
  datastore::Resources resources() { return {client_, clock_}; }
  int HealthPort(const model::FelixConfiguration& overrides = {}) {
    const auto settings = ReadFelixSettings(resources(), "node-a", overrides);
    EXPECT_TRUE(settings.has_value());
    return settings.has_value() ? settings->health_port : -1;
  }
  datastore::testing::FakeClient client_;
  SystemClock clock_;
};

TEST_F(StoredSettings, GlobalThenNodeThenEnvironment) {
  EXPECT_EQ(HealthPort(), 9099);
  Store("default", 1001);
  Store("node.node-b", 1002);
  EXPECT_EQ(HealthPort(), 1001) << "node-b's are not ours";
  Store("node.node-a", 1003);
  EXPECT_EQ(HealthPort(), 1003);
  model::FelixConfiguration overrides;
  overrides.health_port = 1004;
  EXPECT_EQ(HealthPort(overrides), 1004);
}

TEST_F(StoredSettings, AStoreThatIsAwayIsAnErrorNotTheDefaults) {
  client_.FailNext(datastore::testing::Operation::kGet, Error(ErrorCode::kUnavailable, "store away"));
  const auto settings = ReadFelixSettings(resources(), "node-a", {});
  ASSERT_FALSE(settings.has_value());
  EXPECT_EQ(settings.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(settings.error().message(), HasSubstr("store away"));
}

TEST(FelixOverrides, TakesEveryParameterOfFelix) {
  const Environment environment(std::map<std::string, std::string>{
      {"FELIX_FAILSAFEINBOUNDHOSTPORTS", "tcp:2222"}, {"FELIX_ESTABLISHEDCONNECTIONS", "Keep"}});
  const auto overrides = FelixOverrides(environment);
  ASSERT_TRUE(overrides.has_value()) << overrides.error().message();
  EXPECT_EQ(overrides->other_parameters.at("establishedConnections"), "\"Keep\"");
  EXPECT_NE(overrides->other_parameters.at("failsafeInboundHostPorts").find("2222"), std::string::npos);
  const Environment wrong(std::map<std::string, std::string>{{"FELIX_FAILSAFEINBOUNDHOSTPORTS", "tcp:x"}});
  const auto refused = FelixOverrides(wrong);
  ASSERT_FALSE(refused.has_value());
  EXPECT_NE(refused.error().message().find("FELIX_FAILSAFEINBOUNDHOSTPORTS='tcp:x'"), std::string::npos);
}

}  // namespace
}  // namespace calico::node
