// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/validate only: forms of names and texts (reference datastore-model C.2). Matched by hand: a
// policy has dozens of them, and std::regex is slow and recurses once per character.

#include <string>
#include <string_view>
#include <vector>

namespace calico::model::validate {

inline constexpr char kNameRegex[] = R"(^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$)";
inline constexpr char kLabelRegex[] = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";

bool IsName(std::string_view text);       // labels joined by dots
bool IsNameLabel(std::string_view text);  // one of them
bool IsContainerId(std::string_view text);
bool IsInterface(std::string_view text);  // or "*"
bool IsInterfacePattern(std::string_view text);
bool IsInterfaceFilter(std::string_view text);
bool IsPrometheusHost(std::string_view text);
bool IsNamedPort(std::string_view text);     // in a rule
bool IsEndpointPort(std::string_view text);  // the name of an endpoint's port
bool IsMac(std::string_view text);           // 6, 8 or 20 octets, in the forms that Go reads
bool IsWireguardKey(std::string_view text);
bool IsKeyValueList(std::string_view text);
bool IsCommunity(std::string_view text);  // "aa:nn" of 16 bits, "aa:nn:mm" of 32 bits
bool IsDscp(std::string_view text);
bool IsPeerAddress(std::string_view text);  // <IP>, <IPv4>:<port>, [<IPv6>]:<port>
// The address in it.
std::string_view AddressOfPeer(std::string_view text);
// Whether RE2 would compile it: no back references, no look-around.
bool IsRegularExpression(std::string_view text);

// What is wrong in Kubernetes' words; empty when nothing is.
std::vector<std::string> QualifiedNameFaults(std::string_view text);
std::vector<std::string> LabelValueFaults(std::string_view text);
bool IsQualifiedName(std::string_view text);
bool IsLabelValue(std::string_view text);

}  // namespace calico::model::validate
