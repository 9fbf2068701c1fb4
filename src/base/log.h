// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

namespace calico {

enum class LogLevel { kDebug, kInfo, kWarning, kError, kFatal, kOff };

// Where log lines go. Thread-safe. Lines: "2026-03-02 10:11:12.123 [INFO][123] component: text".
void InitLogging(LogLevel level, std::string_view program);
void SetLogLevel(LogLevel level);
bool LogEnabled(LogLevel level);
void LogLine(LogLevel level, std::string_view component, std::string_view text);
// "debug", "info", "warning", "error", "fatal" in any case; false leaves `level` alone.
bool ParseLogLevel(std::string_view text, LogLevel& level);

// LogInfo("syncer", "in sync after {} ms", ms)
template <typename... Args>
void Log(LogLevel level, std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  if (LogEnabled(level)) LogLine(level, component, fmt::format(format, std::forward<Args>(args)...));
}
template <typename... Args>
void LogDebug(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kDebug, component, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogInfo(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kInfo, component, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogWarning(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kWarning, component, format, std::forward<Args>(args)...);
}
template <typename... Args>
void LogError(std::string_view component, fmt::format_string<Args...> format, Args&&... args) {
  Log(LogLevel::kError, component, format, std::forward<Args>(args)...);
}

}  // namespace calico
