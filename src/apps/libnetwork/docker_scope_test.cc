// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/docker_scope.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "apps/libnetwork/testing/driver_fixture.h"
#include "base/file.h"
#include "base/http_server.h"

namespace calico::libnetwork {
namespace {

class DockerScope : public testing::DriverFixture {
 protected:
  void TearDown() override {
    server_.reset();
    DriverFixture::TearDown();
  }
  // A dockerd of that API version, with or without --cluster-store.
  void StartDocker(const std::string& api_version, const std::string& cluster_store) {
    HttpListen listen;
    listen.unix_path = directory() + "/docker.sock";
    server_ = std::move(*StartHttpServer(listen, [=](const HttpRequest& request) {
      HttpResponse response;
      if (request.path == "/version")
        response.body = nlohmann::json{{"ApiVersion", api_version}}.dump();
      else if (request.path == "/info")
        response.body = nlohmann::json{{"ClusterStore", cluster_store}}.dump();
      return response;
    }));
  }
  void StopDocker() { server_.reset(); }
  std::string Told() { return Network("GetCapabilities", ""); }

 private:
  std::unique_ptr<HttpServer> server_;
};

TEST_F(DockerScope, IsGlobalWhereDockerHasAClusterStore) {
  StartDocker("1.41", "etcd://172.30.200.30:2379");
  EXPECT_EQ(Told(), R"({"Scope":"global"})");
}

TEST_F(DockerScope, IsLocalWhereItHasNoneOrCannotHaveOne) {
  StartDocker("1.41", "");
  EXPECT_EQ(Told(), R"({"Scope":"local"})");
  StopDocker();
  StartDocker("1.45", "not asked for");
  EXPECT_EQ(Told(), R"({"Scope":"local"})");
}

TEST_F(DockerScope, IsWhatItWasWhileDockerStartsAndLocalWhenThatIsNotKnown) {
  EXPECT_EQ(Told(), R"({"Scope":"local"})");
  StartDocker("1.41", "etcd://172.30.200.30:2379");
  EXPECT_EQ(AskDockerScope(options, std::chrono::seconds(5)).value(), "global");
  StopDocker();
  EXPECT_EQ(Told(), R"({"Scope":"global"})");
  ASSERT_TRUE(WriteFileAtomically(options.scope_path, "nonsense").has_value());
  EXPECT_EQ(Told(), R"({"Scope":"local"})");
}

TEST_F(DockerScope, IsWhatTheUserSays) {
  StartDocker("1.45", "");
  options.scope = "global";
  driver = std::make_unique<Driver>(store(), clock(), options, nullptr);
  EXPECT_EQ(Told(), R"({"Scope":"global"})");
  const auto read = OptionsFromEnvironment(
      Environment(std::map<std::string, std::string>{{"CALICO_LIBNETWORK_SCOPE", "swarm"}}), "h");
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().message(), "CALICO_LIBNETWORK_SCOPE is 'swarm': give auto, global or local");
}

}  // namespace
}  // namespace calico::libnetwork
