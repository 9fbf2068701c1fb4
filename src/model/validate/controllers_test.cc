// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.15, C.6.3.
#include "model/validate/names.h"
#include "model/validate/testing/verdict.h"

namespace calico::model::validate {
namespace {

std::string Template(const std::string& members) {
  return "{controllers: {node: {hostEndpoint: {templates: [" + members + "]}}}}";
}

TEST(KubeControllers, HaveSoundTemplates) {
  const std::string name = "Template.GenerateName";
  ExpectVerdicts(
      "KubeControllersConfiguration", "default", OfCreate,
      {
          {"{}", kSound},
          {Template(
               "{generateName: mgmt, interfaceCIDRs: [10.20.0.0/16], interfacePattern: eth.*, labels: {net: "
               "mgmt}, nodeSelector: all()}, {generateName: other, interfacePattern: e}"),
           kSound},
          {Template("{interfacePattern: e}"), Field(name, "", "Template name must be specified")},
          {Template("{generateName: a, interfacePattern: e}, {generateName: a, interfacePattern: e}"),
           Field(name, "a", "Template name must be unique")},
          {Template("{generateName: " + std::string(253, 'a') + ", interfacePattern: e}"),
           Field(name, std::string(253, 'a'), "Template name must be shorter than 253 characters")},
          {Template("{generateName: a}"),
           Field("Template.InterfaceCIDRs", "", "InterfaceCIDRs or InterfacePattern must be specified")},
          {Template("{generateName: a, interfaceCIDRs: [x]}"), Tag("InterfaceCIDRs[0]", "x", "cidrs")},
          {Template("{generateName: a, interfacePattern: '['}"), Tag("InterfacePattern", "[", "regexp")},
          {Template("{generateName: a, interfacePattern: e, nodeSelector: a ==}"),
           Tag("NodeSelector", "a ==", "selector", "(expected string)")},
          {Template("{generateName: a, interfacePattern: e, labels: {'a b': c}}"),
           Tag("Labels", "a b", "labels", "(" + QualifiedNameFaults("a b")[0] + ")")},
          {Template("{generateName: a, interfaceCIDRs: [10.0.0.0/8, 10.0.0.0/8]}"),
           Field("spec.controllers.node.hostEndpoint.templates[0].interfaceCIDRs[1]", "",
                 "Duplicate value: \"10.0.0.0/8\"")},
      });
}

TEST(KubeControllers, HaveSoundFields) {
  ExpectVerdicts(
      "KubeControllersConfiguration", "default", OfCreate,
      {
          {"{logSeverityScreen: Debug, healthChecks: Disabled, controllers: {loadBalancer: {assignIPs: "
           "RequestedServicesOnly}, policyMigration: {enabled: Disabled}, node: {syncLabels: Enabled, "
           "hostEndpoint: "
           "{autoCreate: Enabled, createDefaultHostEndpoint: Disabled}}}}",
           kSound},
          // The two checks of the level leave what both accept.
          {"{logSeverityScreen: Panic}", Tag("LogSeverityScreen", "Panic", "logLevel")},
          {"{logSeverityScreen: Trace}",
           Field(
               "spec.logSeverityScreen", "",
               "Unsupported value: \"Trace\": supported values: \"None\", \"Debug\", \"Info\", \"Warning\", "
               "\"Error\", \"Fatal\", \"Panic\"")},
          {"{controllers: {loadBalancer: {assignIPs: All}}}", Tag("AssignIPs", "All", "assignIPs")},
          {"{controllers: {node: {hostEndpoint: {createDefaultHostEndpoint: 'Yes'}}}}",
           Tag("CreateDefaultHostEndpoint", "Yes", "createDefaultHostEndpoint")},
          {"{healthChecks: 'Off'}",
           Field("spec.healthChecks", "",
                 "Unsupported value: \"Off\": supported values: \"Enabled\", \"Disabled\"")},
          {"{prometheusMetricsPort: 65536}",
           Field("spec.prometheusMetricsPort", "",
                 "spec.prometheusMetricsPort in body should be less than or equal to 65535")},
          {"{debugProfilePort: -1}",
           Field("spec.debugProfilePort", "",
                 "spec.debugProfilePort in body should be greater than or equal to 0")},
      });
}

TEST(NodeStatuses, SayWhatToReportAndHowOften) {
  ExpectVerdicts(
      "CalicoNodeStatus", "h1", OfCreate,
      {{"{node: h1, classes: [Agent, BGP, Routes], updatePeriodSeconds: 0}", kSound},
       {"{node: h1, classes: [BGP], updatePeriodSeconds: 86400}", kSound},
       {"{classes: [BGP], updatePeriodSeconds: 10}", Tag("Node", "", "required")},
       {"{node: H, classes: [BGP], updatePeriodSeconds: 10}", Tag("Node", "H", "name")},
       {"{node: h1, updatePeriodSeconds: 10}", Tag("Classes", "", "required")},
       {"{node: h1, classes: [Disk], updatePeriodSeconds: 10}", Tag("Classes[0]", "Disk", "oneof")},
       {"{node: h1, classes: [BGP, BGP], updatePeriodSeconds: 10}", Tag("Classes", "BGP,BGP", "unique")},
       {"{node: h1, classes: [BGP]}", Tag("UpdatePeriodSeconds", "", "required")},
       {"{node: h1, classes: [BGP], updatePeriodSeconds: 86401}",
        Tag("UpdatePeriodSeconds", "86401", "lte", "(must be at most 86400)")}});
  CalicoNodeStatus status;
  status.agent.bird_v4.state = "Ready";
  status.bgp.peers_v4 = {{"10.0.0.1", "NodeMesh", "Established", ""}};
  status.routes.routes_v6 = {{"FIB", "fd00::/8", "", "eth0", {"BGPPeer", ""}}};
  EXPECT_EQ(OfSchema(status), kSound);
  status.bgp.peers_v4[0].state = "Up";
  EXPECT_EQ(
      OfSchema(status),
      Field("status.bgp.peersV4[0].state", "",
            "Unsupported value: \"Up\": supported values: \"Idle\", \"Connect\", \"Active\", \"OpenSent\", "
            "\"OpenConfirm\", \"Established\", \"Close\""));
}

TEST(LiveMigrations, HaveOneFormOfEachSide) {
  const std::string endpoint =
      R"("workloadEndpoint":{"hostname":"h1","orchestratorID":"o","workloadID":"w","endpointID":"e"})";
  const auto sides = [](const std::string& source, const std::string& target) {
    return R"({"source":{)" + source + R"(},"target":{)" + target + "}}";
  };
  ExpectVerdicts(
      "LiveMigration", "mig-1", OfCreate,
      {{sides(endpoint, endpoint), kSound},
       {sides(R"("workload":{"name":"a"})", R"j("selector":"has(a)")j"), kSound},
       {sides("", endpoint), Field("Source", "", "exactly one of workload and workloadEndpoint must be set")},
       {sides(endpoint, R"j("selector":"has(a)",)j" + endpoint),
        Field("Target", "", "exactly one of selector and workloadEndpoint must be set")},
       {sides(endpoint, R"j("selector":"has(")j"),
        Tag("Selector", "has(", "selector", "(expected identifier)")}});
}

}  // namespace
}  // namespace calico::model::validate
