// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.6, A.7, and the defaults of C.7.
#include "model/validate/testing/verdict.h"

namespace calico::model::validate {
namespace {

using Texts = std::vector<std::string>;

template <typename T>
T Defaulted(const std::string& spec, const std::string& name = "default") {
  const std::string kind(KindName(static_cast<Kind>(Object(T{}).index())));
  Object object = Read(kind, spec, name);
  EXPECT_EQ(Said(ApplyDefaults(object, nullptr)), kSound);
  const T once = std::get<T>(object);
  EXPECT_EQ(Said(ApplyDefaults(object, nullptr)), kSound);
  EXPECT_EQ(std::get<T>(object), once);  // a second time nothing is left to default
  return once;
}

TEST(Defaults, OfAPool) {
  const auto pool = Defaulted<IPPool>("{cidr: 10.77.0.0/16}");
  EXPECT_EQ(pool.block_size, 26);
  EXPECT_EQ(pool.node_selector, "all()");
  EXPECT_EQ(pool.allowed_uses, (Texts{"Workload", "Tunnel"}));
  EXPECT_EQ(pool.assignment_mode, "Automatic");
  EXPECT_EQ(pool.ipip_mode, "Never");
  EXPECT_EQ(pool.vxlan_mode, "Never");
  const auto v6 = Defaulted<IPPool>("{cidr: 'FD00:0::/48'}");
  EXPECT_EQ(v6.cidr, "fd00::/48");
  EXPECT_EQ(v6.block_size, 122);
}

TEST(Defaults, OfPoliciesFollowFromTheirRules) {
  const std::string in = "ingress: [{action: Allow}]", out = "egress: [{action: Allow}]";
  const auto types = [](const std::string& spec) {
    return Defaulted<NetworkPolicy>("{" + spec + "}").spec.types;
  };
  EXPECT_EQ(types(""), Texts{"Ingress"});
  EXPECT_EQ(types(in), Texts{"Ingress"});
  EXPECT_EQ(types(out), Texts{"Egress"});
  EXPECT_EQ(types(in + ", " + out), (Texts{"Ingress", "Egress"}));
  EXPECT_EQ(types("types: [Egress], " + in), Texts{"Egress"});
}

TEST(Defaults, OfPoliciesNameTheirTier) {
  const std::string label = "projectcalico.org/tier";
  EXPECT_EQ(Defaulted<NetworkPolicy>("{}").metadata.labels.at(label), "default");
  EXPECT_EQ(Defaulted<NetworkPolicy>("{}").spec.tier, "default");
  const auto global = Defaulted<GlobalNetworkPolicy>("{tier: security}");
  EXPECT_EQ(global.metadata.labels.at(label), "security");
  EXPECT_EQ(global.spec.tier, "security");
  EXPECT_EQ(Defaulted<StagedGlobalNetworkPolicy>("{}").metadata.labels.at(label), "default");
}

TEST(Defaults, OfStagedPolicies) {
  EXPECT_EQ(Defaulted<StagedNetworkPolicy>("{}").staged_action, "Set");
  EXPECT_EQ(Defaulted<StagedNetworkPolicy>("{}").spec.types, Texts{"Ingress"});
  const auto deletion = Defaulted<StagedGlobalNetworkPolicy>("{stagedAction: Delete}");
  EXPECT_EQ(deletion.spec.tier, "default");
  EXPECT_EQ(deletion.spec.types, Texts{});  // as the reference's example of A.8 is stored
  const auto kubernetes = Defaulted<StagedKubernetesNetworkPolicy>("{}");
  EXPECT_EQ(kubernetes.staged_action, "Set");
  EXPECT_FALSE(kubernetes.metadata.labels.contains("projectcalico.org/tier"));
}

TEST(Defaults, OfATier) {
  const auto tier = Defaulted<Tier>("{}", "security");
  EXPECT_EQ(tier.order, 1000000);
  EXPECT_EQ(tier.default_action, "Deny");
  EXPECT_EQ(Defaulted<Tier>("{order: 5, defaultAction: Pass}").order, 5);
}

TEST(Defaults, OfAnEndpoint) {
  const std::string spec = "{orchestrator: k8s, node: rack1-host7, pod: web-0, endpoint: eth0}";
  const auto endpoint = Defaulted<WorkloadEndpoint>(spec, "");
  EXPECT_EQ(endpoint.metadata.name, "rack1--host7-k8s-web--0-eth0");
  EXPECT_EQ(endpoint.metadata.labels.at("projectcalico.org/namespace"), "shop");
  EXPECT_EQ(endpoint.metadata.labels.at("projectcalico.org/orchestrator"), "k8s");
}

TEST(Defaults, OfFelix) {
  const auto value = [](const std::string& spec, const char* field) {
    return Defaulted<FelixConfiguration>(spec).other_parameters.at(field);
  };
  EXPECT_EQ(value("{}", "floatingIPs"), "\"Disabled\"");
  EXPECT_EQ(value("{}", "bpfConnectTimeLoadBalancing"), "\"TCP\"");
  EXPECT_EQ(value("{}", "bpfHostNetworkedNATWithoutCTLB"), "\"Enabled\"");
  EXPECT_EQ(value("{}", "nftablesMode"), "\"Auto\"");
  EXPECT_EQ(value("{floatingIPs: Enabled}", "floatingIPs"), "\"Enabled\"");
  // The deprecated switch wins.
  const std::string on =
      "{bpfConnectTimeLoadBalancingEnabled: true, bpfHostNetworkedNATWithoutCTLB: Enabled}";
  EXPECT_EQ(value(on, "bpfConnectTimeLoadBalancing"), "\"Enabled\"");
  EXPECT_EQ(value(on, "bpfHostNetworkedNATWithoutCTLB"), "\"Disabled\"");
  EXPECT_EQ(value("{bpfConnectTimeLoadBalancingEnabled: false}", "bpfConnectTimeLoadBalancing"),
            "\"Disabled\"");
}

TEST(Defaults, OfKubeControllersDependOnTheirParents) {
  const auto none = Defaulted<KubeControllersConfiguration>("{}");
  EXPECT_EQ(none.spec.prometheus_metrics_port, 9094);
  EXPECT_EQ(none.spec.health_checks, "Enabled");
  EXPECT_EQ(none.spec.controllers, ControllersConfig{});
  const auto all = Defaulted<KubeControllersConfiguration>(
      "{prometheusMetricsPort: 0, controllers: {node: {}, loadBalancer: {}, policyMigration: {}}}");
  EXPECT_EQ(all.spec.prometheus_metrics_port, 0);
  EXPECT_EQ(all.spec.controllers.node->leak_grace_period, "15m0s");
  EXPECT_EQ(all.spec.controllers.load_balancer->assign_ips, "AllServices");
  EXPECT_EQ(all.spec.controllers.policy_migration->enabled, "Enabled");
}

TEST(Defaults, OfBgpAndAddressManagement) {
  const auto bgp = Defaulted<BGPConfiguration>("{}");
  EXPECT_EQ(bgp.log_severity_screen, "Info");
  EXPECT_EQ(bgp.service_load_balancer_aggregation, "Enabled");
  EXPECT_EQ(Defaulted<BlockAffinityResource>("{}").deleted, "false");
  const auto ipam = Defaulted<IPAMConfiguration>("{}");
  EXPECT_EQ(ipam.spec, (IpamConfigurationSpec{false, true, 0, ""}));
}

// Whatever is refused, nothing is stored, and an error names a field.
TEST(Validation, SaysWhichFieldIsWrongForEveryKind) {
  for (std::size_t kind = 0; kind <= static_cast<std::size_t>(kLastResourceKind); ++kind) {
    const std::string name(KindName(static_cast<Kind>(kind)));
    if (name == "StagedKubernetesNetworkPolicy" || name == "WorkloadEndpoint" || name == "DockerNetwork")
      continue;  // any name, a computed one, Docker's own rule
    const std::string said = OfFields(Read(name, "{}", "Bad_Name"));
    EXPECT_NE(said.find("Metadata.Name = 'Bad_Name' (name must consist of"), std::string::npos)
        << name << said;
  }
}

}  // namespace
}  // namespace calico::model::validate
