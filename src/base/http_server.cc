// SPDX-License-Identifier: Apache-2.0
#include "base/http_server.h"

#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/unique_fd.h"

namespace calico {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

using Stream = beast::basic_stream<asio::generic::stream_protocol>;
constexpr std::uint64_t kBodyLimit = 10 << 20;
constexpr auto kWriteTimeout = std::chrono::seconds(30);
constexpr auto kIdleTimeout = std::chrono::minutes(10);

// One connection: read a request, answer it, again. Its steps follow one another, so it needs no strand.
class Connection final : public std::enable_shared_from_this<Connection> {
 public:
  Connection(asio::generic::stream_protocol::socket socket, const HttpHandler& handler)
      : stream_(std::move(socket)), handler_(handler) {}

  void Read() {
    parser_.emplace();
    parser_->body_limit(kBodyLimit);
    stream_.expires_after(kIdleTimeout);
    http::async_read(stream_, buffer_, *parser_,
                     [self = shared_from_this()](beast::error_code error, std::size_t) {
                       if (error) return;  // closed, or not HTTP: nobody to tell
                       self->Answer();
                     });
  }

 private:
  void Answer() {
    auto message = parser_->release();
    HttpRequest request;
    request.received = std::chrono::steady_clock::now();
    request.method = std::string(message.method_string());
    const std::string target(message.target());
    const std::size_t query = target.find('?');
    request.path = target.substr(0, query);
    if (query != std::string::npos) request.query = target.substr(query + 1);
    request.body = std::move(message.body());
    HttpResponse answer = handler_(request);

    response_ = {};
    response_.version(message.version());
    response_.result(static_cast<unsigned>(answer.status));
    response_.set(http::field::content_type, answer.content_type);
    response_.keep_alive(message.keep_alive());
    response_.body() = std::move(answer.body);
    response_.prepare_payload();
    stream_.expires_after(kWriteTimeout);
    http::async_write(stream_, response_, [self = shared_from_this()](beast::error_code error, std::size_t) {
      if (error || !self->response_.keep_alive()) {
        beast::error_code ignored;
        self->stream_.socket().shutdown(asio::socket_base::shutdown_send, ignored);
        return;
      }
      self->Read();
    });
  }

  Stream stream_;
  const HttpHandler& handler_;
  beast::flat_buffer buffer_;
  std::optional<http::request_parser<http::string_body>> parser_;
  http::response<http::string_body> response_;
};

template <typename Protocol>
class Server final : public HttpServer {
 public:
  Server(typename Protocol::endpoint endpoint, const HttpListen& listen, HttpHandler handler)
      : handler_(std::move(handler)),
        unix_path_(listen.unix_path),
        context_(listen.threads),
        acceptor_(context_, endpoint) {
    Start(listen.threads);
  }
  Server(UniqueFd listening, const HttpListen& listen, HttpHandler handler)
      : handler_(std::move(handler)), context_(listen.threads), acceptor_(context_) {
    acceptor_.assign(Protocol(), listening.Release());
    Start(listen.threads);
  }
  ~Server() override {
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
    if (!unix_path_.empty()) ::unlink(unix_path_.c_str());
  }
  int port() const override {
    if constexpr (std::is_same_v<Protocol, asio::ip::tcp>) return acceptor_.local_endpoint().port();
    return 0;
  }

 private:
  void Start(int threads) {
    Accept();
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] {
        ::pthread_setname_np(::pthread_self(), "http");
        context_.run();
      });
    }
  }
  void Accept() {
    acceptor_.async_accept([this](beast::error_code error, typename Protocol::socket socket) {
      if (error == asio::error::operation_aborted) return;
      if (!error)
        std::make_shared<Connection>(asio::generic::stream_protocol::socket(std::move(socket)), handler_)
            ->Read();
      Accept();
    });
  }

  const HttpHandler handler_;
  const std::string unix_path_;
  asio::io_context context_;
  typename Protocol::acceptor acceptor_;
  std::vector<std::thread> threads_;
};

Result<std::unique_ptr<HttpServer>> ListenOnUnixSocket(const HttpListen& listen, HttpHandler handler) {
  const std::string directory = listen.unix_path.substr(0, listen.unix_path.rfind('/'));
  RETURN_IF_ERROR(MakeDirectories(directory));
  ::unlink(listen.unix_path.c_str());  // left by a process that was killed
  std::unique_ptr<HttpServer> server = std::make_unique<Server<asio::local::stream_protocol>>(
      asio::local::stream_protocol::endpoint(listen.unix_path), listen, std::move(handler));
  if (::chmod(listen.unix_path.c_str(), listen.unix_mode) != 0)
    return Error::FromErrno(errno, "chmod " + listen.unix_path);
  return server;
}

}  // namespace

Result<std::unique_ptr<HttpServer>> StartHttpServer(const HttpListen& listen, HttpHandler handler) {
  try {
    if (listen.inherited >= 0) {
      UniqueFd own(::fcntl(listen.inherited, F_DUPFD_CLOEXEC, 0));
      if (!own.valid()) return Error::FromErrno(errno, "inherited socket");
      return std::unique_ptr<HttpServer>(
          std::make_unique<Server<asio::local::stream_protocol>>(std::move(own), listen, std::move(handler)));
    }
    if (!listen.unix_path.empty()) return ListenOnUnixSocket(listen, std::move(handler));
    const auto address = asio::ip::make_address(listen.address.empty() ? "0.0.0.0" : listen.address);
    return std::unique_ptr<HttpServer>(std::make_unique<Server<asio::ip::tcp>>(
        asio::ip::tcp::endpoint(address, static_cast<std::uint16_t>(listen.port)), listen,
        std::move(handler)));
  } catch (const boost::system::system_error& error) {
    const std::string where =
        listen.unix_path.empty() ? fmt::format("{}:{}", listen.address, listen.port) : listen.unix_path;
    return Error::FromErrno(error.code().value(), "listen on " + where);
  }
}

}  // namespace calico
