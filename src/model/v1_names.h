// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/key.h"

// Names of the v1 API as v3 names (reference datastore-model D.1), and its kinds.
namespace calico::model {

// Names of v1 documents: converted to v3's alphabet (reference datastore-model D.1) for a store that holds v3
// resources, or kept for one that holds Calico 2.6's.
enum class V1Names { kConverted, kVerbatim };

std::string NormaliseName(const std::string& name);  // node names
std::string GeneralName(const std::string& name);    // "Web_Tier" -> "web-tier-" + 8 hex digits of its SHA-1
std::string V3PolicyName(const std::string& v1_name);   // "prod.web" -> "prod-web-" + 8 hex digits
std::string V3ProfileName(const std::string& v1_name);  // "k8s_ns.shop" -> "kns.shop"
std::string V3PoolName(const std::string& cidr);        // "10.77.0.0/16" -> "10-77-0-0-16"
// "10-0-0-1", "2001-0db8-0000-0000-0000-0000-0000-0001"; what is no address stays as it is.
std::string IpName(const std::string& ip);
std::optional<std::string> IpOfName(const std::string& name);
// "10-77-0-0-16" -> "10.77.0.0/16"; nullopt if the name is not that of a CIDR.
std::optional<std::string> CidrOfPoolName(const std::string& name);

// "ipPool" for kIPPool, "policy" for kGlobalNetworkPolicy; nullopt for kinds that Calico 2.6 lacks.
// As Calico 2.6 calls a resource in its messages (reference datastore-model C.10): "Profile(name=web)". What
// a key of v3 does not say (the node of an endpoint) is left out; v1_convert.h describes whole objects.
std::string DescribeV1(const Key& key);

std::optional<std::string> V1KindName(Kind kind);
std::optional<Kind> ParseV1KindName(const std::string& name);
std::vector<std::string> V1Kinds();

}  // namespace calico::model
