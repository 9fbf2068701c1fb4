// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "datastore/client.h"

namespace calico::datastore::testing {

enum class Operation { kGet, kList, kCreate, kUpdate, kPut, kDelete };

// A store in memory with revisions, watches and compaction; obeys the same contract suite as the real
// drivers. Thread-safe. Fails or hangs on command.
class FakeClient final : public Client {
 public:
  FakeClient();
  ~FakeClient() override;

  Result<KeyValue> Get(const std::string& key) override;
  Result<ListResult> List(const std::string& prefix) override;
  Result<Revision> Create(const std::string& key, const std::string& value) override;
  Result<Revision> Update(const std::string& key, const std::string& value, Revision expected) override;
  Result<Revision> Put(const std::string& key, const std::string& value) override;
  Status Delete(const std::string& key, Revision expected) override;
  std::unique_ptr<Watch> StartWatch(const std::string& prefix, Revision from,
                                    WatchCallbacks callbacks) override;
  std::unique_ptr<Client> WithDeadline(TimePoint deadline) override;
  const std::string& name() const override;

  // The next call of that kind returns `error` and does nothing.
  void FailNext(Operation operation, Error error);
  // From now on every call waits for its deadline (5 s without one) and returns kUnavailable.
  void SetHanging(bool hanging);
  // Watches get an error and start-up of new ones from before `revision` fails: as after etcd's compaction.
  void Compact();
  // All watches end with kUnavailable.
  void BreakWatches();
  int writes() const;
  std::map<std::string, std::string> content() const;

  struct State;

 private:
  FakeClient(std::shared_ptr<State> state, std::optional<TimePoint> deadline);
  std::shared_ptr<State> state_;
  std::optional<TimePoint> deadline_;
};

}  // namespace calico::datastore::testing
