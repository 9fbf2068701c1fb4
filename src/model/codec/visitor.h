// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: the two visitors of members.h, one that writes JSON and one that reads it.

#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

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

// Every member is visited once: the writer does not look for a name that is there already.
struct Encoder {
  Json& out;
  bool stored;

  template <typename T>
  void operator()(const char* name, T& member, Flag flag = kOmitEmpty) {
    if (flag == kAlways || !IsEmpty(member)) Put(name, WriteAny(member));
  }
  template <typename T>
  void operator()(const char* name, std::optional<T>& member, Flag flag = kOmitEmpty) {
    if (member)
      Put(name, WriteAny(*member));
    else if (flag == kAlways)
      Put(name, nullptr);
  }
  template <typename T>
  void operator()(const char* name, std::vector<T>& member, Flag flag = kOmitEmpty) {
    if (!member.empty() || flag == kAlways) Put(name, WriteList(member));
  }
  void operator()(const char* name, ProtocolText member, Flag flag = kOmitEmpty);
  void operator()(const char* name, NumberOrName member);
  void operator()(const char* name, DurationText member);
  void operator()(const char* name, JsonText member);
  void operator()(const char* name, KubernetesText member, Flag flag = kOmitEmpty);
  void operator()(const char* name, TimeText member);
  void operator()(const char* name, FelixMember member);
  void HostPorts(const char* name, std::vector<EndpointPort>& ports);
  // A struct-typed member: always stored, dropped by the printer when empty (A.3.6).
  template <typename T>
  void Struct(const char* name, T& member) {
    Json inner = WriteAny(member);
    if (stored || !inner.empty()) Put(name, std::move(inner));
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
  template <typename T>
  Json WriteList(std::vector<T>& items) {
    Json list = Json::array();
    auto& out_items = list.get_ref<Json::array_t&>();
    out_items.reserve(items.size());
    for (T& item : items) out_items.push_back(WriteAny(item));
    return list;
  }
  void Put(const char* name, Json value);
};

// What decoding one object leaves besides the object.
struct Leftovers {
  UnknownMembers& unknown;
  std::map<std::string, std::string> meant;  // pointer of an unknown member -> the member probably meant
};

// Reads the members of one JSON object. Throws Bad.
class Decoder {
 public:
  // `in`, an object, and `at` outlive the decoder.
  Decoder(const Json& in, const Step& at, Leftovers& left);
  Decoder(const Json& in, Step&& at, Leftovers& left) = delete;

  template <typename T>
  void operator()(const char* name, T& member, Flag = kOmitEmpty) {
    if (const Json* json = Find(name)) ReadAny(*json, member, Step(at_, name));
  }
  void operator()(const char* name, ProtocolText member, Flag = kOmitEmpty);
  void operator()(const char* name, NumberOrName member);
  void operator()(const char* name, DurationText member);
  void operator()(const char* name, JsonText member);
  void operator()(const char* name, KubernetesText member, Flag = kOmitEmpty);
  void operator()(const char* name, TimeText member);
  void operator()(const char* name, FelixMember member);
  void HostPorts(const char* name, std::vector<EndpointPort>& ports);
  template <typename T>
  void Struct(const char* name, T& member) {
    (*this)(name, member);
  }

  // The member's value; none if it is absent or null. Takes other letter case, as upstream does (reference
  // calicoctl A.5).
  const Json* Find(const char* name);
  // Reads the object that the member `name` is, with `read(Decoder&)`.
  template <std::invocable<Decoder&> F>
  void Inside(const char* name, F read) {
    const Json* json = Find(name);
    if (json == nullptr) return;
    const Step at(at_, name);
    Decoder inner(MapAt(*json, at), at, left_);
    read(inner);
    inner.Finish();
  }
  template <typename T>
  void ReadAny(const Json& json, T& member, const Step& at) {
    if constexpr (requires(Decoder d) { Fields(d, member); }) {
      Decoder inner(MapAt(json, at), at, left_);
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
      const std::size_t size = ListAt(json, at).size();
      member.reserve(size);
      for (std::size_t i = 0; i < size; ++i) ReadAny(json[i], member.emplace_back(), Step(at, i));
    } else {
      Read(json, member, at);
    }
  }
  // Keeps what no member took. After it nothing more is read.
  void Finish();

 private:
  static const Json& MapAt(const Json& json, const Step& at);
  static const Json& ListAt(const Json& json, const Step& at);

  const Json::object_t::Container& members_;
  const Step& at_;
  Leftovers& left_;
  std::vector<bool> taken_;  // per member of the object
  std::size_t untaken_;
  std::vector<const char*> asked_;
};

}  // namespace calico::model::codec
