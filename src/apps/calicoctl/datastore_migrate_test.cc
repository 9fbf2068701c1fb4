// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"
#include "base/text.h"
#include "ipam/allocator.h"

namespace calico::calicoctl::testing {
namespace {

class DatastoreMigrate : public CommandTest {
 protected:
  void Fill() {
    Create(kDefaultPool);
    Create(
        "{apiVersion: projectcalico.org/v3, kind: Node, metadata: {name: h1, labels: {a: '1'}}, "
        "spec: {bgp: {ipv4Address: 10.20.0.7/24}}}");
    ipam::Allocator allocator(client_, clock_, "h1");
    ASSERT_TRUE(allocator.AssignIp(*net::Ip::Parse("192.168.3.5"), {"h", {{"node", "a & <b>"}}}).has_value());
    ASSERT_EQ(Run({"ipam", "configure", "--strictaffinity=true"}).code, 0);
  }
  std::map<std::string, std::string> Ipam() {
    std::map<std::string, std::string> found;
    for (const auto& [key, value] : client_.content()) {
      if (key.rfind("/calico/ipam/", 0) == 0) found[key] = value;
    }
    return found;
  }
  void Empty() {
    for (const auto& [key, value] : client_.content()) ASSERT_TRUE(client_.Delete(key, 0).has_value());
  }
};

TEST_F(DatastoreMigrate, LocksAndUnlocks) {
  EXPECT_EQ(Run({"datastore", "migrate", "lock"}), Printed("Datastore locked.\n"));
  const std::string key = "/calico/resources/v3/projectcalico.org/clusterinformations/default";
  EXPECT_NE(client_.content().at(key).find(R"("datastoreReady":false)"), std::string::npos);
  EXPECT_EQ(client_.content().count("/calico/resources/v3/projectcalico.org/tiers/kube-baseline"), 1U);
  EXPECT_EQ(Run({"datastore", "migrate", "unlock"}), Printed("Datastore unlocked.\n"));
  EXPECT_NE(client_.content().at(key).find(R"("datastoreReady":true)"), std::string::npos);
  client_.FailNext(datastore::testing::Operation::kUpdate, Error(ErrorCode::kConflict, "x"));
  EXPECT_EQ(Run({"datastore", "migrate", "lock"}), Printed("Datastore locked.\n"));
  client_.FailNext(datastore::testing::Operation::kUpdate, Error(ErrorCode::kUnavailable, "away"));
  EXPECT_EQ(Run({"datastore", "migrate", "unlock"}), Refused("away\n"));
}

TEST_F(DatastoreMigrate, ExportsTheReferencesStream) {
  Fill();
  EXPECT_EQ(Run({"datastore", "migrate", "export"}),
            Refused("datastore is not locked. Run the `calicoctl datastore migrate lock` command in order to "
                    "begin migration\n"));
  ASSERT_EQ(Run({"datastore", "migrate", "lock"}).code, 0);
  const std::string out = Run({"datastore", "migrate", "export"}).out;
  EXPECT_EQ(out.find("apiVersion: projectcalico.org/v3\n"
                     "items:\n"
                     "- apiVersion: projectcalico.org/v3\n"
                     "  kind: IPPool\n"
                     "  metadata:\n"
                     "    name: default-ipv4-ippool\n"
                     "  spec:\n"),
            0U)
      << out;
  EXPECT_NE(
      out.find("kind: IPPoolList\nmetadata: {}\n---\napiVersion: projectcalico.org/v3\nitems: []\nkind: "
               "BGPPeerList\nmetadata: {}\n---\n"),
      std::string::npos)
      << out;
  EXPECT_NE(out.find("kind: BGPFilterList\nmetadata: {}\n---\n===\n{\n  \"kind\": \"ClusterInformation\",\n"),
            std::string::npos)
      << out;
  EXPECT_NE(out.find("\n===\n{\n  \"block_affinities\": [\n    {\n      \"Key\": "
                     "\"/calico/ipam/v2/host/h1/ipv4/block/192.168.3.0-26\",\n      \"Value\": {\n        "
                     "\"state\": \"confirmed\",\n        \"deleted\": false\n      },\n      \"TTL\": 0\n"),
            std::string::npos)
      << out;
  EXPECT_EQ(out.find("uid"), std::string::npos);
  EXPECT_EQ(out.find("resourceVersion"), std::string::npos);
  EXPECT_NE(out.find("\"node\": \"a \\u0026 \\u003cb\\u003e\""), std::string::npos);
}

TEST_F(DatastoreMigrate, ImportsWhatItExported) {
  Fill();
  ASSERT_EQ(Run({"datastore", "migrate", "lock"}).code, 0);
  const std::string exported = Run({"datastore", "migrate", "export"}).out;
  const auto ipam = Ipam();
  EXPECT_EQ(Run({"datastore", "migrate", "import", "-f", "-"}, exported)
                .err.find("datastore already has Calico resources: "),
            0U);
  Empty();
  EXPECT_EQ(Run({"datastore", "migrate", "import", "-f", "-"}, exported),
            Printed("Successfully applied 5 resource(s)\n"
                    "Importing IPAM resources\n"
                    "Successfully applied 4 IPAM resource(s)\n"
                    "Datastore information successfully imported. Please refer to the datastore migration "
                    "documentation for next steps.\n"));
  EXPECT_EQ(Ipam(), ipam);
  EXPECT_EQ(Run({"datastore", "migrate", "export"}), Printed(exported));
}

TEST_F(DatastoreMigrate, ImportsNothingOfABadFile) {
  const auto import = [&](const std::string& text) {
    return Run({"datastore", "migrate", "import", "-f", "-"}, text);
  };
  EXPECT_EQ(import("a\n===\nb\n"),
            Refused("imported file: - is improperly formatted. Try recreating with 'calicoctl export'\n"));
  Fill();
  ASSERT_EQ(Run({"datastore", "migrate", "lock"}).code, 0);
  const std::string exported = Run({"datastore", "migrate", "export"}).out;
  Empty();
  EXPECT_EQ(import(ReplaceAll(exported, "\"block\":", "\"blocks\" ")).code, 1);
  EXPECT_EQ(import(ReplaceAll(exported, "192.168.0.0/16", "192.168.0.0/99")).code, 1);
  EXPECT_EQ(import(ReplaceAll(exported, "/calico/ipam/v2/config", "/calico/other")),
            Refused("-: not a key of IPAM: /calico/other\n"));
  EXPECT_TRUE(client_.content().empty());
  EXPECT_EQ(Run({"datastore", "migrate", "import", "-f", "/does/not/exist"}).code, 1);
  EXPECT_EQ(Run({"datastore", "migrate", "import"}).err.find("--filename is needed.\n"), 0U);
}

}  // namespace
}  // namespace calico::calicoctl::testing
