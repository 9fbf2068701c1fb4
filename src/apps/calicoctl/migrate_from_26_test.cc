// SPDX-License-Identifier: Apache-2.0
// `datastore migrate from-2.6`, and the other commands on a store of Calico 2.6.
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/calico26_view.h"
#include "apps/calicoctl/testing/command_fixture.h"
#include "base/text.h"

namespace calico::calicoctl::testing {
namespace {

// "old.cfg" is a store of 2.6, every other file name the fixture's own.
class MigrateFrom26 : public CommandTest {
 protected:
  Ran Run(const std::vector<std::string>& words) {
    std::istringstream in;
    std::ostringstream out, err;
    const auto open = [this](const std::string& file) -> Result<OpenedStore> {
      if (file == "old.cfg") {
        return OpenedStore{"a test", std::make_unique<Calico26View>(source_.WithDeadline(TimePoint::max()))};
      }
      return OpenedStore{"a test", client_.WithDeadline(TimePoint::max())};
    };
    const int code = RunCommand(words, {environment_, clock_, in, out, err, open});
    return {code, out.str(), err.str()};
  }
  Ran Migrate(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"datastore", "migrate", "from-2.6", "--source-config=old.cfg"};
    words.insert(words.end(), more.begin(), more.end());
    return Run(words);
  }
  void PutSource(const std::string& kind, const std::string& path, const std::string& name,
                 const std::string& spec) {
    ASSERT_TRUE(source_
                    .Create("/calico/resources/v3/projectcalico.org/" + path,
                            R"({"kind":")" + kind +
                                R"(","apiVersion":"projectcalico.org/v3","metadata":{"name":")" + name +
                                R"("},"spec":)" + spec + "}")
                    .has_value());
  }
  void SetUp() override {
    PutSource("Node", "nodes/Host_A", "Host_A", R"({"bgp":{"ipv4Address":"10.20.0.7/24"}})");
    PutSource("IPPool", "ippools/10-77-0-0-16", "10-77-0-0-16",
              R"({"cidr":"10.77.0.0/16","ipipMode":"Always","vxlanMode":"Never","blockSize":26})");
    PutSource("GlobalNetworkPolicy", "globalnetworkpolicies/prod.web", "prod.web",
              R"({"selector":"a == 'b'"})");
    PutSource("GlobalNetworkPolicy", "globalnetworkpolicies/knp.default.x", "knp.default.x", "{}");
    for (const auto& [key, value] : std::map<std::string, std::string>{
             {"/calico/ipam/v2/handle/h", R"({"block":{"10.77.3.0/30":1},"deleted":false})"},
             {"/calico/ipam/v2/assignment/ipv4/block/10.77.3.0-30",
              R"({"cidr":"10.77.3.0/30","affinity":"host:Host_A","allocations":[0,null,null,null],)"
              R"("unallocated":[1,2,3],"attributes":[{"handle_id":"h","secondary":null}],"deleted":false})"},
             {"/calico/ipam/v2/host/Host_A/ipv4/block/10.77.3.0-30",
              R"({"state":"confirmed","deleted":false})"}}) {
      ASSERT_TRUE(source_.Create(key, value).has_value());
    }
  }

  datastore::testing::FakeClient source_;
};

TEST_F(MigrateFrom26, SaysWhatBecomesWhat) {
  const std::string hash = Sha1Hex("prod.web").substr(0, 8);
  const Ran ran = Migrate({"--dry-run"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ReplaceAll(ReplaceAll(ran.out, " \n", "\n"), "prod-web-" + hash, "prod-web-12345678")
                .find("Skipped policy knp.default.x: its controller makes it again\n"),
            0U)
      << ran.out;
  for (const std::string& row :
       {std::string("V1-KIND        V1-NAME                V3-KIND               V3-NAME"),
        std::string("cluster        default                ClusterInformation    default"),
        std::string("node           Host_A                 Node                  host-a"),
        std::string("ipPool         10.77.0.0/16           IPPool                10-77-0-0-16"),
        std::string("policy         prod.web               GlobalNetworkPolicy   prod-web-") + hash +
            "                                 renamed",
        std::string("ipamAffinity   Host_A 10.77.3.0/30    ipamAffinity          host-a/10.77.3.0/30"),
        std::string("IPAM data under the same names: 1 blocks, 0 affinities, 1 handles\n")}) {
    // Columns are as wide as the longest cell: compare words.
    std::istringstream words(row);
    std::size_t at = 0;
    for (std::string word; words >> word;) {
      at = ran.out.find(word, at);
      ASSERT_NE(at, std::string::npos) << word << " of " << row << "\n" << ran.out;
    }
  }
  EXPECT_TRUE(client_.content().empty());
}

TEST_F(MigrateFrom26, WritesOnceAndChangesNothingThere) {
  const auto source = source_.content();
  const std::string hash = Sha1Hex("prod.web").substr(0, 8);
  EXPECT_EQ(Migrate(), Printed("Skipped policy knp.default.x: its controller makes it again\n"
                               "Renamed node Host_A to host-a\n"
                               "Renamed policy prod.web to prod-web-" +
                               hash +
                               "\n"
                               "Successfully migrated 7 object(s); 0 were already there\n"
                               "The datastore is locked. Start calico-node with it on every host, then run "
                               "'calicoctl datastore migrate unlock'.\n"));
  EXPECT_EQ(source_.content(), source);
  const auto written = client_.content();
  EXPECT_EQ(written.count("/calico/ipam/v2/host/host-a/ipv4/block/10.77.3.0-30"), 1U);
  EXPECT_NE(
      written.at("/calico/ipam/v2/assignment/ipv4/block/10.77.3.0-30").find(R"("affinity":"host:host-a")"),
      std::string::npos);
  EXPECT_NE(written.at("/calico/resources/v3/projectcalico.org/clusterinformations/default")
                .find(R"("datastoreReady":false)"),
            std::string::npos);
  EXPECT_EQ(Migrate(), Printed("Skipped policy knp.default.x: its controller makes it again\n"
                               "Successfully migrated 0 object(s); 7 were already there\n"));
  EXPECT_EQ(client_.content(), written);
}

TEST_F(MigrateFrom26, GoesOnWhereAnEarlierRunStopped) {
  ASSERT_EQ(Migrate().code, 0);
  ASSERT_TRUE(client_.Delete("/calico/ipam/v2/handle/h", 0).has_value());
  EXPECT_NE(Migrate().out.find("Successfully migrated 1 object(s); 6 were already there\n"),
            std::string::npos);
}

TEST_F(MigrateFrom26, WritesNothingWhenOneObjectCanNotBeConverted) {
  PutSource("Node", "nodes/host-a", "host-a", "{}");
  EXPECT_EQ(Migrate().err,
            "node host-a can not be converted: name clash: Host_A becomes host-a too\n"
            "1 problem(s) in the source; nothing was written\n");
  EXPECT_EQ(Migrate().code, 1);
  EXPECT_TRUE(client_.content().empty());
}

TEST_F(MigrateFrom26, RefusesAUsedDestinationAndStoresOfTheWrongKind) {
  ASSERT_TRUE(client_.Create("/calico/ipam/v2/handle/other", "{}").has_value());
  EXPECT_EQ(Migrate(),
            Refused("the destination is not empty: it holds /calico/ipam/v2/handle/other, which the source "
                    "does not have\n"));
  EXPECT_EQ(Run({"datastore", "migrate", "from-2.6", "--source-config=new.cfg"}).err.find("the source ("),
            0U);
  EXPECT_EQ(Migrate({"--config=old.cfg"}).err.find("the destination ("), 0U);
  EXPECT_EQ(Run({"datastore", "migrate", "from-2.6"}).err.find("--source-config is needed.\n"), 0U);
}

TEST_F(MigrateFrom26, ShowsAddressesAsCalicoctl16Does) {
  const auto show = [&](const std::string& ip) {
    return Run({"ipam", "show", "--config=old.cfg", "--ip=" + ip});
  };
  EXPECT_EQ(show("10.77.3.0"), Printed("No attributes defined for IP 10.77.3.0\n"));
  EXPECT_EQ(show("10.77.3.1"), Printed("IP 10.77.3.1 is not currently assigned in block\n"));
  EXPECT_EQ(show("10.77.9.1"), Printed("10.77.9.1 is not assigned\n"));
  EXPECT_EQ(show("x"), Refused("Error executing command: invalid IP address specified: x\n"));
  const auto found = source_.Get("/calico/ipam/v2/assignment/ipv4/block/10.77.3.0-30");
  ASSERT_TRUE(source_
                  .Put(found->key, ReplaceAll(found->value, R"("secondary":null)",
                                              R"("secondary":{"type":"x","node":"h1"})"))
                  .has_value());
  EXPECT_EQ(show("10.77.3.0"), Printed("map[node:h1 type:x]\n"));
}

TEST_F(MigrateFrom26, ReleasesAddressesThere) {
  EXPECT_EQ(Run({"ipam", "release", "--config=old.cfg", "--ip=10.77.3.0"}),
            Printed("Successfully released IP address 10.77.3.0\n"));
  EXPECT_EQ(Run({"ipam", "release", "--config=old.cfg", "--ip=10.77.3.0"}),
            Refused("IP address 10.77.3.0 is not assigned\n"));
}

TEST_F(MigrateFrom26, RefusesThereWhat26Lacks) {
  EXPECT_EQ(Run({"ipam", "configure", "--config=old.cfg", "--max-blocks-per-host=2"})
                .err.find("error: etcdv2 stores Calico 2.6 settings only: "),
            0U);
  EXPECT_EQ(Run({"ipam", "configure", "--config=old.cfg", "--strictaffinity=true"}),
            Refused("error: Cannot change IPAM config while allocations exist\n"));
  EXPECT_EQ(
      Run({"ipam", "split", "2", "--config=old.cfg", "--name=x"}).err.find("etcdv2 names a pool by its CIDR"),
      0U);
  EXPECT_EQ(
      Run({"datastore", "migrate", "export", "--config=old.cfg"}),
      Refused("invalid datastore type: etcdv2 to export from for datastore migration. Datastore type must be "
              "etcdv3\n"));
}

}  // namespace
}  // namespace calico::calicoctl::testing
