// SPDX-License-Identifier: Apache-2.0
#include "model/codec/visitor.h"

#include <fmt/format.h>

#include "base/suggest.h"
#include "base/text.h"

namespace calico::model::codec {

// --- Encoder

void Encoder::Put(const char* name, Json value) {
  out.get_ref<Json::object_t&>().emplace_back(name, std::move(value));
}

void Encoder::operator()(const char* name, ProtocolText member, Flag flag) {
  if (!member.text.empty() || flag == kAlways) Put(name, NumberWhenDigits(member.text));
}
void Encoder::operator()(const char* name, NumberOrName member) {
  if (!member.text.empty()) Put(name, NumberWhenDigits(member.text));
}
void Encoder::operator()(const char* name, DurationText member) {
  if (!member.text.empty()) Put(name, NormalDuration(member.text));
}
void Encoder::operator()(const char* name, JsonText member) {
  if (!member.text.empty()) Put(name, Json::parse(member.text));
}
void Encoder::operator()(const char* name, KubernetesText member, Flag flag) {
  Json json = member.text.empty() ? Json::object() : InKubernetesOrder(Json::parse(member.text));
  if (flag == kAlways || !json.empty()) Put(name, std::move(json));
}
void Encoder::operator()(const char* name, TimeText member) {
  if (!member.text.empty())
    Put(name, member.text);
  else if (stored)
    Put(name, nullptr);
}
void Encoder::operator()(const char* name, FelixMember member) {
  if (const auto found = member.values.find(name); found != member.values.end())
    Put(name, Json::parse(found->second));
  else if (member.parameter.field == "bpfLogLevel")
    Put(name, "");  // the one parameter that upstream always writes (A.8)
}
void Encoder::HostPorts(const char* name, std::vector<EndpointPort>& ports) {
  if (ports.empty()) return;
  Json list = Json::array();
  for (const EndpointPort& port : ports)
    list.push_back(
        Json{{"name", port.name}, {"protocol", NumberWhenDigits(port.protocol)}, {"port", port.port}});
  Put(name, std::move(list));
}

// --- Decoder

Decoder::Decoder(const Json& in, const Step& at, Leftovers& left)
    : members_(in.get_ref<const Json::object_t&>()),
      at_(at),
      left_(left),
      taken_(members_.size()),
      untaken_(members_.size()) {
  constexpr std::size_t kUsual = 16;
  asked_.reserve(kUsual);
}

const Json& Decoder::MapAt(const Json& json, const Step& at) {
  if (!json.is_object()) Fail(at, "must be a map");
  return json;
}
const Json& Decoder::ListAt(const Json& json, const Step& at) {
  if (!json.is_array()) Fail(at, "must be a list");
  return json;
}

const Json* Decoder::Find(const char* name) {
  asked_.push_back(name);
  const auto take = [&](std::size_t i) {
    if (!taken_[i]) --untaken_;
    taken_[i] = true;
    const Json& value = members_[i].second;
    return value.is_null() ? nullptr : &value;
  };
  const std::string_view wanted = name;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (members_[i].first == wanted) return take(i);
  }
  if (untaken_ == 0) return nullptr;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (EqualsIgnoreCase(members_[i].first, wanted)) return take(i);
  }
  return nullptr;
}

void Decoder::Finish() {
  if (untaken_ == 0) return;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (taken_[i]) continue;
    const auto& [name, value] = members_[i];
    const std::string pointer = Step(at_, name).Pointer();
    left_.unknown[pointer] = Dump(ResolvePlain(value));
    if (const auto closest = Closest(name, {asked_.begin(), asked_.end()})) left_.meant[pointer] = *closest;
  }
}

void Decoder::operator()(const char* name, ProtocolText member, Flag) {
  if (const Json* json = Find(name)) Read(*json, member.text, Step(at_, name));
  // Any letter case is read, the canonical one is kept (reference datastore-model C.2).
  for (const char* canonical : {"TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite"}) {
    if (EqualsIgnoreCase(member.text, canonical)) member.text = canonical;
  }
}
void Decoder::operator()(const char* name, NumberOrName member) {
  if (const Json* json = Find(name)) Read(*json, member.text, Step(at_, name));
}
void Decoder::operator()(const char* name, DurationText member) {
  const Json* json = Find(name);
  if (json == nullptr) return;
  if (!json->is_string() || !ParseGoDuration(Shown(*json)))
    Fail(Step(at_, name), fmt::format("cannot parse '{}' as a duration such as 1m30s", Shown(*json)));
  member.text = NormalDuration(Shown(*json));
}
void Decoder::operator()(const char* name, JsonText member) {
  if (const Json* json = Find(name)) member.text = Dump(ResolvePlain(*json));
}
void Decoder::operator()(const char* name, KubernetesText member, Flag) {
  const Json* json = Find(name);
  if (json != nullptr && !json->empty()) member.text = Dump(ResolvePlain(*json));
}
void Decoder::operator()(const char* name, TimeText member) {
  (*this)(name, member.text);
}
void Decoder::operator()(const char* name, FelixMember member) {
  if (const Json* json = Find(name))
    member.values[name] = Dump(NormalFelixValue(*json, member.parameter, Step(at_, name)));
}
void Decoder::HostPorts(const char* name, std::vector<EndpointPort>& ports) {
  const Json* list = Find(name);
  if (list == nullptr) return;
  const Step at(at_, name);
  const std::size_t size = ListAt(*list, at).size();
  for (std::size_t i = 0; i < size; ++i) {
    const Step of_item(at, i);
    Decoder inner(MapAt((*list)[i], of_item), of_item, left_);
    EndpointPort& port = ports.emplace_back();
    inner("name", port.name);
    inner("protocol", ProtocolText{port.protocol});
    inner("port", port.port);
    inner.Finish();
  }
}

}  // namespace calico::model::codec
