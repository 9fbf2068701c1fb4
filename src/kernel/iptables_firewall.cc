// SPDX-License-Identifier: Apache-2.0
#include "kernel/iptables_firewall.h"

#include <fmt/format.h>

#include "base/subprocess.h"
#include "base/text.h"
#include "kernel/iptables_firewall_read.h"

namespace calico::kernel {
namespace {

constexpr char kComment[] = "calico: accept what policy allowed";
constexpr Duration kCommandTimeout = std::chrono::seconds(10);
constexpr char kLockWaitSeconds[] = "5";
constexpr int kTries = 3;

class RestoreCommands final : public IptablesFirewall {
 public:
  explicit RestoreCommands(MarkMatch mark) : mark_(mark) {}

  Result<IptablesChain> Read(const IptablesPlace& place) override {
    return place.backend == IptablesBackend::kNft ? ReadNftChain(place, mark_)
                                                  : ReadLegacyChain(place, mark_);
  }

  Status InsertAccept(const IptablesPlace& place) override {
    return Rewrite(place, fmt::format("-I {} 1 {}\n", place.chain(), Rule()));
  }

  Status RemoveAccept(const IptablesPlace& place) override {
    ASSIGN_OR_RETURN(const IptablesChain chain, Read(place));
    if (!chain.exists) return Ok();  // the command would make the table
    return Rewrite(place, "");
  }

 private:
  static std::string Command(const IptablesPlace& place) {
    return fmt::format("{}-{}", place.family == net::Family::kV4 ? "iptables" : "ip6tables",
                       place.backend == IptablesBackend::kNft ? "nft" : "legacy");
  }
  std::string Rule() const {
    return fmt::format("-m mark --mark 0x{:x}/0x{:x} -m comment --comment \"{}\" -j ACCEPT", mark_.value,
                       mark_.mask, kComment);
  }

  // Deletes every copy of our rule and does `then`, all in one transaction of the restore command: no packet
  // meets the chain without the rule. Copies are named by what they say, never by their number, which could
  // be another's rule by then. If a copy went meanwhile the whole is refused, and tried again.
  Status Rewrite(const IptablesPlace& place, const std::string& then) const {
    const std::string command = Command(place);
    std::string complaint;
    for (int i = 0; i < kTries; ++i) {
      ASSIGN_OR_RETURN(const std::string deletions, Deletions(command, place.chain()));
      if (deletions.empty() && then.empty()) return Ok();
      ASSIGN_OR_RETURN(const ProcessOutput output,
                       RunProcess({command + "-restore", "--noflush", "-w", kLockWaitSeconds},
                                  kCommandTimeout, "*filter\n" + deletions + then + "COMMIT\n"));
      if (output.exit_code == 0) return Ok();
      complaint = FirstLine(output.err);
    }
    return Error(ErrorCode::kSystem, command + ": " + complaint);
  }

  // One line "-D FORWARD …" for each rule with our comment, of whatever mark.
  static Result<std::string> Deletions(const std::string& command, const std::string& chain) {
    ASSIGN_OR_RETURN(const ProcessOutput output,
                     RunProcess({command, "-w", kLockWaitSeconds, "-S", chain}, kCommandTimeout));
    if (output.exit_code != 0) return Error(ErrorCode::kSystem, command + ": " + FirstLine(output.err));
    std::string deletions;
    for (const std::string& line : Split(output.out, '\n')) {
      if (line.starts_with("-A " + chain + " ") && line.find(kComment) != std::string::npos)
        deletions += "-D" + line.substr(2) + "\n";
    }
    return deletions;
  }
  static std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

  const MarkMatch mark_;
};

}  // namespace

std::string IptablesPlace::Describe() const {
  return fmt::format("IPv{} {} of iptables ({})", family == net::Family::kV4 ? 4 : 6, chain(),
                     backend == IptablesBackend::kNft ? "nft" : "legacy");
}

std::array<IptablesPlace, 4> PlacesOf(IptablesBackend backend) {
  using enum IptablesHook;
  return {{{net::Family::kV4, backend, kForward},
           {net::Family::kV6, backend, kForward},
           {net::Family::kV4, backend, kInput},
           {net::Family::kV6, backend, kInput}}};
}

std::unique_ptr<IptablesFirewall> OpenIptablesFirewall(std::uint32_t mark_value, std::uint32_t mark_mask) {
  return std::make_unique<RestoreCommands>(MarkMatch{mark_value, mark_mask});
}

}  // namespace calico::kernel
