// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/environment.h"

namespace calico::node {

// With the names that Calico's documents use in /etc/calico/calico.env, where a systemd unit turned them into
// those that the agent reads: CALICO_NODENAME, CALICO_IP, CALICO_IP6, CALICO_AS, CALICO_NO_DEFAULT_POOLS,
// ETCD_CA_FILE. Each counts where the agent's own name (NODENAME, IP, …, ETCD_CA_CERT_FILE) is not set.
Environment WithServiceNames(const Environment& environment);

}  // namespace calico::node
