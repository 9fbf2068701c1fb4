// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"

// Docker's remote driver protocol as values (reference docker-and-cni A2 to A4): the bodies that dockerd
// sends and the answers it reads. Unknown members are ignored, missing ones are empty.
namespace calico::libnetwork {

struct PoolRequest {
  std::string pool;
  std::string sub_pool;
  bool has_options = false;
  bool v6 = false;
};
struct AddressRequest {
  std::string pool_id;
  std::string address;  // empty = any
  std::map<std::string, std::string> options;
};
struct IpamData {
  std::string address_space;
  std::string gateway;
  std::string pool;
  std::vector<std::string> auxiliary;  // --aux-address, "10.65.0.9/32"
};
struct NetworkRequest {
  std::string network_id;
  std::vector<std::string> unsupported_flags;  // per option that is set: "foo (bar), x (y)"
  bool several_flags = false;                  // the first of them holds more than one flag
  std::vector<IpamData> v4, v6;
};
struct EndpointRequest {  // CreateEndpoint, Join, Leave, DeleteEndpoint
  std::string network_id;
  std::string endpoint_id;
  std::string sandbox_key;               // Join only
  std::string address, address_v6, mac;  // CreateEndpoint only
};

// kInvalidArgument on a body that is no JSON object, or on IDs that could not be part of a key or a device
// name.
Result<PoolRequest> ParsePoolRequest(const std::string& body);
Result<AddressRequest> ParseAddressRequest(const std::string& body);
Result<NetworkRequest> ParseNetworkRequest(const std::string& body);
Result<EndpointRequest> ParseEndpointRequest(const std::string& body);

struct StaticRoute {
  std::string destination;  // always a device route
};
struct JoinAnswer {
  std::string source_name;
  std::string destination_prefix;
  std::string gateway, gateway_v6;
  std::vector<StaticRoute> routes;
  bool disable_gateway_service = false;
};
std::string ErrorJson(const std::string& text);
std::string ImplementsJson(const std::string& interface);
std::string PoolJson(const std::string& pool_id, const std::string& pool, const std::string& gateway);
std::string AddressJson(const std::string& cidr);
std::string EndpointJson(const std::string& mac);
std::string JoinJson(const JoinAnswer& answer);

}  // namespace calico::libnetwork
