// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.5, C.7, part E.
#include "model/felix_parameters.h"
#include "model/validate/testing/verdict.h"

namespace calico::model::validate {
namespace {

std::string Enum(const std::string& path, const std::string& value, const std::string& supported) {
  return Field(path, "", "Unsupported value: \"" + value + "\": supported values: " + supported);
}
std::string Pattern(const std::string& path, const std::string& pattern) {
  return Field(path, "", path + " in body should match '" + pattern + "'");
}

TEST(Felix, HasSoundParameters) {
  ExpectVerdicts(
      "FelixConfiguration", "default", OfCreate,
      {
          {"{}", kSound},
          {"{logSeverityScreen: Info, reportingInterval: 0s, ipipEnabled: true, failsafeInboundHostPorts: "
           "[{protocol: "
           "TCP, port: 22}, {protocol: UDP, port: 68, net: 10.0.0.0/8}], routeTableRanges: [{min: 1, max: "
           "100}], "
           "kubeNodePortRanges: ['30000:32767', 80], natPortRange: '1:2', istioDSCPMark: AF11, "
           "healthTimeoutOverrides: [{name: int_dataplane, timeout: 30s}], bpfDataIfacePattern: '^eth.*'}",
           kSound},
          // An original's defect, not copied: only durations of whole numbers passed.
          {"{reportingInterval: 1.5s, netlinkTimeout: 0.5s}", kSound},
          {"{logSeverityFile: info}", Tag("LogSeverityFile", "info", "logLevel")},
          {"{bpfLogLevel: debug}", Tag("BPFLogLevel", "debug", "bpfLogLevel")},
          {"{bpfExternalServiceMode: dsr}", Tag("BPFExternalServiceMode", "dsr", "bpfServiceMode")},
          {"{bpfConnectTimeLoadBalancing: UDP}",
           Tag("BPFConnectTimeLoadBalancing", "UDP", "bpfConnectTimeLoadBalancing")},
          {"{bpfHostNetworkedNATWithoutCTLB: TCP}",
           Tag("BPFHostNetworkedNATWithoutCTLB", "TCP", "bpfHostNetworkedNATWithoutCTLB")},
          {"{defaultEndpointToHostAction: Reject}",
           Tag("DefaultEndpointToHostAction", "Reject", "dropAcceptReturn")},
          {"{iptablesFilterAllowAction: Drop}", Tag("IptablesFilterAllowAction", "Drop", "acceptReturn")},
          {"{nftablesMangleAllowAction: Drop}", Tag("NftablesMangleAllowAction", "Drop", "acceptReturn")},
          {"{iptablesFilterDenyAction: Accept}", Tag("IptablesFilterDenyAction", "Accept", "dropReject")},
          {"{iptablesBackend: auto}", Tag("IptablesBackend", "auto", "iptablesBackend")},
          {"{iptablesNATOutgoingInterfaceFilter: 'a b'}",
           Tag("IptablesNATOutgoingInterfaceFilter", "a b", "ifaceFilter")},
          {"{prometheusMetricsHost: a/b}", Tag("PrometheusMetricsHost", "a/b", "prometheusHost")},
          {"{wireguardInterfaceName: a/b}", Tag("WireguardInterfaceName", "a/b", "interface")},
          {"{logDebugFilenameRegex: '('}", Tag("LogDebugFilenameRegex", "(", "regexp")},
          {"{mtuIfacePattern: '(?=a)'}", Tag("MTUIfacePattern", "(?=a)", "regexp")},
          {"{featureDetectOverride: abc}", Tag("FeatureDetectOverride", "abc", "keyValueList")},
          {"{natOutgoingAddress: 'fd00::1'}", Tag("NATOutgoingAddress", "fd00::1", "ipv4")},
          {"{deviceRouteSourceAddress: x}", Tag("DeviceRouteSourceAddress", "x", "ipv4")},
          {"{deviceRouteSourceAddressIPv6: 10.0.0.1}",
           Tag("DeviceRouteSourceAddressIPv6", "10.0.0.1", "ipv6")},
          {"{istioDSCPMark: 64}", Tag("IstioDSCPMark", "64", "dscp")},
          {"{bpfDSROptoutCIDRs: [10.0.0.0/8, x]}", Tag("BPFDSROptoutCIDRs[1]", "x", "cidrs")},
          {"{bpfForceTrackPacketsFromIfaces: [docker+, 'a b']}",
           Tag("BPFForceTrackPacketsFromIfaces[1]", "a b", "ifaceFilter")},
          {"{healthPort: 65536}", Tag("HealthPort", "65536", "lte", "(must be at most 65535)")},
          {"{goGCThreshold: -2}", Tag("GoGCThreshold", "-2", "gte", "(must be at least -1)")},
          {"{logActionRateLimitBurst: 10000}",
           Tag("LogActionRateLimitBurst", "10000", "lte", "(must be at most 9999)")},
          {"{bpfMaglevMaxServices: 0}", Tag("BPFMaglevMaxServices", "0", "gte", "(must be at least 1)")},
          {"{ipv4NormalRoutePriority: 2147483647}",
           Tag("IPv4NormalRoutePriority", "2147483647", "lte", "(must be at most 2147483646)")},
      });
}

TEST(Felix, HasParametersThatFitTogether) {
  const std::string tables = "must be a range of route table indices within 1..250";
  ExpectVerdicts(
      "FelixConfiguration", "default", OfCreate,
      {
          {"{kubeNodePortRanges: [1, 2, 3, 4, 5, 6, 7]}", kSound},
          {"{kubeNodePortRanges: [1, 2, 3, 4, 5, 6, 7, 8]}",
           Field("KubeNodePortRanges", "", "node port ranges list is too long (max 7)")},
          {"{kubeNodePortRanges: [http]}",
           Field("KubeNodePortRanges", "http", "must be a port number or a range of them, not a name")},
          {"{externalNodesList: [10.0.0.0/8, 10.0.0.1]}", kSound},
          {"{externalNodesList: [x]}", Field("ExternalNodesList", "x", "has invalid CIDR(s)")},
          {"{externalNodesList: ['fd00::/8']}",
           Field("ExternalNodesList", "fd00::/8", "has invalid IPv6 CIDR")},
          {"{openstackRegion: region-1}", kSound},
          {"{openstackRegion: a.b}", Field("OpenstackRegion", "a.b", "must be a valid DNS label")},
          {"{openstackRegion: " + std::string(47, 'a') + "}",
           Field("OpenstackRegion", std::string(47, 'a'), "is too long")},
          {"{routeTableRange: {min: 1, max: 250}}", kSound},
          {"{routeTableRange: {min: 1, max: 251}}", Field("RouteTableRange", "1-251", tables)},
          {"{routeTableRange: {min: 0, max: 5}}", Field("RouteTableRange", "0-5", tables)},
          {"{routeTableRange: {min: 6, max: 5}}", Field("RouteTableRange", "6-5", tables)},
          {"{routeTableRange: {min: 1, max: 5}, routeTableRanges: [{min: 1, max: 5}]}",
           Field("RouteTableRange", "", "cannot be set when `RouteTableRanges` is also set")},
          {"{routeTableRanges: [{min: 1, max: 65535}]}", kSound},
          {"{routeTableRanges: [{min: 1, max: 65535}, {min: 70000, max: 70000}]}",
           Field("RouteTableRanges", "65536", "targets too many tables")},
          {"{routeTableRanges: [{min: 0, max: 5}]}",
           Field("RouteTableRanges", "0-5", "must be a range of route table indices within 1..4294967295")},
          {"{failsafeInboundHostPorts: [{protocol: tcp, port: 22}]}",
           Field("FailsafeInboundHostPorts[0].Protocol", "tcp",
                 "protocol must be 'TCP' or 'UDP' or 'SCTP'.")},
          {"{failsafeOutboundHostPorts: [{protocol: SCTP, port: 0}]}",
           Field("FailsafeOutboundHostPorts[0].Port", "0",
                 "port range invalid, port number must be between 1 and 65535")},
          {"{failsafeInboundHostPorts: [{protocol: TCP, port: 22, net: x}]}",
           Tag("FailsafeInboundHostPorts[0].Net", "x", "net")},
          {"{healthTimeoutOverrides: [{name: 'a/b', timeout: 1s}]}",
           Field("HealthTimeoutOverrides[0].Name", "a/b", "name must match ^[a-zA-Z0-9_ -]+$")},
          {"{healthTimeoutOverrides: [{name: a, timeout: -1s}]}",
           Field("HealthTimeoutOverrides[0].Timeout", "-1s", "timeout must not be negative")},
      });
}

TEST(Felix, TakesWhatTheResourceDefinitionTakes) {
  ExpectVerdicts(
      "FelixConfiguration", "default", OfCreate,
      {
          {"{chainInsertMode: append, serviceLoopPrevention: DROP, routeSource: workloadips}", kSound},
          {"{featureDetectOverride: 'ChecksumOffloadBroken=true,A=,B=false', featureGates: 'A=b,D=e'}",
           kSound},
          {"{logPrefix: 'calico %t: ', logActionRateLimit: 10/minute}", kSound},
          {"{bpfConntrackTimeouts: {tcpEstablished: 1h, tcpFinsSeen: Auto}}", kSound},
          {"{chainInsertMode: Prepend}", Pattern("spec.chainInsertMode", "^(?i)(Append|Insert)?$")},
          {"{awsSrcDstCheck: disable}",
           Enum("spec.awsSrcDstCheck", "disable", "\"Disable\", \"DoNothing\", \"Enable\"")},
          {"{nftablesMode: auto}", Enum("spec.nftablesMode", "auto", "\"Auto\", \"Disabled\", \"Enabled\"")},
          {"{floatingIPs: 'true'}", Enum("spec.floatingIPs", "true", "\"Disabled\", \"Enabled\"")},
          {"{featureDetectOverride: A=maybe}",
           Pattern("spec.featureDetectOverride",
                   "^([a-zA-Z0-9-_]+=(true|false|),)*([a-zA-Z0-9-_]+=(true|false|))?$")},
          {"{featureGates: 'A='}",
           Pattern("spec.featureGates", "^([a-zA-Z0-9-_]+=([^=]+),)*([a-zA-Z0-9-_]+=([^=]+))?$")},
          {"{logPrefix: 'a$b'}", Pattern("spec.logPrefix", "^([a-zA-Z0-9%: /_-])*$")},
          {"{logActionRateLimit: 10/week}",
           Pattern("spec.logActionRateLimit", R"(^[1-9]\d{0,3}/(?:second|minute|hour|day)$)")},
          {"{logActionRateLimit: 010/day}",
           Pattern("spec.logActionRateLimit", R"(^[1-9]\d{0,3}/(?:second|minute|hour|day)$)")},
          {"{bpfMapSizeConntrackCleanupQueue: 0}",
           Field("spec.bpfMapSizeConntrackCleanupQueue", "",
                 "spec.bpfMapSizeConntrackCleanupQueue in body should be greater than or equal to 1")},
          {"{bpfConntrackTimeouts: {tcpEstablished: soon}}",
           Field("spec.bpfConntrackTimeouts.tcpEstablished", "", "'soon' is neither a duration nor Auto")},
          {"{nodeSelector: has(a)}",
           Field("FelixConfiguration", "",
                 "nodeSelector must not be set on the 'default' or per-node ('node.*') FelixConfiguration")},
      });
  ExpectVerdicts("FelixConfiguration", "rack-1", OfCreate,
                 {{"{nodeSelector: rack == 'r1'}", kSound},
                  {"{nodeSelector: " + std::string(1025, 'a') + " == 'x'}",
                   Tag("NodeSelector", std::string(1000, 'a') + "...", "selector",
                       "(label too long: " + std::string(1025, 'a') + ")")}});
}

// Each word of part E's column "accepted" passes, and another does not.
TEST(Felix, TakesEveryWordOfTheTable) {
  for (const FelixParameter& parameter : FelixParameters()) {
    if (parameter.type != FelixParameterType::kString || parameter.accepted.empty()) continue;
    std::string words(parameter.accepted);
    if (words.starts_with("(?i)")) words.erase(0, 4);
    const std::string field(parameter.field);
    for (std::size_t begin = 0; begin <= words.size();) {
      const std::size_t end = std::min(words.find(',', begin), words.size());
      const std::string word = words.substr(begin, end - begin);
      EXPECT_EQ(OfCreate(Parsed(Yaml("FelixConfiguration", "{" + field + ": '" + word + "'}", "default"))),
                kSound)
          << field << ": " << word;
      begin = end + 1;
    }
    EXPECT_NE(OfCreate(Parsed(Yaml("FelixConfiguration", "{" + field + ": Banana}", "default"))), kSound)
        << field;
  }
}

}  // namespace
}  // namespace calico::model::validate
