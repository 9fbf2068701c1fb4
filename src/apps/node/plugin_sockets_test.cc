// SPDX-License-Identifier: Apache-2.0
#include "apps/node/plugin_sockets.h"

#include <future>
#include <map>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/http_client.h"

namespace calico::node {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;

class PluginSocketsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string base = fmt::format("{}plugins-{}", ::testing::TempDir(), ::getpid());
    paths_ = {base + "-calico.sock", base + "-ipam.sock", base + "-guard.sock"};
  }
  void TearDown() override {
    sockets_.reset();
    ::unlink(paths_.network.c_str());
    ::unlink(paths_.ipam.c_str());
    ::unlink(paths_.guard.c_str());
  }
  void Hold() {
    for (const std::string& path : {paths_.ipam, paths_.network}) {
      ::unlink(path.c_str());
      UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
      sockaddr_un address{};
      address.sun_family = AF_UNIX;
      path.copy(address.sun_path, sizeof address.sun_path - 1);
      ASSERT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
      ASSERT_EQ(::listen(fd.get(), 64), 0);
      held_.push_back({std::move(fd), path});
    }
  }
  void Begin(const std::map<std::string, std::string>& variables = {}) {
    sockets_ = std::make_unique<PluginSockets>(Environment(variables), held_, paths_);
  }
  void Serve() {
    const auto answer = [](const std::string& who) {
      return [who](const HttpRequest& request) { return HttpResponse{200, "a/b", who + request.path}; };
    };
    sockets_->Serve(answer("network"), answer("ipam"), answer("guard"));
  }
  HttpResponse Call(const std::string& path, bool ipam = false) const {
    const auto response =
        HttpCall("unix://" + (ipam ? paths_.ipam : paths_.network), "POST", path, "{}", seconds(20));
    return response.has_value() ? *response : HttpResponse{};
  }

  PluginSockets::Paths paths_;
  std::vector<InheritedSocket> held_;
  std::unique_ptr<PluginSockets> sockets_;
};

TEST_F(PluginSocketsTest, AnswersActivationBeforeAnythingElseIsThere) {
  Hold();
  Begin();
  EXPECT_EQ(Call("/Plugin.Activate").body, R"({"Implements":["NetworkDriver"]})");
  EXPECT_EQ(Call("/Plugin.Activate", true).body, R"({"Implements":["IpamDriver"]})");
  EXPECT_EQ(Call("/NetworkDriver.GetCapabilities").status, 200);
  EXPECT_EQ(Call("/IpamDriver.GetDefaultAddressSpaces", true).status, 200);
}

TEST_F(PluginSocketsTest, ACallWaitsForTheAgentToServe) {
  Hold();
  Begin();
  auto early = std::async(std::launch::async, [&] { return Call("/NetworkDriver.Join"); });
  EXPECT_EQ(early.wait_for(milliseconds(50)), std::future_status::timeout);
  Serve();
  EXPECT_EQ(early.get().body, "network/NetworkDriver.Join");
  EXPECT_EQ(Call("/IpamDriver.RequestPool", true).body, "ipam/IpamDriver.RequestPool");
}

// However many they are: each within the deadline, and what needs no waiting at once.
TEST_F(PluginSocketsTest, SaysInTimeWhatIsWaitedFor) {
  Hold();
  Begin();
  sockets_->WaitFor("waiting for the datastore: etcd is away");
  const TimePoint begun = std::chrono::steady_clock::now();
  std::vector<std::future<HttpResponse>> calls;
  for (int i = 0; i < 60; ++i)
    calls.push_back(std::async(std::launch::async, [&] { return Call("/NetworkDriver.CreateEndpoint"); }));
  for (auto& call : calls) {
    const HttpResponse answer = call.get();
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.body, R"({"Err":"calico-node is starting: waiting for the datastore: etcd is away"})");
  }
  const Duration took = std::chrono::steady_clock::now() - begun;
  EXPECT_GE(took, milliseconds(2400));
  EXPECT_LT(took, milliseconds(4500));
}

TEST_F(PluginSocketsTest, ThoseWhoWaitAreToldWhenTheStartFails) {
  Hold();
  Begin();
  auto early = std::async(std::launch::async, [&] { return Call("/NetworkDriver.Join"); });
  EXPECT_EQ(early.wait_for(milliseconds(50)), std::future_status::timeout);
  sockets_->Refuse("calico-node cannot start: IP is wrong");
  EXPECT_THAT(early.get().body, HasSubstr("IP is wrong"));
  EXPECT_EQ(Call("/Plugin.Activate").status, 200);
}

TEST_F(PluginSocketsTest, RefusesEverythingAtOnceWhenSwitchedOff) {
  Hold();
  Begin({{"CALICO_LIBNETWORK_ENABLED", "false"}});
  EXPECT_FALSE(sockets_->wanted());
  for (const char* path : {"/Plugin.Activate", "/NetworkDriver.Join"}) {
    const HttpResponse answer = Call(path);
    EXPECT_EQ(answer.status, 500);
    EXPECT_THAT(answer.body, HasSubstr("CALICO_LIBNETWORK_ENABLED"));
  }
}

TEST_F(PluginSocketsTest, SocketsThatAreHeldStayWhenTheAgentEnds) {
  Hold();
  Begin();
  EXPECT_TRUE(sockets_->wanted());
  EXPECT_TRUE(sockets_->Listen().has_value());
  sockets_->RemoveFiles();
  sockets_.reset();
  EXPECT_TRUE(PathExists(paths_.network));
  Begin();
  Serve();
  EXPECT_EQ(Call("/x").body, "network/x");
}

TEST_F(PluginSocketsTest, DoesNotTakeThePlaceOfSocketsThatAreHeldForAnother) {
  Hold();
  const std::vector<InheritedSocket> of_another = std::exchange(held_, {});
  Begin({{"CALICO_LIBNETWORK_ENABLED", "true"}});
  const Status refused = sockets_->Listen();
  ASSERT_FALSE(refused.has_value());
  EXPECT_THAT(refused.error().message(), HasSubstr("systemctl stop calico-node.socket"));
  sockets_.reset();
  EXPECT_TRUE(PathExists(paths_.network));
}

TEST_F(PluginSocketsTest, MakesItsOwnWhereNobodyHoldsThemIfDockerIsWanted) {
  Begin();
  EXPECT_FALSE(sockets_->wanted());
  EXPECT_TRUE(sockets_->Listen().has_value());
  EXPECT_FALSE(PathExists(paths_.network));
  Begin({{"CALICO_LIBNETWORK_ENABLED", "true"}});
  EXPECT_FALSE(PathExists(paths_.network));
  EXPECT_TRUE(sockets_->Listen().has_value());
  Serve();
  EXPECT_EQ(Call("/x", true).body, "ipam/x");
  sockets_->RemoveFiles();
  EXPECT_FALSE(PathExists(paths_.network));
}

TEST_F(PluginSocketsTest, TheGuardNeverMakesDockerWait) {
  Begin({{"CALICO_LIBNETWORK_ENABLED", "true"}});
  ASSERT_TRUE(sockets_->Listen().has_value());
  const auto ask = [this] {
    const auto answer =
        HttpCall("unix://" + paths_.guard, "POST", "/AuthZPlugin.AuthZReq", "{}", seconds(20));
    return answer.has_value() ? answer->body : answer.error().message();
  };
  EXPECT_EQ(ask(), R"({"Allow":true})");
  Serve();
  EXPECT_EQ(ask(), "guard/AuthZPlugin.AuthZReq");
}

}  // namespace
}  // namespace calico::node
