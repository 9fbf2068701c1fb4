// SPDX-License-Identifier: Apache-2.0
#include "apps/node/unused_variables.h"

#include <string_view>

#include <fmt/format.h>

#include "apps/node/felix_overrides.h"
#include "base/text.h"

namespace calico::node {
namespace {

constexpr char kKubernetes[] = "Kubernetes is not supported";

constexpr struct {
  std::string_view name, reason;
} kUnused[] = {
    {"KUBECONFIG", kKubernetes},
    {"CALICO_KUBECONFIG", kKubernetes},
    {"K8S_API_ENDPOINT", kKubernetes},
    {"K8S_CERT_FILE", kKubernetes},
    {"K8S_KEY_FILE", kKubernetes},
    {"K8S_CA_FILE", kKubernetes},
    {"K8S_TOKEN", kKubernetes},
    {"K8S_API_TOKEN", kKubernetes},
    {"CALICO_K8SAPITOKEN", kKubernetes},
    {"K8S_INSECURE_SKIP_TLS_VERIFY", kKubernetes},
    {"K8S_DISABLE_NODE_POLL", kKubernetes},
    {"K8S_CLIENT_QPS", kKubernetes},
    {"K8S_CLIENT_BURST", kKubernetes},
    {"K8S_CURRENT_CONTEXT", kKubernetes},
    {"CALICO_API_GROUP", kKubernetes},
    {"CALICO_CNI_SERVICE_ACCOUNT", kKubernetes},
    {"USE_POD_CIDR", kKubernetes},
    {"CALICO_MANAGE_CNI", kKubernetes},
    {"VXLAN_VNI", "it is for Windows; the VNI is FELIX_VXLANVNI"},
    {"DOCKER_API_VERSION", "dockerd is asked in the version that it speaks itself"},
    {"DOCKER_TLS_VERIFY", "dockerd is asked without TLS: name its socket in DOCKER_HOST"},
    {"DOCKER_CERT_PATH", "dockerd is asked without TLS: name its socket in DOCKER_HOST"},
};

// Off is what is done anyway.
bool MayBeOff(std::string_view name) {
  return name == "USE_POD_CIDR" || name == "CALICO_MANAGE_CNI" || name == "K8S_INSECURE_SKIP_TLS_VERIFY" ||
         name == "K8S_DISABLE_NODE_POLL";
}

}  // namespace

std::vector<std::string> UnusedVariables(const Environment& environment) {
  std::vector<std::string> sentences;
  for (const auto& [name, reason] : kUnused) {
    const std::string variable(name);
    if (!environment.Get(variable)) continue;
    if (MayBeOff(name) && !environment.GetBool(variable, false)) continue;
    sentences.push_back(fmt::format("{} has no effect: {}", name, reason));
  }
  for (std::string& sentence : FelixVariablesWithoutEffect(environment))
    sentences.push_back(std::move(sentence));
  return sentences;
}

Status CheckRefusedVariables(const Environment& environment) {
  if (environment.Get("CALICO_DISABLE_FELIX")) {
    return Error(
        ErrorCode::kUnsupported,
        "CALICO_DISABLE_FELIX is set, but routes and policy are no program of their own here: unset it, "
        "or do not run calico-node");
  }
  return Ok();
}

}  // namespace calico::node
