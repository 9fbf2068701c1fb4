// SPDX-License-Identifier: Apache-2.0
// Against a stand-in for dockerd's API on a unix socket.
#include "apps/libnetwork/network_names.h"

#include <atomic>
#include <chrono>
#include <cstring>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "apps/libnetwork/profiles.h"
#include "apps/libnetwork/testing/driver_fixture.h"
#include "base/http_server.h"
#include "base/unique_fd.h"

namespace calico::libnetwork {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::kEndpoint;
using testing::kNetwork;
using testing::kOtherNetwork;

std::string NetworkJson(const std::string& id, const std::string& name,
                        const std::string& driver = "calico") {
  return R"({"Id":")" + id + R"(","Name":")" + name + R"(","Driver":")" + driver + R"("})";
}

std::string EventJson(const std::string& action, const std::string& id, const std::string& name) {
  return R"({"Type":"network","Action":")" + action + R"(","Actor":{"ID":")" + id +
         R"(","Attributes":{"name":")" + name + R"(","type":"calico"}},"time":1772445605})" + "\n";
}

class NetworkNamesTest : public testing::DriverFixture {
 protected:
  std::string DockerSocket() const { return directory() + "/docker.sock"; }

  void StartDocker(HttpHandler handler) {
    HttpListen listen;
    listen.unix_path = DockerSocket();
    auto server = StartHttpServer(listen, std::move(handler));
    ASSERT_TRUE(server.has_value()) << server.error().message();
    docker_ = std::move(*server);
  }
  void StopDocker() { docker_.reset(); }

  // A dockerd that restores its containers: connections are accepted by the kernel and nothing answers.
  void StartHangingDocker() {
    hanging_ = UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, DockerSocket().c_str(), sizeof(address.sun_path) - 1);
    ASSERT_EQ(::bind(hanging_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::listen(hanging_.get(), 16), 0);
  }
  bool Eventually(const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (std::chrono::steady_clock::now() < end) {
      if (condition()) return true;
      ::poll(nullptr, 0, 5);
    }
    return condition();
  }
  std::string NameOf(const std::string& id) { return StoredNetworkName(store(), id).value(); }

 private:
  std::unique_ptr<HttpServer> docker_;
  UniqueFd hanging_;
};

TEST_F(NetworkNamesTest, LearnsFromTheListAndFromEvents) {
  std::atomic<bool> created = false, destroyed = false;
  StartDocker([&](const HttpRequest& request) -> HttpResponse {
    if (request.path == "/networks") {
      return {200, "application/json",
              "[" + NetworkJson(kNetwork, "net1") + "," + NetworkJson("x", "bridge", "bridge") + "]"};
    }
    EXPECT_THAT(request.query, HasSubstr("filters="));
    std::string events;
    if (created) events += EventJson("create", kOtherNetwork, "net2");
    if (destroyed) events += EventJson("destroy", kOtherNetwork, "net2");
    return {200, "application/json", events};
  });
  NetworkNames names(faulty(), clock(), options);
  DockerWatch watch(options.docker_endpoint, clock(), {&names});
  watch.Start();
  EXPECT_TRUE(Eventually([&] { return NameOf(kNetwork) == "net1"; }));
  EXPECT_EQ(NameOf("x"), "");
  created = true;
  EXPECT_TRUE(Eventually([&] { return NameOf(kOtherNetwork) == "net2"; }));
  created = false;
  destroyed = true;
  EXPECT_TRUE(Eventually([&] { return NameOf(kOtherNetwork) == ""; }));
}

TEST_F(NetworkNamesTest, WaitsForDockerAndEndsPromptly) {
  NetworkNames names(faulty(), clock(), options);
  DockerWatch watch(options.docker_endpoint, clock(), {&names});
  watch.Start();
  StartDocker([](const HttpRequest& request) -> HttpResponse {
    return {200, "application/json",
            request.path == "/networks" ? "[" + NetworkJson(kNetwork, "net1") + "]" : ""};
  });
  EXPECT_TRUE(Eventually([&] { return NameOf(kNetwork) == "net1"; }));
}

TEST_F(NetworkNamesTest, EndsWhileDockerHangs) {
  StartHangingDocker();
  const auto start = std::chrono::steady_clock::now();
  {
    NetworkNames names(faulty(), clock(), options);
    DockerWatch watch(options.docker_endpoint, clock(), {&names});
    watch.Start();
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4));
}

// The name comes while CreateEndpoint asks: one short question, answered.
TEST_F(NetworkNamesTest, CreateEndpointAsksDockerOnceForAnUnknownNetwork) {
  AddPool("pool", "10.65.0.0/26");
  std::atomic<int> asked = 0;
  StartDocker([&](const HttpRequest& request) -> HttpResponse {
    EXPECT_EQ(request.path, "/networks/" + kNetwork);
    ++asked;
    return {200, "application/json", NetworkJson(kNetwork, "net1")};
  });
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  EXPECT_THAT(Endpoints()[0].profiles, ElementsAre("net1"));
  Network("CreateEndpoint", EndpointBody(TakeAddress(), testing::kSecondEndpoint));
  EXPECT_EQ(asked, 1);
}

// `--restart=always` at dockerd's start: its API hangs until this very call is answered.
TEST_F(NetworkNamesTest, CreateEndpointDoesNotWaitForAHangingDockerAndIsRenamedLater) {
  AddPool("pool", "10.65.0.0/26");
  const std::string ip = TakeAddress();
  StartHangingDocker();
  const auto start = std::chrono::steady_clock::now();
  Network("CreateEndpoint", EndpointBody(ip));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(1500));
  EXPECT_THAT(Endpoints()[0].profiles, ElementsAre(kNetwork));
  EXPECT_THAT(Profiles(), ElementsAre(kNetwork));

  StartDocker([](const HttpRequest& request) -> HttpResponse {
    return {200, "application/json",
            request.path == "/networks" ? "[" + NetworkJson(kNetwork, "net1") + "]" : ""};
  });
  NetworkNames names(faulty(), clock(), options);
  DockerWatch watch(options.docker_endpoint, clock(), {&names});
  watch.Start();
  EXPECT_TRUE(Eventually([&] { return Endpoints()[0].profiles == std::vector<std::string>{"net1"}; }));
  EXPECT_TRUE(Eventually([&] { return Profiles() == std::vector<std::string>{"net1"}; }))
      << "the stand-in stays";
}

}  // namespace
}  // namespace calico::libnetwork
