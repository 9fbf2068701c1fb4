// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv3/connection.h"

#include <algorithm>

#include <fmt/format.h>
#include <grpc/support/log.h>

#include "base/text.h"
#include "datastore/endpoint.h"

namespace calico::datastore::etcdv3 {
namespace {

constexpr Duration kElectionPause = std::chrono::milliseconds(50);

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
  // etcd's own clients do not look at http_proxy either, which on such hosts is there for images.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
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
  Attempt attempt;
  attempt.failed.resize(members_.size());
  // A connected one at once; else all of them try at the same time and we look again every few milliseconds.
  for (Duration pause = std::chrono::milliseconds(5);;
       pause = std::min<Duration>(pause * 2, std::chrono::milliseconds(100))) {
    if (const Member* member = FindConnected(attempt); member != nullptr) return member;
    const bool all_failed = std::count(attempt.failed.begin(), attempt.failed.end(), false) == 0;
    if (all_failed && !attempt.explained) Explain(attempt, deadline);
    const TimePoint now = std::chrono::steady_clock::now();
    if (attempt.hopeless || now >= deadline) break;
    const std::size_t first = Preferred();
    members_[first].channel->WaitForConnected(ToSystemTime(std::min(deadline, now + pause)));
  }
  return Unreachable(attempt.reason.empty() ? "no endpoint can be reached" : attempt.reason);
}

std::size_t Connection::Preferred() {
  const std::lock_guard lock(mutex_);
  return preferred_;
}

const Connection::Member* Connection::FindConnected(Attempt& attempt) {
  const std::size_t first = Preferred();
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::size_t index = (first + i) % members_.size();
    const grpc_connectivity_state state = members_[index].channel->GetState(true);
    if (state == GRPC_CHANNEL_TRANSIENT_FAILURE) attempt.failed[index] = true;
    if (state != GRPC_CHANNEL_READY) continue;
    const std::lock_guard lock(mutex_);
    preferred_ = index;
    return &members_[index];
  }
  return nullptr;
}

// gRPC does not tell why a channel fails. A server that is away may come back before the deadline; one that
// does not accept us, or we it, will not.
void Connection::Explain(Attempt& attempt, TimePoint deadline) const {
  attempt.explained = true;
  attempt.hopeless = true;
  std::vector<std::string> reasons;
  for (const Member& member : members_) {
    const Duration left = deadline - std::chrono::steady_clock::now();
    const Explanation why = ExplainConnection(member.url, credentials_,
                                              std::min<Duration>(left / 2, std::chrono::milliseconds(500)));
    if (!why.hopeless) attempt.hopeless = false;
    if (!why.reason.empty()) reasons.push_back(fmt::format("{}: {}", member.url, why.reason));
  }
  attempt.reason = Join(reasons, "; ");
}

void Connection::Avoid(const Member* member) {
  const std::lock_guard lock(mutex_);
  if (&members_[preferred_] == member) preferred_ = (preferred_ + 1) % members_.size();
}

Error Connection::Unreachable(const std::string& reason) const {
  return Error(ErrorCode::kUnavailable, fmt::format("{}: {}", name_, reason));
}

grpc::Status Connection::Authorize(const Member& member, grpc::ClientContext& context, TimePoint deadline) {
  // Without a leader a member would serve a watch that never sees anything.
  context.AddMetadata("hasleader", "true");
  if (username_.empty()) return grpc::Status::OK;
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
    const grpc::Status status = member.auth->Authenticate(&authentication, request, &response);
    // A store without users takes everybody, also those who name one.
    if (status.error_message().find("authentication is not enabled") != std::string::npos)
      return grpc::Status::OK;
    if (!status.ok()) return status;
    token = response.token();
    const std::lock_guard lock(mutex_);
    token_ = token;
  }
  context.AddMetadata("token", token);
  return grpc::Status::OK;
}

void Connection::ForgetToken() {
  const std::lock_guard lock(mutex_);
  token_.clear();
}

// A token that has expired, or was given before a user or a role changed.
bool Connection::IsStaleToken(const grpc::Status& status) const {
  if (username_.empty()) return false;
  return status.error_code() == grpc::StatusCode::UNAUTHENTICATED ||
         status.error_message().find("auth store is old") != std::string::npos;
}

Status Connection::Run(TimePoint deadline, bool repeatable, const Call& call) {
  bool authenticated_again = false;
  for (std::size_t attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const Member* member, Connected(deadline));
    grpc::ClientContext context;
    context.set_deadline(ToSystemTime(deadline));
    const grpc::Status authorized = Authorize(*member, context, deadline);
    const grpc::Status status = authorized.ok() ? call(*member, context) : authorized;
    if (status.ok()) return Ok();
    if (IsStaleToken(status) && !authenticated_again) {
      authenticated_again = true;
      ForgetToken();
      continue;
    }
    if (status.error_code() == grpc::StatusCode::UNAVAILABLE) {
      Avoid(member);
      // Refused before it was looked at. The cluster is electing, which takes a second or two.
      if (status.error_message().find("no leader") != std::string::npos &&
          std::chrono::steady_clock::now() + kElectionPause < deadline) {
        SleepFor(kElectionPause);
        continue;
      }
      // What failed before the call itself was sent has no outcome to doubt.
      const bool again = repeatable || !authorized.ok();
      if (again && attempt < members_.size() + 1 && std::chrono::steady_clock::now() < deadline) continue;
    }
    return ToError(status);
  }
}

Error Connection::Refused(ErrorCode code, const grpc::Status& status) const {
  const std::string& text = status.error_message();
  std::string who = username_.empty() ? "" : fmt::format("user {}: ", username_);
  std::string advice;
  if (text.find("user name is empty") != std::string::npos)
    advice =
        "; this store wants a user: set ETCD_USERNAME and ETCD_PASSWORD, or etcdUsername and etcdPassword";
  return Error(code, fmt::format("{}: {}{}{}", name_, who, text, advice));
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
      return Refused(ErrorCode::kUnsupported, status);
    case grpc::StatusCode::UNIMPLEMENTED:
    case grpc::StatusCode::FAILED_PRECONDITION:
      return Error(ErrorCode::kUnsupported, text);
    default:
      return Error(ErrorCode::kSystem, text);
  }
}

}  // namespace calico::datastore::etcdv3
