// SPDX-License-Identifier: Apache-2.0
// Against a stand-in for dockerd's API on a unix socket.
#include "apps/libnetwork/container_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/libnetwork/testing/driver_fixture.h"
#include "base/http_server.h"
#include "datastore/resources.h"

namespace calico::libnetwork {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kEndpoint;
using testing::kNetwork;
using testing::kSecondEndpoint;
using ::testing::Pair;
using ::testing::StartsWith;

const std::string kContainer(64, 'c');

TEST(EndpointLabels, AreThoseWithThePrefixAndOnlySoundOnes) {
  EXPECT_THAT(EndpointLabels({{"org.projectcalico.label.role", "frontend"},
                              {"org.projectcalico.label.empty", ""},
                              {"org.projectcalico.label.a.example/tier", "Web_1"},
                              {"org.projectcalico.label.", "nameless"},
                              {"org.projectcalico.label.motto", "two words"},
                              {"org.projectcalico.label.projectcalico.org/orchestrator", "k8s"},
                              {"com.docker.compose.project", "shop"}}),
              ElementsAre(Pair("a.example/tier", "Web_1"), Pair("empty", ""), Pair("role", "frontend")));
}

class ContainerLabelsTest : public testing::DriverFixture {
 protected:
  void SetUp() override {
    DriverFixture::SetUp();
    AddPool("pool", "10.65.0.0/26");
    NameNetwork(kNetwork, "net1");
    HttpListen listen;
    listen.unix_path = directory() + "/docker.sock";
    server_ = std::move(*StartHttpServer(listen, [this](const HttpRequest& request) -> HttpResponse {
      asked.push_back(request.path);
      if (request.path == "/networks/" + kNetwork) return {200, "application/json", network};
      return {200, "application/json", containers};
    }));
    options.label_endpoints = true;
    labels_ = std::make_unique<ContainerLabels>(faulty(), clock(), options);
  }
  void TearDown() override {
    server_.reset();
    DriverFixture::TearDown();
  }
  std::map<std::string, std::string> LabelsOf(const std::string& endpoint) {
    for (const model::WorkloadEndpoint& one : Endpoints()) {
      if (one.endpoint == endpoint) return one.metadata.labels;
    }
    return {};
  }
  // As dockerd prints it in a list: the endpoint's ID is not there before the container runs.
  static std::string Listed(const std::string& endpoint, const std::string& role = "web") {
    return R"([{"Id":")" + kContainer + R"(","Names":["/c"],"State":"created","Labels":{)" +
           R"("org.projectcalico.label.role":")" + role + R"("},"NetworkSettings":{"Networks":{"net1":{)" +
           R"("NetworkID":")" + kNetwork + R"(","EndpointID":")" + endpoint + R"("}}}}])";
  }
  static std::string Inspected(const std::string& endpoint) {
    return R"({"Name":"net1","Id":")" + kNetwork + R"(","Driver":"calico","Containers":{")" + kContainer +
           R"(":{"EndpointID":")" + endpoint + R"("},"ep-)" + kSecondEndpoint + R"(":{"EndpointID":")" +
           kSecondEndpoint + R"("}}})";
  }
  void Connect(const std::string& type = "calico") {
    labels_->OnDockerEvent({"network", "connect", kNetwork, {{"type", type}, {"container", kContainer}}});
  }
  void Start() { labels_->OnDockerEvent({"container", "start", kContainer, {}}); }

  std::vector<std::string> asked;
  std::string containers = "[]", network = "{}";
  std::unique_ptr<ContainerLabels> labels_;

 private:
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ContainerLabelsTest, ComeWithTheConnectionBeforeTheContainerRuns) {
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  Network("CreateEndpoint", EndpointBody(TakeAddress(), kSecondEndpoint));
  containers = Listed("");
  network = Inspected(kEndpoint);
  Connect();
  EXPECT_THAT(LabelsOf(kEndpoint), Contains(Pair("role", "web")));
  EXPECT_THAT(LabelsOf(kSecondEndpoint), ::testing::Not(Contains(Pair("role", "web"))));
}

TEST_F(ContainerLabelsTest, ComeWithTheStartIfTheyDidNotBefore) {
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  containers = Listed("");
  Connect();  // the network does not show the endpoint
  EXPECT_THAT(LabelsOf(kEndpoint), ::testing::Not(Contains(Pair("role", "web"))));
  containers = Listed(kEndpoint);
  Start();
  EXPECT_THAT(LabelsOf(kEndpoint), Contains(Pair("role", "web")));
}

TEST_F(ContainerLabelsTest, AreReadAnewWhenDockerIsUp) {
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  containers = Listed(kEndpoint);
  EXPECT_TRUE(labels_->OnDockerUp().has_value());
  EXPECT_THAT(LabelsOf(kEndpoint), Contains(Pair("role", "web")));
}

TEST_F(ContainerLabelsTest, ConcernNoOtherDriverAndNoEndpointThatIsGone) {
  Connect("bridge");
  EXPECT_THAT(asked, IsEmpty());
  containers = Listed(kEndpoint);
  network = Inspected(kEndpoint);
  Connect();
  Start();
  EXPECT_THAT(Endpoints(), IsEmpty());
}

TEST_F(ContainerLabelsTest, StayWithTheContainerUnlessSwitchedOn) {
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  containers = Listed(kEndpoint);
  options.label_endpoints = false;
  labels_ = std::make_unique<ContainerLabels>(faulty(), clock(), options);
  EXPECT_TRUE(labels_->OnDockerUp().has_value());
  Start();
  EXPECT_THAT(asked, IsEmpty());
}

TEST_F(ContainerLabelsTest, WinAgainstAChangeOfTheSameEndpoint) {
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  containers = Listed(kEndpoint);
  faulty().FailWrite(0, ipam::testing::Fault::kConflict);
  Start();
  EXPECT_THAT(LabelsOf(kEndpoint), Contains(Pair("role", "web")));
}

}  // namespace
}  // namespace calico::libnetwork
