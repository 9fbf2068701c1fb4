// SPDX-License-Identifier: Apache-2.0
#include "kernel/forward_firewall.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/subprocess.h"

namespace calico::kernel {
namespace {

using namespace std::chrono_literals;
using net::Family;

std::string Sh(const std::vector<std::string>& argv) {
  const auto output = RunProcess(argv, 10s);
  if (!output.has_value() || output->exit_code != 0) {
    ADD_FAILURE() << argv[0] << ": " << (output.has_value() ? output->err : output.error().message());
    return "";
  }
  return output->out;
}

// Both back ends and both families: (command, back end, family).
struct Case {
  std::string command;
  IptablesBackend backend;
  Family family;
};
void PrintTo(const Case& one, std::ostream* out) {
  *out << one.command;
}

class ForwardFirewallTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    Iptables({"-F", "FORWARD"});
    Iptables({"-P", "FORWARD", "ACCEPT"});
  }
  void TearDown() override { SetUp(); }
  std::string Iptables(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {GetParam().command, "-w"});
    return Sh(arguments);
  }
  ForwardChain Read() {
    const auto chain = firewall_->Read(GetParam().family, GetParam().backend);
    EXPECT_TRUE(chain.has_value()) << chain.error().message();
    return chain.value_or(ForwardChain{});
  }
  void Insert() {
    const Status status = firewall_->InsertAccept(GetParam().family, GetParam().backend);
    ASSERT_TRUE(status.has_value()) << status.error().message();
  }
  std::size_t Copies() {
    const std::string rules = Iptables({"-S", "FORWARD"});
    std::size_t count = 0;
    for (std::size_t at = rules.find("calico:"); at != std::string::npos; at = rules.find("calico:", at + 1))
      ++count;
    return count;
  }

  const std::unique_ptr<ForwardFirewall> firewall_ = OpenForwardFirewall(0x10000, 0x10000);
};

TEST_P(ForwardFirewallTest, AnEmptyChainThatAcceptsCannotDrop) {
  const ForwardChain chain = Read();
  EXPECT_TRUE(chain.exists);
  EXPECT_FALSE(chain.can_drop);
  EXPECT_FALSE(chain.our_rule_first);
}

TEST_P(ForwardFirewallTest, PolicyDropCanDrop) {
  Iptables({"-P", "FORWARD", "DROP"});
  EXPECT_TRUE(Read().can_drop);
}

TEST_P(ForwardFirewallTest, AForeignRuleCanDrop) {
  Iptables({"-A", "FORWARD", "-j", "DROP"});
  EXPECT_TRUE(Read().can_drop);
}

TEST_P(ForwardFirewallTest, OurRuleComesFirstAndIsRecognized) {
  Iptables({"-A", "FORWARD", "-j", "DROP"});
  Insert();
  const ForwardChain chain = Read();
  EXPECT_TRUE(chain.our_rule_first);
  EXPECT_TRUE(chain.can_drop);
  EXPECT_EQ(Copies(), 1U);
}

TEST_P(ForwardFirewallTest, AMisplacedCopyIsMovedToTheFront) {
  Insert();
  Iptables(
      {"-I", "FORWARD", "1", "-s", GetParam().family == Family::kV4 ? "10.0.0.1" : "fd00::1", "-j", "DROP"});
  EXPECT_FALSE(Read().our_rule_first);
  Insert();
  EXPECT_TRUE(Read().our_rule_first);
  EXPECT_EQ(Copies(), 1U);
}

TEST_P(ForwardFirewallTest, ARuleThatOnlyLooksLikeOursIsNotOurs) {
  for (const std::vector<std::string>& rule : std::vector<std::vector<std::string>>{
           {"-I", "FORWARD", "-m", "mark", "--mark", "0x20000/0x20000", "-j", "ACCEPT"},
           {"-I", "FORWARD", "-m", "mark", "--mark", "0x10000/0x10000", "-j", "DROP"},
           {"-I", "FORWARD", "-m", "mark", "!", "--mark", "0x10000/0x10000", "-j", "ACCEPT"},
           {"-I", "FORWARD", "-i", "eth0", "-m", "mark", "--mark", "0x10000/0x10000", "-j", "ACCEPT"}}) {
    Iptables(rule);
    EXPECT_FALSE(Read().our_rule_first) << ::testing::PrintToString(rule);
  }
}

TEST_P(ForwardFirewallTest, RemovesAllCopiesAndNothingElse) {
  Iptables({"-A", "FORWARD", "-j", "DROP"});
  Insert();
  const auto remove = [&] { return firewall_->RemoveAccept(GetParam().family, GetParam().backend); };
  EXPECT_TRUE(remove().has_value());
  EXPECT_EQ(Copies(), 0U);
  EXPECT_TRUE(Read().can_drop);
  EXPECT_TRUE(remove().has_value()) << "twice is fine";
}

INSTANTIATE_TEST_SUITE_P(Backends, ForwardFirewallTest,
                         ::testing::Values(Case{"iptables-nft", IptablesBackend::kNft, Family::kV4},
                                           Case{"ip6tables-nft", IptablesBackend::kNft, Family::kV6},
                                           Case{"iptables-legacy", IptablesBackend::kLegacy, Family::kV4},
                                           Case{"ip6tables-legacy", IptablesBackend::kLegacy, Family::kV6}));

TEST(ForwardFirewall, WithoutAFilterTableThereIsNoChain) {
  const auto before = OpenForwardFirewall(1, 1);
  Sh({"nft", "flush", "ruleset"});  // flushing removes tables too
  EXPECT_FALSE(before->Read(Family::kV4, IptablesBackend::kNft)->exists);
  EXPECT_TRUE(before->RemoveAccept(Family::kV4, IptablesBackend::kNft).has_value());
}

}  // namespace
}  // namespace calico::kernel
