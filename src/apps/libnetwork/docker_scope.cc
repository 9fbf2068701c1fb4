// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/docker_scope.h"

#include "apps/libnetwork/docker_api.h"
#include "base/file.h"
#include "base/log.h"

namespace calico::libnetwork {
namespace {

constexpr char kAuto[] = "auto";
constexpr Duration kActivationTimeout = std::chrono::milliseconds(500);

}  // namespace

Result<std::string> AskDockerScope(const Options& options, Duration timeout) {
  if (options.scope != kAuto) return options.scope;
  ASSIGN_OR_RETURN(const bool shared, DockerApi(options.docker_endpoint, timeout).HasClusterStore());
  const std::string scope = shared ? kGlobalScope : kLocalScope;
  if (const auto known = ReadFile(options.scope_path); known.has_value() && *known == scope) return scope;
  const Status noted = WriteFileAtomically(options.scope_path, scope);
  if (!noted.has_value()) LogWarning("libnetwork", "Docker's scope: {}", noted.error().message());
  return scope;
}

std::string ScopeForActivation(const Options& options) {
  const auto asked = AskDockerScope(options, kActivationTimeout);
  if (asked.has_value()) {
    LogInfo("libnetwork", "networks have the scope {}", *asked);
    return *asked;
  }
  const auto known = ReadFile(options.scope_path);
  const bool sound = known.has_value() && (*known == kGlobalScope || *known == kLocalScope);
  const std::string scope = sound ? *known : kLocalScope;
  LogInfo("libnetwork", "networks have the scope {}, {}: {}", scope,
          sound ? "as when Docker was asked last" : "for want of an answer", asked.error().message());
  return scope;
}

}  // namespace calico::libnetwork
