// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <atomic>
#include <future>
#include <utility>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <fcntl.h>
#include <pthread.h>

#include "base/check.h"

namespace calico {

namespace asio = boost::asio;

struct EventLoop::Impl {
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  std::atomic<std::thread::id> runner{};
};

namespace {

using Callback = EventLoop::Callback;

// A timer. `state` outlives the handle while a wait is in flight; `cancelled` is only touched on the loop.
class TimerHandle final : public EventLoop::Handle {
 public:
  TimerHandle(asio::io_context& context, Duration period, bool repeat, Callback callback)
      : state_(std::make_shared<State>(context, period, repeat, std::move(callback))) {
    Arm(state_, std::chrono::steady_clock::now() + period);
  }
  ~TimerHandle() override {
    state_->cancelled = true;
    state_->timer.cancel();
  }

 private:
  struct State {
    State(asio::io_context& context, Duration p, bool r, Callback c)
        : timer(context), period(p), repeat(r), callback(std::move(c)) {}
    asio::steady_timer timer;
    const Duration period;
    const bool repeat;
    const Callback callback;
    bool cancelled = false;
  };
  static void Arm(const std::shared_ptr<State>& state, TimePoint when) {
    state->timer.expires_at(std::chrono::time_point_cast<std::chrono::steady_clock::duration>(when));
    state->timer.async_wait([state, when](const boost::system::error_code& error) {
      if (error || state->cancelled) return;
      state->callback();  // may destroy the handle
      if (!state->repeat || state->cancelled) return;
      // A loop that was busy for long does not fire the missed ticks one after the other.
      Arm(state, std::max(when + state->period, std::chrono::steady_clock::now()));
    });
  }

  const std::shared_ptr<State> state_;
};

class FdHandle final : public EventLoop::Handle {
 public:
  FdHandle(asio::io_context& context, int fd, EventLoop::Interest interest, Callback callback)
      : state_(std::make_shared<State>(context, fd, interest, std::move(callback))) {
    Arm(state_);
  }
  ~FdHandle() override {
    state_->cancelled = true;
    boost::system::error_code ignored;
    state_->descriptor.close(ignored);  // cancels
  }

 private:
  struct State {
    State(asio::io_context& context, int fd, EventLoop::Interest i, Callback c)
        : descriptor(context, ::fcntl(fd, F_DUPFD_CLOEXEC, 0)), interest(i), callback(std::move(c)) {}
    // A duplicate: epoll takes a descriptor once only, and one may be watched for both directions.
    asio::posix::stream_descriptor descriptor;
    const EventLoop::Interest interest;
    const Callback callback;
    bool cancelled = false;
  };
  static void Arm(const std::shared_ptr<State>& state) {
    const auto wait = state->interest == EventLoop::Interest::kRead
                          ? asio::posix::stream_descriptor::wait_read
                          : asio::posix::stream_descriptor::wait_write;
    state->descriptor.async_wait(wait, [state](const boost::system::error_code& error) {
      if (error || state->cancelled) return;
      state->callback();
      if (!state->cancelled) Arm(state);
    });
  }

  const std::shared_ptr<State> state_;
};

}  // namespace

EventLoop::EventLoop() : impl_(std::make_shared<Impl>()) {}
EventLoop::~EventLoop() = default;

void EventLoop::Post(Callback callback) {
  asio::post(impl_->context, std::move(callback));
}

std::unique_ptr<EventLoop::Handle> EventLoop::After(Duration delay, Callback callback) {
  return std::make_unique<TimerHandle>(impl_->context, delay, false, std::move(callback));
}
std::unique_ptr<EventLoop::Handle> EventLoop::Every(Duration period, Callback callback) {
  return std::make_unique<TimerHandle>(impl_->context, period, true, std::move(callback));
}
std::unique_ptr<EventLoop::Handle> EventLoop::WatchFd(int fd, Interest interest, Callback callback) {
  return std::make_unique<FdHandle>(impl_->context, fd, interest, std::move(callback));
}

void EventLoop::Run() {
  impl_->runner = std::this_thread::get_id();
  impl_->context.run();
  // After, not before: a Stop() that came before this thread got here must not be forgotten.
  impl_->context.restart();
  impl_->runner = std::thread::id{};
}
void EventLoop::Stop() {
  impl_->context.stop();
}

void EventLoop::AssertInLoop() const {
  const std::thread::id runner = impl_->runner;
  CHECK(runner == std::thread::id{} || runner == std::this_thread::get_id(),
        "called on another thread than the loop's");
}

LoopThread::LoopThread(std::string name) : name_(std::move(name)) {}
LoopThread::~LoopThread() {
  StopAndJoin();
}

void LoopThread::Start() {
  thread_ = std::thread([this] {
    ::pthread_setname_np(::pthread_self(), name_.substr(0, 15).c_str());
    loop_.Run();
  });
}
void LoopThread::StopAndJoin() {
  if (!thread_.joinable()) return;
  loop_.Stop();
  thread_.join();
}
void LoopThread::RunSync(const std::function<void()>& function) {
  std::promise<void> done;
  loop_.Post([&] {
    function();
    done.set_value();
  });
  done.get_future().wait();
}

}  // namespace calico
