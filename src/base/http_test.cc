// SPDX-License-Identifier: Apache-2.0
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/file.h"
#include "base/http_client.h"
#include "base/http_server.h"
#include "base/unique_fd.h"

namespace calico {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

HttpResponse Echo(const HttpRequest& request) {
  return {request.path == "/absent" ? 404 : 200, "text/x-echo",
          fmt::format("{} {} {} {}", request.method, request.path, request.query, request.body)};
}

// Each test once over TCP and once over a unix socket.
class HttpTest : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (GetParam()) path_ = fmt::format("{}http-{}/dir/a.sock", ::testing::TempDir(), ::getpid());
  }
  void Start(HttpHandler handler, int threads = 2) {
    HttpListen listen;
    listen.unix_path = path_;
    listen.address = "127.0.0.1";
    listen.threads = threads;
    auto server = StartHttpServer(listen, std::move(handler));
    ASSERT_TRUE(server.has_value()) << server.error().message();
    server_ = std::move(*server);
    endpoint_ = GetParam() ? "unix://" + path_ : fmt::format("http://127.0.0.1:{}", server_->port());
  }
  UniqueFd Connect() const {
    sockaddr_storage address{};
    socklen_t size = 0;
    if (GetParam()) {
      auto* const local = reinterpret_cast<sockaddr_un*>(&address);
      local->sun_family = AF_UNIX;
      path_.copy(local->sun_path, sizeof local->sun_path - 1);
      size = sizeof *local;
    } else {
      auto* const tcp = reinterpret_cast<sockaddr_in*>(&address);
      tcp->sin_family = AF_INET;
      tcp->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
      tcp->sin_port = htons(static_cast<std::uint16_t>(server_->port()));
      size = sizeof *tcp;
    }
    UniqueFd fd(::socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(::connect(fd.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    return fd;
  }
  std::string path_, endpoint_;
  std::unique_ptr<HttpServer> server_;
};
INSTANTIATE_TEST_SUITE_P(Tcp, HttpTest, ::testing::Values(false));
INSTANTIATE_TEST_SUITE_P(Unix, HttpTest, ::testing::Values(true));

// Sends and reads until `end` has come or the server has closed.
std::string Talk(const UniqueFd& fd, const std::string& request, const std::string& end) {
  EXPECT_EQ(::send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t n; answer.find(end) == std::string::npos && (n = ::read(fd.get(), buffer, sizeof buffer)) > 0;)
    answer.append(buffer, static_cast<std::size_t>(n));
  return answer;
}

TEST_P(HttpTest, CarriesRequestAndResponse) {
  Start(Echo);
  const auto response = HttpCall(endpoint_, "POST", "/a/b?c=d&e", "body", seconds(10));
  ASSERT_TRUE(response.has_value()) << response.error().message();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->content_type, "text/x-echo");
  EXPECT_EQ(response->body, "POST /a/b c=d&e body");
  EXPECT_EQ(HttpCall(endpoint_, "GET", "/absent", "", seconds(10))->status, 404);
}

TEST_P(HttpTest, CarriesLargeBodies) {
  Start([](const HttpRequest& request) { return HttpResponse{200, "a/b", request.body + request.body}; });
  const auto response = HttpCall(endpoint_, "POST", "/", std::string(3 << 20, 'x'), seconds(10));
  ASSERT_TRUE(response.has_value()) << response.error().message();
  EXPECT_EQ(response->body.size(), std::size_t{6} << 20);
}

TEST_P(HttpTest, AnswersSeveralRequestsOnOneConnection) {
  Start(Echo);
  const UniqueFd fd = Connect();
  EXPECT_NE(Talk(fd, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /1").find("200 OK"), std::string::npos);
  // Also two at once.
  const std::string both =
      Talk(fd, "GET /2 HTTP/1.1\r\nHost: x\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\n\r\n", "GET /3");
  EXPECT_LT(both.find("GET /2"), both.find("GET /3"));
  // "Connection: close" is obeyed: reading ends.
  Talk(fd, "GET /4 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "never sent");
}

TEST_P(HttpTest, NeedsNoThreadForIdleConnections) {
  Start(Echo, 1);
  std::vector<UniqueFd> idle;
  for (int i = 0; i < 20; ++i) idle.push_back(Connect());
  EXPECT_TRUE(HttpCall(endpoint_, "GET", "/", "", seconds(10)).has_value());
}

TEST_P(HttpTest, AnswersWhileAnotherHandlerIsBusy) {
  std::promise<void> entered, leave;
  auto may_leave = leave.get_future().share();
  Start([&](const HttpRequest& request) {
    if (request.path == "/slow") {
      entered.set_value();
      may_leave.wait();
    }
    return Echo(request);
  });
  std::thread slow([&] { EXPECT_TRUE(HttpCall(endpoint_, "GET", "/slow", "", seconds(20)).has_value()); });
  entered.get_future().wait();
  EXPECT_TRUE(HttpCall(endpoint_, "GET", "/quick", "", seconds(10)).has_value());
  leave.set_value();
  slow.join();
}

TEST_P(HttpTest, GivesUpOnAServerThatDoesNotAnswerInTime) {
  std::promise<void> leave;
  auto may_leave = leave.get_future().share();
  Start([&](const HttpRequest& request) {
    may_leave.wait();
    return Echo(request);
  });
  const auto response = HttpCall(endpoint_, "GET", "/", "", milliseconds(30));
  leave.set_value();
  server_.reset();  // joins the handler, which uses what stands above
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
  EXPECT_NE(response.error().message().find("in time"), std::string::npos) << response.error().message();
}

TEST_P(HttpTest, SurvivesWhatIsNotHttp) {
  Start(Echo, 1);
  EXPECT_EQ(Talk(Connect(), "\x16\x03\x01 not HTTP\r\n\r\n", "never sent").find("200"), std::string::npos);
  Connect().Reset();
  EXPECT_TRUE(HttpCall(endpoint_, "GET", "/", "", seconds(10)).has_value());
}

TEST_P(HttpTest, IsUnreachableAfterItsEnd) {
  Start(Echo);
  const UniqueFd open = Connect();
  server_.reset();
  const auto response = HttpCall(endpoint_, "GET", "/", "", seconds(10));
  ASSERT_FALSE(response.has_value());
  EXPECT_EQ(response.error().code(), ErrorCode::kUnavailable);
  EXPECT_FALSE(GetParam() && PathExists(path_));
}

TEST(HttpServer, ReplacesTheSocketOfAProcessThatWasKilled) {
  const std::string path = fmt::format("{}http-stale-{}.sock", ::testing::TempDir(), ::getpid());
  {
    const UniqueFd stale(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(stale.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ASSERT_TRUE(PathExists(path));
  HttpListen listen;
  listen.unix_path = path;
  listen.unix_mode = 0600;
  const auto server = StartHttpServer(listen, Echo);
  ASSERT_TRUE(server.has_value()) << server.error().message();
  EXPECT_TRUE(HttpCall("unix://" + path, "GET", "/", "", seconds(10)).has_value());
  struct stat status {};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
}

TEST(HttpServer, ServesASocketThatSomebodyElseHoldsAndLeavesItsFile) {
  const std::string path = fmt::format("{}http-inherited-{}.sock", ::testing::TempDir(), ::getpid());
  ::unlink(path.c_str());
  const UniqueFd held(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  ASSERT_EQ(::bind(held.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(held.get(), 10), 0);
  HttpListen listen;
  listen.inherited = held.get();
  for (int life = 0; life < 2; ++life) {
    // A call that comes while nobody serves is answered by the next one who does.
    auto early = std::async(std::launch::async,
                            [&] { return HttpCall("unix://" + path, "GET", "/early", "", seconds(10)); });
    const auto server = StartHttpServer(listen, Echo);
    ASSERT_TRUE(server.has_value()) << server.error().message();
    EXPECT_TRUE(early.get().has_value());
    EXPECT_TRUE(HttpCall("unix://" + path, "GET", "/", "", seconds(10)).has_value());
  }
  EXPECT_TRUE(PathExists(path));
  ::unlink(path.c_str());
  listen.inherited = 100000;
  EXPECT_FALSE(StartHttpServer(listen, Echo).has_value());
}

TEST(HttpServer, SaysWhatItCannotListenOn) {
  HttpListen listen;
  listen.address = "127.0.0.1";
  const auto first = StartHttpServer(listen, Echo);
  ASSERT_TRUE(first.has_value());
  listen.port = (*first)->port();
  const auto second = StartHttpServer(listen, Echo);
  ASSERT_FALSE(second.has_value());
  EXPECT_NE(second.error().message().find(std::to_string(listen.port)), std::string::npos);
  listen.unix_path = "/tmp/" + std::string(200, 'x');
  EXPECT_FALSE(StartHttpServer(listen, Echo).has_value());
  listen = {};
  listen.address = "not an address";
  EXPECT_FALSE(StartHttpServer(listen, Echo).has_value());
}

TEST(HttpCall, RefusesEndpointsItDoesNotUnderstand) {
  for (const std::string endpoint :
       {"", "ftp://127.0.0.1:5", "http://127.0.0.1:0", "http://name.example:80", "http://127.0.0.1:80x"}) {
    const auto response = HttpCall(endpoint, "GET", "/", "", seconds(1));
    ASSERT_FALSE(response.has_value()) << endpoint;
    EXPECT_EQ(response.error().code(), ErrorCode::kInvalidArgument) << endpoint;
  }
  EXPECT_FALSE(HttpCall("unix:///tmp/" + std::string(200, 'x'), "GET", "/", "", seconds(1)).has_value());
}

}  // namespace
}  // namespace calico
