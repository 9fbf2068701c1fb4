// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.15, C.6.3: what controllers and operators use.
#include <algorithm>
#include <set>

#include "base/text.h"
#include "model/validate/addresses.h"
#include "model/validate/checks.h"
#include "model/validate/names.h"

namespace calico::model::validate {
namespace {

constexpr std::size_t kTemplateNameLimit = 253;

void CheckTemplates(const std::vector<HostEndpointTemplate>& templates, Problems& problems) {
  std::set<std::string> names;
  for (const HostEndpointTemplate& item : templates) {
    if (item.generate_name.empty()) {
      problems.Add("Template.GenerateName", "", "Template name must be specified");
    } else if (item.generate_name.size() >= kTemplateNameLimit) {
      problems.Add("Template.GenerateName", item.generate_name,
                   "Template name must be shorter than 253 characters");
    } else if (!names.insert(item.generate_name).second) {
      problems.Add("Template.GenerateName", item.generate_name, "Template name must be unique");
    }
    if (item.interface_cidrs.empty() && item.interface_pattern.empty()) {
      problems.Add("Template.InterfaceCIDRs", "", "InterfaceCIDRs or InterfacePattern must be specified");
    }
    problems.MatchAll("InterfaceCIDRs", item.interface_cidrs, IsCidr, "cidrs");
    problems.Match("InterfacePattern", item.interface_pattern, IsRegularExpression, "regexp");
    problems.SelectorText("NodeSelector", item.node_selector);
    for (const auto& [key, value] : item.labels) {
      if (!IsQualifiedName(key))
        problems.Tag("Labels", key, "labels", QualifiedNameFaults(key)[0]);
      else if (!IsLabelValue(value))
        problems.Tag("Labels", value, "labels", LabelValueFaults(value)[0]);
    }
  }
}

void CheckSide(std::string_view field, const LiveMigrationSide& side, bool source, Problems& problems) {
  const bool other = source ? !side.workload_json.empty() : !side.selector.empty();
  if (other == side.workload_endpoint.has_value()) {
    problems.Add(field, "",
                 source ? "exactly one of workload and workloadEndpoint must be set"
                        : "exactly one of selector and workloadEndpoint must be set");
  }
  problems.SelectorText("Selector", side.selector);
}

}  // namespace

void Check(const KubeControllersConfiguration& configuration, Problems& problems) {
  const KubeControllersSpec& spec = configuration.spec;
  problems.OneOf("LogSeverityScreen", spec.log_severity_screen,
                 {"Trace", "Debug", "Info", "Warning", "Error", "Fatal"}, "logLevel");
  if (spec.controllers.load_balancer) {
    problems.OneOf("AssignIPs", spec.controllers.load_balancer->assign_ips,
                   {"AllServices", "RequestedServicesOnly"}, "assignIPs");
  }
  if (!spec.controllers.node || !spec.controllers.node->host_endpoint) return;
  const AutoHostEndpointConfig& automatic = *spec.controllers.node->host_endpoint;
  problems.OneOf("CreateDefaultHostEndpoint", automatic.create_default_host_endpoint, {"Enabled", "Disabled"},
                 "createDefaultHostEndpoint");
  CheckTemplates(automatic.templates, problems);
}

void Check(const CalicoNodeStatus& status, Problems& problems) {
  if (status.node.empty()) problems.Tag("Node", "", "required");
  problems.Match("Node", status.node, IsName, "name");
  if (status.classes.empty()) problems.Tag("Classes", "", "required");
  problems.MatchAll(
      "Classes", status.classes,
      [](std::string_view text) { return text == "Agent" || text == "BGP" || text == "Routes"; }, "oneof");
  if (std::set<std::string>(status.classes.begin(), status.classes.end()).size() != status.classes.size())
    problems.Tag("Classes", Join(status.classes, ","), "unique");
  constexpr int kDay = 86400;
  if (!status.update_period_seconds)
    problems.Tag("UpdatePeriodSeconds", "", "required");
  else
    problems.Range("UpdatePeriodSeconds", *status.update_period_seconds, 0, kDay);
}

void Check(const LiveMigration& migration, Problems& problems) {
  CheckSide("Source", migration.source, /*source=*/true, problems);
  CheckSide("Target", migration.target, /*source=*/false, problems);
}

}  // namespace calico::model::validate
