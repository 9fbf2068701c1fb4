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

TEST(NetworkingBackend, IsBirdUnlessSaidOtherwise) {
  const auto backend = [](const Variables& variables) { return BackendOf(Environment(variables)); };
  EXPECT_EQ(backend({}).value(), Backend::kBird);
  EXPECT_EQ(backend({{"CALICO_NETWORKING_BACKEND", "bird"}, {"CALICO_NETWORKING", "true"}}).value(),
            Backend::kBird);
  EXPECT_EQ(backend({{"CALICO_NETWORKING_BACKEND", "gobgp"}}).value(), Backend::kGobgp);
  EXPECT_EQ(backend({{"CALICO_NETWORKING_BACKEND", "vxlan"}}).value(), Backend::kNone);
  EXPECT_EQ(backend({{"CALICO_NETWORKING_BACKEND", "none"}}).value(), Backend::kNone);
  EXPECT_EQ(backend({{"CALICO_NETWORKING", "false"}}).value(), Backend::kNone) << "the old way to say none";
  EXPECT_EQ(backend({{"CALICO_NETWORKING_BACKEND", "frr"}}).error().message(),
            "CALICO_NETWORKING_BACKEND='frr' is not known: use bird, gobgp, vxlan or none");
}

TEST(StartupLog, ShowsWhatItsVariableSaysThenWhatFelixSays) {
  model::FelixConfiguration felix;
  const auto level = [&](const Variables& variables) {
    return StartupLogLevel(Environment(variables), felix);
  };
  EXPECT_EQ(level({}).value(), LogLevel::kInfo);
  felix.log_severity_screen = "Error";
  EXPECT_EQ(level({}).value(), LogLevel::kError);
  EXPECT_EQ(level({{"CALICO_STARTUP_LOGLEVEL", "WARNING"}}).value(), LogLevel::kWarning);
  EXPECT_EQ(level({{"CALICO_STARTUP_LOGLEVEL", "CRITICAL"}}).value(), LogLevel::kFatal);
  EXPECT_EQ(level({{"CALICO_STARTUP_LOGLEVEL", "none"}}).value(), LogLevel::kOff);
  EXPECT_EQ(level({{"CALICO_STARTUP_LOGLEVEL", "error"}, {"CALICO_DEBUG", "1"}}).value(), LogLevel::kDebug);
  EXPECT_EQ(level({{"CALICO_STARTUP_LOGLEVEL", "loud"}}).error().message(),
            "CALICO_STARTUP_LOGLEVEL='loud': use debug, info, warning, error, critical or none");
}

TEST(AddressPeriodTest, IsAMinuteUnlessItCanBeRead) {
  const auto seconds = [](const std::string& text) {
    return AddressPeriod(Environment(Variables{{"AUTODETECT_POLL_INTERVAL", text}})) /
           std::chrono::seconds(1);
  };
  EXPECT_EQ(seconds(""), 60);
  EXPECT_EQ(seconds("2m"), 120);
  for (const char* wrong : {"soon", "90", "-1s", "0s"}) EXPECT_EQ(seconds(wrong), 60) << wrong;
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

}  // namespace
}  // namespace calico::node
