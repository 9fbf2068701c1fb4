// SPDX-License-Identifier: Apache-2.0
// Objects of a Calico 2.6 store, read, written back and made anew on a real etcd, byte for byte.
#include <algorithm>
#include <map>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"
#include "datastore/etcdv2/etcdv2_client.h"
#include "datastore/etcdv2/raw_store.h"
#include "datastore/testing/etcd_server.h"
#include "model/codec/json.h"

namespace calico::datastore {
namespace {

using namespace std::chrono_literals;
using etcdv2::Condition;
using etcdv2::RawStore;
using ::testing::HasSubstr;

constexpr char kResources[] = "/calico/resources/v3/projectcalico.org/";

struct Golden {
  std::string path;
  std::map<std::string, std::string> raw;
  std::string value;
};
void PrintTo(const Golden& golden, std::ostream* out) {
  *out << golden.path;
}

std::vector<Golden> ReadGoldens() {
  std::vector<Golden> goldens;
  for (const std::string& line : Split(ReadFile(ETCDV2_TESTDATA "/calico26_store.txt").value_or(""), '\n')) {
    if (line.empty() || line.starts_with('#')) continue;
    const std::size_t space = line.find(' ');
    const std::string word = line.substr(0, space), rest = line.substr(space + 1);
    if (word == "object")
      goldens.push_back({rest, {}, ""});
    else if (word == "value")
      goldens.back().value = rest;
    else
      goldens.back().raw[word] = rest;
  }
  return goldens;
}

class EtcdV2Store : public ::testing::Test {
 protected:
  EtcdV2Store() {
    EXPECT_NE(client_, nullptr);
    const Status emptied = raw_.Delete("/calico", std::nullopt, true);
    static_cast<void>(emptied);  // absent in the first test
  }
  static testing::EtcdServer& server() {
    static testing::EtcdServer one(testing::EtcdSettings{{}, true, {}});
    return one;
  }
  static EtcdOptions Options() {
    EtcdOptions options;
    options.endpoints = {server().endpoint()};
    options.call_timeout = 5s;
    return options;
  }
  void PutRaw(const std::string& key, const std::string& value) {
    const auto put = raw_.Put(key, value, Condition::None());
    EXPECT_TRUE(put.has_value()) << put.error().message();
  }
  std::string GetRaw(const std::string& key) {
    const auto node = raw_.Get(key);
    return node.has_value() ? node->value : "(" + node.error().message() + ")";
  }
  std::map<std::string, std::string> AllRaw() {
    std::map<std::string, std::string> all;
    const auto list = raw_.List("/calico", true);
    for (const etcdv2::RawNode& node : list->nodes) {
      // See APoolWithIpipTurnsItOnForAllHosts.
      if (!node.dir && !node.key.ends_with("/IpInIpEnabled")) all[node.key] = node.value;
    }
    return all;
  }
  // Reads, changes and writes an object.
  template <typename T, typename Change>
  Status Edit(const std::string& path, const Change& change) {
    ASSIGN_OR_RETURN(const KeyValue kv, client_->Get(path));
    const model::Key key = *model::ParsePath(path);
    ASSIGN_OR_RETURN(model::Object object, model::DecodeValue(key, kv.value));
    change(std::get<T>(object));
    auto written = client_->Update(path, model::EncodeValue(key, object), kv.revision);
    return written.has_value() ? Ok() : Status(std::move(written).error());
  }
  Status Make(const model::Object& object) {
    const model::Key key = model::KeyOf(object);
    auto written = client_->Create(model::ToPath(key), model::EncodeValue(key, object));
    return written.has_value() ? Ok() : Status(std::move(written).error());
  }

  const std::unique_ptr<Client> client_ = std::move(OpenEtcdV2(Options())).value();
  const RawStore raw_{*etcdv2::Transport::Open(Options()), std::nullopt};
};

class EtcdV2Goldens : public EtcdV2Store, public ::testing::WithParamInterface<Golden> {};
INSTANTIATE_TEST_SUITE_P(Reference, EtcdV2Goldens, ::testing::ValuesIn(ReadGoldens()));

TEST_P(EtcdV2Goldens, IsReadWrittenBackAndMadeAnewByteForByte) {
  const Golden& golden = GetParam();
  for (const auto& [key, value] : golden.raw) PutRaw(key, value);
  const auto read = client_->Get(golden.path);
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(read->key, golden.path);
  const model::Key key = *model::ParsePath(golden.path);
  const auto object = model::DecodeValue(key, read->value);
  ASSERT_TRUE(object.has_value()) << object.error().message();
  const std::string value = model::EncodeValue(key, *object);
  // IPAM values are compared as the model writes them: null members of 2.6 do not count.
  EXPECT_EQ(model::IsResource(key.kind) ? read->value : value,
            ReplaceAll(golden.value, "REVISION", std::to_string(read->revision)));

  const auto updated = client_->Update(golden.path, value, read->revision);
  ASSERT_TRUE(updated.has_value()) << updated.error().message();
  EXPECT_EQ(AllRaw(), golden.raw);
  EXPECT_EQ(client_->Get(golden.path)->revision, *updated);

  ASSERT_TRUE(client_->Delete(golden.path, *updated).has_value());
  EXPECT_TRUE(AllRaw().empty());
  EXPECT_EQ(client_->Get(golden.path).error().code(), ErrorCode::kNotFound);
  const auto created = client_->Create(golden.path, value);
  ASSERT_TRUE(created.has_value()) << created.error().message();
  EXPECT_EQ(AllRaw(), golden.raw);
  EXPECT_EQ(client_->Create(golden.path, value).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(client_->Update(golden.path, value, *created + 100).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(client_->Delete(golden.path, *created + 100).error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(client_->Put(golden.path, value).has_value());
  EXPECT_EQ(AllRaw(), golden.raw);
}

TEST_F(EtcdV2Store, ListsAllObjectsOfAllKindsInTheOrderOfTheirPaths) {
  std::vector<std::string> paths;
  for (const Golden& golden : ReadGoldens()) {
    for (const auto& [key, value] : golden.raw) PutRaw(key, value);
    if (golden.path.starts_with(kResources)) paths.push_back(golden.path);
  }
  // Nodes of the other objects' hosts: "host exists" (reference datastore-model B.3.1).
  for (const char* node : {"h1"}) paths.push_back(std::string(kResources) + "nodes/" + node);
  std::sort(paths.begin(), paths.end());
  const auto listed = client_->List("/calico/resources/v3/");
  ASSERT_TRUE(listed.has_value());
  std::vector<std::string> found;
  for (const KeyValue& kv : listed->items) found.push_back(kv.key);
  EXPECT_EQ(found, paths);
  for (const KeyValue& kv : listed->items) {
    EXPECT_EQ(*client_->Get(kv.key), kv);
    const auto alone = client_->List(kv.key.substr(0, kv.key.size() - 1));
    ASSERT_TRUE(alone.has_value());
    EXPECT_TRUE(std::find(alone->items.begin(), alone->items.end(), kv) != alone->items.end()) << kv.key;
  }
  EXPECT_EQ(client_->List(std::string(kResources) + "nodes/")->items.size(), 2U);
  EXPECT_EQ(client_->List(std::string(kResources) + "networkpolicies/")->items.size(), 0U);
  EXPECT_EQ(client_->List("/calico/ipam/v2/")->items.size(), 4U);
}

// --- what this version does not know

TEST_F(EtcdV2Store, KeepsUnknownMembersWhenAnotherOneChanges) {
  const std::string key = "/calico/v1/host/h1/workload/cni/c1/endpoint/eth0";
  PutRaw(key, R"({"state":"inactive","name":"cali1","active_instance_id":"i","mac":null,"profile_ids":["a"],)"
              R"("ipv4_nets":[],"ipv6_nets":[],"fancy":{"x":[1]}})");
  const std::string path = std::string(kResources) + "workloadendpoints/default/h1-cni-c1-eth0";
  ASSERT_TRUE(Edit<model::WorkloadEndpoint>(path, [](auto& o) { o.profiles = {"b"}; }).has_value());
  EXPECT_EQ(GetRaw(key),
            R"({"state":"inactive","name":"cali1","active_instance_id":"i","mac":null,"profile_ids":["b"],)"
            R"("ipv4_nets":[],"ipv6_nets":[],"fancy":{"x":[1]}})");
}

TEST_F(EtcdV2Store, KeepsTheFormOfRulesThatDoNotChange) {
  const std::string key = "/calico/v1/policy/tier/default/policy/p%2fq";
  PutRaw(
      key,
      R"({"inbound_rules":[{"src_net":"10.1.2.3/8","log_prefix":"x"},{"action":"Deny","dst_tag":"t","future":1}],)"
      R"("selector":"","more":true})");
  const std::string path = std::string(kResources) + "globalnetworkpolicies/p%2fq";
  const auto read = client_->Get(path);
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_THAT(read->value, HasSubstr(R"("source":{"nets":["10.0.0.0/8"]})"));
  EXPECT_THAT(read->value, HasSubstr(R"("destination":{"selector":"t == ''"})"));
  EXPECT_THAT(read->value, HasSubstr(R"("types":["Ingress","Egress"])"));
  ASSERT_TRUE(Edit<model::GlobalNetworkPolicy>(path, [](auto& o) {
                o.spec.ingress[1].protocol = "TCP";
                o.spec.order = 1.5;
              }).has_value());
  EXPECT_EQ(GetRaw(key),
            R"({"order":1.5,"inbound_rules":[{"src_net":"10.1.2.3/8","log_prefix":"x"},)"
            R"({"action":"Deny","protocol":"tcp","dst_tag":"t","future":1}],"selector":"","more":true})");
}

TEST_F(EtcdV2Store, KeepsTagsApartFromLabels) {
  const std::string root = "/calico/v1/policy/profile/p/";
  PutRaw(root + "tags", R"(["b","a"])");
  PutRaw(root + "labels", R"({"empty":"","l":"1"})");
  const std::string path = std::string(kResources) + "profiles/p";
  ASSERT_TRUE(Edit<model::Profile>(path, [](auto& o) {
                EXPECT_EQ(o.labels_to_apply, (std::map<std::string, std::string>{
                                                 {"a", ""}, {"b", ""}, {"empty", ""}, {"l", "1"}}));
                o.labels_to_apply.erase("a");
                o.labels_to_apply["new"] = "";
              }).has_value());
  EXPECT_EQ(GetRaw(root + "tags"), R"(["b","new"])");
  EXPECT_EQ(GetRaw(root + "labels"), R"({"empty":"","l":"1"})");
  EXPECT_THAT(GetRaw(root + "rules"), HasSubstr("no such key"));
}

TEST_F(EtcdV2Store, LeavesSettingsAloneThatItCannotRead) {
  PutRaw("/calico/v1/config/IptablesRefreshInterval", "soon");
  PutRaw("/calico/v1/config/SomethingElse", "x");
  PutRaw("/calico/v1/config/LogSeverityScreen", "DEBUG");
  const std::string path = std::string(kResources) + "felixconfigurations/default";
  ASSERT_TRUE(Edit<model::FelixConfiguration>(path, [](auto& o) {
                EXPECT_EQ(o.log_severity_screen, "Debug");
                o.reporting_interval = "1m30s";
              }).has_value());
  EXPECT_EQ(AllRaw(),
            (std::map<std::string, std::string>{{"/calico/v1/config/IptablesRefreshInterval", "soon"},
                                                {"/calico/v1/config/LogSeverityScreen", "DEBUG"},
                                                {"/calico/v1/config/ReportingIntervalSecs", "90"},
                                                {"/calico/v1/config/SomethingElse", "x"}}));
  ASSERT_TRUE(client_->Delete(path, 0).has_value());
  EXPECT_EQ(AllRaw(), (std::map<std::string, std::string>{{"/calico/v1/config/SomethingElse", "x"}}));
}

TEST_F(EtcdV2Store, SkipsValuesThatAreBroken) {
  PutRaw("/calico/v1/policy/tier/default/policy/good", R"({"selector":"","types":["ingress"]})");
  PutRaw("/calico/v1/ipam/v4/pool/10.0.0.0-8", "{");
  PutRaw("/calico/v1/policy/tier/default/metadata", R"({"order":null})");
  PutRaw("/calico/v1/policy/profile/p/labels", "{}");  // no tags: no profile
  EXPECT_EQ(client_->List("/calico/resources/v3/")->items.size(), 1U);
  EXPECT_EQ(client_->Get(std::string(kResources) + "ippools/10-0-0-0-8").error().code(),
            ErrorCode::kInvalidArgument);
}

// --- directories, composite objects

TEST_F(EtcdV2Store, HandsOnPoliciesThatAreBrokenForTheyMustNotSeemAbsent) {
  for (const char* value : {"{", R"({"inbound_rules":7})", R"({"inbound_rules":[{"action":"dance"}]})"}) {
    PutRaw("/calico/v1/policy/tier/default/policy/broken", value);
    const auto key = model::Key::Resource(model::Kind::kGlobalNetworkPolicy, "broken");
    const auto listed = client_->List(model::ListPrefix(key.kind));
    ASSERT_TRUE(listed.has_value());
    ASSERT_EQ(listed->items.size(), 1U) << value;
    EXPECT_FALSE(model::DecodeValue(key, listed->items[0].value).has_value()) << value;
    const auto enforced = model::DecodeToEnforce(key, listed->items[0].value);
    ASSERT_TRUE(enforced.has_value()) << value;
    EXPECT_NE(model::WhyUnreadable(*enforced).find("GlobalNetworkPolicy(broken)"), std::string::npos)
        << value;
  }
}

TEST_F(EtcdV2Store, RemovesTheParentsOfAWorkloadEndpointWhenEmpty) {
  for (const char* endpoint : {"a", "b"})
    PutRaw(std::string("/calico/v1/host/h1/workload/k8s/x.y/endpoint/") + endpoint, "{}");
  ASSERT_TRUE(client_->Delete(std::string(kResources) + "workloadendpoints/x/h1-k8s-y-a", 0).has_value());
  EXPECT_FALSE(raw_.List("/calico/v1/host/h1/workload/k8s/x.y", false)->nodes.empty());
  ASSERT_TRUE(client_->Delete(std::string(kResources) + "workloadendpoints/x/h1-k8s-y-b", 0).has_value());
  EXPECT_TRUE(raw_.List("/calico/v1/host/h1/workload/k8s/x.y", false)->nodes.empty());
  EXPECT_FALSE(raw_.List("/calico/v1/host/h1/workload/k8s", false)->nodes.empty());
}

TEST_F(EtcdV2Store, ANodeIsItsDirectory) {
  ASSERT_TRUE(client_->Create("/calico/v1/host/bare/", "").has_value());
  EXPECT_EQ(client_->Create("/calico/v1/host/bare/", "").error().code(), ErrorCode::kAlreadyExists);
  const std::string path = std::string(kResources) + "nodes/bare";
  const auto read = client_->Get(path);
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_EQ(client_->List(std::string(kResources) + "nodes/")->items, std::vector<KeyValue>{*read});
  ASSERT_TRUE(Edit<model::Node>(path, [](auto& o) {
                o.bgp.emplace().ipv4_address = "10.0.0.1/24";
                o.bgp->ipv4_ipip_tunnel_addr = "10.77.0.1";
                o.bgp->as_number = 65000;
              }).has_value());
  EXPECT_EQ(GetRaw("/calico/v1/host/bare/metadata"), "{}");
  EXPECT_EQ(GetRaw("/calico/v1/host/bare/config/IpInIpTunnelAddr"), "10.77.0.1");
  // The AS number and the tunnel go when they are no longer set.
  ASSERT_TRUE(Edit<model::Node>(path, [](auto& o) {
                o.bgp = model::NodeBgp{};
                o.bgp->ipv6_address = "fd00::1/64";
              }).has_value());
  EXPECT_EQ(AllRaw(),
            (std::map<std::string, std::string>{{"/calico/bgp/v1/host/bare/ip_addr_v4", ""},
                                                {"/calico/bgp/v1/host/bare/ip_addr_v6", "fd00::1"},
                                                {"/calico/bgp/v1/host/bare/network_v6", "fd00::/64"},
                                                {"/calico/v1/host/bare/metadata", "{}"}}));
  PutRaw("/calico/v1/host/bare/config/LogSeverityScreen", "info");
  PutRaw("/calico/ipam/v2/host/other/ipv4/block/10.0.0.0-26", "{}");
  ASSERT_TRUE(client_->Create("/calico/ipam/v2/host/bare/ipv4/block/", "").has_value());
  ASSERT_TRUE(client_->Delete(path, client_->Get(path)->revision).has_value());
  EXPECT_EQ(AllRaw().size(), 1U);
  EXPECT_TRUE(raw_.List("/calico/ipam/v2/host/bare", false)->nodes.empty());
}

TEST_F(EtcdV2Store, APoolWithIpipTurnsItOnForAllHosts) {
  model::IPPool pool;
  pool.cidr = "10.77.0.0/16";
  pool.metadata.name = "10-77-0-0-16";
  ASSERT_TRUE(Make(pool).has_value());
  EXPECT_THAT(GetRaw("/calico/v1/config/IpInIpEnabled"), HasSubstr("no such key"));
  ASSERT_TRUE(Edit<model::IPPool>(std::string(kResources) + "ippools/10-77-0-0-16", [](auto& o) {
                o.ipip_mode = "Always";
              }).has_value());
  EXPECT_EQ(GetRaw("/calico/v1/config/IpInIpEnabled"), "true");
}

TEST_F(EtcdV2Store, FindsAHostEndpointWhoseNamesHaveDots) {
  PutRaw("/calico/v1/host/a.example.com/endpoint/eth0.5", R"({"name":"eth0.5"})");
  const auto read = client_->Get(std::string(kResources) + "hostendpoints/a.example.com.eth0.5");
  ASSERT_TRUE(read.has_value()) << read.error().message();
  EXPECT_THAT(read->value, HasSubstr(R"("node":"a.example.com")"));
}

// --- what Calico 2.6 cannot hold

TEST_F(EtcdV2Store, RefusesKindsThatItLacks) {
  model::NetworkPolicy policy;
  policy.metadata.name = "p";
  policy.metadata.ns = "default";
  const Status refused = Make(policy);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().code(), ErrorCode::kUnsupported);
  EXPECT_EQ(
      refused.error().message(),
      "etcdv2 stores Calico 2.6 resources only: NetworkPolicy needs etcdv3; see calicoctl datastore migrate");
  const std::string path = model::ToPath(model::KeyOf(policy));
  EXPECT_EQ(client_->Get(path).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(client_->Delete(path, 0).error().code(), ErrorCode::kUnsupported);
}

TEST_F(EtcdV2Store, RefusesMembersThatItCannotHold) {
  const auto reason = [&](const model::Object& object) {
    const Status made = Make(object);
    return made.has_value() ? "stored" : made.error().message();
  };
  model::IPPool pool;
  pool.cidr = "10.77.0.0/16";
  pool.metadata.name = "mine";
  EXPECT_THAT(reason(pool), HasSubstr("use the name '10-77-0-0-16' instead of 'mine'"));
  pool.metadata.name = "10-77-0-0-16";
  pool.block_size = 28;
  EXPECT_THAT(reason(pool), HasSubstr("blockSize 28 of an IPPool needs etcdv3"));
  pool.block_size = 26;
  pool.vxlan_mode = "Always";
  EXPECT_THAT(reason(pool), HasSubstr("vxlanMode of an IPPool needs etcdv3"));
  model::GlobalNetworkPolicy policy;
  policy.metadata.name = "p";
  policy.spec.tier = "security";
  EXPECT_THAT(reason(policy), HasSubstr("a tier other than default needs etcdv3"));
  policy.spec.tier = "default";
  policy.spec.ingress.emplace_back().action = "Allow";
  policy.spec.ingress[0].destination.ports = {"http"};
  EXPECT_THAT(reason(policy), HasSubstr("the named port 'http' needs etcdv3"));
  model::BGPPeer peer;
  peer.metadata.name = "10-0-0-1";
  peer.peer_ip = "10.0.0.1";
  peer.as_number = 64512;
  peer.filters = {"f"};
  EXPECT_THAT(reason(peer), HasSubstr("needs etcdv3"));
  model::BGPConfiguration bgp;
  bgp.metadata.name = "default";
  bgp.listen_port = 1179;
  EXPECT_THAT(reason(bgp), HasSubstr("needs etcdv3"));
  EXPECT_TRUE(AllRaw().empty());
}

}  // namespace
}  // namespace calico::datastore
