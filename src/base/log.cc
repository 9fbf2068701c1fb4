// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <atomic>
#include <memory>

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "base/text.h"

namespace calico {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};

spdlog::logger& Logger() {
  static const std::shared_ptr<spdlog::logger> logger = [] {
    auto made = std::make_shared<spdlog::logger>("calico", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made->set_level(spdlog::level::trace);
    made->set_pattern("%Y-%m-%d %H:%M:%S.%e %v");
    made->flush_on(spdlog::level::trace);
    return made;
  }();
  return *logger;
}

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG";
    case LogLevel::kInfo:
      return "INFO";
    case LogLevel::kWarning:
      return "WARNING";
    case LogLevel::kError:
      return "ERROR";
    case LogLevel::kFatal:
      return "FATAL";
    case LogLevel::kOff:
      break;
  }
  return "OFF";
}

}  // namespace

void InitLogging(LogLevel level, std::string_view) {
  g_level = level;
}
void SetLogLevel(LogLevel level) {
  g_level = level;
}
bool LogEnabled(LogLevel level) {
  return level >= g_level.load(std::memory_order_relaxed);
}

void LogLine(LogLevel level, std::string_view component, std::string_view text) {
  Logger().log(spdlog::level::info, "[{}][{}] {}: {}", Name(level), ::getpid(), component, text);
}

bool ParseLogLevel(std::string_view text, LogLevel& level) {
  const std::string lower = ToLower(text);
  if (lower == "debug" || lower == "trace")
    level = LogLevel::kDebug;
  else if (lower == "info")
    level = LogLevel::kInfo;
  else if (lower == "warning" || lower == "warn")
    level = LogLevel::kWarning;
  else if (lower == "error")
    level = LogLevel::kError;
  else if (lower == "fatal" || lower == "panic" || lower == "critical")
    level = LogLevel::kFatal;
  else if (lower == "none" || lower == "off")
    level = LogLevel::kOff;
  else
    return false;
  return true;
}

}  // namespace calico
