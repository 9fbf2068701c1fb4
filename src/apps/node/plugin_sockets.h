// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "apps/libnetwork/driver.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/http_server.h"
#include "base/notification.h"
#include "base/result.h"
#include "base/service_manager.h"

namespace calico::node {

// Docker's plugin sockets, from the first moment of the process to its last. dockerd waits without limit
// for an answer and holds locks meanwhile (decision 4), so there is one while the agent still starts or waits
// for its store, too: what needs no store at once, anything else when the agent serves, at the latest at the
// call's deadline, then an error that says what is waited for. The guard's calls never wait: it allows what
// it cannot look at. Thread-safe but for Listen and Serve.
class PluginSockets final {
 public:
  struct Paths {
    std::string network = "/run/docker/plugins/calico.sock";
    std::string ipam = "/run/docker/plugins/calico-ipam.sock";
    std::string guard = "/run/docker/plugins/calico-guard.sock";  // libnetwork/removal_guard.h
  };

  // Serves those of the sockets that the service manager holds (they outlive us). Docker's drivers are
  // wanted if CALICO_LIBNETWORK_ENABLED is true, or unset and there are such sockets.
  PluginSockets(const Environment& environment, const std::vector<InheritedSocket>& held);
  PluginSockets(const Environment& environment, const std::vector<InheritedSocket>& held, Paths paths);
  ~PluginSockets();

  bool wanted() const { return wanted_; }
  // Somebody can call although the drivers are not wanted, or although we end.
  bool inherited() const { return inherited_; }

  // Makes the sockets that are wanted and not inherited. Not before it is known that no other agent runs.
  // kAlreadyExists: somebody else accepts calls there.
  Status Listen();
  // What calls wait for from now on, behind "calico-node is starting: ".
  void WaitFor(const std::string& what);
  // The one decision: who answers from now on, or why nobody does.
  void Serve(HttpHandler network, HttpHandler ipam, HttpHandler guard);
  void Refuse(const std::string& why);
  // The files of sockets that nobody holds any more when this process ends; a stopped or killed server leaves
  // them.
  void RemoveFiles() const;

 private:
  struct End {
    std::string path;
    HttpHandler serving;
    std::unique_ptr<HttpServer> server;
    bool inherited = false;
    std::atomic<int> waiting = 0;
  };
  Status Open(End& end, int inherited_fd);
  HttpResponse Answer(End& end, const HttpRequest& request);

  const Paths paths_;
  libnetwork::Options options_;
  bool wanted_ = false, inherited_ = false;
  End network_, ipam_, guard_;
  std::atomic<std::shared_ptr<const std::string>> waits_for_, refused_;
  Notification decided_;
};

}  // namespace calico::node
