// SPDX-License-Identifier: Apache-2.0
#include "datastore/choice.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "datastore/testing/fake_client.h"

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
    return ChooseStore(Environment({}), path, program, probes_);
  }
  Result<StoreChoice> WithVariables(std::map<std::string, std::string> variables,
                                    Program program = Program::kCalicoctl) {
    return ChooseStore(Environment(std::move(variables)), "", program, probes_);
  }
  // The servers hold that data.
  void Hold(bool v2, bool v3) {
    probes_.holds_v2 = [this, v2](const EtcdOptions&) { return ++questions_, Result<bool>(v2); };
    probes_.holds_v3 = [v3](const EtcdOptions&) { return Result<bool>(v3); };
  }
  static Result<bool> Silent(const EtcdOptions&) { return Error(ErrorCode::kUnavailable, "no answer"); }

  std::string directory_;
  int questions_ = 0;
  // Who asks without need gets no answer.
  Probes probes_{Silent, Silent, [](const std::string&) {
                   return Result<std::vector<std::string>>(Error(ErrorCode::kUnavailable, "no DNS"));
                 }};
};

TEST_F(ChoiceTest, TheTypeInTheEnvironmentWinsAndNothingIsAsked) {
  const auto choice = WithVariables({{"DATASTORE_TYPE", "etcdv3"},
                                     {"ETCD_ENDPOINTS", "http://a:2379, http://b:2379"},
                                     {"ETCD_CA_CERT_FILE", "/ca"},
                                     {"ETCD_CERT_FILE", "/cert"},
                                     {"ETCD_KEY_FILE", "/key"},
                                     {"ETCD_USERNAME", "u"},
                                     {"ETCD_PASSWORD", "p"}});
  ASSERT_TRUE(choice.has_value()) << choice.error().message();
  EXPECT_EQ(choice->type, StoreType::kEtcdV3);
  EXPECT_EQ(choice->etcd.endpoints, (std::vector<std::string>{"http://a:2379", "http://b:2379"}));
  EXPECT_EQ(choice->etcd.ca_file, "/ca");
  EXPECT_EQ(choice->etcd.cert_file, "/cert");
  EXPECT_EQ(choice->etcd.key_file, "/key");
  EXPECT_EQ(choice->etcd.username, "u");
  EXPECT_EQ(choice->etcd.password, "p");
  EXPECT_EQ(choice->reason, "DATASTORE_TYPE is set");
  EXPECT_EQ(WithVariables({{"DATASTORE_TYPE", "sqlite"}, {"CALICO_SQLITE_PATH", "/x.db"}})->sqlite_path,
            "/x.db");
}

TEST_F(ChoiceTest, CertificatesMayBeTexts) {
  const auto choice = WithVariables({{"DATASTORE_TYPE", "etcdv2"},
                                     {"ETCD_CA_CERT", "ca"},
                                     {"ETCD_CERT", "cert"},
                                     {"CALICO_ETCD_KEY", "key"}},
                                    Program::kNode);
  ASSERT_TRUE(choice.has_value()) << choice.error().message();
  EXPECT_EQ(choice->etcd.ca_pem, "ca");
  EXPECT_EQ(choice->etcd.cert_pem, "cert");
  EXPECT_EQ(choice->etcd.key_pem, "key") << "a variable may have the prefix CALICO_; ETCD_KEY is the name";
}

TEST_F(ChoiceTest, Calico26LooksOnThisHostUnlessToldOtherwise) {
  const auto endpoint = [&](std::map<std::string, std::string> variables) {
    variables["DATASTORE_TYPE"] = "etcdv2";
    const auto choice = WithVariables(std::move(variables));
    EXPECT_TRUE(choice.has_value() && choice->type == StoreType::kEtcdV2);
    return choice.has_value() ? Join(choice->etcd.endpoints, ",") : choice.error().message();
  };
  EXPECT_EQ(endpoint({}), "http://127.0.0.1:2379");
  EXPECT_EQ(endpoint({{"ETCD_AUTHORITY", "a:1"}}), "http://a:1");
  EXPECT_EQ(endpoint({{"ETCD_SCHEME", "https"}}), "https://127.0.0.1:2379");
  EXPECT_EQ(endpoint({{"ETCD_SCHEME", "https"}, {"CALICO_ETCD_AUTHORITY", "a:1"}}), "https://a:1");
  EXPECT_EQ(endpoint({{"ETCD_ENDPOINTS", "http://b:1"}, {"ETCD_AUTHORITY", "a:1"}}), "http://b:1");
}

TEST_F(ChoiceTest, OnlyTheAgentLooksOnThisHostForCalico3) {
  EXPECT_EQ(WithVariables({{"DATASTORE_TYPE", "etcdv3"}}).error().message(), "no etcd endpoints specified");
  const auto node = WithVariables({{"DATASTORE_TYPE", "etcdv3"}}, Program::kNode);
  ASSERT_TRUE(node.has_value());
  EXPECT_EQ(node->etcd.endpoints, std::vector<std::string>{"http://127.0.0.1:2379"});
}

TEST_F(ChoiceTest, AVariableWithThePrefixWins) {
  const auto choice = WithVariables({{"CALICO_DATASTORE_TYPE", "etcdv3"},
                                     {"DATASTORE_TYPE", "etcdv2"},
                                     {"ETCD_ENDPOINTS", "http://a:2379"},
                                     {"CALICO_ETCD_ENDPOINTS", "http://b:2379"}});
  EXPECT_EQ(choice->type, StoreType::kEtcdV3);
  EXPECT_EQ(choice->etcd.endpoints, std::vector<std::string>{"http://b:2379"});
}

TEST_F(ChoiceTest, TakesTheGenerationThatHoldsData) {
  const std::map<std::string, std::string> variables{{"ETCD_ENDPOINTS", "http://a:2379"}};
  Hold(false, true);
  EXPECT_EQ(WithVariables(variables)->type, StoreType::kEtcdV3);
  EXPECT_EQ(WithVariables(variables)->reason, "ETCD_ENDPOINTS is set; Calico data is in etcdv3");
  Hold(true, false);
  EXPECT_EQ(WithVariables(variables)->type, StoreType::kEtcdV2);
  EXPECT_EQ(WithVariables(variables, Program::kNode)->reason,
            "ETCD_ENDPOINTS is set; Calico data is in etcdv2");
}

TEST_F(ChoiceTest, BeginsWithEtcdV3UnlessAVariableOfCalico26IsThere) {
  Hold(false, false);
  std::map<std::string, std::string> variables{{"ETCD_AUTHORITY", "a:2379"}};
  EXPECT_EQ(WithVariables(variables)->type, StoreType::kEtcdV3);
  EXPECT_EQ(WithVariables(variables)->reason, "ETCD_AUTHORITY is set; no Calico data yet");
  variables["CALICO_LIBNETWORK_ENABLED"] = "true";
  EXPECT_EQ(WithVariables(variables)->type, StoreType::kEtcdV2);
  EXPECT_EQ(WithVariables(variables)->reason,
            "ETCD_AUTHORITY is set; no Calico data yet, CALICO_LIBNETWORK_ENABLED is set");
  Hold(false, true);
  EXPECT_EQ(WithVariables(variables)->type, StoreType::kEtcdV3) << "data counts more";
}

TEST_F(ChoiceTest, RefusesServersWithDataOfBothGenerationsAndNamesThem) {
  Hold(true, true);
  EXPECT_EQ(
      WithVariables({{"ETCD_ENDPOINTS", "http://a:2379,http://b:2379"}}).error().message(),
      "etcd http://a:2379,http://b:2379 holds Calico data of both generations, Calico 2.6's in etcdv2 and "
      "Calico 3's in etcdv3: say which with DATASTORE_TYPE=etcdv2 or DATASTORE_TYPE=etcdv3");
}

TEST_F(ChoiceTest, DoesNotGuessWhenAServerDoesNotAnswer) {
  Hold(true, true);
  probes_.holds_v3 = Silent;
  const auto choice = WithVariables({{"ETCD_ENDPOINTS", "http://a:2379"}});
  ASSERT_FALSE(choice.has_value());
  EXPECT_EQ(choice.error().code(), ErrorCode::kUnavailable);
}

TEST_F(ChoiceTest, FindsServersByDns) {
  probes_.discover = [](const std::string& domain) {
    return Result<std::vector<std::string>>({"https://etcd1." + domain + ":2379"});
  };
  std::map<std::string, std::string> variables{{"DATASTORE_TYPE", "etcdv3"},
                                               {"ETCD_DISCOVERY_SRV", "example.org"}};
  EXPECT_EQ(WithVariables(variables)->etcd.endpoints,
            std::vector<std::string>{"https://etcd1.example.org:2379"});
  variables["ETCD_ENDPOINTS"] = "http://a:2379";
  EXPECT_EQ(WithVariables(variables).error().message(),
            "multiple discovery or bootstrap options specified, use either \"etcdEndpoints\" or "
            "\"etcdDiscoverySrv\"");
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

TEST_F(ChoiceTest, AFileOfCalico2WithoutATypeMeansEtcdV2) {
  const auto choice = WithFile(
      "apiVersion: v1\nkind: calicoApiConfig\nspec:\n  etcdScheme: https\n  etcdAuthority: a:2379\n");
  ASSERT_TRUE(choice.has_value()) << choice.error().message();
  EXPECT_EQ(choice->type, StoreType::kEtcdV2);
  EXPECT_EQ(choice->etcd.endpoints, std::vector<std::string>{"https://a:2379"});
}

TEST_F(ChoiceTest, AFileForTheLocalStore) {
  const auto choice = WithFile(
      "apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nspec:\n  datastoreType: sqlite\n  "
      "sqlitePath: /x\n");
  ASSERT_TRUE(choice.has_value());
  EXPECT_EQ(choice->type, StoreType::kSqlite);
  EXPECT_EQ(choice->sqlite_path, "/x");
  EXPECT_FALSE(choice->create_sqlite);
}

TEST_F(ChoiceTest, RefusesKubernetes) {
  EXPECT_EQ(WithVariables({{"DATASTORE_TYPE", "kubernetes"}}).error().message(),
            "datastore type 'kubernetes' is not supported: use etcdv3, etcdv2 or sqlite");
  const auto silent =
      WithFile("apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nspec:\n  kubeconfig: /k\n");
  EXPECT_EQ(silent.error().message(),
            directory_ +
                "/calicoctl.cfg: without datastoreType and etcdEndpoints this means kubernetes, which is "
                "not supported: use datastoreType etcdv3, etcdv2 or sqlite");
}

TEST_F(ChoiceTest, RefusesANamedFileThatIsNotThere) {
  EXPECT_EQ(ChooseStore(Environment({}), "/nowhere/c.cfg", Program::kCalicoctl).error().message(),
            "Error reading config file: /nowhere/c.cfg");
}

// What CheckGeneration() says about a store that was asked for by its type.
class GenerationTest : public ChoiceTest {
 protected:
  std::string Check(StoreType type) {
    StoreChoice choice;
    choice.type = type;
    choice.etcd.endpoints = {"http://a:2379"};
    choice.reason = "DATASTORE_TYPE is set";
    const Status status = CheckGeneration(choice, client_, probes_);
    return status.has_value() ? "" : status.error().message();
  }
  testing::FakeClient client_;
};

TEST_F(GenerationTest, SaysThatTheDataIsInTheOtherOne) {
  Hold(true, false);
  EXPECT_EQ(Check(StoreType::kEtcdV3),
            "etcdv3 was asked for (DATASTORE_TYPE is set), but etcd http://a:2379 holds Calico data in "
            "etcdv2 only: "
            "use that with DATASTORE_TYPE=etcdv2 or datastoreType, or move the data with calicoctl datastore "
            "migrate");
  EXPECT_EQ(Check(StoreType::kEtcdV2), "");
  Hold(false, true);
  EXPECT_NE(Check(StoreType::kEtcdV2).find("holds Calico data in etcdv3 only"), std::string::npos);
  Hold(true, true);
  EXPECT_EQ(Check(StoreType::kEtcdV3), "");
  Hold(false, false);
  EXPECT_EQ(Check(StoreType::kEtcdV3), "");
}

TEST_F(GenerationTest, AsksNothingFurtherOfAStoreInUse) {
  Hold(true, false);
  questions_ = 0;
  ASSERT_TRUE(
      client_.Create("/calico/resources/v3/projectcalico.org/clusterinformations/default", "{}").has_value());
  EXPECT_EQ(Check(StoreType::kEtcdV3), "");
  EXPECT_EQ(questions_, 0);
  EXPECT_EQ(Check(StoreType::kSqlite), "");
}

TEST_F(GenerationTest, AGenerationThatDoesNotAnswerIsNotInUse) {
  Hold(false, false);
  probes_.holds_v2 = Silent;
  EXPECT_EQ(Check(StoreType::kEtcdV3), "");
}

TEST_F(GenerationTest, ReportsAStoreThatIsAway) {
  client_.FailNext(testing::Operation::kGet, Error(ErrorCode::kUnavailable, "gone"));
  EXPECT_EQ(Check(StoreType::kEtcdV3), "gone");
  client_.FailNext(testing::Operation::kGet, Error(ErrorCode::kUnsupported, "permission denied"));
  EXPECT_EQ(Check(StoreType::kEtcdV3), "");
}

}  // namespace
}  // namespace calico::datastore
