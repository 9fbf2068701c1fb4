// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: what the files of v1_stored share.

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/codec/fields.h"
#include "model/codec/v1_stored.h"
#include "model/rule.h"
#include "model/update.h"

namespace calico::model::codec {

// Thrown while encoding only: ObjectToV1 turns it into an Error.
struct Refused {
  Error error;
};
[[noreturn]] void Refuse(const std::string& what);

// Throw Bad on what is no rule of Calico 2.6.
std::vector<Rule> RulesFromV1(const Json& list, const std::string& path);
Json RulesToV1(const std::vector<Rule>& rules);

// `wanted` as a list to store. Rules that `now` has already keep their text; one that changed in place keeps
// the members that we do not know.
Json MergeRules(const Json& now, const std::vector<Rule>& was, const std::vector<Rule>& wanted);

// `now` with what differs between `was` (what we understood of it) and `wanted`.
Json MergeMembers(const Json& now, const Json& was, const Json& wanted);

// --- values of other members; the readers throw Bad

inline constexpr char kNameAnnotation[] = "projectcalico.org/metadata";
inline constexpr char kTierLabel[] = "projectcalico.org/tier";

Json ParseObject(const V1Values& values, const std::string& role);  // {} if absent
Json Parsed(const V1Values& values, const std::string& role);       // for what was decoded before
const Json* Member(const Json& json, const std::string& name);      // nullptr if absent or null
std::string Text(const Json& json, const char* name);
bool Flag(const Json& json, const char* name);
std::map<std::string, std::string> Map(const Json& json, const char* name);
void AddTexts(const Json& json, const char* name, std::vector<std::string>& out);
std::string Value(const V1Values& values, const char* role);  // "" if absent
void SetUnlessEmpty(Json& json, const char* name, Json value);
// 2.6 has no place for them.
void RefuseLabels(const Metadata& metadata, const char* kind);
void RefuseAnnotations(const Metadata& metadata, const char* kind);

// --- the kinds: Encode() writes all values; who calls it merges them with those that are stored

void Decode(const V1Identity& identity, const V1Values& values, WorkloadEndpoint& o);
void Encode(const V1Identity& identity, const WorkloadEndpoint& o, const V1Values& now, V1Values& out);
void Decode(const V1Identity& identity, const V1Values& values, HostEndpoint& o);
void Encode(const V1Identity& identity, const HostEndpoint& o, const V1Values& now, V1Values& out);
void Decode(const V1Identity& identity, const V1Values& values, GlobalNetworkPolicy& o);
void Encode(const V1Identity& identity, const GlobalNetworkPolicy& o, const V1Values& now, V1Values& out);
void Decode(const V1Identity& identity, const V1Values& values, Profile& o);
void Encode(const V1Identity& identity, const Profile& o, const V1Values& now, V1Values& out);
void Decode(const V1Identity& identity, const V1Values& values, IPPool& o);
void Encode(const V1Identity& identity, const IPPool& o, const V1Values& now, V1Values& out);
void Decode(const V1Identity& identity, const V1Values& values, BGPPeer& o);
void Encode(const V1Identity& identity, const BGPPeer& o, const V1Values& now, V1Values& out);
void Decode(const V1Identity& identity, const V1Values& values, Node& o);
void Encode(const V1Identity& identity, const Node& o, const V1Values& now, V1Values& out);
void Decode(const V1Identity& identity, const V1Values& values, FelixConfiguration& o);
void Encode(const V1Identity& identity, const FelixConfiguration& o, const V1Values& now, V1Values& out);
void Decode(const V1Identity& identity, const V1Values& values, BGPConfiguration& o);
void Encode(const V1Identity& identity, const BGPConfiguration& o, const V1Values& now, V1Values& out);
void Decode(const V1Identity& identity, const V1Values& values, ClusterInformation& o);
void Encode(const V1Identity& identity, const ClusterInformation& o, const V1Values& now, V1Values& out);

}  // namespace calico::model::codec
