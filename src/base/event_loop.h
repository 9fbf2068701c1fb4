// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"

namespace calico {

// One single-threaded loop. Only Post() and Stop() may be called from another thread.
class EventLoop final {
 public:
  using Callback = std::function<void()>;
  enum class Interest { kRead, kWrite };

  // Cancels what it stands for when destroyed. Destroy it on the loop's thread, or after Run() returned.
  class Handle {
   public:
    virtual ~Handle() = default;
  };

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void Post(Callback callback);

  // Runs `callback` once after `delay`, unless the handle is destroyed first.
  [[nodiscard]] std::unique_ptr<Handle> After(Duration delay, Callback callback);

  // Runs `callback` every `period` until the handle is destroyed.
  [[nodiscard]] std::unique_ptr<Handle> Every(Duration period, Callback callback);

  // Calls `callback` whenever `fd` is ready (level-triggered: one call per readiness, re-armed after
  // the call returns). The fd stays the caller's, but becomes non-blocking; destroy the handle before
  // closing it.
  [[nodiscard]] std::unique_ptr<Handle> WatchFd(int fd, Interest interest, Callback callback);

  // Blocks until Stop(). Callbacks already posted when Stop() is called may not run.
  void Run();
  void Stop();

  // CHECKs that the caller is on the thread of Run() (or that nobody runs the loop).
  void AssertInLoop() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// A loop with a thread of its own, named for `top -H` and logs (15 characters at most).
class LoopThread final {
 public:
  explicit LoopThread(std::string name);
  ~LoopThread();  // stops the loop and joins

  EventLoop& loop() { return loop_; }
  void Start();
  void StopAndJoin();

  // Runs `function` on the loop and waits for it. Must not be called from the loop itself.
  void RunSync(const std::function<void()>& function);

 private:
  const std::string name_;
  EventLoop loop_;
  std::thread thread_;
};

}  // namespace calico
