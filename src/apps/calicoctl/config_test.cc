// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"

namespace calico::calicoctl::testing {
namespace {

// Both dialects answer the same; what is stored differs.
class Config : public CommandTest {
 protected:
  void ExpectUsualAnswers() {
    EXPECT_EQ(Run({"config", "get", "logLevel"}), Printed("info\n"));
    EXPECT_EQ(Run({"config", "get", "loglevel", "--node=n1"}), Printed("info (inherited from global)\n"));
    EXPECT_EQ(Run({"config", "get", "nodeToNodeMesh"}), Printed("on\n"));
    EXPECT_EQ(Run({"config", "get", "asNumber"}), Printed("64512\n"));
    EXPECT_EQ(Run({"config", "get", "ipip"}), Printed("off\n"));
    EXPECT_EQ(Run({"config", "get", "as_num", "--raw=bgp"}), Printed("(unset)\n"));
  }
  void ExpectToKeepWhatIsSet() {
    EXPECT_EQ(Run({"config", "set", "logLevel", "debug"}), Printed(""));
    EXPECT_EQ(Run({"config", "get", "logLevel"}), Printed("debug\n"));
    EXPECT_EQ(Run({"config", "set", "logLevel", "critical", "-n", "n1"}), Printed(""));
    EXPECT_EQ(Run({"config", "get", "logLevel", "-n", "n1"}), Printed("critical\n"));
    EXPECT_EQ(Run({"config", "unset", "logLevel", "-n", "n1"}), Printed(""));
    EXPECT_EQ(Run({"config", "get", "logLevel", "-n", "n1"}), Printed("debug (inherited from global)\n"));
    EXPECT_EQ(Run({"config", "set", "nodeToNodeMesh", "off"}), Printed(""));
    EXPECT_EQ(Run({"config", "get", "nodeToNodeMesh"}), Printed("off\n"));
    EXPECT_EQ(Run({"config", "get", "node_mesh", "--raw=bgp"}), Printed("false\n"));
    EXPECT_EQ(Run({"config", "unset", "nodeToNodeMesh"}), Printed(""));
    EXPECT_EQ(Run({"config", "get", "nodeToNodeMesh"}), Printed("on\n"));
    EXPECT_EQ(Run({"config", "set", "asNumber", "1.10"}), Printed(""));
    EXPECT_EQ(Run({"config", "get", "asNumber"}), Printed("65546\n"));
    EXPECT_EQ(Run({"config", "set", "ipip", "on"}), Printed(""));
    EXPECT_EQ(Run({"config", "get", "IPIP"}), Printed("on\n"));
    EXPECT_EQ(Run({"config", "set", "InterfacePrefix", "cali,tap", "--raw=felix"}), Printed(""));
    EXPECT_EQ(Run({"config", "get", "InterfacePrefix", "--raw=felix"}), Printed("cali,tap\n"));
    EXPECT_EQ(Run({"config", "unset", "InterfacePrefix", "--raw=felix"}), Printed(""));
    EXPECT_EQ(Run({"config", "unset", "InterfacePrefix", "--raw=felix"}), Printed(""));
    EXPECT_EQ(Run({"config", "get", "InterfacePrefix", "--raw=felix"}), Printed("(unset)\n"));
  }
};

TEST_F(Config, AnswersOnAStoreOfV3) {
  ExpectUsualAnswers();
  ExpectToKeepWhatIsSet();
  EXPECT_EQ(Run({"get", "bgpconfig", "default", "-o", "custom-columns=MESHENABLED,ASNUMBER,LOGSEVERITY"}).out,
            "MESHENABLED   ASNUMBER   LOGSEVERITY   \ntrue          65546      Debug         \n\n");
}

TEST_F(Config, AnswersOnAStoreOf26) {
  dialect_ = datastore::Dialect::kCalico26;
  ExpectUsualAnswers();
  ExpectToKeepWhatIsSet();
}

TEST_F(Config, WritesTheKeysOf26) {
  dialect_ = datastore::Dialect::kCalico26;
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"logLevel", "warning"}, {"nodeToNodeMesh", "off"}, {"asNumber", "65001"}, {"ipip", "on"}}) {
    EXPECT_EQ(Run({"config", "set", words[0], words[1]}), Printed(""));
  }
  EXPECT_EQ(Run({"config", "set", "logLevel", "debug", "--node=n1"}), Printed(""));
  EXPECT_EQ(Run({"config", "set", "NodeMeshEnabled", "true", "--raw=bgp", "--node=n1"}), Printed(""));
  EXPECT_EQ(client_.content(),
            (std::map<std::string, std::string>{{"/calico/v1/config/LogSeverityScreen", "warning"},
                                                {"/calico/bgp/v1/global/loglevel", "none"},
                                                {"/calico/bgp/v1/global/node_mesh", "{\"enabled\":false}"},
                                                {"/calico/bgp/v1/global/as_num", "65001"},
                                                {"/calico/v1/config/IpInIpEnabled", "true"},
                                                {"/calico/v1/host/n1/config/LogSeverityScreen", "debug"},
                                                {"/calico/bgp/v1/host/n1/loglevel", "debug"},
                                                {"/calico/bgp/v1/host/n1/node_mesh", "{\"enabled\":true}"}}));
}

TEST_F(Config, Refuses) {
  EXPECT_EQ(Run({"config", "get", "foo"}),
            Refused("Error executing command: unrecognised config name 'foo'\n"));
  EXPECT_EQ(Run({"config", "get", "foo", "--raw=x"}),
            Refused("Error executing command: unrecognised component 'x'\n"));
  EXPECT_EQ(Run({"config", "get", "ipip", "-n", "n1"}),
            Refused("Error executing command: --node should not be specified\n"));
  EXPECT_EQ(Run({"config", "set", "ipip", "yes"}), Refused("Error executing command: invalid value 'yes'\n"));
  EXPECT_EQ(Run({"config", "set", "asNumber", "x"}),
            Refused("Error executing command: the supplied AS number is not valid\n"));
  EXPECT_EQ(Run({"config", "set", "logLevel", "Debug"}),
            Refused("Error executing command: error with field loglevel = 'Debug'\n"));
  client_.FailNext(datastore::testing::Operation::kGet,
                   Error(ErrorCode::kUnavailable, "etcd http://x: away"));
  EXPECT_EQ(Run({"config", "get", "asNumber"}), Refused("etcd http://x: away\n"));
}

}  // namespace
}  // namespace calico::calicoctl::testing
