// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv3/watch.h"

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pthread.h>

namespace calico::datastore::etcdv3 {
namespace {

class StreamWatch final : public Watch {
 public:
  StreamWatch(std::shared_ptr<Connection> connection, std::string prefix, Revision from,
              WatchCallbacks callbacks)
      : connection_(std::move(connection)),
        prefix_(std::move(prefix)),
        from_(from),
        callbacks_(std::move(callbacks)) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "etcd-watch");
      const Error error = Follow();
      if (!stopped_) callbacks_.on_error(error);
    });
  }
  ~StreamWatch() override {
    stopped_ = true;
    context_.TryCancel();
    thread_.join();
  }

 private:
  // Until the stream ends; says why.
  Error Follow() {
    const TimePoint deadline = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    const auto member = connection_->Connected(deadline);
    if (!member.has_value()) return member.error();
    if (const grpc::Status status = connection_->Authorize(**member, context_, deadline); !status.ok())
      return connection_->ToError(status);
    const auto stream = (*member)->watch->Watch(&context_);
    pb::WatchRequest request;
    request.mutable_create_request()->set_key(prefix_);
    request.mutable_create_request()->set_range_end(PrefixEnd(prefix_));
    request.mutable_create_request()->set_start_revision(from_ + 1);
    stream->Write(request);
    pb::WatchResponse response;
    while (stream->Read(&response)) {
      if (stopped_) break;
      if (response.canceled()) return Cancelled(response);
      Deliver(response);
    }
    context_.TryCancel();
    const grpc::Status status = stream->Finish();
    connection_->Avoid(*member);
    if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED) connection_->ForgetToken();
    const Error error = connection_->ToError(status);
    return Error(ErrorCode::kUnavailable, error.message());
  }

  Error Cancelled(const pb::WatchResponse& response) const {
    if (response.compact_revision() != 0) {
      return Error(ErrorCode::kNotFound,
                   fmt::format("{}: revision {} has been compacted", connection_->name(), from_));
    }
    // A stale token and a missing permission look alike here: the next try asks for a new one.
    if (response.cancel_reason().find("permission denied") != std::string::npos ||
        response.cancel_reason().find("auth token") != std::string::npos) {
      connection_->ForgetToken();
    }
    return Error(ErrorCode::kUnavailable,
                 fmt::format("{}: watch cancelled: {}", connection_->name(), response.cancel_reason()));
  }

  void Deliver(const pb::WatchResponse& response) {
    std::vector<WatchEvent> events;
    events.reserve(static_cast<std::size_t>(response.events_size()));
    for (const pb::Event& event : response.events()) {
      WatchEvent out;
      out.type = event.type() == pb::Event::PUT ? WatchEvent::Type::kPut : WatchEvent::Type::kDelete;
      out.kv = {event.kv().key(), event.kv().value(), event.kv().mod_revision()};
      events.push_back(std::move(out));
    }
    if (!events.empty()) callbacks_.on_events(std::move(events));
  }

  const std::shared_ptr<Connection> connection_;
  const std::string prefix_;
  const Revision from_;
  const WatchCallbacks callbacks_;
  grpc::ClientContext context_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace

std::string PrefixEnd(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::string(1, '\0');  // etcd: to the end of all keys
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

std::unique_ptr<Watch> StartWatch(std::shared_ptr<Connection> connection, const std::string& prefix,
                                  Revision from, WatchCallbacks callbacks) {
  return std::make_unique<StreamWatch>(std::move(connection), prefix, from, std::move(callbacks));
}

}  // namespace calico::datastore::etcdv3
