// SPDX-License-Identifier: Apache-2.0
#include "apps/node/plugin_sockets.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

#include "apps/libnetwork/removal_guard.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"

namespace calico::node {
namespace {

constexpr char kComponent[] = "libnetwork";
constexpr int kThreads = 32;  // a Leave waits for the kernel, and together they wait less
// Of the calls that come before the agent serves. More are refused at once: a thread must be left for what
// needs no waiting, and nobody may wait behind others for longer than the deadline.
constexpr int kMostWaiting = kThreads - 2;

// Whether a process of this network namespace accepts calls on that unix socket. Not by a call, which would
// start the service that systemd holds it for. The fourth word is the flags, the last one the path (proc(5)).
bool SomebodyListens(const std::string& path) {
  constexpr std::string_view kAccepts = "00010000";
  const auto sockets = Split(ReadFile("/proc/net/unix").value_or(""), '\n');
  return std::any_of(sockets.begin(), sockets.end(), [&](const std::string& line) {
    const auto words = Split(line, ' ');
    return words.size() > 4 && words[3] == kAccepts && words.back() == path;
  });
}

}  // namespace

PluginSockets::PluginSockets(const Environment& environment, const std::vector<InheritedSocket>& held)
    : PluginSockets(environment, held, Paths()) {}

PluginSockets::PluginSockets(const Environment& environment, const std::vector<InheritedSocket>& held,
                             Paths paths)
    : paths_(std::move(paths)) {
  // Bad variables are the agent's to refuse.
  if (auto options = libnetwork::OptionsFromEnvironment(environment, ""); options.has_value())
    options_ = *std::move(options);
  network_.path = paths_.network;
  ipam_.path = paths_.ipam;
  guard_.path = paths_.guard;
  WaitFor("it has just begun");
  std::vector<std::pair<End*, int>> ours;
  for (const InheritedSocket& socket : held) {
    for (End* end : {&network_, &ipam_, &guard_}) {
      if (socket.path == end->path) ours.emplace_back(end, socket.fd.get());
    }
  }
  inherited_ = !ours.empty();
  const auto setting = environment.Get("CALICO_LIBNETWORK_ENABLED");
  wanted_ = setting ? *setting == "true" : inherited_;
  if (!wanted_)
    Refuse("calico-node does not serve Docker on this host: CALICO_LIBNETWORK_ENABLED is not true");
  for (const auto& [end, fd] : ours) {
    if (const Status opened = Open(*end, fd); !opened.has_value())
      LogError(kComponent, "{}: {}", end->path, opened.error().message());
  }
}

PluginSockets::~PluginSockets() {
  if (!decided_.WaitUntil(TimePoint())) Refuse("calico-node ends");
  // Their threads use what is destroyed next.
  network_.server.reset();
  ipam_.server.reset();
  guard_.server.reset();
}

Status PluginSockets::Listen() {
  if (!wanted_) return Ok();
  for (End* end : {&network_, &ipam_, &guard_}) {
    if (end->server != nullptr) continue;
    // To take its place would leave systemd with a socket that nobody can reach.
    if (SomebodyListens(end->path))
      return Error(ErrorCode::kAlreadyExists,
                   end->path +
                       " is held by another process, perhaps by systemd for "
                       "calico-node.service; end it with: systemctl stop calico-node.socket");
    const Status opened = Open(*end, -1);
    // The guard is an extra: no reason not to start.
    if (!opened.has_value() && end != &guard_) return opened;
    if (!opened.has_value()) LogWarning(kComponent, "{}: {}", end->path, opened.error().message());
  }
  LogInfo(kComponent, "Docker plugins: {}, {}{}", network_.path, ipam_.path,
          inherited_ ? ", held by the service manager" : "");
  return Ok();
}

Status PluginSockets::Open(End& end, int inherited_fd) {
  HttpListen listen;
  listen.inherited = inherited_fd;
  end.inherited = inherited_fd >= 0;
  if (!end.inherited) listen.unix_path = end.path;
  listen.threads = kThreads;
  ASSIGN_OR_RETURN(end.server, StartHttpServer(listen, [this, &end](const HttpRequest& request) {
                     return Answer(end, request);
                   }));
  return Ok();
}

void PluginSockets::WaitFor(const std::string& what) {
  waits_for_ = std::make_shared<const std::string>(what);
}

void PluginSockets::Serve(HttpHandler network, HttpHandler ipam, HttpHandler guard) {
  network_.serving = std::move(network);
  ipam_.serving = std::move(ipam);
  guard_.serving = std::move(guard);
  decided_.Notify();
}

void PluginSockets::Refuse(const std::string& why) {
  refused_ = std::make_shared<const std::string>(why);
  decided_.Notify();
}

void PluginSockets::RemoveFiles() const {
  for (const End* end : {&network_, &ipam_, &guard_}) {
    if (end->server != nullptr && !end->inherited) ::unlink(end->path.c_str());
  }
}

HttpResponse PluginSockets::Answer(End& end, const HttpRequest& request) {
  bool decided = decided_.WaitUntil(TimePoint());
  if (decided && refused_.load() == nullptr) return end.serving(request);
  if (&end == &guard_) return libnetwork::AllowUnguarded(request);
  if (wanted_) {
    if (auto answer = libnetwork::AnswerWithoutStore(&end == &network_, request.path, options_))
      return *answer;
  }
  if (!decided) {
    if (++end.waiting <= kMostWaiting)
      decided = decided_.WaitUntil(request.received + options_.call_deadline);
    --end.waiting;
  }
  if (!decided) return libnetwork::Refusal(request.path, "calico-node is starting: " + *waits_for_.load());
  if (const auto why = refused_.load(); why != nullptr) return libnetwork::Refusal(request.path, *why);
  return end.serving(request);
}

}  // namespace calico::node
