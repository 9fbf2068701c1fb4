// SPDX-License-Identifier: Apache-2.0
#include "ipam/testing/faulty_client.h"

#include <algorithm>
#include <utility>

#include <poll.h>

namespace calico::ipam::testing {

using datastore::Revision;

Error FaultyClient::Away() const {
  return Error(ErrorCode::kUnavailable, name() + ": not reachable (test)");
}

Status FaultyClient::BeforeRead() {
  if (state_->hang) {
    const TimePoint now = std::chrono::steady_clock::now();
    // A client without a deadline has the driver's call time-out, 10 s in production.
    const TimePoint until = std::min(deadline_, now + std::chrono::seconds(10));
    const auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(until - now).count();
    if (wait > 0) ::poll(nullptr, 0, static_cast<int>(wait));
    return Away();
  }
  if (state_->down) return Away();
  return Ok();
}

template <typename R, typename Write>
R FaultyClient::Through(ErrorCode lost, Write write) {
  RETURN_IF_ERROR(BeforeRead());
  const int index = state_->writes++;
  if (index != state_->fail_write) return write();
  state_->failed = true;
  switch (state_->fault.load()) {
    case Fault::kConflict:
      return Error(lost, "lost the race (test)");
    case Fault::kRefused:
      return Away();
    case Fault::kReplyLost: {
      auto ignored = write();
      static_cast<void>(ignored);
      return Away();
    }
    case Fault::kDownFromHere:
      state_->down = true;
      return Away();
  }
  return Away();
}

Result<datastore::KeyValue> FaultyClient::Get(const std::string& key) {
  RETURN_IF_ERROR(BeforeRead());
  return inner_.Get(key);
}
Result<datastore::ListResult> FaultyClient::List(const std::string& prefix) {
  RETURN_IF_ERROR(BeforeRead());
  return inner_.List(prefix);
}
Result<Revision> FaultyClient::Create(const std::string& key, const std::string& value) {
  return Through<Result<Revision>>(ErrorCode::kAlreadyExists, [&] { return inner_.Create(key, value); });
}
Result<Revision> FaultyClient::Update(const std::string& key, const std::string& value, Revision expected) {
  return Through<Result<Revision>>(ErrorCode::kConflict, [&] { return inner_.Update(key, value, expected); });
}
Result<Revision> FaultyClient::Put(const std::string& key, const std::string& value) {
  return Through<Result<Revision>>(ErrorCode::kUnavailable, [&] { return inner_.Put(key, value); });
}
Status FaultyClient::Delete(const std::string& key, Revision expected) {
  return Through<Status>(ErrorCode::kConflict, [&] { return inner_.Delete(key, expected); });
}
std::unique_ptr<datastore::Watch> FaultyClient::StartWatch(const std::string& prefix, Revision from,
                                                           datastore::WatchCallbacks callbacks) {
  return inner_.StartWatch(prefix, from, std::move(callbacks));
}
std::unique_ptr<datastore::Client> FaultyClient::WithDeadline(TimePoint deadline) {
  return std::unique_ptr<datastore::Client>(new FaultyClient(inner_, state_, std::min(deadline, deadline_)));
}

}  // namespace calico::ipam::testing
