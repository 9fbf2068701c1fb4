// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include <libmnl/libmnl.h>

#include "base/result.h"

// Internal to rtnetlink*.cc.
namespace calico::kernel {

struct CloseRouteSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using RouteSocket = std::unique_ptr<mnl_socket, CloseRouteSocket>;

// Joined to `groups` (RTMGRP_…), with the kernel's error texts, strict checking and a 5 s reply time-out.
Result<RouteSocket> OpenRouteSocket(unsigned groups);

}  // namespace calico::kernel
