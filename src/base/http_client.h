// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/http_server.h"
#include "base/result.h"

namespace calico {

// One request to a server on a unix socket (`unix:///run/docker.sock`) or TCP (`http://127.0.0.1:9099`).
// kUnavailable when it cannot be reached or does not answer within `timeout`.
Result<HttpResponse> HttpCall(const std::string& endpoint, const std::string& method,
                              const std::string& target, const std::string& body, Duration timeout);

// A response that never ends, e.g. Docker's /events. `on_data` gets the decoded body as it arrives and
// returns false to stop. Blocks until then, until `cancel_fd` becomes readable, or the server closes.
Status HttpStream(const std::string& endpoint, const std::string& target, int cancel_fd,
                  const std::function<bool(std::string_view)>& on_data);

}  // namespace calico
