// SPDX-License-Identifier: Apache-2.0
#pragma once

// Names inside our tables (reference felix 3.14): operators and tests know them from `nft list`.
namespace calico::dataplane {

inline constexpr char kForwardChain[] = "filter-FORWARD";
inline constexpr char kInputChain[] = "filter-INPUT";
inline constexpr char kRawChain[] = "raw-PREROUTING";
inline constexpr char kNatChain[] = "nat-POSTROUTING";
inline constexpr char kToHostChain[] = "cali-wl-to-host";
inline constexpr char kFromDispatch[] = "cali-from-wl-dispatch";  // chain and map
inline constexpr char kToDispatch[] = "cali-to-wl-dispatch";
inline constexpr char kNatPools[] = "masq-ipam-pools";
inline constexpr char kAllPools[] = "all-ipam-pools";

// Named counters: why packets were dropped.
inline constexpr char kDeniedIngress[] = "denied-ingress";
inline constexpr char kDeniedEgress[] = "denied-egress";
inline constexpr char kDeniedInvalid[] = "denied-invalid";
inline constexpr char kDeniedUnknown[] = "denied-unknown-interface";
inline constexpr char kDeniedSpoofed[] = "denied-spoofed";
inline constexpr char kDeniedToHost[] = "denied-to-host";
inline constexpr const char* kCounters[] = {kDeniedIngress, kDeniedEgress,  kDeniedInvalid,
                                            kDeniedUnknown, kDeniedSpoofed, kDeniedToHost};

}  // namespace calico::dataplane
