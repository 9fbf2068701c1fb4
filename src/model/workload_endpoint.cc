// SPDX-License-Identifier: Apache-2.0
#include "model/workload_endpoint.h"

#include <fmt/format.h>

#include "base/text.h"

namespace calico::model {
namespace {

Result<std::string> Segment(const char* field, const std::string& value) {
  const auto bad = [&](const char* why) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("error with field {} = '{}' ({})", field, value, why));
  };
  if (value.empty())
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("error with field {} (field should be assigned)", field));
  if (value.front() == '-') return bad("field must not begin with a '-'");
  if (value.back() == '-') return bad("field must not end with a '-'");
  return ReplaceAll(value, "-", "--");
}

}  // namespace

Result<std::string> WorkloadEndpointName(const WorkloadEndpoint& endpoint) {
  ASSIGN_OR_RETURN(const std::string node, Segment("node", endpoint.node));
  ASSIGN_OR_RETURN(const std::string orchestrator, Segment("orchestrator", endpoint.orchestrator));
  Result<std::string> third = endpoint.orchestrator == "k8s"   ? Segment("pod", endpoint.pod)
                              : endpoint.orchestrator == "cni" ? Segment("containerID", endpoint.container_id)
                              : endpoint.orchestrator == "libnetwork"
                                  ? Result<std::string>("libnetwork")
                                  : Segment("workload", endpoint.workload);
  if (!third.has_value()) return std::move(third).error();
  ASSIGN_OR_RETURN(const std::string last, Segment("endpoint", endpoint.endpoint));
  return fmt::format("{}-{}-{}-{}", node, orchestrator, *third, last);
}

}  // namespace calico::model
