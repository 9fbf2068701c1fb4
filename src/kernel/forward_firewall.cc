// SPDX-License-Identifier: Apache-2.0
#include "kernel/forward_firewall.h"

#include <fmt/format.h>

#include "base/subprocess.h"
#include "kernel/forward_firewall_read.h"

namespace calico::kernel {
namespace {

constexpr char kComment[] = "calico: accept what policy allowed";
constexpr Duration kCommandTimeout = std::chrono::seconds(10);
constexpr int kMostCopies = 100;

class IptablesForwardFirewall final : public ForwardFirewall {
 public:
  explicit IptablesForwardFirewall(MarkMatch mark) : mark_(mark) {}

  Result<ForwardChain> Read(net::Family family, IptablesBackend backend) override {
    return backend == IptablesBackend::kNft ? ReadNftForward(family, mark_)
                                            : ReadLegacyForward(family, mark_);
  }

  Status InsertAccept(net::Family family, IptablesBackend backend) override {
    // First in, then the other copies away: there is no moment without the rule.
    RETURN_IF_ERROR(Run(family, backend, {"-I", "FORWARD", "1"}));
    return DeleteCopies(family, backend, 2);
  }

  Status RemoveAccept(net::Family family, IptablesBackend backend) override {
    ASSIGN_OR_RETURN(const ForwardChain chain, Read(family, backend));
    if (!chain.exists) return Ok();  // the command would make the table
    return DeleteCopies(family, backend, 1);
  }

 private:
  std::vector<std::string> Command(net::Family family, IptablesBackend backend,
                                   const std::vector<std::string>& action) const {
    std::vector<std::string> argv{fmt::format("{}-{}", family == net::Family::kV4 ? "iptables" : "ip6tables",
                                              backend == IptablesBackend::kNft ? "nft" : "legacy"),
                                  "-w", "5"};
    argv.insert(argv.end(), action.begin(), action.end());
    return argv;
  }
  std::vector<std::string> Rule() const {
    return {"-m", "mark",    "--mark",    fmt::format("0x{:x}/0x{:x}", mark_.value, mark_.mask),
            "-m", "comment", "--comment", kComment,
            "-j", "ACCEPT"};
  }

  Status Run(net::Family family, IptablesBackend backend, std::vector<std::string> action) const {
    const std::vector<std::string> rule = Rule();
    action.insert(action.end(), rule.begin(), rule.end());
    const std::vector<std::string> argv = Command(family, backend, action);
    ASSIGN_OR_RETURN(const ProcessOutput output, RunProcess(argv, kCommandTimeout));
    if (output.exit_code == 0) return Ok();
    return Error(ErrorCode::kSystem,
                 fmt::format("{}: {}", argv[0], output.err.substr(0, output.err.find('\n'))));
  }

  // Deletes our rule at number `keep_before` and later, that is all of them or all but the first.
  Status DeleteCopies(net::Family family, IptablesBackend backend, int keep_before) const {
    for (int i = 0; i < kMostCopies; ++i) {
      ASSIGN_OR_RETURN(const int number, FindCopy(family, backend, keep_before));
      if (number == 0) return Ok();
      const std::vector<std::string> argv =
          Command(family, backend, {"-D", "FORWARD", std::to_string(number)});
      ASSIGN_OR_RETURN(const ProcessOutput output, RunProcess(argv, kCommandTimeout));
      if (output.exit_code != 0)
        return Error(ErrorCode::kSystem,
                     fmt::format("{}: {}", argv[0], output.err.substr(0, output.err.find('\n'))));
    }
    return Ok();
  }

  // Number of the first copy at or after `from`, 0 if there is none.
  Result<int> FindCopy(net::Family family, IptablesBackend backend, int from) const {
    const std::vector<std::string> argv = Command(family, backend, {"-S", "FORWARD"});
    ASSIGN_OR_RETURN(const ProcessOutput output, RunProcess(argv, kCommandTimeout));
    if (output.exit_code != 0)
      return Error(ErrorCode::kSystem,
                   fmt::format("{}: {}", argv[0], output.err.substr(0, output.err.find('\n'))));
    int number = 0;
    std::size_t begin = 0;
    while (begin < output.out.size()) {
      const std::size_t end = std::min(output.out.find('\n', begin), output.out.size());
      const std::string line = output.out.substr(begin, end - begin);
      begin = end + 1;
      if (!line.starts_with("-A FORWARD ")) continue;
      if (++number >= from && line.find(kComment) != std::string::npos) return number;
    }
    return 0;
  }

  const MarkMatch mark_;
};

}  // namespace

std::unique_ptr<ForwardFirewall> OpenForwardFirewall(std::uint32_t mark_value, std::uint32_t mark_mask) {
  return std::make_unique<IptablesForwardFirewall>(MarkMatch{mark_value, mark_mask});
}

}  // namespace calico::kernel
