// SPDX-License-Identifier: Apache-2.0
#include "apps/node/store_wait.h"

#include "base/log.h"
#include "model/key.h"

namespace calico::node {
namespace {

constexpr char kComponent[] = "agent";
constexpr Duration kPause = std::chrono::milliseconds(250);

// Until `attempt` gives anything but kUnavailable; false: told to stop meanwhile.
Result<bool> WaitFor(const StopSignals& signals, const OnWaiting& on_waiting,
                     const std::function<Status()>& attempt) {
  std::string last;
  for (;;) {
    const Status status = attempt();
    if (status.has_value()) return true;
    if (status.error().code() != ErrorCode::kUnavailable) return status.error();
    if (status.error().message() != last)
      LogWarning(kComponent, "waiting for the datastore: {}", status.error().message());
    last = status.error().message();
    on_waiting("waiting for the datastore: " + last);
    if (signals.Pending()) return false;
    signals.Await(kPause);
    if (signals.Pending()) return false;
  }
}

}  // namespace

Result<bool> WaitForStore(const datastore::StoreChoice& choice, datastore::Client& client,
                          const StopSignals& signals, const OnWaiting& on_waiting) {
  const std::string key = model::ToPath(model::Key::Resource(model::Kind::kClusterInformation, "default"));
  return WaitFor(signals, on_waiting, [&]() -> Status {
    const auto hurried = client.WithDeadline(std::chrono::steady_clock::now() + std::chrono::seconds(2));
    const auto answer = hurried->Get(key);
    if (!answer.has_value() && answer.error().code() != ErrorCode::kNotFound) return answer.error();
    return datastore::CheckGeneration(choice, *hurried);
  });
}

Result<std::optional<datastore::StoreChoice>> WaitForChoice(const Environment& environment,
                                                            const StopSignals& signals,
                                                            const OnWaiting& on_waiting) {
  std::optional<datastore::StoreChoice> choice;
  ASSIGN_OR_RETURN(const bool chosen, WaitFor(signals, on_waiting, [&]() -> Status {
                     ASSIGN_OR_RETURN(choice,
                                      datastore::ChooseStore(environment, "", datastore::Program::kNode));
                     return Ok();
                   }));
  if (!chosen) choice.reset();
  return choice;
}

}  // namespace calico::node
