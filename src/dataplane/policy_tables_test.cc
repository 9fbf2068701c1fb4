// SPDX-License-Identifier: Apache-2.0
#include "dataplane/policy_tables.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/names.h"

namespace calico::dataplane {
namespace {

using dataplane_api::Batch;

// Takes everything, shows nothing, and counts.
class NoKernel final : public kernel::Nftables {
 public:
  Status Apply(const std::vector<kernel::nft::Transaction>&) override {
    ++generation;
    return Ok();
  }
  Result<kernel::nft::TableContent> Read(net::Family) override {
    ++reads;
    return kernel::nft::TableContent();
  }
  Result<std::map<std::string, kernel::nft::CounterValue>> ReadCounters(net::Family) override {
    return std::map<std::string, kernel::nft::CounterValue>();
  }
  Result<std::map<std::string, std::vector<RuleCounter>>> ReadRuleCounters(net::Family) override {
    return std::map<std::string, std::vector<RuleCounter>>();
  }
  Result<std::uint32_t> Generation() override { return generation; }
  std::uint32_t port_id() const override { return 1; }

  std::uint32_t generation = 7;
  int reads = 0;
};

class PolicyTablesTest : public ::testing::Test {
 protected:
  PolicyTablesTest() {
    Batch batch;
    batch.host = dataplane_api::HostSettings();
    tables_.OnBatch(batch);
  }
  static dataplane_api::Rules AllowAll() {
    dataplane_api::Rule rule;
    rule.action = dataplane_api::RuleAction::kAllow;
    return {{rule}, {rule}, false};
  }
  static dataplane_api::Endpoint Endpoint(const std::string& interface, const std::string& policy) {
    dataplane_api::Endpoint endpoint;
    endpoint.interface_name = interface;
    endpoint.policies.ingress = {{"default", {policy}, false}};
    return endpoint;
  }
  // Those that begin with the text, of IPv4; equal ones of IPv6 are expected.
  std::vector<std::string> ChainsOf(const std::string& begin) const {
    std::vector<std::string> names[2];
    for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
      for (const auto& [name, chain] : tables_.table(family).desired().chains) {
        if (name.starts_with(begin)) names[family == net::Family::kV4 ? 0 : 1].push_back(name);
      }
    }
    EXPECT_EQ(names[0], names[1]);
    return names[0];
  }

  NoKernel kernel_;
  PolicyTables tables_{kernel_};
};

TEST_F(PolicyTablesTest, OnlyChainsThatSomeEndpointIsLedToExist) {
  Batch batch;
  batch.policies["gnp/a"] = AllowAll();
  batch.policies["gnp/b"] = AllowAll();
  batch.endpoints["default/one"] = Endpoint("cali1", "gnp/a");
  tables_.OnBatch(batch);
  EXPECT_THAT(ChainsOf("cali-pi-"), ::testing::ElementsAre("cali-pi-gnp/a", "cali-pi-gnp/a-reply"));
  EXPECT_THAT(ChainsOf("cali-po-"), ::testing::IsEmpty()) << "nobody asks it about egress";

  Batch other;
  other.endpoints["default/one"] = Endpoint("cali1", "gnp/b");
  tables_.OnBatch(other);
  EXPECT_THAT(ChainsOf("cali-pi-"), ::testing::ElementsAre("cali-pi-gnp/b", "cali-pi-gnp/b-reply"));

  Batch gone;
  gone.endpoints["default/one"] = std::nullopt;
  gone.policies["gnp/a"] = gone.policies["gnp/b"] = std::nullopt;
  tables_.OnBatch(gone);
  for (const char* begin : {"cali-pi-", "cali-ti-", "cali-tw-", "cali-fw-"})
    EXPECT_THAT(ChainsOf(begin), ::testing::IsEmpty());
}

TEST_F(PolicyTablesTest, ASharedChainStaysUntilItsLastEndpointIsGone) {
  Batch batch;
  batch.policies["gnp/a"] = AllowAll();
  batch.endpoints["default/one"] = Endpoint("cali1", "gnp/a");
  batch.endpoints["default/two"] = Endpoint("cali2", "gnp/a");
  tables_.OnBatch(batch);
  const auto shared = ChainsOf("cali-tw-");
  EXPECT_EQ(shared.size(), 2U) << "one each way";
  Batch one;
  one.endpoints["default/one"] = std::nullopt;
  tables_.OnBatch(one);
  EXPECT_EQ(ChainsOf("cali-tw-"), shared);
  EXPECT_EQ(ChainsOf("cali-pi-").size(), 2U);
}

TEST_F(PolicyTablesTest, ASettingThatStandsInSharedChainsChangesThemForAll) {
  Batch batch;
  batch.policies["gnp/a"] = AllowAll();
  batch.endpoints["default/one"] = Endpoint("cali1", "gnp/a");
  batch.endpoints["default/two"] = Endpoint("cali2", "gnp/a");
  tables_.OnBatch(batch);
  const std::string egress = ChainsOf("cali-fw-").at(0);
  const auto rules = [&] { return tables_.table(net::Family::kV4).desired().chains.at(egress).rules.size(); };
  const std::size_t before = rules();
  Batch settings;
  settings.host = dataplane_api::HostSettings();
  settings.host->allow_ipip_from_workloads = !settings.host->allow_ipip_from_workloads;
  tables_.OnBatch(settings);
  EXPECT_NE(rules(), before);

  settings.host->recheck_flows = false;
  tables_.OnBatch(settings);
  EXPECT_THAT(ChainsOf("cali-pi-"), ::testing::ElementsAre("cali-pi-gnp/a")) << "answers are not looked at";
}

TEST_F(PolicyTablesTest, TheKernelIsReadAgainOnlyIfSomebodyElseHasCommitted) {
  const auto apply = [this] { EXPECT_TRUE(tables_.Apply().has_value()); };
  apply();
  const int at_start = kernel_.reads;
  Batch batch;
  batch.policies["gnp/a"] = AllowAll();
  batch.endpoints["default/one"] = Endpoint("cali1", "gnp/a");
  tables_.OnBatch(batch);
  apply();
  tables_.RereadNextIfOthersCommitted();
  apply();
  EXPECT_EQ(kernel_.reads, at_start) << "all commits were ours";
  ++kernel_.generation;
  tables_.RereadNextIfOthersCommitted();
  apply();
  EXPECT_GT(kernel_.reads, at_start);
}

}  // namespace
}  // namespace calico::dataplane
