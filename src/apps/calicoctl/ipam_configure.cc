// SPDX-License-Identifier: Apache-2.0
// Reference calicoctl C.1.2.
#include <charconv>
#include <optional>

#include <fmt/format.h>

#include "apps/calicoctl/ipam_verbs.h"
#include "apps/calicoctl/session.h"
#include "ipam/block_store.h"

namespace calico::calicoctl {
namespace {

constexpr char kPersistencePointer[] = "/kubeVirtVMAddressPersistence";

// The spellings that Go reads as a boolean.
std::optional<bool> ParseBool(const std::string& text) {
  for (const char* word : {"1", "t", "T", "TRUE", "true", "True"}) {
    if (text == word) return true;
  }
  for (const char* word : {"0", "f", "F", "FALSE", "false", "False"}) {
    if (text == word) return false;
  }
  return std::nullopt;
}

std::optional<int> ParseCount(const std::string& text) {
  int count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 0) return std::nullopt;
  return count;
}

Error Invalid(const std::string& text) {
  return Error(ErrorCode::kInvalidArgument, text);
}

// All values are checked before anything is written; returned are the lines of success.
Result<std::string> ChangeConfig(const Arguments& arguments, model::IpamConfig& config) {
  std::string done;
  if (arguments.Has("--strictaffinity")) {
    const auto strict = ParseBool(arguments.Text("--strictaffinity"));
    if (!strict) return Invalid("invalid value. Use true or false to set strictaffinity");
    config.strict_affinity = *strict;
    done += fmt::format("Successfully set StrictAffinity to: {}\n", *strict);
  }
  if (arguments.Has("--max-blocks-per-host")) {
    const auto count = ParseCount(arguments.Text("--max-blocks-per-host"));
    if (!count) return Invalid("invalid value for maxblockhost. Use a valid number");
    config.max_blocks_per_host = *count;
    done += fmt::format("Successfully set MaxBlocksPerHost to: {}\n", *count);
  }
  if (arguments.Has("--kubevirt-ip-persistence")) {
    const std::string value = arguments.Text("--kubevirt-ip-persistence");
    if (value != "Enabled" && value != "Disabled") {
      return Invalid("invalid value for --kubevirt-ip-persistence. Use Enabled or Disabled");
    }
    config.unknown[kPersistencePointer] = "\"" + value + "\"";
    done += fmt::format("Successfully set KubeVirtVMAddressPersistence to: {}\n", value);
  }
  return done;
}

int RunIpamConfigure(const Session& session) {
  const auto given = [&](const char* option) { return session.arguments.Has(option); };
  if (!given("--strictaffinity") && !given("--max-blocks-per-host") && !given("--kubevirt-ip-persistence")) {
    return session.Fail("at least one configuration option must be specified");
  }
  if (session.client().dialect() == datastore::Dialect::kCalico26 &&
      (session.arguments.Has("--max-blocks-per-host") ||
       session.arguments.Has("--kubevirt-ip-persistence"))) {
    return session.Fail(
        "error: etcdv2 stores Calico 2.6 settings only: --max-blocks-per-host and --kubevirt-ip-persistence "
        "need etcdv3; see calicoctl datastore migrate");
  }
  ipam::BlockStore store(session.client(), session.clock());
  auto config = store.ReadConfig();
  if (!config.has_value()) return session.Fail("error: " + config.error().message());
  const Result<std::string> done = ChangeConfig(session.arguments, *config);
  if (!done.has_value()) return session.Fail(done.error().message());
  const Status written = store.WriteConfig(*config);
  if (!written.has_value()) return session.Fail("error: " + written.error().message());
  session.out() << *done;
  return 0;
}

}  // namespace

std::string KubeVirtPersistence(const model::IpamConfig& config) {
  const auto found = config.unknown.find(kPersistencePointer);
  return found != config.unknown.end() && found->second == "\"Disabled\"" ? "Disabled" : "Enabled";
}

Command IpamConfigureCommand() {
  Command configure;
  configure.path = {"ipam", "configure"};
  configure.summary = "Change how nodes take addresses";
  configure.description =
      "Strict affinity keeps a node inside its own blocks: it borrows no address from another node's block. "
      "A limit of blocks per node needs it. 0 is the default limit of 20.";
  configure.options = Joined({{"--strictaffinity",
                               0,
                               "true/false",
                               "whether nodes stay inside their blocks",
                               Completion::kWords,
                               {"true", "false"}},
                              {"--max-blocks-per-host", 0, "number", "how many blocks a node may have"},
                              {"--kubevirt-ip-persistence",
                               0,
                               "Enabled|Disabled",
                               "for clusters with KubeVirt",
                               Completion::kWords,
                               {"Enabled", "Disabled"}}},
                             ConnectionOptions());
  configure.examples = "calicoctl ipam configure --strictaffinity=true";
  configure.run = RunIpamConfigure;
  return configure;
}

}  // namespace calico::calicoctl
