// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/codec/v1_stored.h"
#include "model/key.h"
#include "model/update.h"

// Which keys of Calico 2.6 (reference datastore-model B.1) hold which v3 object. Pure.
namespace calico::datastore::etcdv2 {

// An object and what its keys in the store are made of.
struct Place {
  model::Key key;
  model::V1Identity identity;
};
// One key of an object: `role` is the name of its value in model::V1Values.
struct Part {
  Place place;
  std::string role;
};

// Kinds that Calico 2.6 has as resources.
bool IsStored(model::Kind kind);
// Kinds under keys that are the same in v2 and v3; only values differ.
bool IsIpam(model::Kind kind);

// The objects that a raw key belongs to; none for keys of others. A key under a host also tells that its node
// exists: role kExistence.
inline constexpr char kExistence[] = "/";
std::vector<Part> PartsAt(const std::string& raw_key);

std::string RawKey(const Place& place, const std::string& role);
// All roles that the kind can have; the first one is the primary key, if the kind has one.
const std::vector<std::string>& RolesOf(model::Kind kind, const model::V1Identity& identity);
// The key whose compare-and-swap decides; nullopt where an object is a set of equal keys.
std::optional<std::string> PrimaryRole(model::Kind kind);

// Of a path such as "/calico/resources/v3/projectcalico.org/nodes/a"; nullopt if it is no resource.
std::optional<model::Key> ParseResourcePath(std::string_view path);
// Where the object may be stored. More than one: the name of a v3 object can be made of several names of 2.6.
std::vector<Place> PlacesOf(const model::Key& key);
// Where to store it. kUnsupported when its name cannot be kept.
Result<Place> PlaceFor(const model::Key& key, const model::Object& object);

// Directories under which all raw keys of objects are whose path starts with `prefix`; none if there can be
// no such object.
std::vector<std::string> RootsOf(std::string_view prefix);

}  // namespace calico::datastore::etcdv2
