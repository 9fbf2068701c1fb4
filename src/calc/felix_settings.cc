// SPDX-License-Identifier: Apache-2.0
#include "calc/felix_settings.h"

#include <charconv>

#include "base/check.h"
#include "base/text.h"
#include "model/codec/felix_v1.h"

namespace calico::calc {
namespace {

// "tcp:22", "udp:10.0.0.0/8:68", "tcp:[fd00::/8]:22"; validation has seen to the rest.
std::optional<dataplane_api::FailsafePort> ParseFailsafe(std::string_view text) {
  const std::size_t first = text.find(':'), last = text.rfind(':');
  if (first == std::string_view::npos) return std::nullopt;
  dataplane_api::FailsafePort out;
  const auto protocol = net::ParseProtocol(text.substr(0, first));
  const std::string_view digits = text.substr(last + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), out.port);
  if (!protocol || error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  out.protocol = *protocol;
  if (first == last) return out;
  std::string_view net = text.substr(first + 1, last - first - 1);
  if (net.starts_with('[') && net.ends_with(']')) net = net.substr(1, net.size() - 2);
  out.net = net::Cidr::Parse(net);
  if (!out.net) return std::nullopt;
  out.net = out.net->Masked();
  return out;
}

}  // namespace

std::optional<std::string> FelixSettings::Explicit(std::string_view field) const {
  const model::FelixParameter* parameter = model::FindFelixParameter(field);
  CHECK(parameter != nullptr, "only known parameters are asked for");
  for (auto at = configurations_.rbegin(); at != configurations_.rend(); ++at) {
    if (*at == nullptr) continue;
    const auto found = (*at)->other_parameters.find(std::string(field));
    if (found != (*at)->other_parameters.end()) return model::FelixValueToV1(*parameter, found->second);
  }
  return std::nullopt;
}

std::string FelixSettings::Text(std::string_view field) const {
  auto said = Explicit(field);
  return said ? *std::move(said) : std::string(model::FindFelixParameter(field)->default_value);
}

std::optional<net::PortRange> FelixSettings::PortRange(std::string_view field) const {
  const std::string text = Text(field);
  net::PortRange range;
  const char* end = text.data() + text.size();
  auto [at, error] = std::from_chars(text.data(), end, range.first);
  if (error != std::errc()) return std::nullopt;
  range.last = range.first;
  if (at != end && (*at == ':' || *at == '-')) std::from_chars(at + 1, end, range.last);
  if (range.first == 0 || range.last < range.first) return std::nullopt;
  return range;
}

int FelixSettings::Number(std::string_view field) const {
  const std::string text = Text(field);
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

std::uint16_t FelixSettings::Port(std::string_view field) const {
  const std::string text = Text(field);
  std::uint16_t port = 0;
  std::from_chars(text.data(), text.data() + text.size(), port);
  return port;
}

std::vector<dataplane_api::FailsafePort> FelixSettings::Ports(std::string_view field) const {
  std::vector<dataplane_api::FailsafePort> ports;
  for (const std::string& item : Split(Text(field), ',')) {
    if (const auto port = ParseFailsafe(Trim(item))) ports.push_back(*port);
  }
  return ports;
}

}  // namespace calico::calc
