// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <vector>

namespace calico {
namespace {

constexpr std::chrono::milliseconds kProgressPeriod{100};

void InOrder(std::size_t count, const std::function<void(std::size_t, std::size_t)>& work,
             const std::function<void(std::size_t)>& progress) {
  auto shown = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < count; ++i) {
    work(i, 0);
    const auto now = std::chrono::steady_clock::now();
    if (progress && i + 1 < count && now - shown >= kProgressPeriod) {
      progress(i + 1);
      shown = now;
    }
  }
}

}  // namespace

void ParallelFor(std::size_t count, std::size_t workers,
                 const std::function<void(std::size_t, std::size_t)>& work,
                 const std::function<void(std::size_t)>& progress) {
  workers = std::min(workers, count);
  if (workers <= 1) {
    InOrder(count, work, progress);
  } else {
    std::atomic<std::size_t> next = 0, done = 0;
    std::mutex mutex;
    std::condition_variable ended;
    std::size_t running = workers;  // guarded by mutex
    std::vector<std::jthread> threads;
    for (std::size_t worker = 0; worker < workers; ++worker) {
      threads.emplace_back([&, worker] {
        for (std::size_t i = next++; i < count; i = next++) {
          work(i, worker);
          ++done;
        }
        const std::lock_guard lock(mutex);
        --running;
        ended.notify_one();
      });
    }
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, kProgressPeriod, [&] { return running == 0; })) {
      if (!progress) continue;
      lock.unlock();  // the workers need not wait for a terminal
      progress(done);
      lock.lock();
    }
  }
  if (progress) progress(count);
}

std::size_t CpuCount() {
  return std::max(1U, std::thread::hardware_concurrency());
}

}  // namespace calico
