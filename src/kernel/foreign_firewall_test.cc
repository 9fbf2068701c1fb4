// SPDX-License-Identifier: Apache-2.0
// Somebody else's nf_tables rules, written with nft(8) in a network namespace of the program's own.
#include "kernel/foreign_firewall.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/subprocess.h"
#include "base/text.h"
#include "kernel/testing/private_network.h"

namespace calico::kernel {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::uint32_t kMark = 0x10000;

class ForeignFirewallTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(testing::PrivateNetwork::Entered());
    Nft("flush ruleset");
  }
  void TearDown() override { Nft("flush ruleset"); }
  static void Nft(const std::string& text) {
    const auto output = RunProcess({"nft", "-f", "-"}, 10s, ReplaceAll(text, "; }", ";\n}\n") + "\n");
    ASSERT_TRUE(output.has_value() && output->exit_code == 0) << (output.has_value() ? output->err : "");
  }
  static std::string List() { return RunProcess({"nft", "list", "ruleset"}, 10s)->out; }
  static void Sh(const std::string& command) {
    const auto output = RunProcess({"sh", "-c", command}, 10s);
    ASSERT_TRUE(output.has_value() && output->exit_code == 0) << (output.has_value() ? output->err : "");
  }
  ForeignChain Only() {
    const auto chains = firewall_->Read().value();
    EXPECT_EQ(chains.size(), 1U);
    return chains.empty() ? ForeignChain() : chains[0];
  }

  const std::unique_ptr<ForeignFirewall> firewall_ = OpenForeignFirewall(kMark, "calico");
};

TEST_F(ForeignFirewallTest, SeesPoliciesAndRulesThatDrop) {
  Nft("table inet filter { chain forward { type filter hook forward priority 0; policy drop; } }");
  EXPECT_TRUE(Only().CanDrop());
  EXPECT_EQ(Only().Describe(), "table inet filter, chain forward: policy drop");
  for (const char* rule : {"tcp dport 80 drop", "reject", "jump other", "ip saddr 10.0.0.0/8 goto other",
                           "tcp dport vmap { 80 : drop }"}) {
    Nft(std::string("flush ruleset; table inet filter { chain other { }; chain forward { type filter hook "
                    "forward priority 0; "
                    "ct state established accept; ") +
        rule + "; } }");
    EXPECT_TRUE(Only().CanDrop()) << rule;
    EXPECT_THAT(Only().Describe(), HasSubstr("rule handle")) << rule;
  }
}

TEST_F(ForeignFirewallTest, SeesNoHarmInWhatDropsNothing) {
  Nft("table ip mine { chain fw { type filter hook forward priority 0; counter accept; }; "
      "chain out { type filter hook output priority 0; policy drop; } }");
  EXPECT_FALSE(Only().CanDrop());
}

TEST_F(ForeignFirewallTest, TellsChainsOfPacketsToThisHostFromThoseOfForwardedOnes) {
  Nft("table ip mine { chain in { type filter hook input priority 0; policy drop; } }");
  EXPECT_TRUE(Only().CanDrop() && Only().input);
  Nft("flush ruleset; table ip mine { chain fw { type filter hook forward priority 0; policy drop; } }");
  EXPECT_TRUE(Only().CanDrop() && !Only().input);
}

TEST_F(ForeignFirewallTest, LeavesOurTableAndIptablesToThemselves) {
  Nft("table ip calico { chain filter-FORWARD { type filter hook forward priority -10; drop; } }");
  Sh("iptables-nft -P FORWARD DROP");
  EXPECT_THAT(firewall_->Read().value(), IsEmpty());
}

TEST_F(ForeignFirewallTest, TheCommandThatItNamesLetsOurPacketsThrough) {
  Nft("table inet filter { chain forward { type filter hook forward priority 0; policy drop; } }");
  Sh(Only().Command(kMark));
  EXPECT_FALSE(Only().CanDrop());
}

TEST_F(ForeignFirewallTest, InsertsItsRuleFirstAndTakesAllOfThemAway) {
  Nft("table inet filter { chain forward { type filter hook forward priority 0; policy drop; tcp dport 22 "
      "accept; } }");
  const std::string before = List();
  ASSERT_TRUE(firewall_->InsertAccept(Only()).has_value());
  EXPECT_FALSE(Only().CanDrop());
  EXPECT_THAT(
      List(),
      HasSubstr(
          "meta mark & 0x00010000 == 0x00010000 accept comment \"calico: accept what policy allowed\""));
  Nft("insert rule inet filter forward drop");
  EXPECT_TRUE(Only().CanDrop()) << "somebody else's is first now";
  ASSERT_TRUE(firewall_->InsertAccept(Only()).has_value());
  EXPECT_FALSE(Only().CanDrop());
  Sh("nft delete rule inet filter forward handle $(nft -a list chain inet filter forward | sed -n 's/.*drop "
     "# handle //p' | tail -1)");
  ASSERT_TRUE(firewall_->RemoveAccepts().has_value());
  EXPECT_EQ(List(), before);
}

TEST_F(ForeignFirewallTest, AChainThatIsGoneIsAnError) {
  ForeignChain chain;
  chain.family = "inet";
  chain.table = chain.chain = "nowhere";
  EXPECT_EQ(firewall_->InsertAccept(chain).error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace calico::kernel
