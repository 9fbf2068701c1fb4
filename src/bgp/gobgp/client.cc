// SPDX-License-Identifier: Apache-2.0
#include "bgp/gobgp/client.h"

#include <grpc/support/log.h>
#include <grpcpp/grpcpp.h>

#include "gobgp.grpc.pb.h"

namespace calico::bgp {
namespace {

namespace api = apipb;
using google::protobuf::Empty;

// A hundred thousand routes go through the policy again within one call.
constexpr Duration kAgainTimeout = std::chrono::seconds(10);
constexpr int kLongestAnswer = 256 << 20;  // GoBGP's own limit

Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return Ok();
  const bool away = status.error_code() == grpc::StatusCode::UNAVAILABLE ||
                    status.error_code() == grpc::StatusCode::DEADLINE_EXCEEDED;
  return Error(away ? ErrorCode::kUnavailable : ErrorCode::kInvalidArgument,
               "GoBGP: " + status.error_message());
}

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& socket_path) {
  gpr_set_log_function([](gpr_log_func_args*) {});  // what matters of it is in our errors
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 50);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 500);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetMaxReceiveMessageSize(kLongestAnswer);
  return grpc::CreateCustomChannel("unix:" + socket_path, grpc::InsecureChannelCredentials(), arguments);
}

}  // namespace

struct GobgpClient::Impl {
  Impl(const std::string& socket_path, Duration limit)
      : timeout(limit), stub(api::GobgpApi::NewStub(OpenChannel(socket_path))) {}

  static void SetDeadline(grpc::ClientContext& context, Duration limit) {
    context.set_deadline(std::chrono::system_clock::now() +
                         std::chrono::duration_cast<std::chrono::system_clock::duration>(limit));
  }
  template <typename Request, typename Answer>
  Status Call(grpc::Status (api::GobgpApi::Stub::*method)(grpc::ClientContext*, const Request&, Answer*),
              const Request& request, Answer& answer, Duration limit) {
    grpc::ClientContext context;
    SetDeadline(context, limit);
    return FromGrpc(((*stub).*method)(&context, request, &answer));
  }
  template <typename Request>
  Status Tell(grpc::Status (api::GobgpApi::Stub::*method)(grpc::ClientContext*, const Request&, Empty*),
              const Request& request) {
    Empty empty;
    return Call(method, request, empty, timeout);
  }
  template <typename Answer, typename Request>
  Status List(std::unique_ptr<grpc::ClientReader<Answer>> (api::GobgpApi::Stub::*method)(grpc::ClientContext*,
                                                                                         const Request&),
              const Request& request, const std::function<void(const Answer&)>& on_answer) {
    grpc::ClientContext context;
    SetDeadline(context, timeout);
    auto reader = ((*stub).*method)(&context, request);
    for (Answer answer; reader->Read(&answer);) on_answer(answer);
    return FromGrpc(reader->Finish());
  }

  const Duration timeout;
  const std::unique_ptr<api::GobgpApi::Stub> stub;
  grpc::ClientContext watching;
};

using Stub = api::GobgpApi::Stub;

GobgpClient::GobgpClient(const std::string& socket_path, Duration timeout)
    : impl_(std::make_unique<Impl>(socket_path, timeout)) {}
GobgpClient::~GobgpClient() = default;

Result<api::Global> GobgpClient::Global() {
  api::GetBgpResponse answer;
  RETURN_IF_ERROR(impl_->Call(&Stub::GetBgp, api::GetBgpRequest(), answer, impl_->timeout));
  return answer.global();
}

Status GobgpClient::Start(const api::Global& global) {
  api::StartBgpRequest request;
  *request.mutable_global() = global;
  return impl_->Tell(&Stub::StartBgp, request);
}

Status GobgpClient::SetLogLevel(api::SetLogLevelRequest::Level level) {
  api::SetLogLevelRequest request;
  request.set_level(level);
  return impl_->Tell(&Stub::SetLogLevel, request);
}

Status GobgpClient::SetPolicies(const api::SetPoliciesRequest& request) {
  return impl_->Tell(&Stub::SetPolicies, request);
}

Status GobgpClient::Assign(api::PolicyDirection direction, const std::string& policy) {
  api::SetPolicyAssignmentRequest request;
  auto& assignment = *request.mutable_assignment();
  assignment.set_name("global");
  assignment.set_direction(direction);
  assignment.add_policies()->set_name(policy);
  assignment.set_default_action(api::ACCEPT);
  return impl_->Tell(&Stub::SetPolicyAssignment, request);
}

Result<std::vector<std::string>> GobgpClient::NamesOfLargeCommunitySets() {
  api::ListDefinedSetRequest request;
  request.set_defined_type(api::LARGE_COMMUNITY);
  std::vector<std::string> names;
  RETURN_IF_ERROR(impl_->List<api::ListDefinedSetResponse>(
      &Stub::ListDefinedSet, request,
      [&](const api::ListDefinedSetResponse& answer) { names.push_back(answer.defined_set().name()); }));
  return names;
}

Status GobgpClient::TakeInAgain() {
  api::ResetPeerRequest request;
  request.set_address("all");
  request.set_soft(true);
  request.set_direction(api::ResetPeerRequest::IN);
  Empty empty;
  return impl_->Call(&Stub::ResetPeer, request, empty, kAgainTimeout);
}

Status GobgpClient::AddPath(const api::Path& path) {
  api::AddPathRequest request;
  *request.mutable_path() = path;
  api::AddPathResponse answer;
  return impl_->Call(&Stub::AddPath, request, answer, impl_->timeout);
}

Status GobgpClient::DeletePath(const api::Path& path) {
  api::DeletePathRequest request;
  *request.mutable_path() = path;
  *request.mutable_family() = path.family();
  return impl_->Tell(&Stub::DeletePath, request);
}

Result<std::vector<api::Path>> GobgpClient::Paths(net::Family family) {
  api::ListPathRequest request;
  request.mutable_family()->set_afi(family == net::Family::kV4 ? api::Family::AFI_IP : api::Family::AFI_IP6);
  request.mutable_family()->set_safi(api::Family::SAFI_UNICAST);
  std::vector<api::Path> paths;
  RETURN_IF_ERROR(
      impl_->List<api::ListPathResponse>(&Stub::ListPath, request, [&](const api::ListPathResponse& answer) {
        for (const auto& path : answer.destination().paths()) paths.push_back(path);
      }));
  return paths;
}

Result<std::vector<api::Peer>> GobgpClient::Peers(bool told) {
  api::ListPeerRequest request;
  request.set_enableadvertised(told);
  std::vector<api::Peer> peers;
  RETURN_IF_ERROR(impl_->List<api::ListPeerResponse>(
      &Stub::ListPeer, request,
      [&](const api::ListPeerResponse& answer) { peers.push_back(answer.peer()); }));
  return peers;
}

Status GobgpClient::AddPeer(const api::Peer& peer) {
  api::AddPeerRequest request;
  *request.mutable_peer() = peer;
  return impl_->Tell(&Stub::AddPeer, request);
}

Status GobgpClient::UpdatePeer(const api::Peer& peer) {
  api::UpdatePeerRequest request;
  *request.mutable_peer() = peer;
  api::UpdatePeerResponse answer;
  return impl_->Call(&Stub::UpdatePeer, request, answer, impl_->timeout);
}

Status GobgpClient::DeletePeer(const std::string& address) {
  api::DeletePeerRequest request;
  request.set_address(address);
  return impl_->Tell(&Stub::DeletePeer, request);
}

Status GobgpClient::Watch(const std::function<void(const std::vector<api::Path>&)>& on_paths) {
  api::WatchEventRequest request;
  auto& filter = *request.mutable_table()->add_filters();
  filter.set_type(api::WatchEventRequest::Table::Filter::BEST);
  filter.set_init(true);
  auto reader = impl_->stub->WatchEvent(&impl_->watching, request);
  for (api::WatchEventResponse answer; reader->Read(&answer);)
    on_paths({answer.table().paths().begin(), answer.table().paths().end()});
  return FromGrpc(reader->Finish());
}

void GobgpClient::StopWatching() {
  impl_->watching.TryCancel();
}

}  // namespace calico::bgp
