// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "apps/node/stop_signals.h"
#include "base/environment.h"
#include "base/result.h"
#include "datastore/choice.h"
#include "datastore/client.h"

namespace calico::node {

// Told after each attempt that failed, with what is waited for.
using OnWaiting = std::function<void(const std::string& what)>;

// The choice itself may have to ask servers that are not up yet. nullopt: told to stop.
Result<std::optional<datastore::StoreChoice>> WaitForChoice(const Environment& environment,
                                                            const StopSignals& signals,
                                                            const OnWaiting& on_waiting);

// Until the store answers. False: a signal came first. An error: it is not the one that was asked for.
Result<bool> WaitForStore(const datastore::StoreChoice& choice, datastore::Client& client,
                          const StopSignals& signals, const OnWaiting& on_waiting);

}  // namespace calico::node
