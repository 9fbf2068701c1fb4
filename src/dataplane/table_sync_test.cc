// SPDX-License-Identifier: Apache-2.0
// The law of TableSync: what PendingChanges() says, done to the kernel's table, gives the desired one.
#include "dataplane/table_sync.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace calico::dataplane {
namespace {

using namespace kernel::nft;

// A kernel made of values: refuses what the real one refuses.
class TableModel {
 public:
  void Apply(const Transaction& transaction) {
    const auto each = [&]<typename T>(const T*, auto action) {
      for (const Change& change : transaction.changes) {
        if (const T* one = std::get_if<T>(&change)) action(*one);
      }
    };
    each(static_cast<const DeleteTable*>(nullptr), [&](const auto&) { content = {}; });
    each(static_cast<const AddCounter*>(nullptr),
         [&](const auto& c) { RC_ASSERT(content.counters.emplace(c.name, CounterValue{}).second); });
    each(static_cast<const AddSet*>(nullptr), [&](const auto& s) {
      RC_ASSERT(content.sets.emplace(s.name, Set{s.type, {}}).second);
    });
    each(static_cast<const SetChain*>(nullptr), [&](const auto& c) {
      RC_ASSERT(!content.chains.contains(c.name) || content.chains[c.name].base == c.chain.base);
      content.chains[c.name] = c.chain;
    });
    each(static_cast<const DeleteMember*>(nullptr),
         [&](const auto& m) { RC_ASSERT(content.sets.at(m.set).members.erase(m.member.key) == 1U); });
    each(static_cast<const AddMember*>(nullptr), [&](const auto& m) {
      RC_ASSERT(content.sets.at(m.set).type == m.type);
      RC_ASSERT(content.sets.at(m.set).members.emplace(m.member.key, m.member.verdict).second);
    });
    each(static_cast<const DeleteChain*>(nullptr),
         [&](const auto& c) { RC_ASSERT(content.chains.erase(c.name) == 1U); });
    each(static_cast<const DeleteSet*>(nullptr),
         [&](const auto& s) { RC_ASSERT(content.sets.erase(s.name) == 1U); });
    each(static_cast<const DeleteCounter*>(nullptr),
         [&](const auto& c) { RC_ASSERT(content.counters.erase(c.name) == 1U); });
  }
  TableContent content;
};

Verdict To(const std::string& chain) {
  return {VerdictKind::kGoto, chain};
}

Chain AnyChain() {
  Chain chain;
  if (*rc::gen::arbitrary<bool>())
    chain.base = BaseChain{BaseChain::Type::kFilter, Hook::kForward, *rc::gen::inRange(0, 2), true};
  for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
    chain.rules.push_back({{MatchMark{1, static_cast<std::uint32_t>(i)}}, ""});
  return chain;
}
std::string AnyName(const char* prefix) {
  return prefix + std::to_string(*rc::gen::inRange(0, 3));
}

// As PolicyTables does. A packet on its way sees new members, but of a chain what was there before: nothing
// that it could come to may be made in the transaction that leads there.
void Write(TableSync& sync, TableModel& kernel) {
  const TableContent before = kernel.content;
  const Transaction additions = sync.PendingAdditions();
  for (const Change& change : additions.changes) {
    if (const auto* chain = std::get_if<SetChain>(&change)) RC_ASSERT(!before.chains.contains(chain->name));
    if (const auto* member = std::get_if<AddMember>(&change)) RC_ASSERT(!before.sets.contains(member->set));
    RC_ASSERT(!std::holds_alternative<DeleteMember>(change) && !std::holds_alternative<DeleteChain>(change));
  }
  kernel.Apply(additions);
  if (!additions.changes.empty()) sync.AdditionsApplied();
  const Transaction changes = sync.PendingChanges();
  const bool anew = !changes.changes.empty() && std::holds_alternative<DeleteTable>(changes.changes.front());
  for (const Change& change : changes.changes) {
    const auto* chain = std::get_if<SetChain>(&change);
    if (chain == nullptr || chain->chain.base || anew || before.chains.empty()) continue;
    RC_ASSERT(kernel.content.chains.contains(chain->name));
  }
  kernel.Apply(changes);
  sync.Applied();
}

void AnyStep(TableSync& sync, TableModel& kernel) {
  switch (*rc::gen::inRange(0, 9)) {
    case 0:
      sync.SetChain(AnyName("c"), AnyChain());
      break;
    case 1:
      sync.RemoveChain(AnyName("c"));
      break;
    case 2:
      sync.AddCounter(AnyName("n"));
      break;
    case 3: {
      Set set{SetType::kVerdictByIfname, {}};
      for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
        const std::string name = AnyName("i");
        set.members.insert_or_assign(name, To(AnyName("c")));
      }
      sync.SetSet(AnyName("s"), set);
      break;
    }
    case 4:
      sync.RemoveSet(AnyName("s"));
      break;
    case 5: {
      const std::string set = AnyName("s"), name = AnyName("i");
      if (sync.desired().sets.contains(set)) sync.SetMember(set, name, To(AnyName("c")));
      break;
    }
    case 6: {
      const std::string set = AnyName("s");
      if (sync.desired().sets.contains(set)) sync.RemoveMember(set, AnyName("i"));
      break;
    }
    case 7:  // somebody damages the kernel's table, and we look
      if (!kernel.content.chains.empty()) kernel.content.chains.erase(kernel.content.chains.begin());
      if (!kernel.content.sets.empty()) kernel.content.sets.begin()->second.members["foreign"] = To("c0");
      if (*rc::gen::arbitrary<bool>()) kernel.content = {};
      sync.ReplaceActual(kernel.content);
      break;
    default:
      Write(sync, kernel);
  }
}

TEST(TableSync, PendingChangesLeadToTheDesiredTable) {
  EXPECT_TRUE(rc::check([] {
    TableSync sync(net::Family::kV4);
    TableModel kernel;
    for (int i = *rc::gen::inRange(1, 40); i > 0; --i) AnyStep(sync, kernel);
    Write(sync, kernel);
    RC_ASSERT(kernel.content.chains == sync.desired().chains);
    RC_ASSERT(kernel.content.sets == sync.desired().sets);
    RC_ASSERT(sync.PendingChanges().changes.empty());
    sync.ReplaceActual(kernel.content);
    RC_ASSERT(sync.PendingChanges().changes.empty());
  }));
}

TEST(TableSync, OneMemberIsOneChange) {
  TableSync sync(net::Family::kV4);
  Set set{SetType::kVerdictByIfname, {}};
  for (int i = 0; i < 1000; ++i) set.members["i" + std::to_string(i)] = To("c");
  sync.SetSet("s", set);
  sync.Applied();
  sync.SetMember("s", "new", To("c"));
  EXPECT_EQ(sync.PendingChanges().changes.size(), 2U) << "the member, and the table that may be missing";
}

TEST(TableSync, AnotherHookMakesTheTableAnewInOneTransaction) {
  TableSync sync(net::Family::kV4);
  Chain chain;
  chain.base = BaseChain{BaseChain::Type::kFilter, Hook::kForward, 0, true};
  sync.SetChain("c", chain);
  sync.Applied();
  chain.base->priority = -10;
  sync.SetChain("c", chain);
  EXPECT_TRUE(std::holds_alternative<DeleteTable>(sync.PendingChanges().changes.front()));
}

}  // namespace
}  // namespace calico::dataplane
