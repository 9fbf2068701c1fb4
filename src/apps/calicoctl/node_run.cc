// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include "apps/calicoctl/commands.h"
#include "base/file.h"
#include "base/host_lock.h"
#include "base/subprocess.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

constexpr Duration kDockerTimeout = std::chrono::minutes(1);
constexpr Duration kPullTimeout = std::chrono::minutes(20);  // `docker run` may have to fetch the image
constexpr char kStarted[] = "Calico node started successfully";

Error Failed(const std::string& text) {
  return Error(ErrorCode::kSystem, "error executing command: " + text);
}

Result<ContainerStore> StoreOfContainer(const Session& session) {
  const auto choice = datastore::ChooseStore(session.environment(), session.arguments.Text("--config"),
                                             datastore::Program::kCalicoctl);
  if (!choice.has_value()) return Failed("invalid config file: " + choice.error().message());
  if (choice->type == datastore::StoreType::kSqlite) {
    return Failed(
        "unsupported backend specified in config: a container needs etcd; the SQLite store is for the "
        "calico-node of the host itself");
  }
  ContainerStore store;  // which need not answer yet
  store.calico26 = choice->type == datastore::StoreType::kEtcdV2;
  store.endpoints = Join(choice->etcd.endpoints, ",");
  store.ca_file = choice->etcd.ca_file;
  store.cert_file = choice->etcd.cert_file;
  store.key_file = choice->etcd.key_file;
  store.has_secrets = (!choice->etcd.username.empty() && !choice->etcd.password.empty()) ||
                      !choice->etcd.ca_pem.empty() || !choice->etcd.key_pem.empty();
  return store;
}

void PrintDryRun(std::ostream& out, const NodeRunPlan& plan, bool init_system) {
  out << "Use the following command to start the calico/node container:\n\n"
      << ShellLine(plan.command) << "\n\n";
  if (init_system) {
    out << "Use the following command to stop the calico/node container:\n\ndocker stop calico-node\n\n";
  } else {
    out << "If you are running calico/node in an init system, use the --init-system flag\n"
           "to display the appropriate start and stop commands.\n";
  }
}

Status PrepareKernel(const Session& session, kernel::Sysctl& sysctl) {
  std::ostream& out = session.out();
  out << "Running command to load modules: modprobe -a xt_set ip6_tables" << std::endl;
  // They may be part of the kernel, or not needed: what is really missing the container says.
  [[maybe_unused]] const auto loaded = RunProcess({"modprobe", "-a", "xt_set", "ip6_tables"}, kDockerTimeout);
  out << "Enabling IPv4 forwarding" << std::endl;
  if (!sysctl.Write("net/ipv4/ip_forward", "1").has_value())
    return Error(ErrorCode::kSystem, "ERROR: Could not enable ipv4 forwarding");
  if (sysctl.Read("net/ipv6/conf/all/forwarding").has_value()) {
    out << "Enabling IPv6 forwarding" << std::endl;
    if (!sysctl.Write("net/ipv6/conf/all/forwarding", "1").has_value())
      return Error(ErrorCode::kSystem, "ERROR: Could not enable ipv6 forwarding");
  }
  out << "Increasing conntrack limit" << std::endl;
  if (!sysctl.Write("net/netfilter/nf_conntrack_max", "1000000").has_value())
    session.err() << "WARNING: Could not set nf_conntrack_max. This may have an impact at scale.\n";
  return Ok();
}

// Upstream means to start each line of docker's output with a bar, but looks for a wrong line end.
std::string Barred(const std::string& text) {
  std::string barred;
  for (const std::string& line : Split(std::string(Trim(text)), '\n')) barred += " | " + line + "\n";
  return barred;
}

Status StartContainer(const std::vector<std::string>& command) {
  const auto output = RunProcess(command, kPullTimeout);
  if (!output.has_value())
    return Error(ErrorCode::kSystem, "Error executing command: " + output.error().message());
  if (output->exit_code == 0) return Ok();
  std::string text = fmt::format("Error executing command: exit status {}\n{}", output->exit_code,
                                 Barred(output->out + output->err));
  return Error(ErrorCode::kSystem, std::string(Trim(text)));
}

// Echoes the container's log until it says that it has started.
Status FollowLog(const Session& session, Duration timeout) {
  std::string line;
  bool started = false;
  const auto ended = FollowProcess({"docker", "logs", "--follow", "calico-node"}, timeout, [&](auto text) {
    for (const char c : text) {
      if (c != '\n') {
        line += c;
        continue;
      }
      session.out() << line << std::endl;
      started = line == kStarted;
      if (started) return false;
      line.clear();
    }
    return true;
  });
  if (!ended.has_value()) return Failed(ended.error().message());
  if (started) return Ok();
  if (ended->has_value()) return Failed("calico/node has terminated, check logs for details");
  return Failed(
      "calico/node has not said in time that it has started; it goes on, see docker logs calico-node");
}

// Under an init system `docker run` has no -d: it lasts as long as the container.
Status StayWithContainer(const Session& session, const std::vector<std::string>& command) {
  const auto code = FollowProcess(command, std::nullopt, [&](auto text) {
    session.out() << text << std::flush;
    return true;
  });
  if (!code.has_value())
    return Error(ErrorCode::kSystem, "Error executing command: " + code.error().message());
  if (**code == 0) return Ok();
  return Error(ErrorCode::kSystem, fmt::format("Error executing command: exit status {}", **code));
}

Status RunForReal(const Session& session, const NodeRunHost& host, const NodeRunPlan& plan) {
  if (!host.is_root) return Error(ErrorCode::kSystem, "Need super user privileges: Operation not permitted");
  for (const std::string& file : plan.files) {
    if (!PathExists(file)) return Failed(file + " does not exist");
  }
  if (!host.in_container) RETURN_IF_ERROR(PrepareKernel(session, host.sysctl));
  std::ostream& out = session.out();
  out << "Removing old calico-node container (if running)." << std::endl;
  const auto removed = RunProcess({"docker", "rm", "-f", "calico-node"}, kDockerTimeout);
  if (!removed.has_value() && removed.error().code() == ErrorCode::kNotFound)
    return Failed("there is no program 'docker': install Docker, or start calico-node as a service");
  // It would end at once, and be started again and again.
  const auto holder = FindHostLock(host.lock);
  if (holder.has_value() && *holder) return Failed(DescribeAgent(**holder));
  out << "Running the following command to start calico-node:\n\n"
      << ShellLine(plan.command)
      << "\n\nImage may take a short time to download if it is not available locally." << std::endl;
  if (session.arguments.Has("--init-system")) return StayWithContainer(session, plan.command);
  RETURN_IF_ERROR(StartContainer(plan.command));
  out << "Container started, checking progress logs.\n" << std::endl;
  return FollowLog(session, host.log_timeout);
}

std::string HostName() {
  char name[256] = {};
  ::gethostname(name, sizeof name - 1);
  return name;
}

std::vector<Option> NodeRunOptions() {
  return {
      {"--name", 0, "NAME", "name of this node [default: the host's name]"},
      {"--ip", 0, "IP", "IPv4 address of this node, or autodetect [default: the stored one, else detected]"},
      {"--ip6", 0, "IP6", "IPv6 address of this node, or autodetect [default: the stored one]"},
      {"--as", 0, "AS_NUM", "AS number of this node, also as 65000.1 [default: the one of BGPConfiguration]"},
      {"--ip-autodetection-method", 0, "METHOD",
       "first-found, can-reach=DEST, interface=REGEX,..., skip-interface=REGEX,... or cidr=CIDR,... "
       "[default: "
       "first-found]"},
      {"--ip6-autodetection-method", 0, "METHOD", "the same for IPv6"},
      {"--log-dir", 0, "LOG_DIR", "directory of Calico's logs [default: /var/log/calico]",
       Completion::kDirectory},
      {"--node-image", 0, "IMAGE", "Docker image [default: quay.io/calico/node:latest]"},
      {"--backend",
       0,
       "BACKEND",
       "bird, gobgp or none [default: bird]",
       Completion::kWords,
       {"bird", "none", "gobgp"}},
      {"--felix-config", 0, "CONFIG", "file that becomes /etc/calico/felix.cfg of the container",
       Completion::kFile},
      {"--no-default-ippools", 0, "", "do not make default pools when there are none"},
      {"--dryrun", 0, "", "print the command and do nothing"},
      {"--init-system", 0, "", "stay with the container, for a service of an init system"},
      {"--disable-docker-networking", 0, "", "do not serve Docker's network driver (etcdv2)"},
      {"--docker-networking-ifprefix", 0, "IFPREFIX",
       "prefix of the host's interfaces of Docker containers [default: cali]"},
      {"--use-docker-networking-container-labels", 0, "",
       "take policy labels from containers' labels instead of one profile per network"}};
}

}  // namespace

int RunNodeRun(const Session& session, const NodeRunHost& host) {
  const auto store = StoreOfContainer(session);
  if (!store.has_value()) return session.Fail(store.error().message());
  const auto plan = PlanNodeRun(session.arguments, *store, host.name);
  if (!plan.has_value()) return session.Fail(plan.error().message());
  for (const std::string& warning : plan->warnings) session.err() << warning << '\n';
  if (session.arguments.Has("--dryrun")) {
    PrintDryRun(session.out(), *plan, session.arguments.Has("--init-system"));
    return 0;
  }
  const Status done = RunForReal(session, host, *plan);
  return done.has_value() ? 0 : session.Fail(done.error().message());
}

std::vector<Command> NodeRunCommands() {
  Command run;
  run.path = {"node", "run"};
  run.summary = "Start calico-node on this host as a Docker container";
  run.options = Joined(NodeRunOptions(), {ConfigOption(), AllowVersionMismatchOption()});
  run.examples =
      "calicoctl node run --node-image=calico/node:v2.6.10\n"
      "calicoctl node run --ip=10.0.0.1 --as=64512 --dryrun";
  run.description =
      "Loads kernel modules, turns IP forwarding on, removes a container named calico-node, starts a new one "
      "and follows its log until it says that it has started. The container gets the store that this "
      "command's configuration names: with etcdv2 it is started as Calico 2.6 did, else as 3.x does.";
  run.needs_store = false;  // it is the container that connects
  run.run = [](const Session& session) {
    const auto sysctl = kernel::OpenSysctl();
    return RunNodeRun(
        session, {::geteuid() == 0, session.environment().Get("CALICO_CTL_CONTAINER").has_value(), HostName(),
                  *sysctl});
  };
  return {run};
}

}  // namespace calico::calicoctl
