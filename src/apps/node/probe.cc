// SPDX-License-Identifier: Apache-2.0
#include "apps/node/probe.h"

#include <fmt/format.h>

#include "apps/node/settings.h"
#include "base/http_client.h"
#include "base/text.h"

namespace calico::node {
namespace {

std::string Bare(const std::string& argument) {
  const std::size_t start = argument.find_first_not_of('-');
  return start == std::string::npos ? "" : argument.substr(start);
}

}  // namespace

bool IsProbeFlag(const std::string& argument) {
  const std::string name = Bare(argument);
  return argument.starts_with("-") &&
         (name == "felix-live" || name == "felix-ready" || name == "bird-live" || name == "bird-ready");
}

Status Probe(const std::vector<std::string>& checks, const Environment& environment) {
  ASSIGN_OR_RETURN(const auto overrides, FelixOverrides(environment));
  const FelixSettings settings = Merge({&overrides});
  const std::string host = settings.health_host == "localhost" ? "127.0.0.1" : settings.health_host;
  for (const std::string& check : checks) {
    const std::string endpoint = fmt::format("http://{}:{}", host, settings.health_port);
    auto response = HttpCall(endpoint, "GET", "/" + Bare(check), "", std::chrono::seconds(10));
    if (!response.has_value())
      return Error(ErrorCode::kUnavailable, "calico-node does not answer: " + response.error().message());
    if (response->status != 200)
      return Error(
          ErrorCode::kUnavailable,
          fmt::format("{}: {}", Bare(check), ReplaceAll(std::string(Trim(response->body)), "\n", "; ")));
  }
  return Ok();
}

}  // namespace calico::node
