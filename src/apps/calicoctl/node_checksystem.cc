// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_checksystem.h"

#include <fmt/format.h>
#include <unistd.h>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/session.h"
#include "dataplane/names.h"

namespace calico::calicoctl {
namespace {

void PrintResult(std::ostream& out, const std::string& name, bool good) {
  out << fmt::format("\t\t{:<20}\t\t\t\t\t{}\n", name, good ? "OK" : "FAIL");
}

}  // namespace

int CheckSystem(const KernelFacts& facts, const std::vector<kernel::ForeignChain>& firewalls,
                std::ostream& out, std::ostream& err) {
  out << "Checking kernel version...\n";
  bool good = IsKernelNewEnough(facts.release);
  PrintResult(out, facts.release, good);
  if (!good) {
    err << fmt::format("Minimum kernel version to run Calico is {}. Detected kernel version: {}\n",
                       kMinimumKernel, facts.release);
  }
  out << "Checking kernel modules...\n";
  bool unneeded_missing = false;
  for (const KernelModule& module : KernelModules()) {
    const bool found = HasModule(facts, module);
    if (!found) {
      err << fmt::format("WARNING: Unable to detect the {} module as Loaded/Builtin module or lsmod\n",
                         module.name);
    }
    PrintResult(out, module.name, found);
    good = good && (found || !module.required);
    unneeded_missing = unneeded_missing || (!found && !module.required);
  }
  if (!good) {
    err << "system doesn't meet one or more minimum systems requirements to run Calico\n";
    return 1;
  }
  // Upstream would call such a host unfit.
  if (unneeded_missing)
    out << "Modules of iptables and IP sets that are missing do no harm: this Calico uses nf_tables.\n";
  for (const kernel::ForeignChain& chain : firewalls) {
    if (!chain.CanDrop()) continue;
    // Which tunnels there are is the cluster's to say, and this host's firewall may let them in by itself.
    const char* what = chain.input ? "what other hosts tunnel to it" : "what policy allows";
    err << fmt::format("WARNING: the firewall of this host may drop {}: {}\n", what, chain.Describe());
    out << fmt::format("To let through {}:\n    {}\n", what, chain.Command(dataplane::kAcceptMark));
  }
  out << "System meets minimum system requirements to run Calico!\n";
  return 0;
}

std::vector<Command> NodeChecksystemCommands() {
  Command check;
  check.path = {"node", "checksystem"};
  check.summary = "Check whether this host's kernel can run Calico";
  check.options = {{"--kernel-config", 'f', "KERNEL_CONFIG",
                    "configuration file of the kernel [default: the usual places]", Completion::kFile}};
  check.examples = "calicoctl node checksystem\ncalicoctl node checksystem -f /boot/config-6.1.0-18-amd64";
  check.description =
      "Calico needs Linux 5.10 or newer with nf_tables. Modules are looked for among the kernel's module "
      "files, "
      "those that are loaded and the kernel's configuration, so that what is built in counts, too. Firewalls "
      "of this host's own that are written for nf_tables, and that may drop what policy allows, are named "
      "with "
      "the command that lets it through.";
  check.needs_store = false;
  check.run = [](const Session& session) {
    if (::geteuid() != 0) return session.Fail("Need super user privileges: Operation not permitted");
    const auto facts = ReadKernelFacts("", session.arguments.Text("--kernel-config"));
    if (!facts.has_value()) return session.Fail(facts.error().message());
    const auto firewalls = kernel::OpenForeignFirewall(dataplane::kAcceptMark, dataplane::kTableName)->Read();
    // A kernel without nf_tables has none, and has been told of above.
    return CheckSystem(*facts, firewalls.value_or(std::vector<kernel::ForeignChain>()), session.out(),
                       session.err());
  };
  return {check};
}

}  // namespace calico::calicoctl
