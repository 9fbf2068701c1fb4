// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

// Names of the v1 API as v3 names (reference datastore-model D.1).
namespace calico::model {

std::string NormaliseName(const std::string& name);  // node names
std::string GeneralName(const std::string& name);    // "Web_Tier" -> "web-tier-" + 8 hex digits of its SHA-1
std::string V3ProfileName(const std::string& v1_name);  // "k8s_ns.shop" -> "kns.shop"
std::string V3PoolName(const std::string& cidr);        // "10.77.0.0/16" -> "10-77-0-0-16"

}  // namespace calico::model
