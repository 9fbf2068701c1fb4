// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>

#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log_files.h"
#include "base/text.h"

namespace calico {
namespace {

std::atomic<LogLevel> g_level{LogLevel::kInfo};

// Lines are flushed one by one: the last words of a process that dies are the ones that matter.
std::shared_ptr<spdlog::logger> LoggerTo(spdlog::sink_ptr sink) {
  auto made = std::make_shared<spdlog::logger>("calico", std::move(sink));
  made->set_level(spdlog::level::trace);
  made->set_pattern("%Y-%m-%d %H:%M:%S.%e %v");
  made->flush_on(spdlog::level::trace);
  return made;
}

spdlog::logger& Logger() {
  static const auto logger = LoggerTo(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  return *logger;
}

// One file per part, opened at its first line.
class PartFiles {
 public:
  PartFiles(std::string directory, std::function<std::string(std::string_view)> part_of,
            std::size_t most_bytes)
      : directory_(std::move(directory)), part_of_(std::move(part_of)), most_bytes_(most_bytes) {}

  spdlog::logger* For(std::string_view component) {
    const std::string part = part_of_(component);
    const std::lock_guard lock(mutex_);
    auto& logger = loggers_[part];
    if (logger == nullptr) {
      try {
        logger = LoggerTo(std::make_shared<spdlog::sinks::rotating_file_sink_mt>(
            directory_ + "/" + part + "/current", most_bytes_, kOldLogs));
      } catch (const spdlog::spdlog_ex&) {
        return nullptr;  // stderr has the line; the next one tries again
      }
    }
    return logger.get();
  }

 private:
  const std::string directory_;
  const std::function<std::string(std::string_view)> part_of_;
  const std::size_t most_bytes_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<spdlog::logger>> loggers_;
};
std::unique_ptr<PartFiles> g_files;

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

Status LogToFiles(const std::string& directory, std::function<std::string(std::string_view)> part_of,
                  std::size_t most_bytes) {
  RETURN_IF_ERROR(MakeDirectories(directory));
  if (::access(directory.c_str(), W_OK) != 0) return Error::FromErrno(errno, "write to " + directory);
  g_files = std::make_unique<PartFiles>(directory, std::move(part_of), most_bytes);
  return Ok();
}

void LogLine(LogLevel level, std::string_view component, std::string_view text) {
  const std::string line = fmt::format("[{}][{}] {}: {}", Name(level), ::getpid(), component, text);
  Logger().log(spdlog::level::info, spdlog::string_view_t(line));
  if (g_files == nullptr) return;
  if (spdlog::logger* const file = g_files->For(component))
    file->log(spdlog::level::info, spdlog::string_view_t(line));
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
