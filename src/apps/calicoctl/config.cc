// SPDX-License-Identifier: Apache-2.0
// config set, get and unset (reference calicoctl D.7).
#include <algorithm>
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/session.h"
#include "apps/calicoctl/settings.h"
#include "base/text.h"
#include "model/bgp.h"

namespace calico::calicoctl {
namespace {

constexpr char kMeshOn[] = "{\"enabled\":true}";
constexpr char kMeshOff[] = "{\"enabled\":false}";

Error Refused(std::string text) {
  return Error(ErrorCode::kInvalidArgument, std::move(text));
}

// What one setting is: which values it takes, which keys it is, what it is when absent.
class NamedSetting {
 public:
  virtual ~NamedSetting() = default;
  virtual Status Set(Settings& settings, const std::string& node, const std::string& value) const = 0;
  virtual Status Unset(Settings& settings, const std::string& node) const = 0;
  // The line to print.
  virtual Result<std::string> Get(Settings& settings, const std::string& node) const = 0;
  virtual bool is_global_only() const { return true; }
};

class LogLevel final : public NamedSetting {
  static constexpr char kFelix[] = "LogSeverityScreen", kBgp[] = "loglevel";

  Status Set(Settings& settings, const std::string& node, const std::string& value) const override {
    constexpr const char* kLevels[] = {"none", "debug", "info", "warning", "error", "critical"};
    if (std::find(std::begin(kLevels), std::end(kLevels), value) == std::end(kLevels))
      return Refused(fmt::format("error with field loglevel = '{}'", value));
    RETURN_IF_ERROR(settings.Set(Component::kFelix, kFelix, node, value));
    // BIRD knows three levels.
    return settings.Set(Component::kBgp, kBgp, node, value == "debug" || value == "info" ? value : "none");
  }
  Status Unset(Settings& settings, const std::string& node) const override {
    if (node.empty()) return Set(settings, node, "info");
    RETURN_IF_ERROR(settings.Unset(Component::kFelix, kFelix, node));
    return settings.Unset(Component::kBgp, kBgp, node);
  }
  Result<std::string> Get(Settings& settings, const std::string& node) const override {
    if (!node.empty()) {
      ASSIGN_OR_RETURN(const auto own, settings.Get(Component::kFelix, kFelix, node));
      if (own) return *own;
    }
    ASSIGN_OR_RETURN(const auto global, settings.Get(Component::kFelix, kFelix, ""));
    return global.value_or("info") + (node.empty() ? "" : " (inherited from global)");
  }
  bool is_global_only() const override { return false; }
};

// Values "on" and "off".
class Switch final : public NamedSetting {
 public:
  struct Key {
    Component component;
    std::string name, on, off;
    bool usually;
  };
  explicit Switch(Key key) : key_(std::move(key)) {}

 private:
  Status Set(Settings& settings, const std::string& node, const std::string& value) const override {
    if (value != "on" && value != "off") return Refused(fmt::format("invalid value '{}'", value));
    return settings.Set(key_.component, key_.name, node, value == "on" ? key_.on : key_.off);
  }
  Status Unset(Settings& settings, const std::string& node) const override {
    return settings.Set(key_.component, key_.name, node, key_.usually ? key_.on : key_.off);
  }
  Result<std::string> Get(Settings& settings, const std::string& node) const override {
    ASSIGN_OR_RETURN(const auto value, settings.Get(key_.component, key_.name, node));
    const bool on = value ? value->find("true") != std::string::npos : key_.usually;
    return std::string(on ? "on" : "off");
  }
  const Key key_;
};

// "65001" or "1.10" (two 16-bit halves).
std::optional<std::uint32_t> ParseAsNumber(const std::string& text) {
  const auto number = [](std::string_view digits, std::uint32_t most) -> std::optional<std::uint32_t> {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value > most) return std::nullopt;
    return value;
  };
  const std::size_t dot = text.find('.');
  if (dot == std::string::npos) return number(text, 0xffffffff);
  const auto high = number(std::string_view(text).substr(0, dot), 0xffff);
  const auto low = number(std::string_view(text).substr(dot + 1), 0xffff);
  if (!high || !low) return std::nullopt;
  return *high << 16 | *low;
}

class AsNumber final : public NamedSetting {
  Status Set(Settings& settings, const std::string& node, const std::string& value) const override {
    const auto number = ParseAsNumber(value);
    if (!number) return Refused("the supplied AS number is not valid");
    return settings.Set(Component::kBgp, "as_num", node, std::to_string(*number));
  }
  Status Unset(Settings& settings, const std::string& node) const override {
    return settings.Set(Component::kBgp, "as_num", node, std::to_string(model::kDefaultAsNumber));
  }
  Result<std::string> Get(Settings& settings, const std::string& node) const override {
    ASSIGN_OR_RETURN(const auto value, settings.Get(Component::kBgp, "as_num", node));
    return value.value_or(std::to_string(model::kDefaultAsNumber));
  }
};

// A key by its own name.
class Raw final : public NamedSetting {
 public:
  Raw(Component component, std::string name) : component_(component), name_(std::move(name)) {
    if (component_ != Component::kBgp) return;
    if (name_ == "AsNumber") name_ = "as_num";
    if (name_ == "LogLevel") name_ = "loglevel";
    if (name_ == "NodeMeshEnabled") name_ = "node_mesh";
  }

 private:
  bool is_mesh() const { return component_ == Component::kBgp && name_ == "node_mesh"; }

  Status Set(Settings& settings, const std::string& node, const std::string& value) const override {
    std::string stored = value;
    if (is_mesh() && (value == "true" || value == "false")) stored = value == "true" ? kMeshOn : kMeshOff;
    return settings.Set(component_, name_, node, stored);
  }
  Status Unset(Settings& settings, const std::string& node) const override {
    return settings.Unset(component_, name_, node);
  }
  Result<std::string> Get(Settings& settings, const std::string& node) const override {
    ASSIGN_OR_RETURN(const auto value, settings.Get(component_, name_, node));
    if (!value) return std::string("(unset)");
    if (is_mesh() && (*value == kMeshOn || *value == kMeshOff))
      return std::string(*value == kMeshOn ? "true" : "false");
    return *value;
  }
  bool is_global_only() const override { return false; }

  const Component component_;
  std::string name_;
};

Result<std::unique_ptr<NamedSetting>> FindSetting(const Arguments& arguments) {
  using Pointer = std::unique_ptr<NamedSetting>;
  const std::string name = arguments.Text("NAME"), component = arguments.Text("--raw");
  if (component == "felix") return Pointer(std::make_unique<Raw>(Component::kFelix, name));
  if (component == "bgp") return Pointer(std::make_unique<Raw>(Component::kBgp, name));
  if (!component.empty()) return Refused(fmt::format("unrecognised component '{}'", component));
  if (EqualsIgnoreCase(name, "logLevel")) return Pointer(std::make_unique<LogLevel>());
  if (EqualsIgnoreCase(name, "asNumber")) return Pointer(std::make_unique<AsNumber>());
  if (EqualsIgnoreCase(name, "nodeToNodeMesh")) {
    return Pointer(
        std::make_unique<Switch>(Switch::Key{Component::kBgp, "node_mesh", kMeshOn, kMeshOff, true}));
  }
  if (EqualsIgnoreCase(name, "ipip")) {
    return Pointer(
        std::make_unique<Switch>(Switch::Key{Component::kFelix, "IpInIpEnabled", "true", "false", false}));
  }
  return Refused(fmt::format("unrecognised config name '{}'", name));
}

enum class Verb { kSet, kUnset, kGet };

Status Run(const Session& session, Verb verb) {
  const Arguments& arguments = session.arguments;
  ASSIGN_OR_RETURN(const std::unique_ptr<NamedSetting> setting, FindSetting(arguments));
  const std::string node = arguments.Text("--node");
  if (!node.empty() && setting->is_global_only()) return Refused("--node should not be specified");
  const std::unique_ptr<Settings> settings = SettingsOf(session);
  if (verb == Verb::kSet) return setting->Set(*settings, node, arguments.Text("VALUE"));
  if (verb == Verb::kUnset) return setting->Unset(*settings, node);
  ASSIGN_OR_RETURN(const std::string line, setting->Get(*settings, node));
  session.out() << line << '\n';
  return Ok();
}

Command Make(const std::string& name, const std::string& summary, const std::string& example, Verb verb) {
  Command command;
  command.path = {"config", name};
  command.summary = summary;
  command.description =
      "NAME is logLevel, nodeToNodeMesh, asNumber or ipip, in any letter case; with --raw the name of a key\n"
      "of Felix or of the BGP component, as it is stored.";
  command.positionals = {{"NAME",
                          "logLevel, nodeToNodeMesh, asNumber, ipip; any name with --raw",
                          false,
                          false,
                          Completion::kWords,
                          {"logLevel", "nodeToNodeMesh", "asNumber", "ipip"}}};
  if (verb == Verb::kSet) command.positionals.push_back({"VALUE", "the value", false, false});
  command.options = Joined({{"--node", 'n', "NODE", "for this node only: logLevel and raw names"},
                            {"--raw",
                             0,
                             "COMPONENT",
                             "a key of this component: felix or bgp",
                             Completion::kWords,
                             {"felix", "bgp"}}},
                           ConnectionOptions());
  command.examples = example;
  command.run = [verb](const Session& session) {
    const Status status = Run(session, verb);
    if (status.has_value()) return 0;
    // What is wrong with the command line is told so; the store's error stands alone.
    const bool mistake = status.error().code() == ErrorCode::kInvalidArgument;
    return session.Fail((mistake ? "Error executing command: " : "") + status.error().message());
  };
  return command;
}

}  // namespace

std::vector<Command> ConfigCommands() {
  return {Make("set", "Change a setting of the whole cluster or of one node",
               "calicoctl config set logLevel debug", Verb::kSet),
          Make("get", "Show a setting", "calicoctl config get nodeToNodeMesh", Verb::kGet),
          Make("unset", "Give a setting its usual value",
               "calicoctl config unset logLevel --node=rack1-host7", Verb::kUnset)};
}

}  // namespace calico::calicoctl
