// SPDX-License-Identifier: Apache-2.0
#include "apps/node/service_environment.h"

#include <gtest/gtest.h>

namespace calico::node {
namespace {

TEST(WithServiceNames, ReadsTheNamesOfTheServiceFile) {
  const Environment read = WithServiceNames(Environment({{"CALICO_NODENAME", "node-a"},
                                                         {"CALICO_IP", "10.0.0.1"},
                                                         {"CALICO_IP6", "autodetect"},
                                                         {"CALICO_AS", "64513"},
                                                         {"CALICO_NO_DEFAULT_POOLS", "true"},
                                                         {"ETCD_CA_FILE", "/ca"},
                                                         {"CALICO_NETWORKING_BACKEND", "bird"}}));
  EXPECT_EQ(read.Get("NODENAME"), "node-a");
  EXPECT_EQ(read.Get("IP"), "10.0.0.1");
  EXPECT_EQ(read.Get("IP6"), "autodetect");
  EXPECT_EQ(read.Get("AS"), "64513");
  EXPECT_EQ(read.Get("NO_DEFAULT_POOLS"), "true");
  EXPECT_EQ(read.Get("ETCD_CA_CERT_FILE"), "/ca");
  EXPECT_EQ(read.Get("CALICO_NETWORKING_BACKEND"), "bird");
}

TEST(WithServiceNames, LetsTheAgentsOwnNamesWinUnlessEmpty) {
  const Environment read = WithServiceNames(
      Environment({{"CALICO_IP", "10.0.0.1"}, {"IP", "10.0.0.2"}, {"CALICO_AS", ""}, {"AS", ""}}));
  EXPECT_EQ(read.Get("IP"), "10.0.0.2");
  EXPECT_EQ(read.Get("AS"), std::nullopt);
  EXPECT_EQ(WithServiceNames(Environment({{"CALICO_IP", "10.0.0.1"}, {"IP", ""}})).Get("IP"), "10.0.0.1");
}

}  // namespace
}  // namespace calico::node
