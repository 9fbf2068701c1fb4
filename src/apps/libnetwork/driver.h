// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/environment.h"
#include "base/http_server.h"
#include "base/result.h"
#include "datastore/client.h"
#include "net/ip.h"
#include "workload/veth_removal.h"

namespace calico::libnetwork {

struct Options {
  std::string node_name;
  std::string interface_prefix = "cali";  // CALICO_LIBNETWORK_IFPREFIX
  bool create_profiles = true;            // CALICO_LIBNETWORK_CREATE_PROFILES
  bool label_endpoints = false;           // CALICO_LIBNETWORK_LABEL_ENDPOINTS
  // CALICO_LIBNETWORK_LABEL_POLL_TIMEOUT: how long Docker may take to say a container's labels.
  Duration label_timeout = std::chrono::seconds(5);
  int veth_mtu_bytes = 0;  // CALICO_LIBNETWORK_VETH_MTU
  std::string docker_endpoint = "unix:///var/run/docker.sock";
  std::string scope = "auto";                                // CALICO_LIBNETWORK_SCOPE: auto, global or local
  std::string scope_path = "/var/lib/calico/docker-scope";   // what Docker said last
  Duration call_deadline = std::chrono::milliseconds(2500);  // dockerd has none: answer within 3 s
  Duration name_lookup_timeout = std::chrono::seconds(1);
  std::string boot_id;  // of the host
};
Result<Options> OptionsFromEnvironment(const Environment& environment, const std::string& node_name);

// What is answered before there is a store, or a Driver: activation, capabilities and the calls that must not
// fail. `network`: of the network driver's socket, else of the IPAM driver's.
// Asks dockerd for its scope (docker_scope.h).
std::optional<HttpResponse> AnswerWithoutStore(bool network, const std::string& path, const Options& options);
// Status 500 with {"Err": "<why>"}.
HttpResponse Refusal(const std::string& path, const std::string& why);

// Docker's remote network and IPAM drivers (reference docker-and-cni A). Stateless: each call works on the
// store, so any host may answer for any network. Thread-safe; handlers run concurrently.
class Driver final {
 public:
  // `wait_programmed(interface, deadline)`: returns when the dataplane has programmed that endpoint, or at
  // the deadline.
  using WaitProgrammed = std::function<void(const std::string& interface_name, TimePoint deadline)>;

  // dockerd never repeats a DeleteEndpoint or a ReleaseAddress. One that failed because the store is away is
  // handed on: an endpoint's ID, or an address.
  struct Unfinished {
    std::function<void(const std::string& endpoint_id)> deletion;
    std::function<void(const net::Ip& ip)> release;
  };

  // Of new workloads, where Options has none.
  using WorkloadMtu = std::function<int()>;

  Driver(datastore::Client& client, const Clock& clock, Options options, WaitProgrammed wait_programmed,
         WorkloadMtu workload_mtu = {}, Unfinished unfinished = {});

  // POST /NetworkDriver.* and /Plugin.Activate; errors are status 500 with {"Err": "…"}.
  HttpResponse HandleNetwork(const HttpRequest& request);
  // POST /IpamDriver.* and /Plugin.Activate
  HttpResponse HandleIpam(const HttpRequest& request);

 private:
  datastore::Client& client_;
  const Clock& clock_;
  const Options options_;
  const WaitProgrammed wait_programmed_;
  const WorkloadMtu workload_mtu_;
  const Unfinished unfinished_;
  workload::VethRemoval removal_;
};

}  // namespace calico::libnetwork
