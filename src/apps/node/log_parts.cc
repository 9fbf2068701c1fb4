// SPDX-License-Identifier: Apache-2.0
#include "apps/node/log_parts.h"

#include <string_view>

#include <fmt/format.h>

#include "apps/node/settings.h"
#include "base/log.h"
#include "base/log_files.h"

namespace calico::node {
namespace {

constexpr char kComponent[] = "agent";

std::string PartOf(std::string_view component) {
  if (component == "bgp") return "confd";
  return component == "libnetwork" ? "libnetwork" : "felix";
}
std::string PathOf(const std::string& part) {
  return fmt::format("{}/{}/current", kLogDirectory, part);
}
bool LogsToFiles(const Environment& environment) {
  return environment.GetOr("CALICO_DISABLE_FILE_LOGGING", "") != "true";
}

}  // namespace

void BeginLogFiles(const Environment& environment) {
  if (!LogsToFiles(environment)) return;
  if (const Status opened = LogToFiles(kLogDirectory, PartOf); !opened.has_value())
    LogWarning(kComponent, "no log files: {}", opened.error().message());
}

std::string DaemonLog(const Environment& environment, const std::string& part) {
  return LogsToFiles(environment) ? PathOf(part) : "";
}

void RotateDaemonLogs() {
  for (const char* part : {"bird", "calico-bgp-daemon"}) {
    if (const Status rotated = RotateByCopy(PathOf(part)); !rotated.has_value())
      LogWarning(kComponent, "{}", rotated.error().message());
  }
}

}  // namespace calico::node
