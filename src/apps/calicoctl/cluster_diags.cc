// SPDX-License-Identifier: Apache-2.0
// Reference calicoctl C.5. Upstream asks Kubernetes for everything; ours takes what the datastore has, and
// Kubernetes' part where there is a kubectl.
#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <regex>
#include <sstream>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/ipam_verbs.h"
#include "apps/calicoctl/session.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "base/text.h"
#include "model/codec/document.h"

namespace calico::calicoctl {
namespace {

namespace fs = std::filesystem;

constexpr auto kCommandTimeout = std::chrono::minutes(2);

struct DiagsOptions {
  std::string since;  // "5m"; empty: all
  int max_logs = 5;
  std::vector<std::string> focus_nodes;
  bool keep_directory = false;
};

Result<int> ParseNumber(const Arguments& arguments, const std::string& option, int fallback) {
  if (!arguments.Has("--" + option)) return fallback;
  const std::string text = arguments.Text("--" + option);
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("Error executing command: invalid value for {} flag: {}", option, text));
  }
  if (number < 0) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("Error executing command: negative value for {} flag", option));
  }
  return number;
}

Result<DiagsOptions> ParseOptions(const Arguments& arguments) {
  static const std::regex kSince("[0-9]+[smh]");
  DiagsOptions options;
  options.since = arguments.Text("--since");
  if (!options.since.empty() && !std::regex_match(options.since, kSince)) {
    return Error(
        ErrorCode::kInvalidArgument,
        "Error executing command: invalid duration for since flag (try 10s, 5m, or 1h): " + options.since);
  }
  ASSIGN_OR_RETURN(options.max_logs, ParseNumber(arguments, "max-logs", options.max_logs));
  ASSIGN_OR_RETURN(const int parallelism, ParseNumber(arguments, "max-parallelism", 10));
  static_cast<void>(parallelism);  // one after the other is fast enough for what we collect
  options.focus_nodes = Split(arguments.Text("--focus-nodes"), ',');
  options.keep_directory = arguments.Has("--skip-temp-dir-cleanup");
  return options;
}

// "20260302_101112"
std::string Stamp(const Clock& clock) {
  const std::time_t seconds = std::chrono::system_clock::to_time_t(clock.WallNow());
  return fmt::format("{:%Y%m%d_%H%M%S}", fmt::gmtime(seconds));
}

bool IsOnPath(const Environment& environment, const std::string& program) {
  for (const std::string& folder : Split(environment.Get("PATH").value_or(""), ':')) {
    std::error_code ignored;
    if (fs::exists(fs::path(folder) / program, ignored)) return true;
  }
  return false;
}

// Collects into one directory; what fails is told and passed over.
class Collection final {
 public:
  Collection(const Session& session, DiagsOptions options, fs::path directory)
      : session_(session), options_(std::move(options)), directory_(std::move(directory)) {}

  void Collect() {
    Output("cluster/version.yaml", "Collecting versions", VersionCommands().front(), {});
    const auto store = session_.surroundings.open(session_.arguments.Text("--config"));
    if (store.has_value()) {
      store_ = &*store;
      CollectResources();
      CollectIpam();
      store_ = nullptr;
    } else {
      Failed("opening the datastore", store.error().message());
    }
    if (IsOnPath(session_.environment(), "kubectl")) {
      CollectKubernetes();
    } else {
      session_.out() << "kubectl is not in PATH: collected from the datastore only\n";
    }
  }

 private:
  void Progress(const std::string& what) {
    session_.out() << fmt::format("[{}] {}\n", ++number_, what) << std::flush;
  }
  void Failed(const std::string& what, const std::string& why) {
    session_.out() << fmt::format("Failed {}: {}\n", what, why);
  }

  void Save(const std::string& file, const std::string& text) {
    const fs::path path = directory_ / file;
    Status saved = MakeDirectories(path.parent_path().string());
    if (saved.has_value()) saved = WriteFileAtomically(path.string(), text);
    if (!saved.has_value()) Failed("writing " + file, saved.error().message());
  }

  // What one of our own commands prints.
  void Output(const std::string& file, const std::string& what, const Command& command,
              const std::vector<std::string>& flags) {
    Progress(what);
    Arguments arguments(command);
    for (const std::string& flag : flags) arguments.Add(flag, "true");
    if (session_.arguments.Has("--config")) arguments.Add("--config", session_.arguments.Text("--config"));
    std::ostringstream out, err;
    const Surroundings inner{session_.environment(),    session_.clock(), session_.in(), out, err,
                             session_.surroundings.open};
    const Session inner_session{arguments, inner, store_};
    if (command.run(inner_session) != 0) Failed(what, std::string(Trim(err.str())));
    Save(file, out.str() + err.str());
  }

  void CollectResources() {
    datastore::Resources resources(*store_->client, session_.clock());
    for (int i = 0; i <= static_cast<int>(model::kLastResourceKind); ++i) {
      const auto kind = static_cast<model::Kind>(i);
      if (!model::IsManaged(kind)) continue;
      const std::string plural(model::KindPlural(kind));
      Progress("Collecting " + plural);
      const auto list = resources.List(kind);
      if (!list.has_value()) {
        // A store of Calico 2.6 lacks most kinds.
        if (list.error().code() != ErrorCode::kUnsupported) Failed(plural, list.error().message());
        continue;
      }
      std::vector<model::Object> items;
      for (const auto& stored : list->items) items.push_back(stored.object);
      Save("cluster/resources/" + plural + ".yaml",
           model::PrintListYaml(kind, items, std::to_string(list->revision)));
    }
  }

  void CollectIpam() {
    const Command show = IpamShowCommand();
    Output("cluster/ipam/blocks.txt", "Collecting IPAM blocks", show, {"--show-blocks"});
    Output("cluster/ipam/borrowed.txt", "Collecting borrowed IPs", show, {"--show-borrowed"});
    Output("cluster/ipam/configuration.txt", "Collecting the IPAM configuration", show,
           {"--show-configuration"});
    Output("cluster/ipam/check.txt", "Checking IPAM", IpamCheckCommand(), {"--show-all-ips"});
  }

  void Kubectl(const std::string& file, const std::vector<std::string>& words) {
    std::vector<std::string> argv{"kubectl"};
    argv.insert(argv.end(), words.begin(), words.end());
    const std::string what = Join(argv, " ");
    Progress("Running " + what);
    const auto ran = RunProcess(argv, kCommandTimeout);
    if (!ran.has_value()) return Failed(what, ran.error().message());
    if (ran->exit_code != 0) Failed(what, std::string(Trim(ran->err)));
    Save(file, ran->out + ran->err);
  }

  void CollectKubernetes() {
    Kubectl("cluster/kubernetes/version.yaml", {"version", "-o", "yaml"});
    Kubectl("cluster/kubernetes/nodes.yaml", {"get", "nodes", "-o", "yaml"});
    Kubectl("cluster/kubernetes/pods.txt", {"get", "pods", "-A", "-o", "wide"});
    const auto pods =
        RunProcess({"kubectl", "get", "pods", "-A", "-l", "k8s-app=calico-node", "--no-headers", "-o",
                    "custom-columns=NS:.metadata.namespace,POD:.metadata.name,NODE:.spec.nodeName"},
                   kCommandTimeout);
    if (!pods.has_value() || pods->exit_code != 0)
      return Failed("listing calico-node", pods.has_value() ? pods->err : pods.error().message());
    int logs = 0;
    std::istringstream lines(pods->out);
    for (std::string ns, pod, node; lines >> ns >> pod >> node;) {
      const bool focused = std::find(options_.focus_nodes.begin(), options_.focus_nodes.end(), node) !=
                           options_.focus_nodes.end();
      if (!options_.focus_nodes.empty() && !focused) continue;
      if (logs++ >= options_.max_logs) break;
      std::vector<std::string> words{"logs", "-n", ns, pod, "--all-containers"};
      if (!options_.since.empty()) words.push_back("--since=" + options_.since);
      Kubectl(fmt::format("nodes/{}/{}.log", node, pod), words);
      Kubectl(fmt::format("nodes/{}/{}.describe.txt", node, pod), {"describe", "pod", "-n", ns, pod});
    }
  }

  const Session& session_;
  const DiagsOptions options_;
  const fs::path directory_;
  const OpenedStore* store_ = nullptr;
  int number_ = 0;
};

Status Bundle(const fs::path& parent, const std::string& name) {
  ASSIGN_OR_RETURN(
      const ProcessOutput tar,
      RunProcess({"tar", "-czf", "./" + name + ".tar.gz", "-C", parent.string(), name}, kCommandTimeout));
  if (tar.exit_code == 0) return Ok();
  return Error(ErrorCode::kSystem, "tar: " + std::string(Trim(tar.err)));
}

int RunClusterDiags(const Session& session) {
  auto options = ParseOptions(session.arguments);
  if (!options.has_value()) return session.Fail(options.error().message());
  const bool keep = options->keep_directory;
  std::ostream& out = session.out();
  out << "==== Begin collecting diagnostics. ====\n";
  std::string parent = (fs::temp_directory_path() / "calico-diags-XXXXXX").string();
  if (::mkdtemp(parent.data()) == nullptr) {
    return session.Fail(Error::FromErrno(errno, "creating a temporary directory").message());
  }
  const std::string name = "calico-diagnostics-" + Stamp(session.clock());
  const fs::path directory = fs::path(parent) / name;
  out << "Created temporary directory: " << directory.string() << '\n';
  Collection(session, std::move(*options), directory).Collect();
  out << "\n==== Producing a diagnostics bundle. ====\n";
  const Status bundled = Bundle(parent, name);
  if (!keep) {
    std::error_code ignored;
    fs::remove_all(parent, ignored);
  }
  if (!bundled.has_value()) return session.Fail(bundled.error().message());
  out << "Diagnostic bundle created at ./" << name << ".tar.gz\n";
  return 0;
}

}  // namespace

std::vector<Command> ClusterCommands() {
  Command diags;
  diags.path = {"cluster", "diags"};
  diags.summary = "Collect what is known of the cluster into one file, for support";
  diags.description =
      "Takes all resources and the IPAM data from the datastore. Where there is a kubectl it also takes the "
      "logs of "
      "calico-node from Kubernetes; --since, --max-logs and --focus-nodes are about those.";
  diags.options =
      Joined({{"--since", 0, "SINCE", "logs of this time only: 10s, 5m, 1h"},
              {"--max-logs", 0, "N", "logs per component (default 5)"},
              {"--max-parallelism", 0, "N", "accepted: everything is collected in turn"},
              {"--focus-nodes", 0, "NODES", "these nodes only, separated by commas"},
              {"--skip-temp-dir-cleanup", 0, "", "keep the directory that the file is made from"}},
             ConnectionOptions());
  diags.examples = "calicoctl cluster diags";
  diags.needs_store = false;  // what can be had without it is collected too
  diags.run = RunClusterDiags;
  return {diags};
}

}  // namespace calico::calicoctl
