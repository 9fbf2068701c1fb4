// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/choice.h"

namespace calico::datastore::etcdv2 {

struct HttpAnswer {
  long status = 0;
  std::string body;
  std::int64_t etcd_index = 0;  // X-Etcd-Index; 0 if there was none
};

// Parameters of a query or form; values are encoded here.
using Parameters = std::vector<std::pair<std::string, std::string>>;

struct HttpQuestion {
  std::string method = "GET";
  std::string path;  // "/v2/keys/calico/v1/host", as it is stored: encoded here
  Parameters query;
  Parameters form;          // body of a PUT
  bool repeatable = false;  // a read: tried on the next member when one fails
};

// HTTP to the members of an etcd cluster. Connections are kept. Thread-safe.
class Transport final {
 public:
  // Checks endpoints and certificates; connects when first used.
  static Result<std::shared_ptr<Transport>> Open(const EtcdOptions& options);
  ~Transport();

  // kUnavailable when no member answers by the deadline. An answer with a status that says "try elsewhere"
  // (no leader, proxy without a member) counts as none for a repeatable question. A write is sent once: to
  // the first member that takes the connection.
  Result<HttpAnswer> Ask(const HttpQuestion& question, TimePoint deadline);

  const std::string& name() const;  // "etcd http://10.0.0.1:2379,http://10.0.0.2:2379"
  const std::string& username() const;
  Duration call_timeout() const;

  // A question whose answer may take for ever: a watch. Ended by Cancel(), from any thread.
  class LongPoll;
  std::unique_ptr<LongPoll> StartLongPolls();

 private:
  friend class LongPoll;
  struct Impl;
  explicit Transport(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

class Transport::LongPoll final {
 public:
  ~LongPoll();
  // Waits for the answer, on the member that the first call chose. `idle` is called every `idle_period`
  // while there is none; its error ends the wait. kUnavailable when the connection is lost or after Cancel().
  Result<HttpAnswer> Ask(const HttpQuestion& question, Duration idle_period,
                         const std::function<Status()>& idle);
  // A short question to the same member.
  Result<HttpAnswer> AskMember(const HttpQuestion& question, TimePoint deadline);
  // The member is of no use: others start elsewhere.
  void Avoid();
  void Cancel();

 private:
  friend class Transport;
  struct Impl;
  explicit LongPoll(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace calico::datastore::etcdv2
