// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"

namespace calico {

struct HttpRequest {
  std::string method;  // "GET"
  std::string path;    // "/metrics", without the query
  std::string query;
  std::string body;
  TimePoint received;  // when the request was read, for deadlines
};
struct HttpResponse {
  int status = 200;
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;
};
using HttpHandler = std::function<HttpResponse(const HttpRequest&)>;

// HTTP/1.1 over TCP or a unix socket with keep-alive; the handler runs concurrently on a small pool
// of threads (a connection holds no thread while idle). Stops and joins when destroyed; the file of a unix
// socket that it made is then removed.
class HttpServer {
 public:
  virtual ~HttpServer() = default;
  // The bound TCP port (for port 0), or 0 for unix sockets.
  virtual int port() const = 0;
};

struct HttpListen {
  int inherited = -1;         // either a unix socket that listens already; the caller keeps its descriptor
  std::string unix_path;      // or this …
  unsigned unix_mode = 0660;  // … a stale socket file is removed, its directory is made
  std::string address;        // or address and port
  int port = 0;
  int threads = 4;
};
Result<std::unique_ptr<HttpServer>> StartHttpServer(const HttpListen& listen, HttpHandler handler);

}  // namespace calico
