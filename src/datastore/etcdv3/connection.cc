// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv3/connection.h"

#include <algorithm>

#include <fmt/format.h>
#include <grpc/support/log.h>

#include "base/text.h"
#include "datastore/etcdv3/endpoint.h"

namespace calico::datastore::etcdv3 {
namespace {

// Reference datastore-model A.5: keepalive after 30 s, given up after 10 s. etcd itself refuses pings under 5
// s.
grpc::ChannelArguments ChannelArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1'000);
  arguments.SetMaxReceiveMessageSize(-1);  // a list is one answer, whatever its size
  return arguments;
}

// gRPC writes to stderr on its own; what matters of it is in our errors.
void SilenceGrpc() {
  gpr_set_log_function([](gpr_log_func_args*) {});
}

}  // namespace

std::chrono::system_clock::time_point ToSystemTime(TimePoint deadline) {
  return std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::system_clock::duration>(
                                                deadline - std::chrono::steady_clock::now());
}

Result<std::shared_ptr<Connection>> Connection::Open(const EtcdOptions& options) {
  if (options.endpoints.empty()) return Error(ErrorCode::kInvalidArgument, "no etcd endpoints specified");
  SilenceGrpc();
  auto connection = std::make_shared<Connection>();
  ASSIGN_OR_RETURN(connection->credentials_, LoadCredentials(options));
  grpc::SslCredentialsOptions ssl;
  ssl.pem_root_certs = connection->credentials_.ca;
  ssl.pem_cert_chain = connection->credentials_.cert;
  ssl.pem_private_key = connection->credentials_.key;
  for (const std::string& url : options.endpoints) {
    ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(url));
    Member member;
    member.url = url;
    member.channel = grpc::CreateCustomChannel(
        endpoint.Target(), endpoint.tls ? grpc::SslCredentials(ssl) : grpc::InsecureChannelCredentials(),
        ChannelArguments());
    member.kv = pb::KV::NewStub(member.channel);
    member.watch = pb::Watch::NewStub(member.channel);
    member.auth = pb::Auth::NewStub(member.channel);
    connection->members_.push_back(std::move(member));
  }
  if (!options.username.empty() && !options.password.empty()) {
    connection->username_ = options.username;
    connection->password_ = options.password;
  }
  connection->call_timeout_ = options.call_timeout;
  connection->name_ = "etcd " + Join(options.endpoints, ",");
  return connection;
}

Result<const Connection::Member*> Connection::Connected(TimePoint deadline) {
  std::size_t first = 0;
  {
    const std::lock_guard lock(mutex_);
    first = preferred_;
  }
  // A connected one at once; else all of them try at the same time and we look again every few milliseconds.
  for (Duration pause = std::chrono::milliseconds(5);;
       pause = std::min<Duration>(pause * 2, std::chrono::milliseconds(100))) {
    for (std::size_t i = 0; i < members_.size(); ++i) {
      const std::size_t index = (first + i) % members_.size();
      if (members_[index].channel->GetState(true) != GRPC_CHANNEL_READY) continue;
      const std::lock_guard lock(mutex_);
      preferred_ = index;
      return &members_[index];
    }
    const TimePoint now = std::chrono::steady_clock::now();
    if (now >= deadline) break;
    members_[first].channel->WaitForConnected(ToSystemTime(std::min(deadline, now + pause)));
  }
  for (const Member& member : members_) {
    const std::string reason = ExplainHandshake(member.url, credentials_, std::chrono::milliseconds(500));
    if (!reason.empty()) return Unreachable(fmt::format("{}: {}", member.url, reason));
  }
  return Unreachable("no endpoint can be reached");
}

void Connection::Avoid(const Member* member) {
  const std::lock_guard lock(mutex_);
  if (&members_[preferred_] == member) preferred_ = (preferred_ + 1) % members_.size();
}

Error Connection::Unreachable(const std::string& reason) const {
  return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", name_, reason));
}

Status Connection::Authorize(const Member& member, grpc::ClientContext& context, TimePoint deadline) {
  // Without a leader a member would serve a watch that never sees anything.
  context.AddMetadata("hasleader", "true");
  if (username_.empty()) return Ok();
  std::string token;
  {
    const std::lock_guard lock(mutex_);
    token = token_;
  }
  if (token.empty()) {
    grpc::ClientContext authentication;
    authentication.set_deadline(ToSystemTime(deadline));
    pb::AuthenticateRequest request;
    request.set_name(username_);
    request.set_password(password_);
    pb::AuthenticateResponse response;
    if (const grpc::Status status = member.auth->Authenticate(&authentication, request, &response);
        !status.ok()) {
      return ToError(status);
    }
    token = response.token();
    const std::lock_guard lock(mutex_);
    token_ = token;
  }
  context.AddMetadata("token", token);
  return Ok();
}

void Connection::ForgetToken() {
  const std::lock_guard lock(mutex_);
  token_.clear();
}

Status Connection::Run(TimePoint deadline, bool repeatable, const Call& call) {
  bool authenticated_again = false;
  for (std::size_t attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const Member* member, Connected(deadline));
    grpc::ClientContext context;
    context.set_deadline(ToSystemTime(deadline));
    RETURN_IF_ERROR(Authorize(*member, context, deadline));
    const grpc::Status status = call(*member, context);
    if (status.ok()) return Ok();
    // A token that has expired, or that another member does not know.
    if (status.error_code() == grpc::StatusCode::UNAUTHENTICATED && !username_.empty() &&
        !authenticated_again) {
      authenticated_again = true;
      ForgetToken();
      continue;
    }
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
      Avoid(member);
      if (repeatable && attempt < members_.size() + 1 && std::chrono::steady_clock::now() < deadline)
        continue;
    }
    return ToError(status);
  }
}

Error Connection::ToError(const grpc::Status& status) const {
  const std::string text = fmt::format("{}: {}", name_, status.error_message());
  switch (status.error_code()) {
    case grpc::StatusCode::DEADLINE_EXCEEDED:
      return Unreachable("no answer in time");
    case grpc::StatusCode::UNAVAILABLE:
    case grpc::StatusCode::CANCELLED:
    case grpc::StatusCode::RESOURCE_EXHAUSTED:
      return Error(ErrorCode::kUnavailable, text);
    case grpc::StatusCode::OUT_OF_RANGE:
      return Error(ErrorCode::kNotFound, text);  // compacted
    case grpc::StatusCode::INVALID_ARGUMENT:
    case grpc::StatusCode::PERMISSION_DENIED:
    case grpc::StatusCode::UNAUTHENTICATED:
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::FAILED_PRECONDITION:
      return Error(ErrorCode::kUnsupported, text);
    default:
      return Error(ErrorCode::kSystem, text);
  }
}

}  // namespace calico::datastore::etcdv3
