// SPDX-License-Identifier: Apache-2.0
// Templates of `calicoctl get -o go-template`: any text is parsed or refused, and what is parsed ends, with a
// text or an error that names a place.
#include <cstdint>
#include <string>

#include "apps/calicoctl/go_template/template.h"
#include "base/check.h"

namespace calico::calicoctl::go_template {
namespace {

Value Item(const char* name) {
  const Value labels = Value::Map({{"role", Value::Text("web")}, {"zone", Value::Text("z1")}});
  const Value nets = Value::List({Value::Text("10.0.0.0/8"), Value::Text("fd00::/8")});
  const Value spec = Value::Struct({{"CIDR", Value::Text("10.0.0.0/8")},
                                    {"NATOutgoing", Value::Bool(true)},
                                    {"BlockSize", Value::Integer(26)},
                                    {"Order", Value::Float(1e6)},
                                    {"Nets", nets},
                                    {"BGP", Value()}});
  return Value::Struct({{"Name", Value::Text(name)}, {"Labels", labels}, {"Spec", spec}});
}

void Run(const std::string& text) {
  static const Value data = Value::List({Value::Struct({{"Items", Value::List({Item("a"), Item("b")})}})});
  static const Environment environment{
      [](const std::string& name) -> Result<std::string> { return name + "!"; }};
  const auto parsed = Template::Parse(text);
  if (!parsed.has_value()) {
    CHECK(!parsed.error().message().empty(), "an error says why");
    return;
  }
  const auto shown = parsed->Execute(data, environment);
  CHECK(shown.has_value() || !shown.error().message().empty(), "an error says why");
}

}  // namespace
}  // namespace calico::calicoctl::go_template

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  calico::calicoctl::go_template::Run(std::string(reinterpret_cast<const char*>(data), size));
  return 0;
}
