// SPDX-License-Identifier: Apache-2.0
// The choice by what a real etcd holds, which serves both of its APIs, or the newer one only.
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/choice.h"
#include "datastore/testing/etcd_server.h"

namespace calico::datastore {
namespace {

using testing::EtcdServer;
using testing::EtcdSettings;

EtcdSettings WithV2() {
  EtcdSettings settings;
  settings.v2 = true;
  return settings;
}
Result<StoreChoice> Choose(const EtcdServer& server, const std::string& type = "") {
  const std::map<std::string, std::string> variables{{"ETCD_ENDPOINTS", server.endpoint()},
                                                     {"DATASTORE_TYPE", type}};
  return ChooseStore(Environment(variables), "", Program::kCalicoctl);
}
void Write(const EtcdServer& server, const std::string& type) {
  const auto choice = Choose(server, type);
  ASSERT_TRUE(choice.has_value()) << choice.error().message();
  const auto client = OpenStore(*choice);
  ASSERT_TRUE(client.has_value()) << client.error().message();
  const auto put = (*client)->Put("/calico/felix/v1/test", "x");
  ASSERT_TRUE(put.has_value()) << put.error().message();
}
std::string Check(const EtcdServer& server, const std::string& type) {
  const auto choice = Choose(server, type);
  const auto client = OpenStore(*choice);
  const Status status = CheckGeneration(*choice, **client);
  return status.has_value() ? "" : status.error().message();
}

TEST(Generation, IsThatOfTheDataInARealEtcd) {
  const EtcdServer server(WithV2());
  auto choice = Choose(server);
  ASSERT_TRUE(choice.has_value()) << choice.error().message();
  EXPECT_EQ(choice->reason, "ETCD_ENDPOINTS is set; no Calico data yet");
  EXPECT_EQ(Check(server, "etcdv3"), "");
  Write(server, "etcdv2");
  choice = Choose(server);
  ASSERT_TRUE(choice.has_value()) << choice.error().message();
  EXPECT_EQ(choice->type, StoreType::kEtcdV2);
  EXPECT_THAT(Check(server, "etcdv3"), ::testing::HasSubstr("holds Calico data in etcdv2 only"));
  EXPECT_EQ(Check(server, "etcdv2"), "");
  Write(server, "etcdv3");
  EXPECT_THAT(Choose(server).error().message(),
              ::testing::HasSubstr("holds Calico data of both generations"));
  EXPECT_EQ(Check(server, "etcdv3"), "");
}

TEST(Generation, IsTheNewerOneOnAServerWithoutTheOlderApi) {
  const EtcdServer server;
  Write(server, "etcdv3");
  const auto choice = Choose(server);
  ASSERT_TRUE(choice.has_value()) << choice.error().message();
  EXPECT_EQ(choice->type, StoreType::kEtcdV3);
  EXPECT_EQ(choice->reason, "ETCD_ENDPOINTS is set; Calico data is in etcdv3");
}

TEST(Generation, OfAServerThatIsAwayIsNotGuessed) {
  const std::map<std::string, std::string> variables{{"ETCD_ENDPOINTS", "http://127.0.0.1:1"}};
  const auto choice = ChooseStore(Environment(variables), "", Program::kNode);
  ASSERT_FALSE(choice.has_value());
  EXPECT_EQ(choice.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(choice.error().message(), ::testing::HasSubstr("http://127.0.0.1:1"));
}

}  // namespace
}  // namespace calico::datastore
