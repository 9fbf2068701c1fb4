// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apps/libnetwork/call.h"
#include "base/result.h"
#include "net/cidr.h"

// Why somebody gets no network or no address, for the reader of `docker`'s output: what Calico 2.6 said
// (scripts look for it, reference docker-and-cni A10), then what to do. Each looks at the store only when it
// is asked.
namespace calico::libnetwork {

// kInvalidArgument: there is no enabled pool with this CIDR, for `docker network create --subnet`.
Status CheckSubnet(const Call& call, const net::Cidr& subnet);
// kInvalidArgument: it was a pool when the network was made.
Status CheckPoolOfNetwork(const Call& call, const net::Cidr& subnet);

// No pool gives addresses of this family to containers of this node.
Error NoPool(const Call& call, net::Family family);
// The pools that do are full; `reason` is the allocator's. `subnet` empty: of a network on all pools.
Error NoAddressLeft(const std::string& reason, const std::string& subnet);
// `cause` is the allocator's, of a requested address.
Error CannotAssign(const Call& call, const net::Ip& ip, const Error& cause);
Error OutsideSubnet(const net::Ip& ip, const net::Cidr& subnet);

}  // namespace calico::libnetwork
