// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.7, C.4.8, C.6.1.
#include <optional>

#include "model/validate/testing/verdict.h"

namespace calico::model::validate {
namespace {

std::string Spec(const char* member, const std::string& value, const std::string& reason) {
  return Field(std::string("IPPool.Spec.") + member, value, reason);
}
const std::string kSmall =
    "IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block size.";

TEST(Pools, AreRefusedStepByStep) {
  ExpectVerdicts(
      "IPPool", "pool-a", OfCreate,
      {
          {"{cidr: 10.77.0.0/16, ipipMode: CrossSubnet, natOutgoing: true, nodeSelector: rack == 'r1'}",
           kSound},
          {"{cidr: 'fd00::/48', vxlanMode: Always}", kSound},
          {"{}", Spec("CIDR", "", "IPPool CIDR must be specified")},
          {"{cidr: 10.0.0.0}", Spec("CIDR", "10.0.0.0", "IPPool CIDR must be a valid subnet")},
          {"{cidr: x/8}", Spec("CIDR", "x/8", "IPPool CIDR must be a valid subnet")},
          {"{cidr: 10.0.0.0/8, blockSize: 33}",
           Spec("BlockSize", "33", "IPv4 block size must be between 20 and 32")},
          {"{cidr: 10.0.0.0/8, blockSize: 19}",
           Spec("BlockSize", "19", "IPv4 block size must be between 20 and 32")},
          {"{cidr: 'fd00::/64', blockSize: 115}",
           Spec("BlockSize", "115", "IPv6 block size must be between 116 and 128")},
          {"{cidr: 'fd00::/64', blockSize: 129}",
           Spec("BlockSize", "129", "IPv6 block size must be between 116 and 128")},
          {"{cidr: 10.0.0.0/27}", Spec("CIDR", "10.0.0.0/27", kSmall)},
          {"{cidr: 10.0.0.0/27, blockSize: 27}", kSound},
          {"{cidr: 10.0.0.0/27, disabled: true}", kSound},
          {"{cidr: 10.0.0.0/8, ipipMode: Always, vxlanMode: CrossSubnet}",
           Spec("VXLANMode", "CrossSubnet", "Cannot enable both VXLAN and IPIP on the same IPPool")},
          {"{cidr: 'fd00::/64', ipipMode: Always}",
           Spec("IPIPMode", "Always", "IPIP is not supported on an IPv6 IP pool")},
          {"{cidr: 10.0.0.1/8}", Spec("CIDR", "10.0.0.1/8", "IPPool CIDR is not strictly masked")},
          {"{cidr: 169.254.7.0/24}",
           Spec("CIDR", "169.254.7.0/24", "IPPool CIDR overlaps with IPv4 Link Local range 169.254.0.0/16")},
          {"{cidr: 'fe80::/64'}",
           Spec("CIDR", "fe80::/64", "IPPool CIDR overlaps with IPv6 Link Local range fe80::/10")},
      });
}

TEST(Pools, HaveSoundFields) {
  ExpectVerdicts(
      "IPPool", "pool-a", OfCreate,
      {
          {"{cidr: 10.0.0.0/8, ipipMode: always}", Tag("IPIPMode", "always", "ipIpMode")},
          {"{cidr: 10.0.0.0/8, vxlanMode: 'Yes'}", Tag("VXLANMode", "Yes", "vxlanMode")},
          {"{cidr: 10.0.0.0/8, assignmentMode: auto}", Tag("AssignmentMode", "auto", "assignmentMode")},
          {"{cidr: 10.0.0.0/8, allowedUses: [Pods]}", Tag("AllowedUses", "Pods", "allowedUses")},
          {"{cidr: 10.0.0.0/8, nodeSelector: a ==}",
           Tag("NodeSelector", "a ==", "selector", "(expected string)")},
          {"{cidr: 10.0.0.0/8, nodeSelector: global()}",
           Field("NodeSelector", "global()", "global() cannot be used in an IP pool")},
          {"{cidr: 10.0.0.0/8, allowedUses: [Workload], namespaceSelector: has(a)}", kSound},
          {"{cidr: 10.0.0.0/8, namespaceSelector: has(a)}",
           Field("NamespaceSelector", "has(a)", "cannot be used with allowed use Tunnel")},
          {"{cidr: 10.0.0.0/8, ipipMode: x, assignmentMode: z}",
           "error with the following fields:\n"
           "-  IPIPMode = 'x' (Reason: failed to validate Field: IPIPMode because of Tag: ipIpMode )\n"
           "-  AssignmentMode = 'z' (Reason: failed to validate Field: AssignmentMode because of Tag: "
           "assignmentMode )"},
      });
}

TEST(Pools, ForServicesServeNothingElse) {
  ExpectVerdicts(
      "IPPool", "pool-a", OfCreate,
      {
          {"{cidr: 10.0.0.0/24, allowedUses: [LoadBalancer]}", kSound},
          {"{cidr: 10.0.0.0/24, allowedUses: [LoadBalancer], nodeSelector: has(a)}",
           Spec("NodeSelector", "has(a)",
                "IP Pool with AllowedUse LoadBalancer must have node selector set to all()")},
          {"{cidr: 10.0.0.0/24, allowedUses: [LoadBalancer], vxlanMode: Always}",
           Spec("AllowedUses", "LoadBalancer", "LoadBalancer IP pool cannot have IPIP or VXLAN enabled")},
          {"{cidr: 10.0.0.0/24, allowedUses: [LoadBalancer, Workload]}",
           Spec("AllowedUses", "LoadBalancer",
                "LoadBalancer cannot be combined with Workload or Tunnel allowed uses")},
          {"{cidr: 10.0.0.0/24, allowedUses: [LoadBalancer], disableBGPExport: true}",
           Spec("DisableBGPExport", "true",
                "IP Pool with AllowedUse LoadBalancer must not have DisableBGPExport set to true")},
      });
}

// Reference calicoctl C.6: nothing is defaulted first.
TEST(Pools, AreCheckedWithoutDefaultsWhenOffline) {
  ExpectVerdicts(
      "IPPool", "pool-a", OfFields,
      {
          {"{cidr: 10.0.0.0/8}", kSound},
          {"{cidr: 10.0.0.0/27, blockSize: 99}", kSound},
          {"{cidr: 10.0.0.1/8}", Tag("CIDR", "10.0.0.1/8", "net")},
          {"{}", Tag("CIDR", "", "net")},
          {"{cidr: 'fd00::/64', ipipMode: Never}", kSound},
          {"{cidr: 'fd00::/64'}",
           Spec("IPIPMode", "", "IPIPMode other than 'Never' is not supported on an IPv6 IP pool")},
          {"{cidr: 10.0.0.0/8, allowedUses: [LoadBalancer]}",
           Spec("NodeSelector", "",
                "IP Pool with AllowedUse LoadBalancer must have node selector set to all()")},
      });
}

// What an update of pool 10.77.0.0/16 says.
std::string OfUpdate(const std::string& spec, const std::string& old_spec = "{cidr: 10.77.0.0/16}") {
  Object old = Parsed(Yaml("IPPool", old_spec, "pool-a"));
  EXPECT_TRUE(ApplyDefaults(old, nullptr).has_value());
  Object object = Parsed(Yaml("IPPool", spec, "pool-a"));
  return Said(ApplyDefaults(object, &old));
}

TEST(Pools, KeepNetworkAndBlockSize) {
  EXPECT_EQ(OfUpdate("{cidr: 10.77.0.0/16, natOutgoing: true}"), kSound);
  EXPECT_EQ(OfUpdate("{cidr: 10.78.0.0/16}"), Spec("CIDR", "10.78.0.0/16", "IPPool CIDR cannot be modified"));
  EXPECT_EQ(OfUpdate("{cidr: 10.77.0.0/17}"), Spec("CIDR", "10.77.0.0/17", "IPPool CIDR cannot be modified"));
  EXPECT_EQ(OfUpdate("{cidr: 10.77.0.0/16, blockSize: 28}"),
            Spec("BlockSize", "28", "IPPool BlockSize cannot be modified"));
  EXPECT_EQ(OfUpdate("{cidr: 'FD00:0:0::/48'}", "{cidr: 'fd00::/48'}"), kSound);
  EXPECT_EQ(OfUpdate("{cidr: 10.77.0.0/24}", "{cidr: 10.77.0.0/24, allowedUses: [LoadBalancer]}"),
            Spec("AllowedUses", "Workload",
                 "IPPool allowed use cannot be changed from LoadBalacer to Workload or Tunnel"));
}

TEST(Sets, HaveNetsOrAddresses) {
  for (const char* kind : {"NetworkSet", "GlobalNetworkSet"}) {
    ExpectVerdicts(kind, "a", OfCreate,
                   {{"{nets: [198.51.100.0/24, 203.0.113.5, 'fd00::1', 10.0.0.1/8]}", kSound},
                    {"{nets: [10.0.0.0/8, 10.0.0.0/33]}", Tag("Nets[1]", "10.0.0.0/33", "cidr")}});
  }
  ExpectVerdicts("IPReservation", "a", OfCreate,
                 {{"{reservedCIDRs: [10.77.0.0/30, 10.77.5.9]}", kSound},
                  {"{reservedCIDRs: [x]}", Tag("ReservedCIDRs[0]", "x", "cidrs")}});
}

TEST(AddressManagement, IsConfiguredOnce) {
  ExpectVerdicts(
      "IPAMConfiguration", "default", OfCreate,
      {{R"({"strictAffinity": true, "autoAllocateBlocks": true, "kubeVirtVMAddressPersistence": "Enabled"})",
        kSound},
       {R"({"maxBlocksPerHost": -1})", Tag("MaxBlocksPerHost", "-1", "gte", "(must be at least 0)")},
       {R"({"maxBlocksPerHost": 1000001})",
        Field("spec.maxBlocksPerHost", "",
              "spec.maxBlocksPerHost in body should be less than or equal to 1000000")},
       {R"({"kubeVirtVMAddressPersistence": "Yes"})", Tag("KubeVirtVMAddressPersistence", "Yes", "oneof")}});
  ExpectVerdicts(
      "IPAMConfiguration", "other", OfCreate,
      {{"{}", Field("Metadata.Name", "other",
                    "Cannot create an IPAMConfiguration resource with a name other than \"default\"")}});
  ExpectVerdicts(
      "ClusterInformation", "other", OfCreate,
      {{"{}", Field("Metadata.Name", "other",
                    "Cannot create a Cluster Information resource with a name other than \"default\"")}});
  ExpectVerdicts("BlockAffinity", "a", OfCreate,
                 {{R"({"state": "confirmed", "node": "h1", "cidr": "10.77.3.0/26"})", kSound},
                  {R"({"state": "confirmed", "node": "h1", "cidr": "10.77.3.0/26", "deleted": "true"})",
                   Field("Deleted", "true", "deleted must not be true")},
                  {R"({"state": "confirmed", "node": "h1"})", Field("spec.cidr", "", "Required value")},
                  {R"({"cidr": "10.77.3.0/26"})",
                   "error with the following fields:\n-  spec.state (Required value)\n-  spec.node (Required "
                   "value)"}});
}

}  // namespace
}  // namespace calico::model::validate
