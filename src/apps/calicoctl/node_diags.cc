// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_diags.h"

#include <cerrno>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <system_error>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <unistd.h>

#include "apps/calicoctl/commands.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

namespace fs = std::filesystem;

constexpr Duration kCommandTimeout = std::chrono::seconds(30);
constexpr Duration kPackTimeout = std::chrono::minutes(10);

// One run: a directory for the temporary files and what is said meanwhile.
class Collection {
 public:
  Collection(const Session& session, std::string directory)
      : session_(session), directory_(std::move(directory)), bundle_(directory_ + "/diagnostics") {}

  Status Prepare() { return MakeDirectories(bundle_); }

  void Run(const DiagnosticCommand& command) {
    if (!command.message.empty()) Say(command.message);
    const auto output = RunProcess(command.argv, kCommandTimeout);
    if (!output.has_value()) return Failed(command.argv, output.error().message());
    if (command.nothing != 0 && output->exit_code == command.nothing) return;
    if (output->exit_code != 0) return Failed(command.argv, output->out + output->err);
    if (!command.file.empty()) Write(command.file, output->out + output->err);
  }

  void CopyLogs(const std::string& from) {
    Say("Copying Calico logs");
    std::error_code error;
    if (!fs::is_directory(from, error) || fs::is_empty(from, error)) {
      Say(fmt::format("No logs found in {}; skipping log copying", from));
      return;
    }
    // Sockets and pipes among them can not be copied, and nobody misses them.
    for (fs::recursive_directory_iterator it(from, error), end; !error && it != end; it.increment(error)) {
      std::error_code failed;
      const fs::path to = fs::path(bundle_) / "logs" / fs::relative(it->path(), from, failed);
      if (it->is_directory(failed)) {
        fs::create_directories(to, failed);
      } else if (it->is_regular_file(failed)) {
        fs::create_directories(to.parent_path(), failed);
        fs::copy_file(it->path(), to, failed);
      }
      if (failed) session_.err() << "Error copying log files: " << failed.message() << '\n';
    }
    if (error) session_.err() << "Error copying log files: " << error.message() << '\n';
  }

  void CopyContainerLogs() {
    Say("Copying logs from Calico containers");
    const auto list = RunProcess(
        {"docker", "ps", "-a", "--filter", "name=calico", "--format", "{{.Names}}: {{.CreatedAt}}"},
        kCommandTimeout);
    if (!list.has_value() || list->exit_code != 0) {
      session_.err() << "Could not run docker command: "
                     << (list.has_value() ? std::string(Trim(list->out + list->err)) : list.error().message())
                     << '\n';
      return;
    }
    std::string kept;
    for (const std::string& line : Split(list->out, '\n')) {
      const std::string name = line.substr(0, line.find(':'));
      if (name.empty() || line.find("k8s_POD") != std::string::npos) continue;
      kept += line + "\n";
      Run({"", {"docker", "logs", name}, name + ".log"});
    }
    Write("container_creation_time", kept);
  }

  // The path of the packed bundle.
  Result<std::string> Pack() {
    const std::time_t now = std::chrono::system_clock::to_time_t(session_.clock().WallNow());
    const std::string name = fmt::format("diags-{:%Y%m%d_%H%M%S}.tar.gz", fmt::localtime(now));
    const auto output =
        RunProcess({"tar", "-C", directory_, "-zcf", directory_ + "/" + name, "diagnostics"}, kPackTimeout);
    if (!output.has_value()) return output.error();
    if (output->exit_code != 0) return Error(ErrorCode::kSystem, std::string(Trim(output->err)));
    return directory_ + "/" + name;
  }

 private:
  void Say(const std::string& text) { session_.out() << text << std::endl; }
  void Failed(const std::vector<std::string>& argv, const std::string& why) {
    session_.err() << fmt::format("Failed to run command: {}\nError: {}\n", Join(argv, " "), Trim(why));
  }
  void Write(const std::string& file, const std::string& text) {
    const Status written = WriteFileAtomically(bundle_ + "/" + file, text);
    if (!written.has_value()) session_.err() << written.error().message() << '\n';
  }

  const Session& session_;
  const std::string directory_, bundle_;
};

bool IsOnPath(const Environment& environment, const std::string& program) {
  for (const std::string& directory :
       Split(environment.GetOr("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ':')) {
    if (::access((directory + "/" + program).c_str(), X_OK) == 0) return true;
  }
  return false;
}

}  // namespace

std::vector<DiagnosticCommand> DiagnosticCommands(bool has_netstat) {
  std::vector<DiagnosticCommand> commands = {
      {"", {"date"}, "date"},
      {"", {"hostname"}, "hostname"},
      {"Dumping routes (IPv4)", {"ip", "-4", "route"}, "ipv4_route"},
      {"Dumping routes (IPv6)", {"ip", "-6", "route"}, "ipv6_route"},
      {"Dumping interface info (IPv4)", {"ip", "-4", "addr"}, "ipv4_addr"},
      {"Dumping interface info (IPv6)", {"ip", "-6", "addr"}, "ipv6_addr"},
      {"Dumping nftables", {"nft", "-n", "-a", "list", "ruleset"}, "nft_ruleset"},
      {"Dumping iptables (IPv4)", {"iptables-save", "-c"}, "ipv4_tables"},
      {"Dumping iptables (IPv6)", {"ip6tables-save", "-c"}, "ipv6_tables"},
      {"Dumping ipsets", {"ipset", "list"}, "ipsets"},
      // Looking at a host must not fetch software: the image is used if it is there.
      {"Dumping ipsets (container)",
       {"docker", "run", "--rm", "--pull=never", "--privileged", "--net=host", "calico/node", "ipset",
        "list"},
       "ipset_container"},
      {"Copying journal for calico-node.service",
       {"journalctl", "-u", "calico-node.service", "--no-pager"},
       "journalctl_calico_node"},
      {"Dumping felix stats", {"pkill", "-SIGUSR1", "felix"}, "", 1},
      {"Dumping calico-node state", {"calico-node", "show", "status"}, "calico_node_status"},
      {"", {"calico-node", "show", "endpoints"}, "calico_node_endpoints"},
      {"", {"calico-node", "show", "tables"}, "calico_node_tables"},
  };
  if (has_netstat) {
    commands.push_back({"Dumping netstat", {"netstat", "-a", "-n"}, "netstat"});
  } else {
    commands.push_back({"Dumping ss", {"ss", "-a", "-n"}, "ss"});
  }
  return commands;
}

int CollectDiagnostics(const Session& session, const std::vector<DiagnosticCommand>& commands,
                       const std::string& log_directory, const std::string& temporary) {
  std::string directory = temporary + "/calicoXXXXXX";
  if (::mkdtemp(directory.data()) == nullptr)
    return session.Fail(Error::FromErrno(errno, "temporary directory " + directory).message());
  session.out() << "Collecting diagnostics\nUsing temp dir: " << directory << std::endl;
  Collection collection(session, directory);
  if (const Status prepared = collection.Prepare(); !prepared.has_value())
    return session.Fail(prepared.error().message());
  for (const DiagnosticCommand& command : commands) collection.Run(command);
  collection.CopyLogs(log_directory);
  collection.CopyContainerLogs();
  const auto bundle = collection.Pack();
  if (!bundle.has_value())
    return session.Fail("Error compressing the diagnostics: " + bundle.error().message());
  session.out() << "\nDiags saved to " << *bundle
                << "\nIf required, you can upload the diagnostics bundle to a file sharing service.\n";
  return 0;
}

std::vector<Command> NodeDiagsCommands() {
  Command diags;
  diags.path = {"node", "diags"};
  diags.summary = "Collect what is needed to find out what is wrong on this host";
  diags.options = {{"--log-dir", 0, "LOG_DIR", "directory of Calico's logs [default: /var/log/calico]",
                    Completion::kDirectory}};
  diags.examples = "calicoctl node diags";
  diags.description =
      "Writes routes, interfaces, firewall rules, sockets, the agent's own view and logs into one tar.gz "
      "below "
      "the directory for temporary files. A command that fails is named and left out; nothing is sent "
      "anywhere.";
  diags.needs_store = false;
  diags.run = [](const Session& session) {
    if (::geteuid() != 0) return session.Fail("Need super user privileges: Operation not permitted");
    const Environment& environment = session.environment();
    return CollectDiagnostics(session, DiagnosticCommands(IsOnPath(environment, "netstat")),
                              session.arguments.Text("--log-dir", "/var/log/calico"),
                              environment.GetOr("TMPDIR", "/tmp"));
  };
  return {diags};
}

}  // namespace calico::calicoctl
