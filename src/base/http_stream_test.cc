// SPDX-License-Identifier: Apache-2.0
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/http_client.h"
#include "base/unique_fd.h"

namespace calico {
namespace {

using ::testing::ElementsAre;

constexpr char kChunked[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

// A server for one connection that a test writes by hand, as Docker's /events would.
class HttpStreamTest : public ::testing::Test {
 protected:
  void SetUp() override {
    int fds[2];
    ASSERT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    cancel_read_.Reset(fds[0]);
    cancel_write_.Reset(fds[1]);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path_.copy(address.sun_path, sizeof address.sun_path - 1);
    listener_.Reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(listener_.get(), 1), 0);
    client_ = std::thread([this] {
      status_ = HttpStream("unix://" + path_, "/events", cancel_read_.get(), [this](std::string_view data) {
        received_.emplace_back(data);
        return data != "stop";
      });
    });
    connection_.Reset(::accept(listener_.get(), nullptr, nullptr));
    char buffer[4096];
    const ssize_t n = ::read(connection_.get(), buffer, sizeof buffer);
    request_.assign(buffer, n > 0 ? static_cast<std::size_t>(n) : 0);
  }
  void TearDown() override {
    connection_.Reset();
    if (client_.joinable()) client_.join();
    ::unlink(path_.c_str());
  }
  void Send(const std::string& text) {
    EXPECT_EQ(::send(connection_.get(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  void SendChunk(const std::string& data) { Send(fmt::format("{:x}\r\n{}\r\n", data.size(), data)); }

  const std::string path_ = fmt::format("{}http-stream-{}.sock", ::testing::TempDir(), ::getpid());
  UniqueFd cancel_read_, cancel_write_, listener_, connection_;
  std::thread client_;
  std::string request_;
  Status status_ = Ok();  // these two belong to the client's thread until it is joined
  std::vector<std::string> received_;
};

TEST_F(HttpStreamTest, HandsOverDataUntilTheServerEndsIt) {
  EXPECT_TRUE(request_.starts_with("GET /events HTTP/1.1\r\n")) << request_;
  Send(kChunked);
  SendChunk("one");
  SendChunk("two");
  Send("0\r\n\r\n");
  client_.join();
  EXPECT_TRUE(status_.has_value());
  std::string all;
  for (const std::string& part : received_) all += part;
  EXPECT_EQ(all, "onetwo");
}

TEST_F(HttpStreamTest, EndsWhenTheReceiverHasEnough) {
  Send(kChunked);
  SendChunk("stop");
  client_.join();  // though the server keeps the connection
  EXPECT_TRUE(status_.has_value());
  EXPECT_THAT(received_, ElementsAre("stop"));
}

TEST_F(HttpStreamTest, EndsWhenItIsCancelled) {
  Send(kChunked);
  ASSERT_EQ(::write(cancel_write_.get(), "x", 1), 1);
  client_.join();
  EXPECT_TRUE(status_.has_value());
}

TEST_F(HttpStreamTest, IsCancelledEvenBeforeTheHeader) {
  ASSERT_EQ(::write(cancel_write_.get(), "x", 1), 1);
  client_.join();
  EXPECT_TRUE(status_.has_value());
}

TEST_F(HttpStreamTest, EndsWithAnEmptyBodyThoughTheServerKeepsTheConnection) {
  Send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  client_.join();
  EXPECT_TRUE(status_.has_value());
  EXPECT_THAT(received_, ElementsAre());
}

TEST_F(HttpStreamTest, ReportsAServerThatBreaksOff) {
  Send(kChunked);
  SendChunk("one");
  connection_.Reset();
  client_.join();
  ASSERT_FALSE(status_.has_value());
  EXPECT_EQ(status_.error().code(), ErrorCode::kUnavailable);
}

TEST_F(HttpStreamTest, DoesNotTakeAnErrorsBodyForData) {
  Send("HTTP/1.1 500 Internal Server Error\r\nContent-Length: 3\r\n\r\nbad");
  client_.join();
  ASSERT_FALSE(status_.has_value());
  EXPECT_NE(status_.error().message().find("500"), std::string::npos) << status_.error().message();
  EXPECT_THAT(received_, ElementsAre());
}

}  // namespace
}  // namespace calico
