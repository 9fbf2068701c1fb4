// SPDX-License-Identifier: Apache-2.0
#include "datastore/migration/plan.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/text.h"
#include "datastore/migration/destination.h"
#include "datastore/testing/fake_client.h"
#include "model/codec/json.h"

namespace calico::datastore::migration {
namespace {

using model::Kind;

// What a client of a 2.6 store lists.
KeyValue Stored(Kind kind, const std::string& name, const std::string& spec, const std::string& ns = "",
                const std::string& labels = "{}") {
  const model::Key key = model::Key::Resource(kind, name, ns);
  const std::string value = std::string(R"({"kind":")") + std::string(model::KindName(kind)) +
                            R"(","apiVersion":"projectcalico.org/v3","metadata":{"name":")" + name +
                            R"(","namespace":")" + ns + R"(","labels":)" + labels + R"(},"spec":)" + spec +
                            "}";
  return {model::ToPath(key), value, 7};
}

const Step* Find(const Plan& plan, Kind kind, const std::string& v1_name) {
  for (const Step& step : plan.steps) {
    if (step.key.kind == kind && step.v1_name == v1_name) return &step;
  }
  return nullptr;
}

template <typename T>
T Converted(const KeyValue& kv) {
  const Plan plan = MakePlan({kv});
  for (const Remark& problem : plan.problems) ADD_FAILURE() << problem.v1_name << ": " << problem.text;
  for (const Step& step : plan.steps) {
    if (const T* object = std::get_if<T>(&step.object)) return *object;
  }
  ADD_FAILURE() << "left out: " << kv.key;
  return {};
}

TEST(MigrationPlan, RenamesNodes) {
  const auto node = Converted<model::Node>(
      Stored(Kind::kNode, "Rack1_Host7",
             R"({"bgp":{"asNumber":64600,"ipv4Address":"10.20.0.7/24","ipv4IPIPTunnelAddr":"10.77.3.1"}})"));
  EXPECT_EQ(node.metadata.name, "rack1-host7");
  EXPECT_EQ(node.bgp->ipv4_ipip_tunnel_addr, "10.77.3.1");
  EXPECT_EQ(node.bgp->as_number, 64600U);
}

TEST(MigrationPlan, RenamesPoliciesAndSaysSo) {
  const Plan plan = MakePlan({Stored(Kind::kGlobalNetworkPolicy, "prod.web", R"({"selector":"a == 'b'"})"),
                              Stored(Kind::kGlobalNetworkPolicy, "plain", R"({"types":["Egress"]})")});
  const Step* renamed = Find(plan, Kind::kGlobalNetworkPolicy, "prod.web");
  ASSERT_NE(renamed, nullptr);
  EXPECT_EQ(renamed->key.name, "prod-web-" + Sha1Hex("prod.web").substr(0, 8));
  EXPECT_TRUE(renamed->renamed);
  EXPECT_FALSE(Find(plan, Kind::kGlobalNetworkPolicy, "plain")->renamed);
  EXPECT_EQ(std::get<model::GlobalNetworkPolicy>(renamed->object).spec.types,
            (std::vector<std::string>{"Ingress", "Egress"}));
}

TEST(MigrationPlan, ConvertsWhatAPolicySays) {
  const auto policy = Converted<model::GlobalNetworkPolicy>(Stored(
      Kind::kGlobalNetworkPolicy, "p",
      R"json({"selector":"calico/k8s_ns == 'shop'","preDNAT":true,"ingress":[{"action":"Allow","source":)json"
      R"json({"selector":"has(calico/k8s_ns)","nets":["10.1.2.3/8"]}}]})json"));
  EXPECT_EQ(policy.spec.selector, "projectcalico.org/namespace == 'shop'");
  EXPECT_EQ(policy.spec.ingress.at(0).source.selector, "has(projectcalico.org/namespace)");
  EXPECT_EQ(policy.spec.ingress.at(0).source.nets, std::vector<std::string>{"10.0.0.0/8"});
  EXPECT_TRUE(policy.global.apply_on_forward);
  EXPECT_EQ(policy.spec.types, std::vector<std::string>{"Ingress"});
}

TEST(MigrationPlan, KeepsTagsOfProfilesAsLabels) {
  const auto profile = Converted<model::Profile>(
      Stored(Kind::kProfile, "Web_Tier",
             R"({"labelsToApply":{"web":"","role":"x"},"ingress":[{"action":"Allow",)"
             R"("source":{"selector":"web == ''"}}]})"));
  EXPECT_EQ(profile.metadata.name, "web-tier-" + Sha1Hex("Web_Tier").substr(0, 8));
  EXPECT_EQ(profile.labels_to_apply.at("web"), "");
  EXPECT_EQ(profile.ingress.at(0).source.selector, "web == ''");
}

TEST(MigrationPlan, RenamesWhatHostEndpointsReferTo) {
  const auto endpoint = Converted<model::HostEndpoint>(
      Stored(Kind::kHostEndpoint, "Host_A.eth0",
             R"({"node":"Host_A","interfaceName":"eth0","profiles":["ssh","Web_Tier"]})"));
  EXPECT_EQ(endpoint.metadata.name, "host-a.eth0");
  EXPECT_EQ(endpoint.node, "host-a");
  EXPECT_EQ(endpoint.profiles.at(1), "web-tier-" + Sha1Hex("Web_Tier").substr(0, 8));
}

TEST(MigrationPlan, NamesPeersByNodeAndAddress) {
  EXPECT_EQ(Converted<model::BGPPeer>(Stored(Kind::kBGPPeer, "H1.10-0-0-1",
                                             R"({"node":"H1","peerIP":"10.0.0.1","asNumber":64500})"))
                .metadata.name,
            "h1.10-0-0-1");
  EXPECT_EQ(
      Converted<model::BGPPeer>(Stored(Kind::kBGPPeer, "x", R"({"peerIP":"2001:db8::1","asNumber":64500})"))
          .metadata.name,
      "2001-0db8-0000-0000-0000-0000-0000-0001");
}

TEST(MigrationPlan, ConvertsWorkloadEndpoints) {
  const auto docker = Converted<model::WorkloadEndpoint>(
      Stored(Kind::kWorkloadEndpoint, "H1-libnetwork-libnetwork-e1",
             R"({"orchestrator":"libnetwork","workload":"libnetwork","node":"H1","endpoint":"e1",)"
             R"("interfaceName":"cali1","ipNetworks":["10.77.3.5/32"],"profiles":["Net_1"]})",
             "default"));
  EXPECT_EQ(docker.metadata.name, "h1-libnetwork-libnetwork-e1");
  EXPECT_EQ(docker.profiles, std::vector<std::string>{"net-1-" + Sha1Hex("Net_1").substr(0, 8)});
  const auto pod = Converted<model::WorkloadEndpoint>(
      Stored(Kind::kWorkloadEndpoint, "h1-k8s-web--0-eth0",
             R"({"orchestrator":"k8s","pod":"web-0","node":"h1","endpoint":"eth0","containerID":"1337",)"
             R"("interfaceName":"cali1"})",
             "shop", R"({"calico/k8s_ns":"shop"})"));
  EXPECT_EQ(pod.metadata.labels.at("projectcalico.org/namespace"), "shop");
  EXPECT_EQ(pod.metadata.labels.count("calico/k8s_ns"), 0U);
}

TEST(MigrationPlan, RenamesTheConfigurationOfANode) {
  EXPECT_EQ(Converted<model::FelixConfiguration>(
                Stored(Kind::kFelixConfiguration, "node.Host_A", R"({"logSeverityScreen":"Debug"})"))
                .metadata.name,
            "node.host-a");
}

TEST(MigrationPlan, KeepsTheClusterLocked) {
  const auto cluster = Converted<model::ClusterInformation>(
      Stored(Kind::kClusterInformation, "default", R"({"clusterGUID":"b6fdd2","datastoreReady":true})"));
  EXPECT_EQ(cluster.cluster_guid, "b6fdd2");
  EXPECT_EQ(cluster.datastore_ready, false);
  EXPECT_EQ(MakePlan({}).steps.size(), 1U) << "a store without it gets one";
}

TEST(MigrationPlan, RenamesHostsOfBlocksAndAffinities) {
  const Plan plan = MakePlan(
      {{"/calico/ipam/v2/assignment/ipv4/block/10.77.3.0-30",
        R"({"cidr":"10.77.3.0/30","affinity":null,"hostAffinity":"Host_A","strictAffinity":false,)"
        R"("allocations":[0,null,null,null],"unallocated":[1,2,3],"attributes":[{"handle_id":null,)"
        R"("secondary":null}],"sequenceNumber":12,"sequenceNumberForAllocation":{},"deleted":false})",
        12},
       {"/calico/ipam/v2/host/Host_A/ipv4/block/10.77.3.0-30", R"({"state":"confirmed","deleted":false})",
        13},
       {"/calico/ipam/v2/handle/net.1337", R"({"block":{"10.77.3.0/30":1},"deleted":false})", 14}});
  ASSERT_TRUE(plan.problems.empty()) << plan.problems[0].text;
  const Step* block = Find(plan, Kind::kIpamBlock, "10.77.3.0/30");
  ASSERT_NE(block, nullptr);
  EXPECT_EQ(model::EncodeValue(block->key, block->object),
            R"({"cidr":"10.77.3.0/30","affinity":"host:host-a","allocations":[0,null,null,null],)"
            R"("unallocated":[1,2,3],"attributes":[{}],"sequenceNumber":12,"sequenceNumberForAllocation":{},)"
            R"("deleted":false})");
  const Step* affinity = Find(plan, Kind::kBlockAffinity, "Host_A 10.77.3.0/30");
  ASSERT_NE(affinity, nullptr);
  EXPECT_EQ(model::ToPath(affinity->key), "/calico/ipam/v2/host/host-a/ipv4/block/10.77.3.0-30");
  ASSERT_NE(Find(plan, Kind::kIpamHandle, "net.1337"), nullptr);
}

TEST(MigrationPlan, LeavesToControllersWhatIsTheirs) {
  const Plan plan = MakePlan(
      {Stored(Kind::kGlobalNetworkPolicy, "knp.default.shop.web", "{}"),
       Stored(Kind::kProfile, "k8s_ns.shop", "{}"), Stored(Kind::kProfile, "openstack-sg-1", "{}"),
       Stored(Kind::kWorkloadEndpoint, "h1-openstack-i-p",
              R"({"orchestrator":"openstack","workload":"i","node":"h1","endpoint":"p"})", "default"),
       Stored(Kind::kBGPConfiguration, "node.h1", R"({"logSeverityScreen":"Debug"})")});
  EXPECT_EQ(plan.skipped.size(), 5U);
  EXPECT_EQ(plan.steps.size(), 1U);
  EXPECT_TRUE(plan.problems.empty());
}

TEST(MigrationPlan, ReportsClashesAndWhatIsNotValid) {
  const Plan plan = MakePlan({Stored(Kind::kNode, "Host_A", "{}"),
                              Stored(Kind::kNode, "host-a", "{}"),
                              Stored(Kind::kGlobalNetworkPolicy, "p", R"({"selector":"a =="})"),
                              {"/calico/resources/v3/projectcalico.org/nodes/bad", "{", 1}});
  ASSERT_EQ(plan.problems.size(), 3U);
  EXPECT_EQ(plan.problems[0].v1_name, "p");
  EXPECT_EQ(plan.problems[1].v1_name, "bad");
  EXPECT_EQ(plan.problems[2], (Remark{"node", "host-a", "name clash: Host_A becomes host-a too"}));
}

class MigrationDestination : public ::testing::Test {
 protected:
  Status WriteAll(const Plan& plan) {
    Resources resources(client_, clock_);
    for (const Step& step : plan.steps) RETURN_IF_ERROR(WriteStep(client_, resources, step));
    return Ok();
  }
  std::size_t Done(const Plan& plan) { return FindDone(client_, clock_, plan).value().size(); }

  SystemClock clock_;
  testing::FakeClient client_;
  const std::vector<KeyValue> source_{
      Stored(Kind::kNode, "h1", R"({"bgp":{"ipv4Address":"10.20.0.7/24"}})"),
      Stored(Kind::kIPPool, "10-77-0-0-16", R"({"cidr":"10.77.0.0/16","ipipMode":"Always"})"),
      Stored(Kind::kFelixConfiguration, "default", R"({"reportingInterval":"0s"})"),
      Stored(Kind::kProfile, "net", R"({"ingress":[{"action":"Allow"}]})"),
      {"/calico/ipam/v2/handle/h", R"({"block":{"10.77.3.0/26":1},"deleted":false})", 14}};
};

TEST_F(MigrationDestination, KnowsWhatAnEarlierRunWrote) {
  const Plan plan = MakePlan(source_);
  ASSERT_TRUE(plan.problems.empty());
  EXPECT_EQ(Done(plan), 0U);
  ASSERT_TRUE(WriteAll(plan).has_value());
  EXPECT_EQ(Done(plan), plan.steps.size());
  ASSERT_TRUE(client_.Delete("/calico/ipam/v2/handle/h", 0).has_value());
  EXPECT_EQ(Done(plan), plan.steps.size() - 1);
}

TEST_F(MigrationDestination, IsRefusedWhenItHoldsSomethingElse) {
  const Plan plan = MakePlan(source_);
  ASSERT_TRUE(client_.Create("/calico/ipam/v2/handle/other", "{}").has_value());
  EXPECT_EQ(
      FindDone(client_, clock_, plan).error().message(),
      "the destination is not empty: it holds /calico/ipam/v2/handle/other, which the source does not have");
  ASSERT_TRUE(client_.Delete("/calico/ipam/v2/handle/other", 0).has_value());
  ASSERT_TRUE(client_.Create("/calico/ipam/v2/handle/h", R"({"block":{"10.77.4.0/26":2},"deleted":false})")
                  .has_value());
  EXPECT_EQ(
      FindDone(client_, clock_, plan).error().message(),
      "the destination is not empty: its /calico/ipam/v2/handle/h is not what ipamHandle h of the source "
      "becomes");
}

}  // namespace
}  // namespace calico::datastore::migration
