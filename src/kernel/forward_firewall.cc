// SPDX-License-Identifier: Apache-2.0
#include "kernel/forward_firewall.h"

#include <fmt/format.h>

#include "base/subprocess.h"
#include "base/text.h"
#include "kernel/forward_firewall_read.h"

namespace calico::kernel {
namespace {

constexpr char kComment[] = "calico: accept what policy allowed";
constexpr Duration kCommandTimeout = std::chrono::seconds(10);
constexpr char kLockWaitSeconds[] = "5";
constexpr int kTries = 3;

class IptablesForwardFirewall final : public ForwardFirewall {
 public:
  explicit IptablesForwardFirewall(MarkMatch mark) : mark_(mark) {}

  Result<ForwardChain> Read(net::Family family, IptablesBackend backend) override {
    return backend == IptablesBackend::kNft ? ReadNftForward(family, mark_)
                                            : ReadLegacyForward(family, mark_);
  }

  Status InsertAccept(net::Family family, IptablesBackend backend) override {
    return Rewrite(family, backend, "-I FORWARD 1 " + Rule() + "\n");
  }

  Status RemoveAccept(net::Family family, IptablesBackend backend) override {
    ASSIGN_OR_RETURN(const ForwardChain chain, Read(family, backend));
    if (!chain.exists) return Ok();  // the command would make the table
    return Rewrite(family, backend, "");
  }

 private:
  static std::string Command(net::Family family, IptablesBackend backend) {
    return fmt::format("{}-{}", family == net::Family::kV4 ? "iptables" : "ip6tables",
                       backend == IptablesBackend::kNft ? "nft" : "legacy");
  }
  std::string Rule() const {
    return fmt::format("-m mark --mark 0x{:x}/0x{:x} -m comment --comment \"{}\" -j ACCEPT", mark_.value,
                       mark_.mask, kComment);
  }

  // Deletes every copy of our rule and does `then`, all in one transaction of the restore command: no packet
  // meets the chain without the rule. Copies are named by what they say, never by their number, which could
  // be another's rule by then. If a copy went meanwhile the whole is refused, and tried again.
  Status Rewrite(net::Family family, IptablesBackend backend, const std::string& then) const {
    const std::string command = Command(family, backend);
    std::string complaint;
    for (int i = 0; i < kTries; ++i) {
      ASSIGN_OR_RETURN(const std::string deletions, Deletions(command));
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
  static Result<std::string> Deletions(const std::string& command) {
    ASSIGN_OR_RETURN(const ProcessOutput output,
                     RunProcess({command, "-w", kLockWaitSeconds, "-S", "FORWARD"}, kCommandTimeout));
    if (output.exit_code != 0) return Error(ErrorCode::kSystem, command + ": " + FirstLine(output.err));
    std::string deletions;
    for (const std::string& line : Split(output.out, '\n')) {
      if (line.starts_with("-A FORWARD ") && line.find(kComment) != std::string::npos)
        deletions += "-D" + line.substr(2) + "\n";
    }
    return deletions;
  }
  static std::string FirstLine(const std::string& text) { return text.substr(0, text.find('\n')); }

  const MarkMatch mark_;
};

}  // namespace

std::unique_ptr<ForwardFirewall> OpenForwardFirewall(std::uint32_t mark_value, std::uint32_t mark_mask) {
  return std::make_unique<IptablesForwardFirewall>(MarkMatch{mark_value, mark_mask});
}

}  // namespace calico::kernel
