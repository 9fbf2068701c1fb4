// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/mailbox.h"
#include "base/result.h"
#include "dataplane/driver.h"
#include "dataplane/kernel_handles.h"
#include "dataplane_api/updates.h"

namespace calico::node {

// The dataplane's driver on its loop, and what other threads may ask of it.
class DataplaneThread final {
 public:
  static Result<std::unique_ptr<DataplaneThread>> Open(const Clock& clock);
  ~DataplaneThread();

  // Before Start(); see Driver. Called on the dataplane's loop.
  void OnIpipDevice(std::function<void()> callback) { driver_->OnIpipDevice(std::move(callback)); }
  void OnWireguardKey(std::function<void(net::Family, const std::string&)> callback) {
    driver_->OnWireguardKey(std::move(callback));
  }
  void OnWorkloadMtu(std::function<void(int)> callback) { driver_->OnWorkloadMtu(std::move(callback)); }
  Status Start();
  // From the calc loop: hands the batch over, or merges it with what waits while the dataplane is busy.
  void Send(dataplane_api::Batch batch, EventLoop& calc_loop);

  // From any other thread.
  void WaitProgrammed(const std::string& interface_name, TimePoint deadline);
  struct Snapshot {
    bool ready = false;
    std::vector<dataplane::Driver::Pending> pending;
    std::map<std::string, dataplane::Driver::EndpointState> endpoints;
    std::vector<kernel::ForeignChain> foreign_firewalls;
    std::vector<std::string> not_encrypted;
  };
  Snapshot TakeSnapshot();
  std::string DescribeTables();
  Result<std::map<std::string, kernel::nft::CounterValue>> ReadCounters();
  EventLoop& loop() { return thread_.loop(); }

 private:
  explicit DataplaneThread(dataplane::KernelHandles kernel, const Clock& clock);
  void Take();

  dataplane::KernelHandles kernel_;
  LoopThread thread_;
  std::unique_ptr<dataplane::Driver> driver_;
  EventLoop* calc_loop_ = nullptr;
  dataplane_api::Batch waiting_;  // calc's loop
  Mailbox<dataplane_api::Batch> mailbox_;
  struct Waiter;
  std::multimap<std::string, std::shared_ptr<Waiter>> waiters_;  // the dataplane's loop
};

}  // namespace calico::node
