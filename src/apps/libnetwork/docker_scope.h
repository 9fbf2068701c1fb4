// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apps/libnetwork/docker_api.h"
#include "apps/libnetwork/driver.h"
#include "base/clock.h"
#include "base/result.h"

// Whether Docker itself shares networks between hosts (scope "global", up to 20.10 with --cluster-store) or
// the agents do (scope "local"). dockerd asks the driver once in its life, so that a wrong answer would stay.
namespace calico::libnetwork {

// Asks dockerd, unless the options say it, and notes the answer for the time when dockerd cannot be asked.
Result<std::string> AskDockerScope(const Options& options, Duration timeout);

// For an answer to GetCapabilities. dockerd may be starting, and its API only answer when we have: then what
// it said last counts, and where that is not known "local", which works with every Docker.
std::string ScopeForActivation(const Options& options);

}  // namespace calico::libnetwork
