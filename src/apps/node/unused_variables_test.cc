// SPDX-License-Identifier: Apache-2.0
#include "apps/node/unused_variables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calico::node {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using Variables = std::map<std::string, std::string>;

TEST(UnusedVariables, AnOrdinaryStartHasNone) {
  EXPECT_THAT(UnusedVariables(Environment(Variables{{"NODENAME", "n"},
                                                    {"ETCD_ENDPOINTS", "http://a:2379"},
                                                    {"CALICO_MANAGE_CNI", "false"},
                                                    {"USE_POD_CIDR", "false"},
                                                    {"WAIT_FOR_DATASTORE", "true"},
                                                    {"KUBECONFIG", ""},
                                                    {"FELIX_IPV6SUPPORT", "false"}})),
              IsEmpty());
}

TEST(UnusedVariables, EachIsNamedWithTheReason) {
  for (const char* name :
       {"KUBECONFIG", "CALICO_KUBECONFIG", "K8S_API_ENDPOINT", "K8S_CERT_FILE", "K8S_KEY_FILE", "K8S_CA_FILE",
        "K8S_TOKEN", "K8S_API_TOKEN", "CALICO_K8SAPITOKEN", "K8S_INSECURE_SKIP_TLS_VERIFY",
        "K8S_DISABLE_NODE_POLL", "K8S_CLIENT_QPS", "K8S_CLIENT_BURST", "K8S_CURRENT_CONTEXT",
        "CALICO_API_GROUP", "CALICO_CNI_SERVICE_ACCOUNT", "USE_POD_CIDR", "CALICO_MANAGE_CNI"}) {
    EXPECT_THAT(UnusedVariables(Environment(Variables{{name, "true"}})),
                ElementsAre(std::string(name) + " has no effect: Kubernetes is not supported"));
  }
  EXPECT_THAT(UnusedVariables(Environment(Variables{{"VXLAN_VNI", "4097"}})),
              ElementsAre("VXLAN_VNI has no effect: it is for Windows; the VNI is FELIX_VXLANVNI"));
  EXPECT_THAT(
      UnusedVariables(Environment(Variables{{"DOCKER_API_VERSION", "1.21"}})),
      ElementsAre("DOCKER_API_VERSION has no effect: dockerd is asked in the version that it speaks itself"));
  for (const char* name : {"DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"}) {
    EXPECT_THAT(UnusedVariables(Environment(Variables{{name, "1"}})),
                ElementsAre(std::string(name) +
                            " has no effect: dockerd is asked without TLS: name its socket in DOCKER_HOST"));
  }
  EXPECT_THAT(
      UnusedVariables(Environment(Variables{{"FELIX_TYPHAADDR", "10.0.0.1:5473"}})),
      Contains("FELIX_TYPHAADDR has no effect: there is no Typha here, each agent watches the store itself"));
}

TEST(RefusedVariables, AnAgentWithoutFelixIsRefused) {
  EXPECT_TRUE(CheckRefusedVariables(Environment(Variables{{"CALICO_DISABLE_FELIX", ""}})).has_value());
  EXPECT_EQ(
      CheckRefusedVariables(Environment(Variables{{"CALICO_DISABLE_FELIX", "false"}})).error().message(),
      "CALICO_DISABLE_FELIX is set, but routes and policy are no program of their own here: unset it, or do "
      "not run calico-node")
      << "any value counts, as in Calico";
}

}  // namespace
}  // namespace calico::node
