// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/docker_api.h"

#include <cstdlib>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/http_server.h"

namespace calico::libnetwork {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class DockerApiTest : public ::testing::Test {
 protected:
  DockerApiTest() {
    std::string name = "/tmp/calico-docker-api-XXXXXX";
    directory_ = ::mkdtemp(name.data());
    socket_ = directory_ + "/docker.sock";
    HttpListen listen;
    listen.unix_path = socket_;
    server_ = std::move(*StartHttpServer(listen, [this](const HttpRequest& request) {
      asked.push_back(request.method + " " + request.path +
                      (request.query.empty() ? "" : "?" + request.query));
      body = request.body;
      return answer;
    }));
  }
  ~DockerApiTest() override {
    server_.reset();
    ::rmdir(directory_.c_str());
  }
  DockerApi Api() const { return DockerApi("unix://" + socket_, std::chrono::seconds(5)); }

  HttpResponse answer;
  std::vector<std::string> asked;
  std::string body;

 private:
  std::string directory_, socket_;
  std::unique_ptr<HttpServer> server_;
};

// Members as dockerd 20.10 prints them.
constexpr char kNetwork[] =
    R"({"Name":"net1","Id":"44aa","Scope":"global","Driver":"calico","EnableIPv6":true,)"
    R"("IPAM":{"Driver":"calico-ipam","Options":{"a":"b"},"Config":[{"Subnet":"10.1.0.0/16","Gateway":"0.0.0.0/0"}]},)"
    R"("Internal":false,"Attachable":true,"ConfigFrom":{"Network":""},"ConfigOnly":false,)"
    R"("Containers":{"c1":{"Name":"test1","EndpointID":"e1","MacAddress":"ee:ee:ee:ee:ee:ee","IPv4Address":"10.1.0.3/32"}},)"
    R"("Options":{"x":"y"},"Labels":{"team":"blue"}})";

TEST_F(DockerApiTest, ReadsANetworkWithItsEndpoints) {
  answer.body = kNetwork;
  const DockerNetwork network = Api().InspectNetwork("net1").value();
  EXPECT_THAT(asked, ElementsAre("GET /networks/net1"));
  EXPECT_EQ(network.id, "44aa");
  EXPECT_EQ(network.name, "net1");
  EXPECT_EQ(network.scope, "global");
  EXPECT_TRUE(network.enable_ipv6);
  EXPECT_TRUE(network.attachable);
  EXPECT_EQ(network.ipam_driver, "calico-ipam");
  EXPECT_THAT(network.ipam_options, ElementsAre(Pair("a", "b")));
  EXPECT_THAT(network.pools, ElementsAre(DockerIpamPool{"10.1.0.0/16", "", "0.0.0.0/0"}));
  EXPECT_THAT(network.options, ElementsAre(Pair("x", "y")));
  EXPECT_THAT(network.labels, ElementsAre(Pair("team", "blue")));
  EXPECT_THAT(network.endpoints, ElementsAre(Pair("e1", "c1")));
}

TEST_F(DockerApiTest, CreatesWhatItHasRead) {
  answer.body = kNetwork;
  const DockerNetwork network = Api().InspectNetwork("net1").value();
  answer = {201, "application/json", R"({"Id":"55bb","Warning":""})"};
  EXPECT_EQ(Api().CreateNetwork(network).value(), "55bb");
  EXPECT_EQ(asked.back(), "POST /networks/create");
  for (const char* part : {R"("Name":"net1")", R"("Driver":"calico")", R"("EnableIPv6":true)",
                           R"("Subnet":"10.1.0.0/16")", R"("x":"y")", R"("team":"blue")"})
    EXPECT_THAT(body, HasSubstr(part));
}

TEST_F(DockerApiTest, SaysInDockersWordsWhatFailed) {
  answer = {404, "application/json", R"({"message":"network net9 not found"})"};
  const auto missing = Api().InspectNetwork("net9");
  EXPECT_EQ(missing.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.error().message(), HasSubstr("network net9 not found"));
  answer = {403, "application/json", R"({"message":"network net1 has active endpoints"})"};
  EXPECT_EQ(Api().RemoveNetwork("44aa").error().code(), ErrorCode::kConflict);
  answer = {500, "application/json", "panic"};
  EXPECT_EQ(Api().ListContainers().error().code(), ErrorCode::kUnavailable);
}

TEST_F(DockerApiTest, ListsContainersWithLabelsAndEndpoints) {
  answer.body =
      R"([{"Id":"c1","Names":["/test1"],"State":"running","Labels":{"org.projectcalico.label.role":"web"},)"
      R"("NetworkSettings":{"Networks":{"net1":{"NetworkID":"44aa","EndpointID":"e1"}}}},)"
      R"({"Id":"c2","Names":["/old"],"State":"exited","Labels":{},)"
      R"("NetworkSettings":{"Networks":{"net1":{"NetworkID":"44aa","EndpointID":""}}}}])";
  const std::vector<DockerContainer> containers = Api().ListContainers().value();
  EXPECT_THAT(asked, ElementsAre("GET /containers/json?all=1"));
  ASSERT_EQ(containers.size(), 2U);
  EXPECT_EQ(containers[0].name, "test1");
  EXPECT_TRUE(containers[0].running);
  EXPECT_EQ(containers[0].labels.at("org.projectcalico.label.role"), "web");
  EXPECT_EQ(containers[0].endpoints.at("net1").endpoint_id, "e1");
  EXPECT_FALSE(containers[1].running);
}

TEST_F(DockerApiTest, ReadsAContainer) {
  answer.body = R"({"Id":"c1","Name":"/test1","State":{"Running":true},"Config":{"Labels":{"a":"b"}},)"
                R"("NetworkSettings":{"Networks":{"net1":{"NetworkID":"44aa","EndpointID":"e1"}}}})";
  const DockerContainer container = Api().InspectContainer("c1").value();
  EXPECT_EQ(container.name, "test1");
  EXPECT_TRUE(container.running);
  EXPECT_THAT(container.labels, ElementsAre(Pair("a", "b")));
  EXPECT_EQ(container.endpoints.at("net1").network_id, "44aa");
}

TEST(DockerEvent, IsReadWithItsAttributes) {
  const auto event = ParseDockerEvent(
      R"({"Type":"network","Action":"connect","Actor":{"ID":"44aa","Attributes":{"container":"c1","name":"net1","type":"calico"}}})");
  ASSERT_TRUE(event.has_value());
  EXPECT_EQ(event->action, "connect");
  EXPECT_EQ(event->id, "44aa");
  EXPECT_EQ(event->attributes.at("container"), "c1");
}

TEST(DockerEvent, IsNothingWhenTheLineIsNoEvent) {
  EXPECT_FALSE(ParseDockerEvent("").has_value());
  EXPECT_FALSE(ParseDockerEvent("[]").has_value());
  EXPECT_FALSE(ParseDockerEvent(R"({"Type":"network","Action":"connect"})").has_value());
}

}  // namespace
}  // namespace calico::libnetwork
