// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/choice.h"
#include "datastore/tls.h"
#include "rpc.grpc.pb.h"

// Internal to etcdv3: shows gRPC.
namespace calico::datastore::etcdv3 {

namespace pb = etcdserverpb;

// One channel per endpoint, the choice among them, and the authentication token. Thread-safe.
class Connection final {
 public:
  static Result<std::shared_ptr<Connection>> Open(const EtcdOptions& options);

  struct Member {
    std::string url;
    std::shared_ptr<grpc::Channel> channel;
    std::unique_ptr<pb::KV::Stub> kv;
    std::unique_ptr<pb::Watch::Stub> watch;
    std::unique_ptr<pb::Auth::Stub> auth;
  };
  // A member whose channel is connected; waits for one until the deadline, or until it is clear that waiting
  // does not help.
  Result<const Member*> Connected(TimePoint deadline);
  // The member did not answer: the next call starts with another one.
  void Avoid(const Member* member);

  // Adds token and leader requirement; fetches the token first if needed. The status is that of fetching it.
  grpc::Status Authorize(const Member& member, grpc::ClientContext& context, TimePoint deadline);
  void ForgetToken();

  using Call = std::function<grpc::Status(const Member&, grpc::ClientContext&)>;
  // Runs a unary call by the deadline. `repeatable`: a read, tried again elsewhere when a member fails.
  Status Run(TimePoint deadline, bool repeatable, const Call& call);

  Error ToError(const grpc::Status& status) const;
  Duration call_timeout() const { return call_timeout_; }
  const std::string& name() const { return name_; }

 private:
  // What Connected() has seen of the members since it began.
  struct Attempt {
    std::vector<bool> failed;
    bool explained = false, hopeless = false;
    std::string reason;
  };
  std::size_t Preferred();
  const Member* FindConnected(Attempt& attempt);
  void Explain(Attempt& attempt, TimePoint deadline) const;
  bool IsStaleToken(const grpc::Status& status) const;
  Error Unreachable(const std::string& reason) const;
  Error Refused(ErrorCode code, const grpc::Status& status) const;

  std::vector<Member> members_;
  Credentials credentials_;
  std::string username_, password_;
  Duration call_timeout_{};
  std::string name_;
  std::mutex mutex_;  // of what follows
  std::size_t preferred_ = 0;
  std::string token_;
};

std::chrono::system_clock::time_point ToSystemTime(TimePoint deadline);

}  // namespace calico::datastore::etcdv3
