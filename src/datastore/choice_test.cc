// SPDX-License-Identifier: Apache-2.0
#include "datastore/choice.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.h"

namespace calico::datastore {
namespace {

// The default file of the machine must not matter: each test names its own or none exists.
class ChoiceTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_FALSE(PathExists(kDefaultConfigFile))
        << "these tests need a machine without " << kDefaultConfigFile;
    char pattern[] = "/tmp/calico-choice-XXXXXX";
    directory_ = mkdtemp(pattern);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  Result<StoreChoice> WithFile(const std::string& content, Program program = Program::kCalicoctl) {
    const std::string path = directory_ + "/calicoctl.cfg";
    EXPECT_TRUE(WriteFileAtomically(path, content).has_value());
    return ChooseStore(Environment({}), path, program);
  }
  static Result<StoreChoice> WithVariables(std::map<std::string, std::string> variables,
                                           Program program = Program::kCalicoctl) {
    return ChooseStore(Environment(std::move(variables)), "", program);
  }

  std::string directory_;
};

TEST_F(ChoiceTest, EndpointsInTheEnvironmentMeanEtcd) {
  const auto choice =
      WithVariables({{"ETCD_ENDPOINTS", "http://a:2379, http://b:2379"}, {"ETCD_CA_CERT_FILE", "/ca"}});
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->type, StoreType::kEtcdV3);
  EXPECT_EQ(choice->etcd.endpoints, (std::vector<std::string>{"http://a:2379", "http://b:2379"}));
  EXPECT_EQ(choice->etcd.ca_file, "/ca");
  EXPECT_EQ(choice->reason, "ETCD_ENDPOINTS is set");
}

TEST_F(ChoiceTest, AVariableWithThePrefixWins) {
  const auto choice =
      WithVariables({{"ETCD_ENDPOINTS", "http://a:2379"}, {"CALICO_ETCD_ENDPOINTS", "http://b:2379"}});
  EXPECT_EQ(choice->etcd.endpoints, std::vector<std::string>{"http://b:2379"});
}

TEST_F(ChoiceTest, WithoutConfigurationOnlyTheAgentMakesALocalStore) {
  const std::map<std::string, std::string> variables{{"CALICO_SQLITE_PATH", directory_ + "/calico.db"}};
  const auto node = WithVariables(variables, Program::kNode);
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(node->type, StoreType::kSqlite);
  EXPECT_TRUE(node->create_sqlite);
  const auto calicoctl = WithVariables(variables);
  ASSERT_FALSE(calicoctl.has_value());
  EXPECT_EQ(calicoctl.error().message(),
            "no datastore configured: set ETCD_ENDPOINTS or /etc/calico/calicoctl.cfg, or start calico-node "
            "for a local store");
  ASSERT_TRUE(OpenStore(*node).has_value());
  EXPECT_TRUE(WithVariables(variables).has_value());
}

TEST_F(ChoiceTest, ReadsTheFileOfCalico3) {
  const auto choice = WithFile(
      "apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nmetadata:\nspec:\n  datastoreType: etcdv3\n"
      "  etcdEndpoints: https://etcd1:2379,https://etcd2:2379\n  etcdKeyFile: /k\n  etcdCertFile: /c\n  "
      "etcdCACertFile: /ca\n");
  ASSERT_TRUE(choice.has_value()) << choice.error().message();
  EXPECT_EQ(choice->etcd.endpoints.size(), 2U);
  EXPECT_EQ(choice->etcd.key_file, "/k");
  EXPECT_EQ(choice->reason, directory_ + "/calicoctl.cfg");
}

TEST_F(ChoiceTest, ReadsTheFileOfCalico2InTheV3Generation) {
  const auto choice = WithFile(
      "apiVersion: v1\nkind: calicoApiConfig\nmetadata:\nspec:\n  datastoreType: \"etcdv3\"\n  "
      "etcdEndpoints: \"http://a:2379\"\n");
  ASSERT_TRUE(choice.has_value()) << choice.error().message();
}

TEST_F(ChoiceTest, TakesAFileOfCalico2WithoutATypeForItsGeneration) {
  const auto v2 = WithFile("apiVersion: v1\nkind: calicoApiConfig\nspec:\n  etcdEndpoints: http://a:2379\n");
  ASSERT_TRUE(v2.has_value()) << v2.error().message();
  EXPECT_EQ(v2->type, StoreType::kEtcdV2);
}

TEST_F(ChoiceTest, RefusesStoresItLacksByName) {
  const auto kubernetes = WithVariables({{"DATASTORE_TYPE", "kubernetes"}});
  EXPECT_EQ(kubernetes.error().code(), ErrorCode::kUnsupported);
}

TEST_F(ChoiceTest, RefusesAFileWithTheFilesNameAndTheReason) {
  const std::string prefix = "syntax error in " + directory_ + "/calicoctl.cfg: ";
  EXPECT_EQ(WithFile("apiVersion: v9\nkind: x\n").error().message(),
            prefix + "invalid config file: unknown APIVersion 'v9'");
  EXPECT_EQ(WithFile("apiVersion: v1\nkind: x\n").error().message(),
            prefix + "invalid config file: expected kind 'calicoApiConfig', got 'x'");
  EXPECT_EQ(WithFile("apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nspec:\n  etcdEndpoint: x\n")
                .error()
                .message(),
            prefix + "failed to parse config as YAML/JSON: unknown field \"spec.etcdEndpoint\"");
  EXPECT_TRUE(
      WithFile("a: [\n").error().message().starts_with(prefix + "failed to parse config as YAML/JSON: "));
}

TEST_F(ChoiceTest, RefusesANamedFileThatIsNotThere) {
  EXPECT_EQ(ChooseStore(Environment({}), "/nowhere/c.cfg", Program::kCalicoctl).error().message(),
            "Error reading config file: /nowhere/c.cfg");
}

TEST_F(ChoiceTest, RefusesInlineAndFileCertificatesTogether) {
  const auto choice = WithFile(
      "apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nspec:\n  etcdEndpoints: https://a:2379\n  "
      "etcdCert: x\n  etcdKeyFile: /k\n");
  EXPECT_NE(choice.error().message().find("Cannot mix inline certificate-key and certificate / key files"),
            std::string::npos);
}

}  // namespace
}  // namespace calico::datastore
