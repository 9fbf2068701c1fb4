// SPDX-License-Identifier: Apache-2.0
#include "base/http_client.h"

#include <charconv>
#include <limits>
#include <optional>
#include <utility>

#include <boost/asio/connect.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <fmt/format.h>
#include <unistd.h>

namespace calico {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using Stream = beast::basic_stream<asio::generic::stream_protocol>;

struct Target {
  asio::generic::stream_protocol::endpoint endpoint;
  std::string host;  // for the Host header
};

// "unix:///run/x.sock" or "http://address:port"; names are not resolved, nobody needs it.
Result<Target> ParseEndpoint(const std::string& text) {
  constexpr std::string_view kUnix = "unix://", kHttp = "http://";
  if (text.starts_with(kUnix)) {
    try {
      return Target{asio::local::stream_protocol::endpoint(text.substr(kUnix.size())), "localhost"};
    } catch (const boost::system::system_error& error) {  // longer than sun_path
      return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", text, error.what()));
    }
  }
  if (text.starts_with(kHttp)) {
    std::string rest = text.substr(kHttp.size());
    const std::size_t colon = rest.rfind(':');
    boost::system::error_code error;
    std::string host = rest.substr(0, colon);
    if (host == "localhost") host = "127.0.0.1";
    const auto address = asio::ip::make_address(host, error);
    int port = 80;
    if (colon != std::string::npos) {
      const char* const end = rest.data() + rest.size();
      if (std::from_chars(rest.data() + colon + 1, end, port).ptr != end) port = 0;
    }
    if (!error && port > 0 && port < 65536) {
      return Target{asio::ip::tcp::endpoint(address, static_cast<std::uint16_t>(port)), rest};
    }
  }
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("'{}' is neither unix://<path> nor http://<address>:<port>", text));
}

Error Unavailable(const std::string& endpoint, const boost::system::error_code& error) {
  const std::string why = error == beast::error::timeout ? "no answer in time" : error.message();
  return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", endpoint, why));
}

http::request<http::string_body> MakeRequest(const Target& target, const std::string& method,
                                             const std::string& path, const std::string& body) {
  http::request<http::string_body> request;
  request.version(11);
  request.method_string(method);
  request.target(path);
  request.set(http::field::host, target.host);
  if (!body.empty()) {
    request.set(http::field::content_type, "application/json");
    request.body() = body;
  }
  request.prepare_payload();
  return request;
}

}  // namespace

Result<HttpResponse> HttpCall(const std::string& endpoint, const std::string& method,
                              const std::string& target_path, const std::string& body, Duration timeout) {
  ASSIGN_OR_RETURN(const Target target, ParseEndpoint(endpoint));
  asio::io_context context;
  Stream stream(context);
  auto request = MakeRequest(target, method, target_path, body);
  request.keep_alive(false);
  http::response_parser<http::string_body> parser;
  parser.body_limit(64 << 20);
  beast::flat_buffer buffer;
  boost::system::error_code result;
  // One timer over the whole exchange.
  stream.expires_after(timeout);
  stream.async_connect(target.endpoint, [&](boost::system::error_code connect_error) {
    if (connect_error) {
      result = connect_error;
      return;
    }
    http::async_write(stream, request, [&](boost::system::error_code write_error, std::size_t) {
      if (write_error) {
        result = write_error;
        return;
      }
      http::async_read(stream, buffer, parser,
                       [&](boost::system::error_code read_error, std::size_t) { result = read_error; });
    });
  });
  context.run();
  if (result) return Unavailable(endpoint, result);
  auto message = parser.release();
  return HttpResponse{static_cast<int>(message.result_int()), std::string(message[http::field::content_type]),
                      std::move(message.body())};
}

Status HttpStream(const std::string& endpoint, const std::string& target_path, int cancel_fd,
                  const std::function<bool(std::string_view)>& on_data) {
  ASSIGN_OR_RETURN(const Target target, ParseEndpoint(endpoint));
  asio::io_context context;
  Stream stream(context);
  const auto request = MakeRequest(target, "GET", target_path, "");
  http::response_parser<http::buffer_body> parser;
  // Not boost::none: Boost 1.74 takes that for 0 when the response has a Content-Length.
  parser.body_limit(std::numeric_limits<std::uint64_t>::max());
  beast::flat_buffer buffer;
  char chunk[8192];
  boost::system::error_code result;
  bool cancelled = false;
  std::optional<int> status;

  asio::posix::stream_descriptor cancel(context, ::dup(cancel_fd));
  const auto finish = [&] {
    boost::system::error_code ignored;
    cancel.close(ignored);
    stream.close();
  };
  cancel.async_wait(asio::posix::stream_descriptor::wait_read, [&](boost::system::error_code error) {
    if (error) return;
    cancelled = true;
    stream.close();
  });

  std::function<void()> read_some = [&] {
    parser.get().body().data = chunk;
    parser.get().body().size = sizeof chunk;
    http::async_read_some(stream, buffer, parser, [&](boost::system::error_code error, std::size_t) {
      if (error == http::error::need_buffer) error = {};
      const std::size_t got = sizeof chunk - parser.get().body().size;
      const bool more = got == 0 || on_data(std::string_view(chunk, got));
      if (error || !more || parser.is_done()) {
        if (more) result = error;
        finish();
        return;
      }
      read_some();
    });
  };
  stream.expires_after(std::chrono::seconds(10));
  stream.async_connect(target.endpoint, [&](boost::system::error_code connect_error) {
    if (connect_error) {
      result = connect_error;
      finish();
      return;
    }
    http::async_write(stream, request, [&](boost::system::error_code write_error, std::size_t) {
      if (write_error) {
        result = write_error;
        finish();
        return;
      }
      // Headers and body may take forever: Docker sends the first byte with the first event.
      stream.expires_never();
      http::async_read_header(stream, buffer, parser, [&](boost::system::error_code read_error, std::size_t) {
        if (read_error) {
          result = read_error;
          finish();
          return;
        }
        status = static_cast<int>(parser.get().result_int());
        // What follows another status describes the error, it is not the data; after Content-Length 0 nothing
        // follows, and a read would wait for the server to close.
        if (*status != 200 || parser.is_done()) {
          finish();
          return;
        }
        read_some();
      });
    });
  });
  context.run();
  if (cancelled) return Ok();
  if (result && result != http::error::end_of_stream) return Unavailable(endpoint, result);
  if (status && *status != 200)
    return Error(ErrorCode::kUnavailable, fmt::format("{}: HTTP status {}", endpoint, *status));
  return Ok();
}

}  // namespace calico
