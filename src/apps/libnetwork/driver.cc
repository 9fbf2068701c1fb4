// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/driver.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "apps/libnetwork/call.h"
#include "apps/libnetwork/docker_scope.h"
#include "apps/libnetwork/ipam_calls.h"
#include "apps/libnetwork/network_calls.h"
#include "apps/libnetwork/protocol.h"
#include "base/log.h"
#include "base/text.h"

namespace calico::libnetwork {
namespace {

// After the deadline, for undoing. dockerd has its answer within 3 s of the request.
constexpr Duration kUndoTime = std::chrono::milliseconds(300);

using CallFunction = Result<std::string> (*)(const Call& call, const std::string& body);

using CallTable = std::map<std::string, CallFunction>;

Result<std::string> Succeed(const Call&, const std::string&) {
  return std::string("{}");
}

const CallTable& NetworkCalls() {
  static const CallTable table = {
      {"/NetworkDriver.CreateNetwork", CreateNetwork},
      {"/NetworkDriver.DeleteNetwork", Succeed},
      {"/NetworkDriver.CreateEndpoint", CreateEndpoint},
      {"/NetworkDriver.DeleteEndpoint", DeleteEndpoint},
      {"/NetworkDriver.Join", Join},
      {"/NetworkDriver.Leave", Leave},
  };
  return table;
}

const CallTable& IpamCalls() {
  static const CallTable table = {
      {"/IpamDriver.RequestPool", RequestPool},
      {"/IpamDriver.RequestAddress", RequestAddress},
      {"/IpamDriver.ReleaseAddress", ReleaseAddress},
  };
  return table;
}

// Calls whose answer depends on nothing but dockerd. Those that only have to succeed fail a container's start
// or leak its endpoint if they do not (reference A9.3, A9.5).
const std::map<std::string, std::string>& ConstantAnswers(bool network) {
  static const std::map<std::string, std::string> of_network = {
      {"/Plugin.Activate", ImplementsJson("NetworkDriver")},
      {"/NetworkDriver.AllocateNetwork", "{}"},
      {"/NetworkDriver.FreeNetwork", "{}"},
      {"/NetworkDriver.EndpointOperInfo", R"({"Value":{}})"},
      {"/NetworkDriver.DiscoverNew", "{}"},
      {"/NetworkDriver.DiscoverDelete", "{}"},
      {"/NetworkDriver.ProgramExternalConnectivity", "{}"},
      {"/NetworkDriver.RevokeExternalConnectivity", "{}"},
  };
  static const std::map<std::string, std::string> of_ipam = {
      {"/Plugin.Activate", ImplementsJson("IpamDriver")},
      {"/IpamDriver.GetCapabilities", R"({"RequiresMACAddress":false})"},
      {"/IpamDriver.GetDefaultAddressSpaces", R"({"LocalDefaultAddressSpace":"CalicoLocalAddressSpace",)"
                                              R"("GlobalDefaultAddressSpace":"CalicoGlobalAddressSpace"})"},
      {"/IpamDriver.ReleasePool", "{}"},
  };
  return network ? of_network : of_ipam;
}

constexpr char kContentType[] = "application/vnd.docker.plugins.v1.2+json";

HttpResponse Failed(int status, const std::string& text) {
  return {status, kContentType, ErrorJson(text)};
}

// What the user reads behind "Error response from daemon: NetworkDriver.Join: ". Must say which store is
// away.
std::string TextFor(const Error& error, const std::string& store_name) {
  const bool named = error.message().find(store_name) != std::string::npos;
  if (error.code() != ErrorCode::kUnavailable || named) return error.message();
  return fmt::format("datastore {} is not available: {}", store_name, error.message());
}

struct Server {
  datastore::Client& client;
  const Clock& clock;
  const Options& options;
  const Driver::WaitProgrammed& wait_programmed;
  const Driver::Unfinished& unfinished;
  workload::VethRemoval& removal;
};

HttpResponse Serve(const Server& server, const CallTable& table, const HttpRequest& request) {
  const auto entry = table.find(request.path);
  // dockerd takes 404 for "this driver lacks the method" and goes on where it can.
  if (entry == table.end()) return Failed(404, "unknown method " + request.path);
  const TimePoint deadline = request.received + server.options.call_deadline;
  const auto client = server.client.WithDeadline(deadline);
  const auto undo_client = server.client.WithDeadline(deadline + kUndoTime);
  const Call call{*client,           *undo_client,   server.clock, server.options, server.wait_programmed,
                  server.unfinished, server.removal, deadline};
  LogDebug("libnetwork", "{} {}", request.path, request.body);
  const auto answer = entry->second(call, request.body);
  LogDebug(
      "libnetwork", "{} took {} us", request.path,
      std::chrono::duration_cast<std::chrono::microseconds>(server.clock.Now() - request.received).count());
  if (answer.has_value()) return {200, kContentType, *answer};
  const std::string text = TextFor(answer.error(), server.client.name());
  LogWarning("libnetwork", "{}: {}", request.path, text);
  return Failed(500, text);
}

}  // namespace

std::optional<HttpResponse> AnswerWithoutStore(bool network, const std::string& path,
                                               const Options& options) {
  if (network && path == "/NetworkDriver.GetCapabilities")
    return HttpResponse{200, kContentType, fmt::format(R"({{"Scope":"{}"}})", ScopeForActivation(options))};
  const auto& answers = ConstantAnswers(network);
  const auto answer = answers.find(path);
  if (answer == answers.end()) return std::nullopt;
  return HttpResponse{200, kContentType, answer->second};
}

HttpResponse Refusal(const std::string& path, const std::string& why) {
  LogWarning("libnetwork", "{}: {}", path, why);
  return Failed(500, why);
}

Driver::Driver(datastore::Client& client, const Clock& clock, Options options, WaitProgrammed wait_programmed,
               WorkloadMtu workload_mtu, Unfinished unfinished)
    : client_(client),
      clock_(clock),
      options_(std::move(options)),
      wait_programmed_(std::move(wait_programmed)),
      workload_mtu_(std::move(workload_mtu)),
      unfinished_(std::move(unfinished)) {}

HttpResponse Driver::HandleNetwork(const HttpRequest& request) {
  if (auto answer = AnswerWithoutStore(true, request.path, options_)) return *answer;
  Options options = options_;
  if (options.veth_mtu_bytes == 0 && workload_mtu_) options.veth_mtu_bytes = workload_mtu_();
  return Serve({client_, clock_, options, wait_programmed_, unfinished_, removal_}, NetworkCalls(), request);
}

HttpResponse Driver::HandleIpam(const HttpRequest& request) {
  if (auto answer = AnswerWithoutStore(false, request.path, options_)) return *answer;
  return Serve({client_, clock_, options_, wait_programmed_, unfinished_, removal_}, IpamCalls(), request);
}

// dockerd puts a number behind it; a name of an interface has at most 15 characters.
static Status CheckInterfacePrefix(const std::string& prefix) {
  const bool plain =
      std::all_of(prefix.begin(), prefix.end(), [](unsigned char c) { return std::isalnum(c); });
  if (plain && prefix.size() <= 12) return Ok();
  return Error(
      ErrorCode::kInvalidArgument,
      fmt::format("CALICO_LIBNETWORK_IFPREFIX='{}': use up to 12 letters and digits such as cali", prefix));
}

Result<Options> OptionsFromEnvironment(const Environment& environment, const std::string& node_name) {
  Options options;
  options.node_name = node_name;
  options.interface_prefix = environment.GetOr("CALICO_LIBNETWORK_IFPREFIX", options.interface_prefix);
  RETURN_IF_ERROR(CheckInterfacePrefix(options.interface_prefix));
  // Anything but "false" is true (reference docker-and-cni A7).
  options.create_profiles =
      !EqualsIgnoreCase(environment.GetOr("CALICO_LIBNETWORK_CREATE_PROFILES", "true"), "false");
  // And nothing but "true" is true here.
  options.label_endpoints =
      EqualsIgnoreCase(environment.GetOr("CALICO_LIBNETWORK_LABEL_ENDPOINTS", "false"), "true");
  if (const auto text = environment.Get("CALICO_LIBNETWORK_LABEL_POLL_TIMEOUT")) {
    const auto nanoseconds = ParseGoDuration(*text);
    if (!nanoseconds.has_value() || *nanoseconds <= 0) {
      return Error(
          ErrorCode::kInvalidArgument,
          fmt::format("CALICO_LIBNETWORK_LABEL_POLL_TIMEOUT is '{}': give a duration such as 5s", *text));
    }
    options.label_timeout = Duration(*nanoseconds);
  }
  if (const auto text = environment.Get("CALICO_LIBNETWORK_VETH_MTU")) {
    std::uint16_t mtu = 0;
    const char* end = text->data() + text->size();
    const auto parsed = std::from_chars(text->data(), end, mtu);
    if (parsed.ec != std::errc() || parsed.ptr != end) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("CALICO_LIBNETWORK_VETH_MTU is '{}': give a number from 0 to 65535", *text));
    }
    options.veth_mtu_bytes = mtu;
  }
  options.scope = environment.GetOr("CALICO_LIBNETWORK_SCOPE", options.scope);
  if (options.scope != "auto" && options.scope != kGlobalScope && options.scope != kLocalScope) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("CALICO_LIBNETWORK_SCOPE is '{}': give auto, global or local", options.scope));
  }
  if (const auto host = environment.Get("DOCKER_HOST")) {
    if (!host->starts_with("unix://") && !host->starts_with("tcp://") && !host->starts_with("http://")) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("DOCKER_HOST='{}': use unix:///PATH or tcp://HOST:PORT", *host));
    }
    options.docker_endpoint = host->rfind("tcp://", 0) == 0 ? "http://" + host->substr(6) : *host;
  }
  return options;
}

}  // namespace calico::libnetwork
