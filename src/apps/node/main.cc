// SPDX-License-Identifier: Apache-2.0
#include <iostream>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "apps/node/agent.h"
#include "apps/node/probe.h"
#include "apps/node/service_environment.h"
#include "apps/node/show.h"
#include "apps/node/shutdown_time.h"

namespace {

int Report(const calico::Status& status) {
  if (status.has_value()) return 0;
  std::cerr << "calico-node: " << status.error().message() << std::endl;
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace calico;
  const ServiceManager manager = ServiceManager::OfProcess();
  const Environment environment = node::WithServiceNames(Environment::OfProcess());
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments == std::vector<std::string>{"-shutdown"})
    return Report(node::WriteShutdownTime(environment, SystemClock()));
  if (!arguments.empty() && node::IsProbeFlag(arguments[0]))
    return Report(node::Probe(arguments, environment));

  CLI::App app{"The agent of one calico host: routes, policy, BGP and Docker's plugins.", "calico-node"};
  app.footer(
      "Settings come from environment variables (NODENAME, IP, ETCD_ENDPOINTS, CALICO_*, FELIX_*).\n"
      "Example: DATASTORE_TYPE=etcdv3 ETCD_ENDPOINTS=http://10.0.0.1:2379 CALICO_LIBNETWORK_ENABLED=true "
      "calico-node "
      "run\n"
      "As a container probe: calico-node -felix-live -felix-ready -bird-live -bird-ready\n"
      "Before a stop, as in upstream: calico-node -shutdown\n");
  app.require_subcommand(1);
  const auto* run = app.add_subcommand("run", "run the agent until SIGTERM; traffic flows on afterwards");
  const auto* clean =
      app.add_subcommand("clean", "remove routes, tables, rules and BIRD of a stopped agent from this host");
  auto* show = app.add_subcommand("show", "ask the running agent: status, endpoints or tables");
  std::string topic = "status";
  show->add_option("topic", topic, "status, endpoints or tables")
      ->check(CLI::IsMember({"status", "endpoints", "tables"}));
  const auto* version = app.add_subcommand("version", "print the version");
  CLI11_PARSE(app, argc, argv);

  if (*run) return Report(node::RunAgent(environment, manager));
  if (*clean) return Report(node::Clean());
  if (*show) return Report(node::Show(topic, std::cout));
  if (*version) std::cout << node::kVersion << std::endl;
  return 0;
}
