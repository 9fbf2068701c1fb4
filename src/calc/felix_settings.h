// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane_api/updates.h"
#include "model/felix_configuration.h"

namespace calico::calc {

// Felix's parameters in force: of several FelixConfigurations the last one that sets a parameter wins, then
// comes Felix's own default.
class FelixSettings final {
 public:
  // Weakest first; pointers must outlive this object, nullptr is passed over.
  explicit FelixSettings(std::vector<const model::FelixConfiguration*> weakest_first)
      : configurations_(std::move(weakest_first)) {}

  const std::vector<const model::FelixConfiguration*>& configurations() const { return configurations_; }

  // A parameter of FelixConfiguration's spec in its raw text form, as in felix.cfg: "true", "tcp:22,udp:68".
  std::string Text(std::string_view field) const;
  // The same, unless it is the default.
  std::optional<std::string> Explicit(std::string_view field) const;
  bool Bool(std::string_view field) const { return Text(field) == "true"; }
  std::uint16_t Port(std::string_view field) const;                       // 0: none
  std::optional<net::PortRange> PortRange(std::string_view field) const;  // "1000:2000", "1000"
  int Number(std::string_view field) const;
  std::vector<dataplane_api::FailsafePort> Ports(std::string_view field) const;

 private:
  const std::vector<const model::FelixConfiguration*> configurations_;
};

}  // namespace calico::calc
