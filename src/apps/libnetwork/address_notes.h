// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"
#include "net/ip.h"

// In a store of Calico 2.6 an address says neither whose it is nor since when (reference datastore-model
// B.8), and stays so: a note in a key of our own stands beside it, for each address that Docker has from this
// node. An address without a note is not ours.
namespace calico::libnetwork {

struct AddressNote {
  WallTime since;
  std::string boot_id;             // of the host at that time
  std::string endpoint_id;         // "" until CreateEndpoint
  bool requested_by_user = false;  // --ip
  bool kept_by_network = false;    // --aux-address
};

Status WriteAddressNote(datastore::Client& client, const std::string& node, const net::Ip& ip,
                        const AddressNote& note);
Result<std::optional<AddressNote>> ReadAddressNote(datastore::Client& client, const std::string& node,
                                                   const net::Ip& ip);
Result<std::map<net::Ip, AddressNote>> ListAddressNotes(datastore::Client& client, const std::string& node);
Status DeleteAddressNote(datastore::Client& client, const std::string& node, const net::Ip& ip);

}  // namespace calico::libnetwork
