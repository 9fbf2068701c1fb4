// SPDX-License-Identifier: Apache-2.0
#include "datastore/config_file.h"

#include <cstdlib>
#include <filesystem>

#include <gtest/gtest.h>

#include "base/file.h"

namespace calico::datastore {
namespace {

constexpr char kV3[] = "apiVersion: projectcalico.org/v3\nkind: CalicoAPIConfig\nspec:\n";
constexpr char kV1[] = "apiVersion: v1\nkind: calicoApiConfig\nmetadata:\nspec:\n";

class ConfigFile : public ::testing::Test {
 protected:
  ConfigFile() {
    char pattern[] = "/tmp/calico-config-XXXXXX";
    directory_ = mkdtemp(pattern);
    path_ = directory_ + "/calicoctl.cfg";
  }
  ~ConfigFile() override { std::filesystem::remove_all(directory_); }

  Result<StoreSettings> Read(const std::string& content) {
    EXPECT_TRUE(WriteFileAtomically(path_, content).has_value());
    return ReadConfigFile(path_);
  }
  // The error without the words that every one begins with.
  std::string Refusal(const std::string& content) {
    const auto settings = Read(content);
    if (settings.has_value()) return "accepted";
    const std::string prefix = "syntax error in " + path_ + ": ";
    EXPECT_TRUE(settings.error().message().starts_with(prefix)) << settings.error().message();
    return settings.error().message().substr(prefix.size());
  }

  std::string directory_, path_;
};

TEST_F(ConfigFile, HoldsEveryKeyOfCalico3) {
  const auto settings = Read(
      std::string(kV3) +
      "  datastoreType: etcdv3\n  etcdDiscoverySrv: example.org\n  etcdUsername: u\n  etcdPassword: 007\n"
      "  etcdCACert: |\n    -----BEGIN\n    ca\n  etcdCert: c\n  etcdKey: k\n  k8sClientQPS: 5\n"
      "  k8sInsecureSkipTLSVerify: true\n");
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_EQ(settings->type, "etcdv3");
  EXPECT_EQ(settings->discovery_srv, "example.org");
  EXPECT_EQ(settings->etcd.username, "u");
  EXPECT_EQ(settings->etcd.password, "007");
  EXPECT_EQ(settings->etcd.ca_pem, "-----BEGIN\nca\n");
  EXPECT_EQ(settings->etcd.cert_pem, "c");
  EXPECT_EQ(settings->etcd.key_pem, "k");
}

TEST_F(ConfigFile, MayBeJson) {
  const auto settings = Read(
      R"({"apiVersion":"projectcalico.org/v3","kind":"CalicoAPIConfig","metadata":{},"spec":{"etcdEndpoints":"http://a:1"}})");
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_EQ(settings->endpoints, "http://a:1");
}

TEST_F(ConfigFile, OfCalico2HasNoDefaultsForWhereEtcdIs) {
  const std::string refusal = path_ + ": no etcd authority or endpoints specified";
  EXPECT_EQ(Read(kV1).error().message(), refusal);
  EXPECT_EQ(Read(std::string(kV1) + "  etcdAuthority: a:1\n").error().message(), refusal);
  EXPECT_EQ(Read(std::string(kV1) + "  etcdScheme: http\n").error().message(), refusal);
  EXPECT_EQ(Read(std::string(kV1) + "  etcdScheme: http\n  etcdAuthority: a:1\n")->endpoints, "http://a:1");
}

TEST_F(ConfigFile, RefusesAnotherVersionOrKind) {
  EXPECT_EQ(Refusal("apiVersion: v9\nkind: x\n"), "invalid config file: unknown APIVersion 'v9'");
  EXPECT_EQ(Refusal("kind: CalicoAPIConfig\n"), "invalid config file: unknown APIVersion ''");
  EXPECT_EQ(Refusal("apiVersion: v1\nkind: x\n"),
            "invalid config file: expected kind 'calicoApiConfig', got 'x'");
  EXPECT_EQ(Refusal("apiVersion: projectcalico.org/v3\nkind: calicoApiConfig\n"),
            "invalid config file: expected kind 'CalicoAPIConfig', got 'calicoApiConfig'");
}

TEST_F(ConfigFile, RefusesUnknownKeysWithLineAndColumn) {
  const std::string begin = "failed to parse config as YAML/JSON: ";
  EXPECT_EQ(Refusal(std::string(kV3) + "  datastoreType: etcdv3\n  etcdEndpoint: x\n"),
            begin + "line 5, column 3: unknown field \"spec.etcdEndpoint\" (did you mean etcdEndpoints?)");
  EXPECT_EQ(Refusal(std::string(kV3) + "spek:\n"),
            begin + "line 4, column 1: unknown field \"spek\" (did you mean spec?)");
  EXPECT_EQ(Refusal(std::string(kV1) + "  etcdDiscoverySrv: x\n"),
            begin + "line 5, column 3: unknown field \"spec.etcdDiscoverySrv\"")
      << "a key of the other form";
  EXPECT_EQ(Refusal(std::string(kV3) + "  etcdEndpoints: a\n  etcdEndpoints: b\n"),
            begin + "line 5, column 3: field \"spec.etcdEndpoints\" is given twice");
  EXPECT_EQ(Refusal(std::string(kV3) + "  etcdEndpoints: [a, b]\n"),
            begin + "line 4, column 18: field \"spec.etcdEndpoints\" must be text");
  EXPECT_EQ(Refusal("apiVersion: v1\nkind: calicoApiConfig\nspec: x\n"),
            begin + "line 3, column 7: spec must be a mapping");
}

TEST_F(ConfigFile, RefusesWhatIsNoYaml) {
  EXPECT_TRUE(Refusal("a: [\n").starts_with("failed to parse config as YAML/JSON: line 2, column 1: "));
  EXPECT_EQ(Refusal(""), "failed to parse config as YAML/JSON: not a mapping");
  EXPECT_EQ(Refusal("- a\n"), "failed to parse config as YAML/JSON: not a mapping");
}

}  // namespace
}  // namespace calico::datastore
