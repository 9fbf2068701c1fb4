// SPDX-License-Identifier: Apache-2.0
#include "apps/node/dataplane_thread.h"

#include <utility>

#include "base/notification.h"

namespace calico::node {

struct DataplaneThread::Waiter {
  Notification programmed;
};

DataplaneThread::DataplaneThread(dataplane::KernelHandles kernel, const Clock& clock)
    : kernel_(std::move(kernel)),
      thread_("dataplane"),
      driver_(std::make_unique<dataplane::Driver>(thread_.loop(), clock, kernel_.AsKernel())),
      mailbox_([this] { thread_.loop().Post([this] { Take(); }); },
               [this] {
                 calc_loop_->Post([this] {
                   if (!waiting_.empty()) static_cast<void>(mailbox_.TryPut(waiting_));
                 });
               }) {}

Result<std::unique_ptr<DataplaneThread>> DataplaneThread::Open(const Clock& clock) {
  ASSIGN_OR_RETURN(dataplane::KernelHandles kernel, dataplane::KernelHandles::Open());
  return std::unique_ptr<DataplaneThread>(new DataplaneThread(std::move(kernel), clock));
}

DataplaneThread::~DataplaneThread() {
  thread_.StopAndJoin();
}

Status DataplaneThread::Start() {
  driver_->OnEndpointState(
      [this](const std::string& interface, const dataplane::Driver::EndpointState& state) {
        if (!state.programmed) return;
        const auto [begin, end] = waiters_.equal_range(interface);
        for (auto it = begin; it != end; ++it) it->second->programmed.Notify();
        waiters_.erase(begin, end);
      });
  RETURN_IF_ERROR(driver_->Start());
  thread_.Start();
  return Ok();
}

void DataplaneThread::Send(dataplane_api::Batch batch, EventLoop& calc_loop) {
  calc_loop_ = &calc_loop;
  waiting_.MergeFrom(std::move(batch));
  if (!waiting_.empty()) static_cast<void>(mailbox_.TryPut(waiting_));
}

void DataplaneThread::Take() {
  if (auto batch = mailbox_.Take()) driver_->OnBatch(std::move(*batch));
}

void DataplaneThread::WaitProgrammed(const std::string& interface_name, TimePoint deadline) {
  const auto waiter = std::make_shared<Waiter>();
  thread_.loop().Post([this, interface_name, waiter] {
    const auto states = driver_->endpoints();
    const auto known = states.find(interface_name);
    if (known != states.end() && known->second.programmed)
      waiter->programmed.Notify();
    else
      waiters_.emplace(interface_name, waiter);
  });
  if (waiter->programmed.WaitUntil(deadline)) return;
  thread_.loop().Post([this, interface_name, waiter] {
    const auto [begin, end] = waiters_.equal_range(interface_name);
    for (auto it = begin; it != end; ++it) {
      if (it->second != waiter) continue;
      waiters_.erase(it);
      return;
    }
  });
}

DataplaneThread::Snapshot DataplaneThread::TakeSnapshot() {
  Snapshot snapshot;
  thread_.RunSync([&] {
    snapshot = {driver_->ready(), driver_->pending(), driver_->endpoints(), driver_->foreign_firewalls(),
                driver_->not_encrypted()};
  });
  return snapshot;
}
std::string DataplaneThread::DescribeTables() {
  std::string text;
  thread_.RunSync([&] { text = driver_->DescribeTables(); });
  return text;
}
Result<std::map<std::string, kernel::nft::CounterValue>> DataplaneThread::ReadCounters() {
  Result<std::map<std::string, kernel::nft::CounterValue>> counters =
      std::map<std::string, kernel::nft::CounterValue>{};
  thread_.RunSync([&] { counters = driver_->ReadCounters(); });
  return counters;
}

}  // namespace calico::node
