// SPDX-License-Identifier: Apache-2.0
#include "model/codec/complete.h"

#include "model/codec/json.h"
#include "model/codec/members.h"

namespace calico::model {
namespace codec {
namespace {

// Visits members like Encoder (visitor.h), but leaves none out.
struct CompleteEncoder {
  Json& out;

  template <typename T>
  void operator()(const char* name, T& member, Flag = kOmitEmpty) {
    out[name] = WriteAny(member);
  }
  template <typename T>
  void operator()(const char* name, std::optional<T>& member, Flag = kOmitEmpty) {
    out[name] = member ? WriteAny(*member) : Json(nullptr);
  }
  template <typename T>
  void operator()(const char* name, std::vector<T>& member, Flag = kOmitEmpty) {
    Json list = Json::array();
    for (T& item : member) list.push_back(WriteAny(item));
    out[name] = std::move(list);
  }
  // Members whose text has a form of its own: as printed, or null.
  template <typename T>
    requires(!std::is_lvalue_reference_v<T>)
  void operator()(const char* name, T&& member, Flag = kOmitEmpty) {
    Json written = Json::object();
    Encoder encoder{written, false};
    encoder(name, std::forward<T>(member));
    out[name] = written.contains(name) ? std::move(written[name]) : Json(nullptr);
  }
  void HostPorts(const char* name, std::vector<EndpointPort>& ports) {
    Json list = Json::array();
    for (const EndpointPort& port : ports)
      list.push_back(Json{{"name", port.name}, {"protocol", port.protocol}, {"port", port.port}});
    out[name] = std::move(list);
  }
  template <typename T>
  void Struct(const char* name, T& member) {
    out[name] = WriteAny(member);
  }

  template <typename T>
  Json WriteAny(T& value) {
    if constexpr (requires(CompleteEncoder e) { Fields(e, value); }) {
      Json json = Json::object();
      CompleteEncoder inner{json};
      Fields(inner, value);
      return json;
    } else if constexpr (requires { value.has_value(); }) {
      return value ? WriteAny(*value) : Json(nullptr);
    } else if constexpr (std::is_same_v<T, double>) {
      return value;
    } else {
      return Write(value);
    }
  }
};

Json Complete(const Object& object) {
  Object copy = object;
  Json json = Json::object();
  std::visit(
      [&](auto& o) {
        if constexpr (requires { o.metadata; }) {
          json["kind"] = std::string(KindName(KeyOf(copy).kind));
          json["apiVersion"] = "projectcalico.org/v3";
          json["metadata"] = CompleteEncoder{json}.WriteAny(o.metadata);
          Json spec = Json::object();
          CompleteEncoder encoder{spec};
          Spec(encoder, o);
          json["spec"] = std::move(spec);
          if constexpr (requires(CompleteEncoder e) { StatusMembers(e, o); }) {
            Json status = Json::object();
            CompleteEncoder of_status{status};
            StatusMembers(of_status, o);
            json["status"] = std::move(status);
          }
        }
      },
      copy);
  return json;
}

}  // namespace
}  // namespace codec

std::string CompleteJson(const Object& object) {
  return codec::Dump(codec::Complete(object));
}

}  // namespace calico::model
