// SPDX-License-Identifier: Apache-2.0
// `ipam check`, its report, and `ipam release`.
#include <cstdio>
#include <fstream>

#include <gtest/gtest.h>
#include <unistd.h>

#include "apps/calicoctl/ipam_report.h"
#include "apps/calicoctl/program_version.h"
#include "apps/calicoctl/testing/command_fixture.h"
#include "base/file.h"
#include "base/text.h"
#include "ipam/allocator.h"

namespace calico::calicoctl::testing {
namespace {

constexpr char kClusterKey[] = "/calico/resources/v3/projectcalico.org/clusterinformations/default";
constexpr char kCluster[] =
    R"({"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default",)"
    R"("uid":"7f0a1c7e-6f0b-4c0b-9a30-0a4f3d7c1f11","creationTimestamp":"2026-03-02T10:11:12Z"},)"
    R"("spec":{"clusterGUID":"6fdd2c7c0e6f4cbbb7b6c0e6b1a4d2a9","clusterType":"docker,bgp","datastoreReady":true}})";

// One pool, one node with a tunnel, one endpoint "used", and what a test adds.
class IpamCheck : public CommandTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(client_.Create(kClusterKey, kCluster).has_value());
    Create(ReplaceAll(kV1Pool, "10.254.0.0/24", "10.77.0.0/16"));
    Create(
        "{apiVersion: projectcalico.org/v3, kind: Node, metadata: {name: h1}, spec: {bgp: {ipv4Address: "
        "10.20.0.7/24, ipv4IPIPTunnelAddr: 10.77.3.1}}}");
    Create(
        "{apiVersion: projectcalico.org/v3, kind: WorkloadEndpoint, metadata: {namespace: default}, spec: "
        "{orchestrator: libnetwork, workload: libnetwork, node: h1, endpoint: used, interfaceName: cali1, "
        "ipNetworks: [10.77.3.5/32]}}");
    Assign("10.77.3.1", "ipip-tunnel-addr-h1", {{"node", "h1"}, {"type", "ipipTunnelAddress"}});
    Assign("10.77.3.5", "libnetwork.used", {{"node", "h1"}});
    report_ = ::testing::TempDir() + "ipam-report-" + std::to_string(::getpid()) + ".json";
  }
  void TearDown() override { std::remove(report_.c_str()); }

  void Assign(const std::string& ip, const std::string& handle,
              std::map<std::string, std::string> attributes) {
    ipam::Allocator allocator(client_, clock_, "h1");
    ASSERT_TRUE(allocator.AssignIp(*net::Ip::Parse(ip), {handle, std::move(attributes)}).has_value());
  }
  // An address without an endpoint and a handle without an address.
  void Leak() {
    Assign("10.77.3.9", "libnetwork.gone", {{"node", "h2"}, {"pod", "web-0"}, {"namespace", "shop"}});
    ASSERT_TRUE(
        client_.Create("/calico/ipam/v2/handle/stale", R"({"block":{"10.77.3.0/26":1},"deleted":false})")
            .has_value());
  }
  Ran Check() { return Run({"ipam", "check", "-o", report_}); }
  Ran ReleaseReported(const std::vector<std::string>& more = {}) {
    std::vector<std::string> words{"ipam", "release", "--from-report", report_};
    words.insert(words.end(), more.begin(), more.end());
    return Run(words);
  }
  bool HasHandle(const std::string& id) {
    return client_.content().count("/calico/ipam/v2/handle/" + id) != 0;
  }

  std::string report_;
};

TEST_F(IpamCheck, FindsNothingWrong) {
  EXPECT_EQ(Run({"ipam", "check"}),
            Printed("Checking IPAM for inconsistencies...\n\n"
                    "Loading all IPAM blocks...\nFound 1 IPAM blocks.\n"
                    " IPAM block 10.77.3.0/26 affinity=host:h1:\n"
                    "IPAM blocks record 2 allocations.\n\n"
                    "Loading all IPAM pools...\n  10.77.0.0/16\nFound 1 active IP pools.\n\n"
                    "Loading all nodes.\nFound 1 node tunnel IPs.\n\n"
                    "Loading all service load balancer IPs.\n"
                    "No configuration for LoadBalancer kubecontroller found, skipping service check\n"
                    "Found 0 service load balancer(s).\n\n"
                    "Loading all workload endpoints.\nFound 1 workload IPs.\n"
                    "Workloads and nodes are using 2 IPs.\n\n"
                    "Loading all handles\nLooking for top (up to 20) nodes by allocations...\n"
                    "  h1 has 2 allocations\nNode with most allocations has 2; median is 2\n\n"
                    "Scanning for IPs that are allocated but not actually in use...\n"
                    "Found 0 IPs that are allocated in IPAM but not actually in use.\n"
                    "Scanning for IPs that are in use by a workload or node but not allocated in IPAM...\n"
                    "Found 0 in-use IPs that are not in active IP pools.\n"
                    "Found 0 in-use IPs that are in active IP pools but have no corresponding IPAM "
                    "allocation.\n\n"
                    "Scanning for IPAM handles with no matching IPs...\n"
                    "Found 0 handles with no matching IPs (and 2 handles with matches).\n"
                    "Scanning for IPs with missing handle...\n"
                    "Found 0 handles mentioned in blocks with no matching handle resource.\n"
                    "Check complete; found 0 problems.\n"));
}

TEST_F(IpamCheck, NamesEachProblem) {
  Leak();
  ASSERT_TRUE(client_.Delete("/calico/ipam/v2/handle/libnetwork.used", 0).has_value());
  Create(
      "{apiVersion: projectcalico.org/v3, kind: WorkloadEndpoint, metadata: {namespace: default}, spec: "
      "{orchestrator: libnetwork, workload: libnetwork, node: h1, endpoint: odd, interfaceName: cali2, "
      "ipNetworks: [10.77.3.5/32, 10.99.0.1/32, 10.77.4.4/32]}}");
  const std::string out = Run({"ipam", "check", "--show-all-ips"}).out;
  for (
      const char* line :
      {"  10.77.3.1 allocated; attrs Main:ipip-tunnel-addr-h1 Extra:node=h1,type=ipipTunnelAddress\n",
       "  10.77.3.1 belongs to Node(h1)\n",
       "  10.77.3.5 belongs to Workload(default/h1-libnetwork-libnetwork-used)\n",
       "  10.77.3.9 leaked; attrs Main:libnetwork.gone Extra:namespace=shop,node=h2,pod=web-0\n",
       "  10.77.3.5 has multiple owners.\n",
       "  10.99.0.1 in use by Workload(default/h1-libnetwork-libnetwork-odd) is not in any active IP pool.\n",
       "  10.77.4.4 in use by Workload(default/h1-libnetwork-libnetwork-odd) and in active IPAM pool but has "
       "no IPAM allocation.\n",
       "  stale doesn't have any active IPs.\n",
       "  libnetwork.used is in use in a block but doesn't exist.\n",
       "Check complete; found 4 problems.\n"}) {
    EXPECT_NE(out.find(line), std::string::npos) << line << out;
  }
  const std::string problems = Run({"ipam", "check", "--show-problem-ips"}).out;
  EXPECT_NE(problems.find("  10.77.3.9 leaked; "), std::string::npos);
  EXPECT_EQ(problems.find(" allocated; attrs"), std::string::npos);
  EXPECT_EQ(Run({"ipam", "check"}).out.find("leaked"), std::string::npos);
}

TEST_F(IpamCheck, RefusesAnEmptyConclusionFromADamagedBlock) {
  ASSERT_TRUE(client_.Put("/calico/ipam/v2/assignment/ipv4/block/10.77.3.0-26", "{").has_value());
  const Ran ran = Run({"ipam", "check"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(ran.err, "IPAM block 10.77.3.0/26 can not be read: its value is damaged\n");
}

TEST_F(IpamCheck, WritesTheReport) {
  Leak();
  ASSERT_EQ(Check().code, 0);
  std::string text = ReadFile(report_).value();
  // Sequence numbers and revisions are the store's.
  const IpamReport report = ReadIpamReport(report_).value();
  for (const auto& entry : report.entries) {
    text = ReplaceAll(text, std::to_string(*entry.allocation.sequence_number), "N");
  }
  text = ReplaceAll(text, "\"" + report.cluster_information_revision + "\"", "\"1\"");
  text = ReplaceAll(text, "\"" + std::to_string(report.leaked_handles.at(0).revision) + "\"", "\"2\"");
  EXPECT_EQ(text, R"json({
  "version": ")json" + ProgramVersion() +
                      R"json(",
  "clusterGUID": "6fdd2c7c0e6f4cbbb7b6c0e6b1a4d2a9",
  "datastoreLocked": false,
  "clusterInformationRevision": "1",
  "clusterType": "docker,bgp",
  "allocations": {
    "10.77.3.1": [
      {
        "ip": "10.77.3.1",
        "handle": "ipip-tunnel-addr-h1",
        "sequenceNumber": N,
        "node": "h1",
        "type": "ipipTunnelAddress",
        "inUse": true,
        "owners": [
          "Node(h1)"
        ]
      }
    ],
    "10.77.3.5": [
      {
        "ip": "10.77.3.5",
        "handle": "libnetwork.used",
        "sequenceNumber": N,
        "node": "h1",
        "inUse": true,
        "owners": [
          "Workload(default/h1-libnetwork-libnetwork-used)"
        ]
      }
    ],
    "10.77.3.9": [
      {
        "ip": "10.77.3.9",
        "handle": "libnetwork.gone",
        "sequenceNumber": N,
        "pod": "web-0",
        "namespace": "shop",
        "node": "h2",
        "borrowed": true,
        "inUse": false,
        "owners": null
      }
    ]
  },
  "leakedHandles": [
    {
      "ID": "stale",
      "UID": null,
      "Revision": "2"
    }
  ]
})json");
}

TEST_F(IpamCheck, ReleasesWhatTheReportCallsLeaked) {
  Leak();
  ASSERT_EQ(Run({"datastore", "migrate", "lock"}), Printed("Datastore locked.\n"));
  ASSERT_EQ(Check().code, 0);
  EXPECT_EQ(ReleaseReported(), Printed("Releasing 1 old IPs...\n"
                                       "Released 1 IPs successfully\n"
                                       "Deleting 1 handles...\n"
                                       "Key: '.' = Deleted OK; 'x' = skip, handle missing/changed.\n"
                                       ".\n"
                                       "Released 1 handles; 0 skipped; 0 errors.\n"
                                       "You may now unlock the data store.\n"));
  EXPECT_FALSE(HasHandle("libnetwork.gone"));
  EXPECT_FALSE(HasHandle("stale"));
  EXPECT_TRUE(HasHandle("libnetwork.used"));
  EXPECT_EQ(Run({"ipam", "show", "--ip=10.77.3.9"}), Printed("10.77.3.9 is not assigned\n"));
  // The same report again does no harm.
  EXPECT_EQ(ReleaseReported(),
            Printed("Releasing 1 old IPs...\n"
                    "1 addresses marked as leaked in the report had already been cleaned up.\n"
                    "Released 0 IPs successfully\n"
                    "Deleting 1 handles...\n"
                    "Key: '.' = Deleted OK; 'x' = skip, handle missing/changed.\n"
                    "x\n"
                    "Released 0 handles; 1 skipped; 0 errors.\n"
                    "You may now unlock the data store.\n"));
  ASSERT_EQ(Check().code, 0);
  EXPECT_EQ(ReleaseReported(), Printed("Report didn't contain any leaked IPs to clean up.\n"
                                       "Report didn't contain any handles to clean up.\n"
                                       "You may now unlock the data store.\n"));
}

TEST_F(IpamCheck, ReleasesNothingThatSomebodyElseHasGot) {
  Leak();
  ASSERT_EQ(Run({"datastore", "migrate", "lock"}).code, 0);
  ASSERT_EQ(Check().code, 0);
  ASSERT_EQ(Run({"ipam", "release", "--ip=10.77.3.9"}).code, 0);
  Assign("10.77.3.9", "libnetwork.new", {{"node", "h1"}});
  const Ran ran = ReleaseReported();
  EXPECT_EQ(ran.code, 1);
  EXPECT_EQ(
      ran.err,
      "An error occurred while releasing some IPs: the given handle (libnetwork.gone) does not match "
      "(libnetwork.new) when attempting to release IP.  Problems are often caused by an out-of-date IPAM "
      "report.  Try regenerating the IPAM report and retry.\n");
  EXPECT_TRUE(HasHandle("libnetwork.new"));
}

TEST_F(IpamCheck, ReleasesOnlyWhatAllReportsCallLeaked) {
  Leak();
  ASSERT_EQ(Run({"datastore", "migrate", "lock"}).code, 0);
  ASSERT_EQ(Check().code, 0);
  const std::string second = report_ + ".2";
  Assign("10.77.3.10", "libnetwork.later", {{"node", "h1"}});
  ASSERT_EQ(Run({"ipam", "check", "-o", second}).code, 0);
  EXPECT_EQ(ReleaseReported({"--from-report=" + second}).out.find("Releasing 1 old IPs...\n"), 0U);
  std::remove(second.c_str());
  EXPECT_TRUE(HasHandle("libnetwork.later"));
}

TEST_F(IpamCheck, RefusesReportsThatDoNotFit) {
  Leak();
  ASSERT_EQ(Check().code, 0);
  EXPECT_EQ(ReleaseReported(),
            Refused("data store is not locked. Either lock the data store, or re-run with --force\n"));
  ASSERT_EQ(Run({"datastore", "migrate", "lock"}).code, 0);
  EXPECT_EQ(
      ReleaseReported(),
      Refused("the provided reports are all stale - at least one should be up-to-date. Please generate a "
              "new report while the data store is locked and try again\n"));
  ASSERT_EQ(Check().code, 0);
  const std::string good = ReadFile(report_).value();
  const auto rewrite = [&](const std::string& from, const std::string& to) {
    ASSERT_TRUE(WriteFileAtomically(report_, ReplaceAll(good, from, to)).has_value());
  };
  rewrite("6fdd2c7c0e6f4cbbb7b6c0e6b1a4d2a9", "another");
  EXPECT_EQ(ReleaseReported({"--force"}), Refused("cluster does not match the provided report (" + report_ +
                                                  "): mismatched cluster GUID. Refusing to release\n"));
  rewrite(ProgramVersion(), "v9");
  EXPECT_EQ(ReleaseReported(),
            Refused("the provided report (" + report_ +
                    ") was produced using a different version (v9) of calicoctl. Refusing to release\n"));
  const Ran forced = ReleaseReported({"--force"});
  EXPECT_EQ(forced.code, 0);
  EXPECT_EQ(
      forced.out.find("WARNING: Report was produced using a different version of calicoctl. Ignoring due "
                      "to --force option\nReleasing 1 old IPs...\n"),
      0U);
  rewrite(good, "{}");
  EXPECT_EQ(ReleaseReported().err.find(report_ + " is not a report of 'calicoctl ipam check': "), 0U);
  EXPECT_EQ(Run({"ipam", "release", "--from-report=/does/not/exist"}).code, 1);
}

TEST_F(IpamCheck, ReleasesOutsideOfALockWhenForced) {
  Leak();
  ASSERT_EQ(Check().code, 0);
  const Ran ran = ReleaseReported({"--force"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(
      ran.out.find("WARNING: Data store is not locked. Ignoring due to --force option\nReleasing 1 old"), 0U);
}

TEST_F(IpamCheck, ReleasesASingleAddress) {
  EXPECT_EQ(Run({"ipam", "release", "--ip=10.77.3.5"}),
            Printed("Successfully released IP address 10.77.3.5\n"));
  EXPECT_EQ(Run({"ipam", "release", "--ip=10.77.3.5"}), Refused("IP address 10.77.3.5 is not assigned\n"));
  EXPECT_EQ(Run({"ipam", "release", "--ip=x"}),
            Refused("Error executing command: invalid IP address specified: x\n"));
  EXPECT_EQ(Run({"ipam", "release"}), Printed(""));
  client_.FailNext(datastore::testing::Operation::kList, Error(ErrorCode::kUnavailable, "away"));
  EXPECT_EQ(Run({"ipam", "release", "--ip=10.77.3.1"}), Refused("error: away\n"));
}

TEST_F(IpamCheck, ShowsBorrowedAddresses) {
  EXPECT_EQ(Run({"ipam", "show", "--show-borrowed"}),
            Printed("+----+----------------+-------+-------------+------+--------------+\n"
                    "| IP | BORROWING-NODE | BLOCK | BLOCK OWNER | TYPE | ALLOCATED-TO |\n"
                    "+----+----------------+-------+-------------+------+--------------+\n"
                    "+----+----------------+-------+-------------+------+--------------+\n"));
  Leak();
  Assign("10.77.3.11", "libnetwork.nobody", {});
  EXPECT_EQ(
      Run({"ipam", "show", "--show-borrowed"}),
      Printed("+-----------+----------------+--------------+-------------+------+--------------+\n"
              "|    IP     | BORROWING-NODE |    BLOCK     | BLOCK OWNER | TYPE | ALLOCATED-TO |\n"
              "+-----------+----------------+--------------+-------------+------+--------------+\n"
              "| 10.77.3.9 | h2             | 10.77.3.0/26 | h1          | pod  | shop/web-0   |\n"
              "+-----------+----------------+--------------+-------------+------+--------------+\n"
              "\nNote: found 1 IP allocations without an explicit node association. Unable to determine "
              "if they are borrowed.\n"));
}

}  // namespace
}  // namespace calico::calicoctl::testing
