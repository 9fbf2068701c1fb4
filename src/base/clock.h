// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace calico {

using Duration = std::chrono::nanoseconds;
using TimePoint = std::chrono::steady_clock::time_point;  // for deadlines and intervals
using WallTime = std::chrono::system_clock::time_point;   // for what is stored or shown

// Time as a parameter, so that tests own it. Thread-safe.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual TimePoint Now() const = 0;
  virtual WallTime WallNow() const = 0;
};

class SystemClock final : public Clock {
 public:
  TimePoint Now() const override { return std::chrono::steady_clock::now(); }
  WallTime WallNow() const override { return std::chrono::system_clock::now(); }
};

// "2026-03-02T10:11:12Z": RFC 3339, UTC, whole seconds, as upstream stores times.
std::string FormatRfc3339(WallTime time);
// The same read; nullopt for anything else.
std::optional<WallTime> ParseRfc3339(const std::string& text);

// Blocks the calling thread; only where a caller waits between two tries.
void SleepFor(Duration duration);

// Nanoseconds since the epoch.
std::int64_t UnixNanos(WallTime time);

}  // namespace calico
