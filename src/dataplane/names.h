// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

// Names and marks inside our tables (reference felix 3.12 to 3.14): operators and tests know them from
// `nft list`.
namespace calico::dataplane {

inline constexpr char kTableName[] = "calico";

// The packet's mark. Policy chains only set one of these and return; what becomes of the packet is done in
// one place per hook.
inline constexpr std::uint32_t kAcceptMark = 0x00010000;     // policy allows
inline constexpr std::uint32_t kPassMark = 0x00020000;       // the tier leaves it to the next one
inline constexpr std::uint32_t kDropMark = 0x00040000;       // policy denies
inline constexpr std::uint32_t kForwardedMark = 0x00080000;  // it came through the forward hook
inline constexpr std::uint32_t kWireguardMark = 0x00200000;  // encrypted, or to be routed as if it were
inline constexpr std::uint32_t kOurMarks = kAcceptMark | kPassMark | kDropMark;
// The connection's mark: which generation of policy has allowed it.
inline constexpr std::uint32_t kGenerationMask = 0xffff0000;
inline constexpr int kGenerationShift = 16;

// Base chains.
inline constexpr char kRawPrerouting[] = "raw-PREROUTING";
inline constexpr char kRawOutput[] = "raw-OUTPUT";
inline constexpr char kManglePrerouting[] = "mangle-PREROUTING";
inline constexpr char kManglePostrouting[] = "mangle-POSTROUTING";
inline constexpr char kInputChain[] = "filter-INPUT";
inline constexpr char kForwardChain[] = "filter-FORWARD";
inline constexpr char kOutputChain[] = "filter-OUTPUT";
inline constexpr char kNatChain[] = "nat-POSTROUTING";
inline constexpr char kNatPrerouting[] = "nat-PREROUTING";
inline constexpr char kNatOutput[] = "nat-OUTPUT";

// IPS_EXPECTED, IPS_DST_NAT of the kernel's nf_conntrack_common.h.
inline constexpr std::uint32_t kCtStatusExpected = 1u << 0, kCtStatusDnat = 1u << 5;

// Chains that exist whatever the endpoints are.
inline constexpr char kSeenChain[] = "cali-seen";          // accepts connections of this generation
inline constexpr char kRememberChain[] = "cali-remember";  // marks a connection that all stages allowed
inline constexpr char kLeftAloneChain[] = "cali-left-alone";
inline constexpr char kDenyChain[] = "cali-deny";
inline constexpr char kFromWorkloadChain[] = "cali-from-wl";
inline constexpr char kFromWorkloadToHostChain[] = "cali-from-wl-to-host";
inline constexpr char kToWorkloadChain[] = "cali-to-wl";
inline constexpr char kToHostChain[] = "cali-wl-to-host";
inline constexpr char kHostInputChain[] = "cali-hep-input";
inline constexpr char kHostOutputChain[] = "cali-hep-output";
inline constexpr char kHostForwardInChain[] = "cali-hep-forward-in";
inline constexpr char kHostForwardOutChain[] = "cali-hep-forward-out";

inline constexpr char kNatOutgoingChain[] = "cali-nat-outgoing";
inline constexpr char kFloatingDnatChain[] = "cali-fip-dnat";
inline constexpr char kFloatingSnatChain[] = "cali-fip-snat";
inline constexpr char kWireguardMarkChain[] = "cali-wireguard-incoming-mark";
inline constexpr char kServiceLoopChain[] = "cali-cidr-block";

// Verdict maps: interface -> chain. "-reply": for packets against the direction of their connection.
inline constexpr char kFromDispatch[] = "cali-from-wl-dispatch";
inline constexpr char kToDispatch[] = "cali-to-wl-dispatch";
inline constexpr char kFromDispatchReply[] = "cali-from-wl-dispatch-reply";
inline constexpr char kToDispatchReply[] = "cali-to-wl-dispatch-reply";

inline constexpr char kMacDispatch[] = "cali-mac-dispatch";      // workloads whose MAC is known
inline constexpr char kSpoofDispatch[] = "cali-spoof-dispatch";  // workloads with sources of others
inline constexpr char kSourceCheckChain[] = "cali-source-check";
inline constexpr char kForeignMacChain[] = "cali-foreign-mac";
inline constexpr char kForeignSourceChain[] = "cali-foreign-source";

// Sets.
inline constexpr char kNatPools[] = "masq-ipam-pools";
inline constexpr char kAllPools[] = "all-ipam-pools";
inline constexpr char kAllHosts[] = "all-hosts-net";            // the other hosts of the cluster
inline constexpr char kExternalHosts[] = "external-hosts-net";  // externalNodesList
inline constexpr char kServiceAddresses[] = "service-cidrs";
inline constexpr char kWorkloadMacs[] = "cali-wl-macs";

// Named counters: why packets were dropped.
inline constexpr char kDeniedInvalid[] = "denied-invalid";
inline constexpr char kDeniedUnknown[] = "denied-unknown-interface";
inline constexpr char kDeniedSpoofed[] = "denied-spoofed";
inline constexpr char kDeniedToHost[] = "denied-to-host";
inline constexpr char kDeniedIngress[] = "denied-ingress";
inline constexpr char kDeniedEgress[] = "denied-egress";
inline constexpr char kDeniedTunnel[] = "denied-tunnel";  // encapsulated, from a stranger
inline constexpr char kDeniedServiceLoop[] = "denied-service-loop";
inline constexpr const char* kCounters[] = {kDeniedIngress, kDeniedEgress,     kDeniedInvalid,
                                            kDeniedUnknown, kDeniedSpoofed,    kDeniedToHost,
                                            kDeniedTunnel,  kDeniedServiceLoop};

}  // namespace calico::dataplane
