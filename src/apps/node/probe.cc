// SPDX-License-Identifier: Apache-2.0
#include "apps/node/probe.h"

#include <fmt/format.h>

#include "apps/node/felix_overrides.h"
#include "apps/node/settings.h"
#include "base/http_client.h"
#include "base/text.h"

namespace calico::node {
namespace {

// How long after the start every session must be up; also the limit of time for each check.
constexpr char kThreshold[] = "threshold-time";

std::string Bare(const std::string& argument) {
  const std::size_t start = argument.find_first_not_of('-');
  return start == std::string::npos ? "" : argument.substr(start);
}

}  // namespace

bool IsProbeFlag(const std::string& argument) {
  const std::string name = Bare(argument);
  return argument.starts_with("-") &&
         (name == "felix-live" || name == "felix-ready" || name == "bird-live" || name == "bird-ready" ||
          name == "bird6-live" || name == "bird6-ready" || name.substr(0, name.find('=')) == kThreshold);
}

Status Probe(const std::vector<std::string>& checks, const Environment& environment) {
  ASSIGN_OR_RETURN(const auto overrides, FelixOverrides(environment));
  const FelixSettings settings = Merge({&overrides});
  const std::string host = settings.health_host == "localhost" ? "127.0.0.1" : settings.health_host;
  // "-threshold-time=30s" or "-threshold-time 30s".
  std::string threshold = "30s";
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    const std::string name = Bare(checks[i]);
    if (name == kThreshold && i + 1 < checks.size())
      threshold = checks[++i];
    else if (name.starts_with(std::string(kThreshold) + "="))
      threshold = name.substr(name.find('=') + 1);
    else if (IsProbeFlag(checks[i]) && name != kThreshold)
      paths.push_back(name);
    else
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}: no check, see calico-node --help", checks[i]));
  }
  const auto limit = ParseGoDuration(threshold);
  if (!limit || *limit <= 0)
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("-{}={}: use a duration as 30s", kThreshold, threshold));
  for (const std::string& check : paths) {
    const std::string endpoint = fmt::format("http://{}:{}", host, settings.health_port);
    auto response =
        HttpCall(endpoint, "GET", fmt::format("/{}?threshold={}", check, threshold), "", Duration(*limit));
    if (!response.has_value())
      return Error(ErrorCode::kUnavailable, "calico-node does not answer: " + response.error().message());
    if (response->status != 200)
      return Error(ErrorCode::kUnavailable,
                   fmt::format("{}: {}", check, ReplaceAll(std::string(Trim(response->body)), "\n", "; ")));
  }
  return Ok();
}

}  // namespace calico::node
