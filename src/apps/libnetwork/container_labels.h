// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

#include "apps/libnetwork/docker_watch.h"
#include "apps/libnetwork/driver.h"
#include "base/clock.h"
#include "datastore/client.h"

namespace calico::libnetwork {

// Labels of an endpoint from those of its container: org.projectcalico.label.role=web is role=web. Others,
// and what cannot be a label of Calico, are left out; the latter with a log line.
std::map<std::string, std::string> EndpointLabels(const std::map<std::string, std::string>& container);

// Copies containers' labels to this host's endpoints if options.label_endpoints says so. A container's
// labels cannot be learned inside a plugin call (reference docker-and-cni A8), but Docker tells of `connect`
// before it starts the container's program, which so finds its policy in force as a rule; `start` comes later
// and says the labels once more, for what could not be asked for at `connect`.
class ContainerLabels final : public DockerWatch::Listener {
 public:
  ContainerLabels(datastore::Client& client, const Clock& clock, const Options& options);

  Status OnDockerUp() override;
  void OnDockerEvent(const DockerEvent& event) override;

 private:
  Status OnConnect(const std::string& network_id, const std::string& container_id);
  Status OnStart(const std::string& container_id);
  Status LabelAll(const DockerContainer& container);
  // Adds labels to an endpoint of this host; Ok if there is no such endpoint (any more).
  Status Label(const std::string& endpoint_id, const std::map<std::string, std::string>& labels);

  datastore::Client& client_;
  const Clock& clock_;
  const Options options_;
};

}  // namespace calico::libnetwork
