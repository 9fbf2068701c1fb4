// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/mutations.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "dataplane/names.h"

namespace calico::policy_test {
namespace {

using dataplane_api::Batch;
using dataplane_api::EntityMatch;
using dataplane_api::RuleAction;
using dataplane_api::Tiers;
using kernel::nft::Change;
using kernel::nft::Statement;

// ---- What calc says, changed on its way to the dataplane: as if a part of it were not rendered, or wrongly.

using ChangeRule = std::function<void(dataplane_api::Rule&)>;
using ChangeRules = std::function<void(std::vector<dataplane_api::Rule>&)>;

KernelHost::Hooks OnRules(ChangeRules change) {
  KernelHost::Hooks hooks;
  hooks.change_batch = [change](Batch& batch) {
    for (auto* rules : {&batch.policies, &batch.profiles}) {
      for (auto& [name, both] : *rules) {
        if (!both) continue;
        change(both->ingress);
        change(both->egress);
      }
    }
  };
  return hooks;
}
KernelHost::Hooks OnRule(const ChangeRule& change) {
  return OnRules([change](std::vector<dataplane_api::Rule>& rules) {
    for (dataplane_api::Rule& rule : rules) change(rule);
  });
}
KernelHost::Hooks OnSource(std::function<void(EntityMatch&)> change) {
  return OnRule([change](dataplane_api::Rule& rule) { change(rule.source); });
}
KernelHost::Hooks OnDestination(std::function<void(EntityMatch&)> change) {
  return OnRule([change](dataplane_api::Rule& rule) { change(rule.destination); });
}
KernelHost::Hooks OnTiers(std::function<void(Tiers&)> change) {
  KernelHost::Hooks hooks;
  hooks.change_batch = [change](Batch& batch) {
    for (auto& [name, endpoint] : batch.endpoints) {
      if (!endpoint) continue;
      change(endpoint->policies.ingress);
      change(endpoint->policies.egress);
    }
  };
  return hooks;
}
KernelHost::Hooks OnHostEndpoint(std::function<void(dataplane_api::HostEndpoint&)> change) {
  KernelHost::Hooks hooks;
  hooks.change_batch = [change](Batch& batch) {
    for (auto& [name, endpoint] : batch.host_endpoints) {
      if (endpoint) change(*endpoint);
    }
  };
  return hooks;
}
KernelHost::Hooks OnWorkload(std::function<void(dataplane_api::Endpoint&)> change) {
  KernelHost::Hooks hooks;
  hooks.change_batch = [change](Batch& batch) {
    for (auto& [name, endpoint] : batch.endpoints) {
      if (endpoint) change(*endpoint);
    }
  };
  return hooks;
}
KernelHost::Hooks OnHost(std::function<void(dataplane_api::HostSettings&)> change) {
  KernelHost::Hooks hooks;
  hooks.change_batch = [change](Batch& batch) {
    if (batch.host) change(*batch.host);
  };
  return hooks;
}
KernelHost::Hooks OnSets(std::function<void(dataplane_api::IpSet&)> change) {
  KernelHost::Hooks hooks;
  hooks.change_batch = [change](Batch& batch) {
    for (auto& [id, set] : batch.ip_sets) {
      if (set == nullptr) continue;
      auto copy = std::make_shared<dataplane_api::IpSet>(*set);
      change(*copy);
      set = std::move(copy);
    }
    for (auto& [id, delta] : batch.ip_set_deltas) {
      change(delta.added);
      change(delta.removed);
    }
  };
  return hooks;
}

// ---- What the dataplane writes, changed on its way to the kernel. It compares what it reads with what it
// wanted, so it is told that it got it.

class WrongNftables final : public kernel::Nftables {
 public:
  using ChangeStatements = std::function<void(const std::string& chain, kernel::nft::Rule& rule)>;
  WrongNftables(std::unique_ptr<kernel::Nftables> real, ChangeStatements change)
      : real_(std::move(real)), change_(std::move(change)) {}

  Status Apply(const std::vector<kernel::nft::Transaction>& transactions) override {
    auto changed = transactions;
    for (auto& transaction : changed) {
      for (Change& one : transaction.changes) {
        auto* chain = std::get_if<kernel::nft::SetChain>(&one);
        if (chain == nullptr) continue;
        for (auto& rule : chain->chain.rules) change_(chain->name, rule);
      }
    }
    return real_->Apply(changed);
  }
  Result<kernel::nft::TableContent> Read(net::Family family) override { return real_->Read(family); }
  Result<std::map<std::string, kernel::nft::CounterValue>> ReadCounters(net::Family family) override {
    return real_->ReadCounters(family);
  }
  Result<std::map<std::string, std::vector<RuleCounter>>> ReadRuleCounters(net::Family family) override {
    return real_->ReadRuleCounters(family);
  }
  Result<std::uint32_t> Generation() override { return real_->Generation(); }
  std::uint32_t port_id() const override { return real_->port_id(); }

 private:
  const std::unique_ptr<kernel::Nftables> real_;
  const ChangeStatements change_;
};

KernelHost::Hooks OnStatements(WrongNftables::ChangeStatements change) {
  KernelHost::Hooks hooks;
  hooks.wrap_nftables =
      [change](std::unique_ptr<kernel::Nftables> real) -> std::unique_ptr<kernel::Nftables> {
    return std::make_unique<WrongNftables>(std::move(real), change);
  };
  return hooks;
}
template <typename T>
KernelHost::Hooks OnEach(std::function<void(T&)> change) {
  return OnStatements([change](const std::string&, kernel::nft::Rule& rule) {
    for (Statement& statement : rule.statements) {
      if (T* one = std::get_if<T>(&statement)) change(*one);
    }
  });
}
// Rules of chains whose name begins so lose the statements of a kind.
template <typename T>
KernelHost::Hooks Without(const std::string& chain_prefix) {
  return OnStatements([chain_prefix](const std::string& chain, kernel::nft::Rule& rule) {
    if (!chain.starts_with(chain_prefix)) return;
    std::erase_if(rule.statements,
                  [](const Statement& statement) { return std::holds_alternative<T>(statement); });
  });
}
void Flip(kernel::nft::Op& op) {
  op = op == kernel::nft::Op::kEq ? kernel::nft::Op::kNe : kernel::nft::Op::kEq;
}

}  // namespace

std::vector<Mutation> Mutations() {
  using namespace kernel::nft;
  using ApiRule = dataplane_api::Rule;
  std::vector<Mutation> all;
  const auto add = [&](const char* name, KernelHost::Hooks hooks) {
    all.push_back({name, std::move(hooks)});
  };

  // Match fields.
  add("ipVersion is ignored", OnRule([](ApiRule& rule) { rule.family.reset(); }));
  add("protocol is ignored", OnRule([](ApiRule& rule) { rule.protocol.reset(); }));
  add("protocol is one too high", OnRule([](ApiRule& rule) {
        if (rule.protocol) ++*rule.protocol;
      }));
  add("notProtocol is ignored", OnRule([](ApiRule& rule) { rule.not_protocol.reset(); }));
  add("notProtocol is taken for protocol", OnRule([](ApiRule& rule) {
        if (rule.not_protocol) rule.protocol = std::exchange(rule.not_protocol, std::nullopt);
      }));
  add("ICMP's type is ignored",
      OnRule([](ApiRule& rule) { rule.icmp_type = rule.icmp_code = std::nullopt; }));
  add("ICMP's code is ignored", OnRule([](ApiRule& rule) { rule.icmp_code.reset(); }));
  add("notICMP is ignored",
      OnRule([](ApiRule& rule) { rule.not_icmp_type = rule.not_icmp_code = std::nullopt; }));
  add("source nets are ignored", OnSource([](EntityMatch& side) { side.nets.clear(); }));
  add("destination nets are ignored", OnDestination([](EntityMatch& side) { side.nets.clear(); }));
  add("only the first net counts", OnRule([](ApiRule& rule) {
        for (EntityMatch* side : {&rule.source, &rule.destination}) {
          if (side->nets.size() > 1) side->nets.resize(1);
        }
      }));
  add("source notNets are ignored", OnSource([](EntityMatch& side) { side.not_nets.clear(); }));
  add("destination notNets are ignored", OnDestination([](EntityMatch& side) { side.not_nets.clear(); }));
  add("source selectors are ignored", OnSource([](EntityMatch& side) { side.ip_sets.clear(); }));
  add("destination selectors are ignored", OnDestination([](EntityMatch& side) { side.ip_sets.clear(); }));
  add("source notSelectors are ignored", OnSource([](EntityMatch& side) { side.not_ip_sets.clear(); }));
  add("destination notSelectors are ignored",
      OnDestination([](EntityMatch& side) { side.not_ip_sets.clear(); }));
  add("source ports are ignored", OnSource([](EntityMatch& side) { side.ports.clear(); }));
  add("destination ports are ignored", OnDestination([](EntityMatch& side) {
        side.ports.clear();
        side.port_sets.clear();
      }));
  add("only the first port of a range counts", OnRule([](ApiRule& rule) {
        for (EntityMatch* side : {&rule.source, &rule.destination}) {
          for (auto* ranges : {&side->ports, &side->not_ports}) {
            for (net::PortRange& range : *ranges) range.last = range.first;
          }
        }
      }));
  add("source notPorts are ignored", OnSource([](EntityMatch& side) { side.not_ports.clear(); }));
  add("destination notPorts are ignored", OnDestination([](EntityMatch& side) { side.not_ports.clear(); }));
  add("named ports match nothing", OnSets([](dataplane_api::IpSet& set) { set.ports.clear(); }));
  add("named ports of UDP and TCP are exchanged", OnSets([](dataplane_api::IpSet& set) {
        for (net::AddressPort& port : set.ports)
          port.protocol = port.protocol == net::kTcp ? net::kUdp : net::kTcp;
        std::sort(set.ports.begin(), set.ports.end());
        set.ports.erase(std::unique(set.ports.begin(), set.ports.end()), set.ports.end());
      }));
  add("named notPorts are ignored", OnDestination([](EntityMatch& side) { side.not_port_sets.clear(); }));
  add("source and destination are exchanged",
      OnRule([](ApiRule& rule) { std::swap(rule.source, rule.destination); }));
  // Actions.
  const auto action = [](RuleAction from, RuleAction to) {
    return OnRule([from, to](ApiRule& rule) {
      if (rule.action == from) rule.action = to;
    });
  };
  add("Allow is taken for Pass", action(RuleAction::kAllow, RuleAction::kPass));
  add("Deny is taken for Log", action(RuleAction::kDeny, RuleAction::kLog));
  add("Pass is taken for Allow", action(RuleAction::kPass, RuleAction::kAllow));
  add("Pass is taken for Deny", action(RuleAction::kPass, RuleAction::kDeny));
  add("Log ends the policy", action(RuleAction::kLog, RuleAction::kDeny));
  add("staged policies are enforced", [] {
    KernelHost::Hooks hooks;
    hooks.change_batch = [](Batch& batch) {
      for (auto& [name, rules] : batch.policies) {
        if (rules) rules->staged = false;
      }
    };
    return hooks;
  }());
  // Directions.
  add("ingress and egress of policies are exchanged", [] {
    KernelHost::Hooks hooks;
    hooks.change_batch = [](Batch& batch) {
      for (auto& [name, rules] : batch.policies) {
        if (rules) std::swap(rules->ingress, rules->egress);
      }
    };
    return hooks;
  }());
  add("types of workloads' policies are exchanged", OnWorkload([](dataplane_api::Endpoint& endpoint) {
        std::swap(endpoint.policies.ingress, endpoint.policies.egress);
      }));
  add("types of host endpoints' policies are exchanged",
      OnHostEndpoint([](dataplane_api::HostEndpoint& endpoint) {
        std::swap(endpoint.normal.ingress, endpoint.normal.egress);
      }));
  // Order.
  add("rules are in reverse order",
      OnRules([](std::vector<ApiRule>& rules) { std::reverse(rules.begin(), rules.end()); }));
  add("policies of a tier are in reverse order", OnTiers([](Tiers& tiers) {
        for (auto& tier : tiers) std::reverse(tier.policies.begin(), tier.policies.end());
      }));
  add("tiers are in reverse order", OnTiers([](Tiers& tiers) { std::reverse(tiers.begin(), tiers.end()); }));
  add("only the first tier counts", OnTiers([](Tiers& tiers) {
        if (tiers.size() > 1) tiers.resize(1);
      }));
  add("each tier ends in a denial", OnTiers([](Tiers& tiers) {
        for (auto& tier : tiers) tier.pass_at_end = false;
      }));
  add("each tier passes at its end", OnTiers([](Tiers& tiers) {
        for (auto& tier : tiers) tier.pass_at_end = true;
      }));
  add("profiles are not asked",
      OnWorkload([](dataplane_api::Endpoint& endpoint) { endpoint.profiles.clear(); }));
  // Host endpoints.
  add("forwarded packets pass host endpoints",
      OnHostEndpoint([](auto& endpoint) { endpoint.forwarded = {}; }));
  add("doNotTrack is not asked", OnHostEndpoint([](auto& endpoint) { endpoint.untracked = {}; }));
  add("preDNAT is not asked", OnHostEndpoint([](auto& endpoint) { endpoint.before_dnat = {}; }));
  add("\"*\" stands for no interface", OnHostEndpoint([](auto& endpoint) {
        if (endpoint.interface_name == "*") endpoint.interface_name = "nothing";
      }));
  add("failsafe ports are closed",
      OnHost([](auto& host) { host.failsafe_inbound = host.failsafe_outbound = {}; }));
  add("defaultEndpointToHostAction is Accept", OnHost([](auto& host) {
        host.endpoint_to_host = dataplane_api::HostSettings::EndpointToHost::kAccept;
      }));
  // Kinds of sets.
  add("single addresses are not in their set", OnSets([](dataplane_api::IpSet& set) {
        std::erase_if(set.members, [](const net::Cidr& member) { return member.is_host(); });
      }));
  add("prefixes are not in their set", OnSets([](dataplane_api::IpSet& set) {
        std::erase_if(set.members, [](const net::Cidr& member) { return !member.is_host(); });
      }));
  // What is written.
  add("sets of addresses are looked up the wrong way round",
      OnEach<MatchAddressSet>([](auto& match) { Flip(match.op); }));
  add("sets of ports are looked up the wrong way round",
      OnEach<MatchPortSet>([](auto& match) { Flip(match.op); }));
  add("sets of named ports are looked up the wrong way round",
      OnEach<MatchAddressPortSet>([](auto& match) { Flip(match.op); }));
  add("one net is compared the wrong way round", OnEach<MatchAddress>([](auto& match) { Flip(match.op); }));
  add("ports are compared on the wrong side", OnEach<MatchPort>([](auto& match) {
        match.side = match.side == Side::kSource ? Side::kDestination : Side::kSource;
      }));
  add("an allowing policy chain does not mark", Without<SetMark>("cali-pi-"));
  add("marks of before are kept by workloads' chains", Without<SetMark>("cali-tw-"));
  add("packets to a workload are only asked about at their source",
      OnStatements([](const std::string& chain, kernel::nft::Rule& rule) {
        if (chain != dataplane::kForwardChain) return;
        for (const Statement& statement : rule.statements) {
          if (const auto* out = std::get_if<MatchOifname>(&statement); out != nullptr) {
            rule.statements = {Counter{}};
            return;
          }
        }
      }));
  return all;
}

}  // namespace calico::policy_test
