// SPDX-License-Identifier: Apache-2.0
// The stored bytes of every kind against the reference's, see testdata/datastore-model/README.md.
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/codec/json.h"

namespace calico::model {
namespace {

using ::testing::ElementsAre;

struct Golden {
  std::string file, path, stored;
  std::string as_printed;  // the example with its members in another order; empty if there is none
};

std::vector<Golden> Goldens() {
  std::vector<Golden> goldens;
  for (const auto& entry : std::filesystem::directory_iterator(TESTDATA "/datastore-model")) {
    if (entry.path().extension() != ".txt") continue;
    std::ifstream file(entry.path());
    std::string section;
    Golden golden;
    golden.file = entry.path().filename();
    std::getline(file, section);
    std::getline(file, golden.path);
    std::getline(file, golden.stored);
    std::getline(file, golden.as_printed);
    goldens.push_back(std::move(golden));
  }
  return goldens;
}

Golden Named(const std::string& file) {
  for (Golden& golden : Goldens()) {
    if (golden.file == file) return golden;
  }
  ADD_FAILURE() << "no " << file;
  return {};
}
template <typename T>
T Typed(const std::string& file) {
  const Golden golden = Named(file);
  const auto key = ParsePath(golden.path);
  EXPECT_TRUE(key.has_value()) << golden.path;
  auto object = DecodeValue(*key, golden.stored);
  EXPECT_TRUE(object.has_value()) << (object ? "" : object.error().message());
  return std::get<T>(*object);
}

TEST(StoredBytes, AreTheReferencesForEveryKind) {
  std::set<Kind> kinds;
  for (const Golden& golden : Goldens()) {
    const auto key = ParsePath(golden.path);
    ASSERT_TRUE(key.has_value()) << golden.file;
    kinds.insert(key->kind);
    const auto object = DecodeValue(*key, golden.stored);
    ASSERT_TRUE(object.has_value()) << golden.file << ": " << object.error().message();
    EXPECT_EQ(EncodeValue(*key, *object), golden.stored) << golden.file;
    std::visit(
        [&](const auto& o) {
          EXPECT_TRUE(o.unknown.empty() || key->kind == Kind::kIpamConfig) << golden.file;
        },
        *object);
  }
  // All resource kinds and all of IPAM; those of Docker's networks are this program's own.
  for (int kind = 0; kind < static_cast<int>(Kind::kDockerNetworkName); ++kind) {
    if (static_cast<Kind>(kind) == Kind::kDockerNetwork) continue;
    EXPECT_TRUE(kinds.contains(static_cast<Kind>(kind))) << KindName(static_cast<Kind>(kind));
  }
}

TEST(StoredBytes, KeysAreTheReferences) {
  for (const Golden& golden : Goldens()) {
    const auto key = ParsePath(golden.path);
    ASSERT_TRUE(key.has_value()) << golden.file;
    EXPECT_EQ(ToPath(*key), golden.path);
    if (!IsResource(key->kind)) continue;
    EXPECT_TRUE(golden.path.starts_with(ListPrefix(key->kind)));
    const auto object = DecodeValue(*key, golden.stored);
    ASSERT_TRUE(object.has_value()) << golden.file;
    EXPECT_EQ(KeyOf(*object), *key) << golden.file;
  }
}

TEST(StoredBytes, FollowFromMembersInAnyOrder) {
  int reordered = 0;
  for (const Golden& golden : Goldens()) {
    if (golden.as_printed.empty()) continue;
    ++reordered;
    const auto key = ParsePath(golden.path);
    const auto object = DecodeValue(*key, golden.as_printed);
    ASSERT_TRUE(object.has_value()) << golden.file << ": " << object.error().message();
    EXPECT_EQ(EncodeValue(*key, *object), golden.stored) << golden.file;
  }
  EXPECT_GT(reordered, 5);
}

TEST(StoredBytes, FillTheTypedMembers) {
  const auto node = Typed<Node>("Node.txt");
  EXPECT_EQ(node.bgp->ipv4_address, "10.20.0.7/24");
  EXPECT_EQ(node.addresses.at(0), (NodeAddress{"10.20.0.7/24", "CalicoNodeIP"}));
  EXPECT_EQ(node.metadata.labels.at("rack"), "r1");
  EXPECT_EQ(node.status.pod_cidrs, std::vector<std::string>{"10.244.3.0/24"});
  const auto endpoint = Typed<WorkloadEndpoint>("WorkloadEndpoint.txt");
  EXPECT_THAT(endpoint.ip_networks, ElementsAre("10.77.3.5/32", "fd00:77::5/128"));
  EXPECT_EQ(endpoint.ports.at(0), (EndpointPort{"http", "TCP", 8080, 0, ""}));
  EXPECT_EQ(endpoint.metadata.generate_name, "web-");
  const auto policy = Typed<NetworkPolicy>("NetworkPolicy.txt");
  EXPECT_EQ(policy.metadata.annotations, (std::map<std::string, std::string>()));
  EXPECT_EQ(policy.spec.egress.at(0).destination.services->ns, "data");
  const auto controllers = Typed<KubeControllersConfiguration>("KubeControllersConfiguration.txt");
  EXPECT_EQ(controllers.environment_vars.at("ENABLED_CONTROLLERS"), "node");
  const auto block = Typed<IpamBlock>("ipam-block.txt");
  EXPECT_EQ(block.affinity, "host:rack1-host7");
  EXPECT_EQ(block.allocations.at(5), 1);
  EXPECT_EQ(block.allocations.at(0), std::nullopt);
  EXPECT_EQ(block.sequence_number_for_allocation.at("5"), 1772445605123456790u);
}

// What another component added stays in its place through every kind: on top, in metadata, spec and status.
TEST(StoredBytes, KeepUnknownMembersOfEveryKind) {
  for (const Golden& golden : Goldens()) {
    const auto key = ParsePath(golden.path);
    if (!IsResource(key->kind)) continue;
    std::string stored = golden.stored;
    const auto insert_at_end_of = [&stored](const std::string& member, const std::string& text) {
      std::size_t at = stored.find("\"" + member + "\":{");
      if (at == std::string::npos) return;
      at = stored.find('{', at);
      int depth = 0;
      bool quoted = false;
      for (std::size_t i = at; i < stored.size(); ++i) {
        if (stored[i] == '"' && stored[i - 1] != '\\') quoted = !quoted;
        if (quoted) continue;
        if (stored[i] == '{') ++depth;
        if (stored[i] == '}' && --depth == 0) {
          stored.insert(i, (i == at + 1 ? "" : ",") + text);
          return;
        }
      }
    };
    insert_at_end_of("metadata",
                     R"("ownerReferences":[{"kind":"Pod","name":"x"}],"finalizers":["a/b"],"later":1)");
    insert_at_end_of("spec", R"("fromTheFuture":{"z":[1,{"a":null}],"b":2.5})");
    if (stored.find("\"status\":{") != std::string::npos) insert_at_end_of("status", R"("later":true)");
    stored.insert(stored.size() - 1, R"(,"extra":"\u0026")");
    const auto object = DecodeValue(*key, stored);
    ASSERT_TRUE(object.has_value()) << golden.file << ": " << object.error().message();
    EXPECT_EQ(EncodeValue(*key, *object), stored) << golden.file;
  }
}

}  // namespace
}  // namespace calico::model
