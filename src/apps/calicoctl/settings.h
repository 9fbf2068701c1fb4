// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "apps/calicoctl/session.h"

namespace calico::calicoctl {

enum class Component { kFelix, kBgp };

// Single settings as Calico 2.6 has them: a component, a name, for all nodes or for one. In a store of 2.6
// each is a key (reference calicoctl D.7); in a v3 store they are fields of FelixConfiguration and
// BGPConfiguration "default" and "node.<name>". Names and values are those of 2.6 either way:
// "LogSeverityScreen", "node_mesh".
class Settings {
 public:
  virtual ~Settings() = default;
  // `node` "" means all nodes. nullopt: not set.
  virtual Result<std::optional<std::string>> Get(Component component, const std::string& name,
                                                 const std::string& node) = 0;
  virtual Status Set(Component component, const std::string& name, const std::string& node,
                     const std::string& value) = 0;
  // Not set is no error.
  virtual Status Unset(Component component, const std::string& name, const std::string& node) = 0;
};

std::unique_ptr<Settings> SettingsOf(const Session& session);

}  // namespace calico::calicoctl
