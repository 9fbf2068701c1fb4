// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "datastore/client.h"

namespace calico::ipam::testing {

// What a store may do to one call.
enum class Fault {
  kConflict,      // somebody else wrote first: nothing is written
  kRefused,       // kUnavailable, nothing is written
  kReplyLost,     // kUnavailable, but the write happened
  kDownFromHere,  // this call and all later ones are kUnavailable, nothing is written
};

// A view of a client that counts calls and fails one of them. One instance is for one thread, its counters
// may be read from others.
class FaultyClient final : public datastore::Client {
 public:
  explicit FaultyClient(datastore::Client& inner) : inner_(inner), state_(std::make_shared<State>()) {}

  // Fails the write number `index` from now, counted from 0. Conflict means: as the operation would report
  // it.
  void FailWrite(int index, Fault fault) {
    state_->fail_write = state_->writes + index;
    state_->fault = fault;
  }
  // The store is well again; failed() keeps its answer.
  void FailNothing() {
    state_->fail_write = -1;
    state_->down = false;
    state_->hang = false;
  }
  // Forgets that a failure was reached.
  void Rearm() { state_->failed = false; }
  // From now on every call blocks until its deadline.
  void Hang() { state_->hang = true; }
  int writes() const { return state_->writes; }
  bool failed() const { return state_->failed; }

  Result<datastore::KeyValue> Get(const std::string& key) override;
  Result<datastore::ListResult> List(const std::string& prefix) override;
  Result<datastore::Revision> Create(const std::string& key, const std::string& value) override;
  Result<datastore::Revision> Update(const std::string& key, const std::string& value,
                                     datastore::Revision expected) override;
  Result<datastore::Revision> Put(const std::string& key, const std::string& value) override;
  Status Delete(const std::string& key, datastore::Revision expected) override;
  std::unique_ptr<datastore::Watch> StartWatch(const std::string& prefix, datastore::Revision from,
                                               datastore::WatchCallbacks callbacks) override;
  std::unique_ptr<datastore::Client> WithDeadline(TimePoint deadline) override;
  const std::string& name() const override { return inner_.name(); }

 private:
  struct State {
    std::atomic<int> writes = 0;
    std::atomic<int> fail_write = -1;
    std::atomic<Fault> fault = Fault::kConflict;
    std::atomic<bool> failed = false;
    std::atomic<bool> down = false;
    std::atomic<bool> hang = false;
  };
  FaultyClient(datastore::Client& inner, std::shared_ptr<State> state, TimePoint deadline)
      : inner_(inner), state_(std::move(state)), deadline_(deadline) {}

  Error Away() const;
  Status BeforeRead();
  // Runs `write` or fails it; `lost` is what this kind of write says when another writer was first.
  template <typename R, typename Write>
  R Through(ErrorCode lost, Write write);

  datastore::Client& inner_;
  std::shared_ptr<State> state_;
  TimePoint deadline_ = TimePoint::max();
};

}  // namespace calico::ipam::testing
