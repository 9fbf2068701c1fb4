// SPDX-License-Identifier: Apache-2.0
#include "apps/node/bgp_variables.h"

#include <gtest/gtest.h>

namespace calico::node {
namespace {

using Variables = std::map<std::string, std::string>;

Result<BgpVariables> Read(const Variables& variables) {
  return ReadBgpVariables(Environment(variables), "node1");
}
dataplane_api::BgpView Applied(const Variables& variables, dataplane_api::BgpView view) {
  const auto read = Read(variables);
  EXPECT_TRUE(read.has_value());
  if (read.has_value()) Apply(*read, view);
  return view;
}

TEST(BgpVariablesTest, UnsetTheyLeaveTheStoresView) {
  dataplane_api::BgpView view;
  view.log_severity = "Info";
  view.services = {*net::Cidr::Parse("10.96.0.0/12")};
  EXPECT_EQ(Applied({{"BGP_LOGSEVERITYSCREEN", ""}}, view), view);
}

TEST(BgpVariablesTest, TheSeverityWinsOverTheStores) {
  dataplane_api::BgpView view;
  view.log_severity = "Info";
  EXPECT_EQ(Applied({{"BGP_LOGSEVERITYSCREEN", "debug"}}, view).log_severity, "debug");
  EXPECT_EQ(Read({{"BGP_LOGSEVERITYSCREEN", "loud"}}).error().message(),
            "BGP_LOGSEVERITYSCREEN='loud': use debug, info, warning, error, critical or none");
}

TEST(BgpVariablesTest, ClusterIpsCountWhereTheStoreNamesNoServices) {
  const Variables variables{{"CALICO_ADVERTISE_CLUSTER_IPS", "10.96.0.0/12, fd00:96::/112"}};
  dataplane_api::BgpView view;
  EXPECT_EQ(Applied(variables, view).services,
            (std::vector<net::Cidr>{*net::Cidr::Parse("10.96.0.0/12"), *net::Cidr::Parse("fd00:96::/112")}));
  view.services = {*net::Cidr::Parse("10.100.0.0/16")};
  EXPECT_EQ(Applied(variables, view).services, view.services);
  EXPECT_EQ(Read({{"CALICO_ADVERTISE_CLUSTER_IPS", "10.96.0.0/12,all"}}).error().message(),
            "CALICO_ADVERTISE_CLUSTER_IPS: 'all' is no prefix such as 10.96.0.0/12");
}

TEST(BgpVariablesTest, BfdAndTheRouterIdAreTheAgents) {
  const auto view = Applied({{"CALICO_BGP_BFD", "true"}, {"CALICO_ROUTER_ID", "10.0.0.9"}}, {});
  EXPECT_TRUE(view.bfd);
  EXPECT_EQ(view.router_id, net::Ip::Parse("10.0.0.9"));
  EXPECT_FALSE(Read({{"CALICO_ROUTER_ID", "me"}}).has_value());
}

}  // namespace
}  // namespace calico::node
