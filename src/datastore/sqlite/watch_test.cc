// SPDX-License-Identifier: Apache-2.0
// A watch sees what another process wrote once and then stayed silent, also when that process has closed the
// database and from another mount namespace.
#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include "base/subprocess.h"
#include "datastore/sqlite/sqlite_client.h"
#include "datastore/testing/event_log.h"

namespace calico::datastore {
namespace {

using namespace std::chrono_literals;

// When each event arrived, in nanoseconds of the steady clock.
class Arrivals {
 public:
  WatchCallbacks Callbacks() {
    return {[this](const std::vector<WatchEvent>& events) {
              const std::lock_guard lock(mutex_);
              for (const WatchEvent& event : events) {
                times_[event.kv.key] = std::chrono::steady_clock::now().time_since_epoch().count();
              }
              changed_.notify_all();
            },
            [](const Error& error) { ADD_FAILURE() << error.message(); }};
  }
  std::int64_t WaitFor(const std::string& key) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(changed_.wait_for(lock, 5s, [&] { return times_.contains(key); })) << key << " was lost";
    return times_[key];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::int64_t> times_;
};

class SqliteWatch : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/calico-watch-XXXXXX";
    directory_ = mkdtemp(pattern);
    SqliteOptions options;
    options.path = directory_ + "/calico.db";
    options.create = true;
    client_ = std::move(*OpenSqlite(options));
  }
  void TearDown() override {
    client_.reset();
    std::filesystem::remove_all(directory_);
  }
  // Milliseconds from the other process's commit to our callback, sorted.
  std::vector<double> Latencies(const std::vector<std::string>& launcher, int count) {
    Arrivals arrivals;
    const auto watch =
        client_->StartWatch("/calico/", client_->List("/calico/")->revision, arrivals.Callbacks());
    std::vector<double> milliseconds;
    for (int i = 0; i < count; ++i) {
      const std::string key = fmt::format("/calico/{}", i);
      std::vector<std::string> argv = launcher;
      argv.insert(argv.end(), {WRITE_ONCE, directory_ + "/calico.db", key});
      const auto output = RunProcess(argv, 10s);
      EXPECT_TRUE(output.has_value() && output->exit_code == 0);
      if (!output.has_value() || output->exit_code != 0) break;
      milliseconds.push_back(static_cast<double>(arrivals.WaitFor(key) - std::stoll(output->out)) / 1e6);
    }
    std::sort(milliseconds.begin(), milliseconds.end());
    return milliseconds;
  }
  static void ExpectQuick(const std::vector<double>& sorted) {
    ASSERT_FALSE(sorted.empty());
    const double p99 = sorted[sorted.size() * 99 / 100];
    fmt::print("{} writes: median {:.1f} ms, p99 {:.1f} ms, largest {:.1f} ms\n", sorted.size(),
               sorted[sorted.size() / 2], p99, sorted.back());
    // Not the 99th: a shared machine that stands still for 200 ms is no flaw of the watch.
    EXPECT_LT(sorted[sorted.size() * 9 / 10], 50);
  }

  std::string directory_;
  std::unique_ptr<Client> client_;
};

TEST_F(SqliteWatch, SeesEachSingleWriteOfAProcessThatHasEnded) {
  ExpectQuick(Latencies({}, 200));
}

TEST_F(SqliteWatch, SeesEachSingleWriteFromAnotherMountNamespace) {
  ExpectQuick(Latencies({"unshare", "-m"}, 200));
}

TEST_F(SqliteWatch, CostsNextToNothingWhileNobodyWrites) {
  testing::EventLog log;
  std::vector<std::unique_ptr<Watch>> watches;
  for (const char* prefix : {"/calico/a", "/calico/b", "/calico/c"}) {
    watches.push_back(client_->StartWatch(prefix, 0, log.Callbacks()));
  }
  const auto cpu_microseconds = [] {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_utime.tv_sec * 1'000'000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1'000'000 +
           usage.ru_stime.tv_usec;
  };
  static_cast<void>(log.WaitForError(100ms));
  const auto before = cpu_microseconds();
  static_cast<void>(log.WaitForError(4s));
  const double percent = static_cast<double>(cpu_microseconds() - before) / 4e6 * 100;
  fmt::print("idle with three watches: {:.3f} % of one CPU\n", percent);
#if defined(__SANITIZE_THREAD__)
  EXPECT_LT(percent, 1) << "the sanitizer's own cost is in it";
#else
  EXPECT_LT(percent, 0.3) << "a wake-up every 20 ms costs 0.5 %";
#endif
}

}  // namespace
}  // namespace calico::datastore
