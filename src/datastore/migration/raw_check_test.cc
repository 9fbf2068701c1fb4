// SPDX-License-Identifier: Apache-2.0
#include "datastore/migration/raw_check.h"

#include <gtest/gtest.h>

namespace calico::datastore::migration {
namespace {

const std::vector<KeyValue>& Source() {
  static const std::vector<KeyValue> kSource{
      {"/calico/resources/v3/projectcalico.org/profiles/web",
       R"({"metadata":{"name":"web"},"spec":{"labelsToApply":{"role":"x","web":""}}})", 1},
      {"/calico/resources/v3/projectcalico.org/workloadendpoints/default/h1-k8s-pod-eth0",
       R"({"metadata":{"name":"h1-k8s-pod-eth0"},"spec":{}})", 1}};
  return kSource;
}

TEST(MigrationRawCheck, AcceptsWhatIsConvertedAndWhatIsOfOthers) {
  EXPECT_EQ(FindUnreadable(Source(), {{"/calico/v1/policy/profile/web/tags", R"(["web"])", 1},
                                      {"/calico/v1/config/LogSeverityScreen", "warning", 1},
                                      {"/calico/v1/config/OfOthers", "?", 1},
                                      {"/calico/v1/host/h1/odd", "?", 1}}),
            std::vector<Remark>{});
}

TEST(MigrationRawCheck, ReportsObjectsThatTheirProgramsPassedOver) {
  EXPECT_EQ(FindUnreadable(Source(), {{"/calico/v1/policy/tier/default/policy/p", "{", 1}}),
            (std::vector<Remark>{
                {"policy", "p", "the value of /calico/v1/policy/tier/default/policy/p can not be read"}}));
}

TEST(MigrationRawCheck, ReportsSettingsThatFelixDoesNotUnderstand) {
  const auto problems =
      FindUnreadable(Source(), {{"/calico/v1/host/h1/config/ReportingIntervalSecs", "soon", 1}});
  ASSERT_EQ(problems.size(), 1U);
  EXPECT_EQ(problems[0].v1_kind, "felixConfig");
  EXPECT_EQ(problems[0].v1_name, "node.h1");
  EXPECT_EQ(problems[0].text.find("ReportingIntervalSecs = 'soon': "), 0U);
}

TEST(MigrationRawCheck, ReportsATagThatIsALabelToo) {
  EXPECT_EQ(
      FindUnreadable(Source(), {{"/calico/v1/policy/profile/web/tags", R"(["role"])", 1}}),
      (std::vector<Remark>{{"profile", "web",
                            "Tag: 'role' and Label 'role == x' have the same value for Profile: web. Change "
                            "the Label key before proceeding"}}));
}

TEST(MigrationRawCheck, ReportsPodsWithoutANamespace) {
  EXPECT_EQ(FindUnreadable(Source(), {{"/calico/v1/host/h1/workload/k8s/pod/endpoint/eth0", "{}", 1}}),
            (std::vector<Remark>{
                {"workloadEndpoint", "h1-k8s-pod-eth0", "workload 'pod' of Kubernetes names no namespace"}}));
}

}  // namespace
}  // namespace calico::datastore::migration
