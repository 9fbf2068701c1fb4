// SPDX-License-Identifier: Apache-2.0
// The grammar of the command line (reference calicoctl A.1, B, C). Mistakes end with one line and a hint,
// exit 1.
#include "apps/calicoctl/arguments.h"

#include <algorithm>
#include <cstdint>

#include <CLI/CLI.hpp>

namespace calico::calicoctl {
namespace {

constexpr char kKinds[] =
    "Kinds (any case, several spellings): bgpConfiguration, bgpPeer, clusterInformation, "
    "felixConfiguration,\n"
    "ipPool, node, profile, workloadEndpoint (wep).";

constexpr char kEnvironment[] =
    "The store is taken from the file given with --config, else /etc/calico/calicoctl.cfg, else "
    "DATASTORE_TYPE,\n"
    "ETCD_ENDPOINTS, ETCD_USERNAME, ETCD_PASSWORD, ETCD_CA_CERT_FILE, ETCD_CERT_FILE, ETCD_KEY_FILE (each "
    "may be\n"
    "prefixed CALICO_), else the local store of calico-node.";

void AddConnection(CLI::App& app, Arguments& to) {
  app.add_option("-c,--config", to.config_file, "file with the connection of the store")->type_name("FILE");
  // Accepted for scripts: this version does not compare versions.
  app.add_flag_function(
      "--allow-version-mismatch", [](std::int64_t) {}, "no effect");
}

void AddInput(CLI::App& app, Arguments& to) {
  app.add_option("-f,--filename", to.file, "YAML or JSON file, directory, or - for stdin")->type_name("FILE");
  app.add_flag("-R,--recursive", to.recursive, "look into sub-directories");
  app.add_flag("--skip-empty", to.skip_empty, "files without resources are no error");
  app.add_option("-n,--namespace", to.ns, "namespace of namespaced resources")->type_name("NS");
  AddConnection(app, to);
}

void AddKindAndNames(CLI::App& app, Arguments& to) {
  app.add_option("kind", to.kind, "kind of resource")->type_name("KIND");
  app.add_option("names", to.names, "names; an IP pool may be named by its CIDR")->type_name("NAME");
}

CLI::App* AddVerb(CLI::App& app, const std::string& name, const std::string& what,
                  const std::string& examples) {
  CLI::App* verb = app.add_subcommand(name, what);
  verb->footer("Examples:\n" + examples);
  return verb;
}

void AddResourceVerbs(CLI::App& app, Arguments& to) {
  CLI::App* get = AddVerb(app, "get", "Show resources",
                          "  calicoctl get nodes -o wide\n"
                          "  calicoctl get ipPool 192.168.0.0/16 -o yaml\n"
                          "  calicoctl get wep -a\n\n" +
                              std::string(kKinds) + "\n");
  AddKindAndNames(*get, to);
  AddInput(*get, to);
  get->add_option("-o,--output", to.output, "ps, wide, yaml, json or custom-columns=A,B")
      ->capture_default_str();
  get->add_flag("-A,-a,--all-namespaces", to.all_namespaces, "resources of all namespaces");

  CLI::App* create = AddVerb(app, "create", "Create resources",
                             "  calicoctl create -f pool.yaml\n"
                             "  cat pool.yaml | calicoctl create -f -\n");
  AddInput(*create, to);
  create->add_flag("--skip-exists", to.skip_exists, "resources that exist are no error");

  AddInput(*AddVerb(app, "apply", "Create resources, or replace those that exist",
                    "  calicoctl apply -f pool.yaml\n"),
           to);
  AddInput(*AddVerb(app, "replace", "Replace resources that exist", "  calicoctl replace -f pool.yaml\n"),
           to);

  CLI::App* remove = AddVerb(app, "delete", "Delete resources",
                             "  calicoctl delete ipPool 192.168.0.0/16\n"
                             "  calicoctl delete -f pool.yaml --skip-not-exists\n\n" +
                                 std::string(kKinds) + "\n");
  AddKindAndNames(*remove, to);
  AddInput(*remove, to);
  remove->add_flag("-s,--skip-not-exists", to.skip_not_exists, "resources that do not exist are no error");
}

void AddOtherVerbs(CLI::App& app, Arguments& to) {
  CLI::App* node = app.add_subcommand("node", "This host");
  node->require_subcommand(1);
  CLI::App* status =
      AddVerb(*node, "status", "Is calico-node running, and which BGP peers does it have (as root)",
              "  calicoctl node status\n");
  AddConnection(*status, to);

  CLI::App* ipam = app.add_subcommand("ipam", "IP addresses");
  ipam->require_subcommand(1);
  CLI::App* show = AddVerb(*ipam, "show", "How full pools and blocks are, or who has an address",
                           "  calicoctl ipam show --show-blocks\n"
                           "  calicoctl ipam show --ip=192.168.0.1\n");
  CLI::Option* ip = show->add_option("--ip", to.ip, "who has this address")->type_name("IP");
  show->add_flag("--show-blocks", to.show_blocks, "the blocks of each pool too")->excludes(ip);
  AddConnection(*show, to);

  CLI::App* version =
      AddVerb(app, "version", "Versions of this program and of the cluster, and which store is used",
              "  calicoctl version\n");
  version->add_flag("--client", to.client_only, "this program only");
  AddConnection(*version, to);
}

Verb ChosenVerb(const CLI::App& app) {
  const std::string name = app.get_subcommands().front()->get_name();
  if (name == "get") return Verb::kGet;
  if (name == "create") return Verb::kCreate;
  if (name == "apply") return Verb::kApply;
  if (name == "replace") return Verb::kReplace;
  if (name == "delete") return Verb::kDelete;
  if (name == "node") return Verb::kNodeStatus;
  return name == "ipam" ? Verb::kIpamShow : Verb::kVersion;
}

// The deepest sub-command that was named, for the hint: "calicoctl node status".
std::string NamedCommand(const CLI::App& app) {
  std::string name = "calicoctl";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    name += " " + at->get_name();
  }
  return name;
}

// What CLI11 can not express: exactly one of a kind and a file.
std::string Mistake(const Arguments& arguments) {
  switch (arguments.verb) {
    case Verb::kGet:
    case Verb::kDelete:
      if (arguments.kind.empty() == arguments.file.empty()) return "give either a KIND or --filename";
      if (!arguments.kind.empty() && (arguments.recursive || arguments.skip_empty)) {
        return "--recursive and --skip-empty need --filename";
      }
      return {};
    case Verb::kCreate:
    case Verb::kApply:
    case Verb::kReplace:
      return arguments.file.empty() ? "--filename is required" : "";
    default:
      return {};
  }
}

ParsedArguments Wrong(const CLI::App& app, std::string text) {
  // CLI11 puts lists of words on lines of their own; ours is one line.
  std::replace(text.begin(), text.end(), '\n', ' ');
  return {std::nullopt, 1, "", text + ". See '" + NamedCommand(app) + " --help'.\n"};
}

}  // namespace

ParsedArguments ParseArguments(const std::vector<std::string>& words) {
  Arguments arguments;
  CLI::App app("Shows and changes what Calico is configured to do.", "calicoctl");
  app.footer("Each command explains itself: calicoctl get --help\n\n" + std::string(kEnvironment) + "\n");
  app.require_subcommand(1);
  bool version = false;
  app.add_flag("--version", version, "how to see the version");
  std::string log_level;
  app.add_option("-l,--log-level", log_level, "panic, fatal, error, warn, info or debug")->type_name("LEVEL");
  AddResourceVerbs(app, arguments);
  AddOtherVerbs(app, arguments);

  if (words == std::vector<std::string>{"--version"}) {
    return {std::nullopt, 0, "Run 'calicoctl version' to see version information.\n", ""};
  }
  try {
    app.parse(std::vector<std::string>(words.rbegin(), words.rend()));  // CLI11 wants them reversed
  } catch (const CLI::CallForHelp&) {
    return {std::nullopt, 0, app.help(), ""};
  } catch (const CLI::RequiredError& error) {
    // CLI11 takes an unknown command for an argument of the missing one.
    const std::vector<std::string> unknown = app.remaining(true);
    if (app.get_subcommands().empty() && !unknown.empty()) {
      return Wrong(app, "unknown command: \"" + unknown.front() + "\"");
    }
    return Wrong(app, error.what());
  } catch (const CLI::Error& error) {
    return Wrong(app, error.what());
  }
  arguments.verb = ChosenVerb(app);
  if (const std::string mistake = Mistake(arguments); !mistake.empty()) return Wrong(app, mistake);
  return {std::move(arguments), 0, "", ""};
}

}  // namespace calico::calicoctl
