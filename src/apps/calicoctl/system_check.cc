// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/system_check.h"

#include <algorithm>

#include "base/file.h"
#include "base/subprocess.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

constexpr Duration kUnpackTimeout = std::chrono::seconds(10);

std::string WithUnderscores(std::string_view name) {
  return ReplaceAll(std::string(name), "-", "_");
}

std::string TextOf(const std::string& path) {
  return ReadFile(path).value_or("");
}

std::string UsualConfig(const std::string& root, const std::string& release) {
  for (const std::string& path :
       {std::string("/usr/src/linux/.config"), "/boot/config-" + release,
        "/usr/src/linux-" + release + "/.config", "/usr/src/linux-headers-" + release + "/.config",
        "/lib/modules/" + release + "/build/.config"}) {
    if (PathExists(root + path)) return TextOf(root + path);
  }
  // Kernels without files of their own on the disk: clouds, containers, micro VMs.
  const std::string packed = root + "/proc/config.gz";
  if (!PathExists(packed)) return {};
  const auto unpacked = RunProcess({"gzip", "-dc", packed}, kUnpackTimeout);
  return unpacked.has_value() && unpacked->exit_code == 0 ? unpacked->out : "";
}

}  // namespace

const std::vector<KernelModule>& KernelModules() {
  static const std::vector<KernelModule> kModules = {
      {"nf_tables", "CONFIG_NF_TABLES", true},
      {"nft_ct", "CONFIG_NFT_CT", true},
      {"nft_fib", "CONFIG_NFT_FIB", true},
      {"nft_masq", "CONFIG_NFT_MASQ", true},
      {"veth", "CONFIG_VETH", true},
      {"ip_set", "CONFIG_IP_SET", false},
      {"ip6_tables", "CONFIG_IP6_NF_IPTABLES", false},
      {"ip_tables", "CONFIG_IP_NF_IPTABLES", false},
      {"ipt_ipvs", "CONFIG_NETFILTER_XT_MATCH_IPVS", false},
      {"vfio-pci", "CONFIG_VFIO", false},
      {"xt_bpf", "CONFIG_BPF", false},
      {"ipt_REJECT", "CONFIG_NFT_REJECT", false},
      {"ipt_rpfilter", "CONFIG_IP_NF_MATCH_RPFILTER", false},
      {"xt_rpfilter", "CONFIG_IP_NF_MATCH_RPFILTER", false},
      {"ipt_set", "CONFIG_NET_EMATCH_IPSET", false},
      {"nf_conntrack_netlink", "CONFIG_NF_CT_NETLINK", false},
      {"xt_addrtype", "CONFIG_NETFILTER_XT_MATCH_ADDRTYPE", false},
      {"xt_conntrack", "CONFIG_NETFILTER_XT_MATCH_CONNTRACK", false},
      {"xt_icmp", "icmp", false},
      {"xt_icmp6", "icmp", false},
      {"xt_mark", "CONFIG_IP_NF_TARGET_MARK", false},
      {"xt_multiport", "CONFIG_IP_NF_MATCH_MULTIPORT", false},
      {"xt_set", "CONFIG_NETFILTER_XT_SET", false},
      {"xt_u32", "CONFIG_NETFILTER_XT_MATCH_U32", false},
  };
  return kModules;
}

Result<KernelFacts> ReadKernelFacts(const std::string& root, const std::string& kernel_config) {
  KernelFacts facts;
  facts.release = std::string(Trim(TextOf(root + "/proc/sys/kernel/osrelease")));
  const std::string directory = root + "/lib/modules/" + facts.release;
  facts.modules_dep = TextOf(directory + "/modules.dep");
  facts.modules_builtin = TextOf(directory + "/modules.builtin");
  facts.loaded = TextOf(root + "/proc/modules");
  facts.table_matches = TextOf(root + "/proc/net/ip_tables_matches");
  if (kernel_config.empty()) {
    facts.config = UsualConfig(root, facts.release);
  } else {
    ASSIGN_OR_RETURN(facts.config, ReadFile(kernel_config));
  }
  return facts;
}

bool IsKernelNewEnough(const std::string& release) {
  constexpr int kMajor = 5, kMinor = 10;
  int numbers[2] = {-1, -1};
  std::size_t at = 0;
  for (int& number : numbers) {
    const std::size_t end = std::min(release.find_first_not_of("0123456789", at), release.size());
    if (end == at || end - at > 6) return false;
    number = std::stoi(release.substr(at, end - at));
    at = end < release.size() && release[end] == '.' ? end + 1 : release.size();
  }
  return numbers[0] > kMajor || (numbers[0] == kMajor && numbers[1] >= kMinor);
}

bool ListsModuleFile(const std::string& text, const std::string& module) {
  const std::string wanted = WithUnderscores(module) + ".ko";
  for (const std::string& line : Split(text, '\n')) {
    std::string_view file = std::string_view(line).substr(0, line.find(':'));
    file.remove_prefix(std::min(file.rfind('/') + 1, file.size()));
    const std::string name = WithUnderscores(file);
    // Behind ".ko" only the packing: ".ko.xz".
    if (name == wanted || name.starts_with(wanted + ".")) return true;
  }
  return false;
}

bool ListsLoadedModule(const std::string& text, const std::string& module) {
  const std::vector<std::string> lines = Split(text, '\n');
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.substr(0, line.find(' ')) == WithUnderscores(module);
  });
}

bool ConfigHas(const std::string& config, const std::string& symbol) {
  const std::vector<std::string> lines = Split(config, '\n');
  return std::any_of(lines.begin(), lines.end(), [&](const std::string& line) {
    return line.size() > symbol.size() + 1 && line.starts_with(symbol + "=");
  });
}

bool HasModule(const KernelFacts& facts, const KernelModule& module) {
  if (ListsModuleFile(facts.modules_dep, module.name) ||
      ListsModuleFile(facts.modules_builtin, module.name) || ListsLoadedModule(facts.loaded, module.name) ||
      ConfigHas(facts.config, module.symbol))
    return true;
  const std::vector<std::string> matches = Split(facts.table_matches, '\n');
  return std::find(matches.begin(), matches.end(), module.symbol) != matches.end();
}

}  // namespace calico::calicoctl
