// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: the two visitors of members.h, one that writes JSON and one that reads it.

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/suggest.h"
#include "base/text.h"
#include "model/codec/felix.h"
#include "model/codec/fields.h"
#include "model/codec/value.h"

namespace calico::model::codec {

template <typename T>
bool IsEmpty(const T& value) {
  return value == T{};
}

enum Flag { kOmitEmpty, kAlways };

// Members whose text has a form of its own.
struct ProtocolText {  // stored as a number when it is one (reference datastore-model A.3.9)
  std::string& text;
};
struct DurationText {  // Go's; normalised: "90s" is written as "1m30s" (A.3.8)
  std::string& text;
};
struct JsonText {  // any JSON, kept as compact text; empty = absent
  std::string& text;
};
struct KubernetesText {  // the same for a part of a Kubernetes policy, whose members have an order
  std::string& text;
};
struct TimeText {  // null in the store when there is none yet (A.3.6)
  std::string& text;
};
struct NumberOrName {  // a number or a name
  std::string& text;
};
// Members as Kubernetes' structs of networking.k8s.io/v1 order them; maps sorted, unknown members last.
Json InKubernetesOrder(Json json);

// One member of FelixConfiguration's spec that has no member of its own in the struct.
struct FelixMember {
  const FelixParameter& parameter;
  std::map<std::string, std::string>& values;
};

// --- the two visitors

struct Encoder {
  Json& out;
  bool stored;

  template <typename T>
  void operator()(const char* name, T& member, Flag flag = kOmitEmpty) {
    if (flag == kAlways || !IsEmpty(member)) out[name] = WriteAny(member);
  }
  template <typename T>
  void operator()(const char* name, std::optional<T>& member, Flag flag = kOmitEmpty) {
    if (member)
      out[name] = WriteAny(*member);
    else if (flag == kAlways)
      out[name] = nullptr;
  }
  template <typename T>
  void operator()(const char* name, std::vector<T>& member, Flag flag = kOmitEmpty) {
    if (member.empty() && flag == kOmitEmpty) return;
    Json list = Json::array();
    for (T& item : member) list.push_back(WriteAny(item));
    out[name] = std::move(list);
  }
  void operator()(const char* name, ProtocolText member, Flag flag = kOmitEmpty) {
    if (!member.text.empty() || flag == kAlways) out[name] = NumberWhenDigits(member.text);
  }
  void operator()(const char* name, NumberOrName member) {
    if (!member.text.empty()) out[name] = NumberWhenDigits(member.text);
  }
  void operator()(const char* name, DurationText member) {
    if (!member.text.empty()) out[name] = NormalDuration(member.text);
  }
  void operator()(const char* name, JsonText member) {
    if (!member.text.empty()) out[name] = Json::parse(member.text);
  }
  void operator()(const char* name, KubernetesText member, Flag flag = kOmitEmpty) {
    Json json = member.text.empty() ? Json::object() : InKubernetesOrder(Json::parse(member.text));
    if (flag == kAlways || !json.empty()) out[name] = std::move(json);
  }
  void operator()(const char* name, TimeText member) {
    if (!member.text.empty())
      out[name] = member.text;
    else if (stored)
      out[name] = nullptr;
  }
  void operator()(const char* name, FelixMember member) {
    if (const auto found = member.values.find(name); found != member.values.end())
      out[name] = Json::parse(found->second);
    else if (member.parameter.field == "bpfLogLevel")
      out[name] = "";  // the one parameter that upstream always writes (A.8)
  }
  void HostPorts(const char* name, std::vector<EndpointPort>& ports) {
    if (ports.empty()) return;
    Json list = Json::array();
    for (const EndpointPort& port : ports)
      list.push_back(
          Json{{"name", port.name}, {"protocol", NumberWhenDigits(port.protocol)}, {"port", port.port}});
    out[name] = std::move(list);
  }
  // A struct-typed member: always stored, dropped by the printer when empty (A.3.6).
  template <typename T>
  void Struct(const char* name, T& member) {
    Json inner = WriteAny(member);
    if (stored || !inner.empty()) out[name] = std::move(inner);
  }
  template <typename T>
  Json WriteAny(T& value) {
    if constexpr (requires(Encoder e) { Fields(e, value); }) {
      Json json = Json::object();
      Encoder inner{json, stored};
      Fields(inner, value);
      return json;
    } else if constexpr (requires { value.has_value(); }) {
      return value ? WriteAny(*value) : Json(nullptr);
    } else {
      return Write(value);
    }
  }
};

// What decoding one object leaves besides the object.
struct Leftovers {
  UnknownMembers& unknown;
  std::map<std::string, std::string> meant;  // pointer of an unknown member -> the member probably meant
};

struct Decoder {
  const Json& in;
  std::string path;
  Leftovers& left;
  std::set<std::string> seen;
  std::vector<const char*> asked;

  // Upstream's decoder also takes a name in other letter case (reference calicoctl A.5).
  const Json* Find(const char* name) {
    asked.push_back(name);
    auto found = in.find(name);
    if (found == in.end()) {
      for (auto it = in.begin(); it != in.end() && found == in.end(); ++it) {
        if (EqualsIgnoreCase(it.key(), name)) found = it;
      }
      if (found == in.end()) return nullptr;
    }
    seen.insert(found.key());
    return found->is_null() ? nullptr : &*found;
  }
  template <typename T>
  void operator()(const char* name, T& member, Flag = kOmitEmpty) {
    if (const Json* json = Find(name)) ReadAny(*json, member, path + "/" + name);
  }
  void operator()(const char* name, ProtocolText member, Flag = kOmitEmpty) {
    if (const Json* json = Find(name)) Read(*json, member.text, path + "/" + name);
    // Any letter case is read, the canonical one is kept (reference datastore-model C.2).
    for (const char* canonical : {"TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite"}) {
      if (EqualsIgnoreCase(member.text, canonical)) member.text = canonical;
    }
  }
  void operator()(const char* name, NumberOrName member) {
    if (const Json* json = Find(name)) Read(*json, member.text, path + "/" + name);
  }
  void operator()(const char* name, DurationText member) {
    const Json* json = Find(name);
    if (json == nullptr) return;
    if (!json->is_string() || !ParseGoDuration(Shown(*json)))
      Fail(path + "/" + name, fmt::format("cannot parse '{}' as a duration such as 1m30s", Shown(*json)));
    member.text = NormalDuration(Shown(*json));
  }
  void operator()(const char* name, JsonText member) {
    if (const Json* json = Find(name)) member.text = Dump(ResolvePlain(*json));
  }
  void operator()(const char* name, KubernetesText member, Flag = kOmitEmpty) {
    const Json* json = Find(name);
    if (json != nullptr && !json->empty()) member.text = Dump(ResolvePlain(*json));
  }
  void operator()(const char* name, TimeText member) { (*this)(name, member.text); }
  void operator()(const char* name, FelixMember member) {
    if (const Json* json = Find(name))
      member.values[name] = Dump(NormalFelixValue(*json, member.parameter, path + "/" + name));
  }
  template <typename T>
  void Struct(const char* name, T& member) {
    (*this)(name, member);
  }
  template <typename T>
  void ReadAny(const Json& json, T& member, const std::string& at) {
    if constexpr (requires(Decoder d) { Fields(d, member); }) {
      if (!json.is_object()) Fail(at, "must be a map");
      Decoder inner{json, at, left, {}, {}};
      Fields(inner, member);
      inner.Finish();
    } else if constexpr (requires {
                           member.emplace();
                           member.has_value();
                         }) {
      if (json.is_null())
        member.reset();
      else
        ReadAny(json, member.emplace(), at);
    } else if constexpr (requires { member.emplace_back(); } && !std::is_same_v<T, std::string>) {
      if (!json.is_array()) Fail(at, "must be a list");
      for (std::size_t i = 0; i < json.size(); ++i)
        ReadAny(json[i], member.emplace_back(), fmt::format("{}/{}", at, i));
    } else {
      Read(json, member, at);
    }
  }
  void HostPorts(const char* name, std::vector<EndpointPort>& ports) {
    const Json* list = Find(name);
    if (list == nullptr) return;
    if (!list->is_array()) Fail(path + "/" + name, "must be a list");
    for (std::size_t i = 0; i < list->size(); ++i) {
      const std::string at = fmt::format("{}/{}/{}", path, name, i);
      if (!(*list)[i].is_object()) Fail(at, "must be a map");
      Decoder inner{(*list)[i], at, left, {}, {}};
      EndpointPort& port = ports.emplace_back();
      inner("name", port.name);
      inner("protocol", ProtocolText{port.protocol});
      inner("port", port.port);
      inner.Finish();
    }
  }
  void Finish() {
    for (const auto& [key, value] : in.items()) {
      if (seen.contains(key)) continue;
      const std::string pointer = path + "/" + EscapePointer(key);
      left.unknown[pointer] = Dump(ResolvePlain(value));
      if (const auto closest = Closest(key, {asked.begin(), asked.end()})) left.meant[pointer] = *closest;
    }
  }
};

}  // namespace calico::model::codec
