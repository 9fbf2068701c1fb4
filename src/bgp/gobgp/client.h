// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "gobgp.pb.h"
#include "net/ip.h"

// Internal to gobgp: shows protobuf.
namespace calico::bgp {

// GoBGP's API over its unix socket. Calls block, each for `timeout` at most. Watch() and StopWatching() may
// be called from other threads than the rest.
class GobgpClient final {
 public:
  GobgpClient(const std::string& socket_path, Duration timeout);
  ~GobgpClient();

  // Of a daemon that has not been told to start yet the AS is 0.
  Result<apipb::Global> Global();
  Status Start(const apipb::Global& global);
  Status SetLogLevel(apipb::SetLogLevelRequest::Level level);

  Status SetPolicies(const apipb::SetPoliciesRequest& request);
  // Makes a policy the only one of a direction; routes that it does not judge are accepted.
  Status Assign(apipb::PolicyDirection direction, const std::string& policy);
  Result<std::vector<std::string>> NamesOfLargeCommunitySets();
  // What peers told goes through the import policy again.
  Status TakeInAgain();

  Status AddPath(const apipb::Path& path);
  Status DeletePath(const apipb::Path& path);
  Result<std::vector<apipb::Path>> Paths(net::Family family);

  // `told`: how many routes each was told is counted, too, which takes longer.
  Result<std::vector<apipb::Peer>> Peers(bool told);
  Status AddPeer(const apipb::Peer& peer);
  // Another description makes the session anew.
  Status UpdatePeer(const apipb::Peer& peer);
  Status DeletePeer(const std::string& address);

  // All best paths, then each change of one, until the daemon ends or StopWatching(). Of several best paths
  // to a prefix an event has all.
  Status Watch(const std::function<void(const std::vector<apipb::Path>&)>& on_paths);
  void StopWatching();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calico::bgp
