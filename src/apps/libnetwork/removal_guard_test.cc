// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/removal_guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/libnetwork/endpoints.h"
#include "datastore/testing/fake_client.h"
#include "ipam/testing/faulty_client.h"
#include "model/codec/json.h"

namespace calico::libnetwork {
namespace {

using model::Key;
using model::Kind;
using ::testing::HasSubstr;

class RemovalGuard : public ::testing::Test {
 protected:
  RemovalGuard() {
    options.node_name = "calico-node1";
    model::DockerNetwork network;
    network.metadata.name = "net1";
    network.driver = "calico";
    network.generation = 2;
    Put(Key::Resource(Kind::kDockerNetwork, "net1"), network);
    for (const char* host : {"calico-node1", "calico-node2"}) {
      model::DockerNetworkHost record;
      record.id = std::string("aa11bb22") + host;
      record.generation = 2;
      Put(Key{Kind::kDockerNetworkHost, host, "net1"}, record);
    }
  }
  void Put(const Key& key, const model::Object& object) {
    ASSERT_TRUE(store.Put(model::ToPath(key), model::EncodeValue(key, object)).has_value());
  }
  void AddEndpoint(const std::string& node) {
    model::WorkloadEndpoint endpoint;
    const Key key = EndpointKey(node, "e1").value();
    endpoint.metadata.name = key.name;
    endpoint.metadata.ns = key.ns;
    endpoint.metadata.annotations[kNetworkAnnotation] = "aa11bb22" + node;
    endpoint.node = node;
    endpoint.orchestrator = endpoint.workload = kOrchestrator;
    endpoint.endpoint = "e1";
    Put(key, endpoint);
  }
  std::string Ask(const std::string& method, const std::string& uri) {
    HttpRequest request;
    request.path = "/AuthZPlugin.AuthZReq";
    request.body = R"({"User":"","RequestMethod":")" + method + R"(","RequestUri":")" + uri + "\"}";
    return GuardRemoval(client, clock, options, request).body;
  }

  datastore::testing::FakeClient store;
  ipam::testing::FaultyClient client{store};
  SystemClock clock;
  Options options;
};

TEST_F(RemovalGuard, IsAnAuthorizationPlugin) {
  HttpRequest request;
  request.path = "/Plugin.Activate";
  EXPECT_EQ(GuardRemoval(client, clock, options, request).body, R"({"Implements":["authz"]})");
}

TEST_F(RemovalGuard, RefusesARemovalWhileOtherHostsUseTheNetworkAndNamesThem) {
  EXPECT_EQ(Ask("DELETE", "/v1.45/networks/net1"), R"({"Allow":true})");
  AddEndpoint("calico-node1");  // dockerd itself refuses that
  EXPECT_EQ(Ask("DELETE", "/v1.45/networks/net1"), R"({"Allow":true})");
  AddEndpoint("calico-node2");
  const std::string refusal =
      R"({"Allow":false,"Msg":"network net1 is still used by containers on calico-node2: remove them first"})";
  EXPECT_EQ(Ask("DELETE", "/v1.45/networks/net1"), refusal);
  EXPECT_EQ(Ask("DELETE", "/networks/aa11bb22cal?force=1"), refusal);
}

TEST_F(RemovalGuard, AllowsEverythingElse) {
  AddEndpoint("calico-node2");
  EXPECT_EQ(Ask("GET", "/v1.45/networks/net1"), R"({"Allow":true})");
  EXPECT_EQ(Ask("DELETE", "/v1.45/containers/net1"), R"({"Allow":true})");
  EXPECT_EQ(Ask("DELETE", "/v1.45/networks/net2"), R"({"Allow":true})");
  EXPECT_EQ(Ask("DELETE", ""), R"({"Allow":true})");
  // Ours of an older generation is removed by the agent itself.
  model::DockerNetworkHost record;
  record.id = "aa11bb22";
  record.generation = 1;
  Put(Key{Kind::kDockerNetworkHost, "calico-node1", "net1"}, record);
  EXPECT_EQ(Ask("DELETE", "/v1.45/networks/net1"), R"({"Allow":true})");
}

}  // namespace
}  // namespace calico::libnetwork
