// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

// What `node checksystem` looks for (reference calicoctl C.2.4).
namespace calico::calicoctl {

struct KernelModule {
  const char* name;    // of the module
  const char* symbol;  // of the kernel's configuration
  bool required;       // by us: nf_tables. Upstream needs the modules of iptables and IP sets
};
const std::vector<KernelModule>& KernelModules();

// Where a kernel says what it has; texts of files, empty where there is none.
struct KernelFacts {
  std::string release;          // "6.1.0-18-amd64"
  std::string modules_dep;      // /lib/modules/<release>/modules.dep
  std::string modules_builtin;  // /lib/modules/<release>/modules.builtin
  std::string loaded;           // /proc/modules, which lsmod shows
  std::string config;           // .config of the kernel
  std::string table_matches;    // /proc/net/ip_tables_matches
};
// From the files of this host, below `root` ("" is the host itself). `kernel_config`: a file that the user
// names, else the usual ones are tried and /proc/config.gz.
Result<KernelFacts> ReadKernelFacts(const std::string& root, const std::string& kernel_config);

// Whether "5.10.0-28-amd64" is at least 5.10; what is no version is not.
bool IsKernelNewEnough(const std::string& release);
inline constexpr char kMinimumKernel[] = "5.10";

// "kernel/net/netfilter/xt_set.ko.xz: …" in modules.dep or modules.builtin. Dashes and underscores are the
// same in names of modules.
bool ListsModuleFile(const std::string& text, const std::string& module);
bool ListsLoadedModule(const std::string& text, const std::string& module);
// "CONFIG_IP_SET=m", not "# CONFIG_IP_SET is not set".
bool ConfigHas(const std::string& config, const std::string& symbol);
bool HasModule(const KernelFacts& facts, const KernelModule& module);

}  // namespace calico::calicoctl
