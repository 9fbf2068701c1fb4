// SPDX-License-Identifier: Apache-2.0
#include "apps/node/shutdown_time.h"

#include <filesystem>
#include <string>

#include <unistd.h>

#include "apps/node/settings.h"
#include "base/file.h"

namespace calico::node {
namespace {

std::string PathOf(const Environment& environment) {
  return environment.GetOr("CALICO_SHUTDOWN_TIMESTAMP_FILE", std::string(kLibDirectory) + "/shutdownTS");
}

}  // namespace

Status WriteShutdownTime(const Environment& environment, const Clock& clock) {
  const std::string path = PathOf(environment);
  const std::string directory = std::filesystem::path(path).parent_path().string();
  if (!directory.empty()) RETURN_IF_ERROR(MakeDirectories(directory));
  return WriteFileAtomically(path, FormatRfc3339(clock.WallNow()));
}

void RemoveShutdownTime(const Environment& environment) {
  ::unlink(PathOf(environment).c_str());
}

}  // namespace calico::node
