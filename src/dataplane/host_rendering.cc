// SPDX-License-Identifier: Apache-2.0
#include "dataplane/host_rendering.h"

#include <utility>

#include <fmt/format.h>

#include "dataplane/names.h"
#include "dataplane/sets.h"
#include "dataplane/tunnels.h"
#include "net/prefix_set.h"

namespace calico::dataplane {
namespace {

using namespace kernel::nft;

const Verdict kAccept{VerdictKind::kAccept, ""};
const Verdict kDrop{VerdictKind::kDrop, ""};
const Verdict kReturn{VerdictKind::kReturn, ""};

Verdict Jump(const std::string& chain) {
  return {VerdictKind::kJump, chain};
}
Verdict Goto(const std::string& chain) {
  return {VerdictKind::kGoto, chain};
}
MatchMark Marked(std::uint32_t mark) {
  return {mark, mark};
}

Chain BaseOf(Hook hook, int priority, BaseChain::Type type = BaseChain::Type::kFilter) {
  Chain chain;
  chain.base = BaseChain{type, hook, priority, true};
  return chain;
}

// Adds rules to one chain.
class Rules {
 public:
  explicit Rules(Chain& chain) : chain_(chain) {}
  void Add(std::vector<Statement> statements, std::string comment = "") {
    chain_.rules.push_back({std::move(statements), std::move(comment)});
  }
  // For each prefix of workloads' interfaces.
  void FromWorkload(const HostView& host, std::vector<Statement> then, const std::string& comment = "") {
    for (const std::string& prefix : host.settings.interface_prefixes) {
      std::vector<Statement> statements{MatchIifname{prefix + "*"}};
      statements.insert(statements.end(), then.begin(), then.end());
      Add(std::move(statements), comment);
    }
  }
  void ToWorkload(const HostView& host, std::vector<Statement> then) {
    for (const std::string& prefix : host.settings.interface_prefixes) {
      std::vector<Statement> statements{MatchOifname{prefix + "*"}};
      statements.insert(statements.end(), then.begin(), then.end());
      Add(std::move(statements));
    }
  }
  void DenyMarked(const char* counter) { Add({Marked(kDropMark), CounterRef{counter}, Goto(kDenyChain)}); }

 private:
  Chain& chain_;
};

class HostRenderer {
 public:
  HostRenderer(const HostView& host, net::Family family) : host_(host), family_(family) {}

  std::map<std::string, Chain> Render() {
    Connections();
    Dispatch();
    RawPrerouting();
    RawOutput();
    ManglePrerouting();
    Input();
    Forward();
    Output();
    ManglePostrouting();
    Nat();
    return std::move(chains_);
  }

 private:
  bool Uses(Stage stage, Direction direction) const {
    return host_.host_endpoints.contains({stage, direction, Way::kOriginal});
  }
  bool Uses(Stage stage) const { return Uses(stage, Direction::kIngress) || Uses(stage, Direction::kEgress); }
  bool recheck() const { return host_.settings.recheck_flows; }

  static constexpr char kSeenComment[] = "allowed by this generation of policy";
  std::uint32_t generation() const { return host_.generation << kGenerationShift; }
  std::vector<Statement> Seen() const {
    return {MatchCtState{kCtEstablished}, MatchCtMark{kGenerationMask, generation()}};
  }

  void Connections() {
    if (recheck()) {
      std::vector<Statement> seen = Seen();
      seen.insert(seen.end(), {SetMark{kAcceptMark, kAcceptMark}, kAccept});
      chains_[kSeenChain].rules = {{std::move(seen), kSeenComment}};
      chains_[kRememberChain].rules = {{{SetCtMark{kGenerationMask, generation()}}, ""}};
    }
    chains_[kDenyChain].rules = {
        {{host_.settings.reject_denied ? Statement(Reject{}) : Statement(kDrop)}, ""}};
  }

  void Dispatch() {
    // Answers come from where connections go to.
    WorkloadDispatch(kFromWorkloadChain, {Side::kSource, kFromDispatch},
                     VerdictMapLookup{Side::kSource, kToDispatchReply});
    WorkloadDispatch(kToWorkloadChain, {Side::kDestination, kToDispatch},
                     VerdictMapLookup{Side::kDestination, kFromDispatchReply});
    WorkloadDispatch(kFromWorkloadToHostChain, {Side::kSource, kFromDispatch}, std::nullopt);
    if (!host_.host_endpoints.empty()) chains_[kLeftAloneChain];
    for (const auto& [dispatch, wildcard] : host_.host_endpoints) {
      Chain& chain = chains_[HostDispatchName(dispatch)];
      // Answers come in where connections go out.
      const bool in = (dispatch.direction == Direction::kIngress) == (dispatch.way == Way::kOriginal);
      chain.rules.push_back(
          {{VerdictMapLookup{in ? Side::kSource : Side::kDestination, HostDispatchName(dispatch)}}, ""});
      if (wildcard) chain.rules.push_back({{Goto(*wildcard)}, "host endpoint *"});
    }
    for (const Direction direction : kBothDirections) {
      for (const Way way : kBothWays) Failsafe(direction, way, false);
      Failsafe(direction, Way::kOriginal, true);
    }
  }
  void Failsafe(Direction direction, Way way, bool both_sides) {
    if (host_.host_endpoints.empty() || (way == Way::kReply && !recheck())) return;
    chains_[FailsafeChainName(direction, way, both_sides)] =
        RenderFailsafe(host_.settings, direction, way, both_sides, family_);
  }
  // A packet of an interface that is like a workload's but that no endpoint has is dropped.
  void WorkloadDispatch(const char* name, const VerdictMapLookup& lookup,
                        const std::optional<VerdictMapLookup>& of_answers) {
    Chain& chain = chains_[name];
    AddConnectionRules(host_.settings, chain);
    Rules rules(chain);
    if (of_answers && recheck()) {
      const std::string reply = std::string(name) + "-reply";
      rules.Add({MatchCtDirection{CtDirection::kReply}, Goto(reply)});
      Rules(chains_[reply]).Add({*of_answers});
      Unknown(chains_[reply]);
    }
    rules.Add({lookup});
    Unknown(chain);
  }
  static void Unknown(Chain& chain) {
    Rules(chain).Add({CounterRef{kDeniedUnknown}, SetMark{kDropMark, kDropMark}},
                     "no such workload endpoint");
  }

  void RawPrerouting() {
    Chain& chain = chains_[kRawPrerouting] = BaseOf(Hook::kPrerouting, -300);
    Rules rules(chain);
    rules.Add({SetMark{kOurMarks | kForwardedMark, 0}});
    rules.FromWorkload(host_, {Goto(kSourceCheckChain)});
    SourceCheck();
    if (Vxlan())
      rules.Add({MatchProtocol{net::kUdp}, VxlanPort(), MatchLocal{Side::kDestination}, NoTrack{}});
    if (wireguard().enabled && host_.settings.wireguard.host_encryption) {
      // What a host without a key sends comes in clear: asked for its way back, it must not be led into the
      // tunnel.
      rules.Add({Jump(kWireguardMarkChain)});
      Rules(chains_[kWireguardMarkChain])
          .Add({MatchIifname{"lo", Op::kNe}, MatchIifname{wireguard().interface, Op::kNe},
                SetMark{kWireguardMark, kWireguardMark}});
    }
    if (Uses(Stage::kUntracked, Direction::kIngress)) Untracked(chain, Direction::kIngress);
  }
  // Every packet of a workload comes through: what is in order costs two lookups, and what only exceptions
  // need is asked when one of them has failed.
  void SourceCheck() {
    Rules rules(chains_[kSourceCheckChain]);
    // Endpoints whose MAC is not known are in neither of the two.
    rules.Add({MatchInterfaceMacSet{kWorkloadMacs, Op::kNe}, VerdictMapLookup{Side::kSource, kMacDispatch}});
    rules.Add({MatchReversePathFails{}, Goto(kForeignSourceChain)});
    Rules(chains_[kForeignMacChain]).Add({CounterRef{kDeniedSpoofed}, kDrop}, "not this workload's MAC");
    Rules foreign(chains_[kForeignSourceChain]);
    foreign.Add({VerdictMapLookup{Side::kSource, kSpoofDispatch}});
    foreign.Add({CounterRef{kDeniedSpoofed}, kDrop}, "not this workload's address");
  }
  void RawOutput() {
    const bool untracked = Uses(Stage::kUntracked, Direction::kEgress);
    if (!untracked && !Vxlan()) return;
    Chain& chain = chains_[kRawOutput] = BaseOf(Hook::kOutput, -300);
    if (Vxlan()) Rules(chain).Add({MatchProtocol{net::kUdp}, VxlanPort(), NoTrack{}});
    if (!untracked) return;
    Rules(chain).Add({SetMark{kOurMarks | kForwardedMark, 0}});
    Untracked(chain, Direction::kEgress);
  }
  static void Untracked(Chain& chain, Direction direction) {
    Rules rules(chain);
    rules.Add({Jump(HostDispatchName({Stage::kUntracked, direction, Way::kOriginal}))});
    rules.Add({Marked(kDropMark),
               CounterRef{direction == Direction::kIngress ? kDeniedIngress : kDeniedEgress}, kDrop});
    rules.Add({Marked(kAcceptMark), NoTrack{}, kAccept});
  }

  void ManglePrerouting() {
    if (!Uses(Stage::kBeforeDnat, Direction::kIngress)) return;
    Rules rules(chains_[kManglePrerouting] = BaseOf(Hook::kPrerouting, -150));
    rules.Add({Marked(kAcceptMark), kAccept}, "allowed without tracking");
    rules.FromWorkload(host_, {kAccept});
    // Answers to what the host or a workload has asked for.
    rules.Add({MatchCtDirection{CtDirection::kReply}, kAccept});
    rules.Add({Jump(HostDispatchName({Stage::kBeforeDnat, Direction::kIngress, Way::kOriginal}))});
    rules.Add({Marked(kDropMark), CounterRef{kDeniedIngress}, kDrop});
  }

  void Input() {
    Rules rules(chains_[kInputChain] = BaseOf(Hook::kInput, -10));
    rules.FromWorkload(host_, {Goto(kToHostChain)});
    WorkloadToHost();
    Encapsulated(rules, Side::kSource, "a host of this cluster");
    if (Ipip())
      rules.Add({MatchProtocol{net::kIpip}, CounterRef{kDeniedTunnel}, kDrop}, "IPIP of a stranger");
    if (Vxlan())
      rules.Add({MatchProtocol{net::kUdp}, VxlanPort(), CounterRef{kDeniedTunnel}, kDrop},
                "VXLAN of a stranger");
    if (!Uses(Stage::kHost)) return;
    if (recheck()) rules.Add({Jump(kSeenChain)});
    rules.Add({Jump(kHostInputChain)});
    Rules host(chains_[kHostInputChain]);
    host.Add({Marked(kAcceptMark), kReturn}, "allowed before");
    AskHost(host, Stage::kHost, Direction::kIngress);
    rules.DenyMarked(kDeniedIngress);
    Remember(rules);
  }
  // Packets of other hosts of the cluster, tunnelled to or from us: what is inside is judged when it has come
  // out.
  void Encapsulated(Rules& rules, Side far, const char* comment) const {
    const auto accept = [&](const std::vector<Statement>& kind) {
      std::vector<const char*> sets{kAllHosts};
      if (HasExternalHosts()) sets.push_back(kExternalHosts);
      for (const char* set : sets) {
        std::vector<Statement> statements = kind;
        statements.push_back(MatchAddressSet{far, set});
        Accept(rules, far, std::move(statements), comment);
      }
    };
    if (Ipip()) accept({MatchProtocol{net::kIpip}});
    if (Vxlan()) accept({MatchProtocol{net::kUdp}, VxlanPort()});
    // WireGuard itself knows who may speak to it.
    if (wireguard().enabled) {
      Accept(rules, far,
             {MatchProtocol{net::kUdp}, MatchPort{Side::kDestination, {wireguard().port, wireguard().port}}},
             "WireGuard");
    }
  }
  // What comes in carries the mark by which the host's own firewall lets it through.
  static void Accept(Rules& rules, Side far, std::vector<Statement> statements, const char* comment) {
    if (far == Side::kSource) statements.push_back(SetMark{kAcceptMark, kAcceptMark});
    statements.push_back(kAccept);
    rules.Add(std::move(statements), comment);
  }
  const dataplane_api::WireguardDevice& wireguard() const {
    return family_ == net::Family::kV4 ? host_.settings.wireguard.v4 : host_.settings.wireguard.v6;
  }
  bool HasExternalHosts() const {
    const auto& hosts = host_.settings.external_hosts;
    return std::any_of(hosts.begin(), hosts.end(),
                       [&](const net::Cidr& one) { return one.family() == family_; });
  }
  const dataplane_api::Tunnels& tunnels() const { return host_.settings.tunnels; }
  bool Ipip() const { return family_ == net::Family::kV4 && tunnels().ipip.has_value(); }
  bool Vxlan() const {
    return family_ == net::Family::kV4 ? tunnels().vxlan_v4.has_value() : tunnels().vxlan_v6.has_value();
  }
  MatchPort VxlanPort() const {
    return {Side::kDestination, {host_.settings.vxlan_port, host_.settings.vxlan_port}};
  }
  // The host endpoints' view of packets of one direction of their way.
  void AskHost(Rules& rules, Stage stage, Direction direction) const {
    const Direction opposite = direction == Direction::kIngress ? Direction::kEgress : Direction::kIngress;
    if (recheck()) {
      rules.Add(
          {MatchCtDirection{CtDirection::kReply}, Goto(HostDispatchName({stage, opposite, Way::kReply}))});
    }
    rules.Add({Goto(HostDispatchName({stage, direction, Way::kOriginal}))});
  }
  // Reference felix 2.12: what a workload sends to its own host.
  void WorkloadToHost() {
    Rules rules(chains_[kToHostChain]);
    using Action = dataplane_api::HostSettings::EndpointToHost;
    const Action action = host_.settings.endpoint_to_host;
    const SetMark accepted{kAcceptMark, kAcceptMark};
    if (recheck() && action != Action::kDrop) {
      std::vector<Statement> seen = Seen();
      // "Return" leaves the last word to the host's own firewall.
      if (action == Action::kAccept) seen.push_back(accepted);
      seen.push_back(kAccept);
      rules.Add(std::move(seen), kSeenComment);
    }
    if (family_ == net::Family::kV6) {
      // Neighbour discovery and multicast listeners: without them there is no IPv6 at all.
      static constexpr std::uint8_t kTypes[] = {130, 131, 132, 133, 135, 136};
      for (const std::uint8_t type : kTypes)
        rules.Add({MatchProtocol{net::kIcmpV6}, MatchIcmp{type, std::nullopt}, accepted, kAccept});
    }
    // What the host itself asked for is nobody's business.
    rules.Add({MatchCtState{kCtEstablished}, MatchCtDirection{CtDirection::kReply}, accepted, kAccept});
    rules.Add({Jump(kFromWorkloadToHostChain)});  // of a connection's first direction, all that is left
    rules.DenyMarked(kDeniedEgress);
    if (action == Action::kDrop) {
      // Replies of the kernel to what it has forwarded, and connections of before, belong to the others.
      rules.Add({MatchCtState{kCtRelated}, kAccept});
      if (!recheck()) rules.Add({MatchCtState{kCtEstablished}, kAccept});
      rules.Add({CounterRef{kDeniedToHost}, kDrop}, "defaultEndpointToHostAction");
      return;
    }
    Remember(rules);
    if (action == Action::kAccept)
      rules.Add({kAccept}, "defaultEndpointToHostAction");
    else
      rules.Add({SetMark{kAcceptMark, 0}}, "defaultEndpointToHostAction");
  }
  void Remember(Rules& rules) const {
    if (recheck()) rules.Add({Marked(kAcceptMark), Jump(kRememberChain)});
  }

  void Forward() {
    Rules rules(chains_[kForwardChain] = BaseOf(Hook::kForward, -10));
    if (Uses(Stage::kHost)) rules.Add({SetMark{kForwardedMark, kForwardedMark}});
    if (recheck()) rules.Add({Jump(kSeenChain)});
    const bool through_host = Uses(Stage::kForwarded);
    if (through_host) {
      rules.Add({Jump(kHostForwardInChain)});
      Rules in(chains_[kHostForwardInChain]);
      in.Add({Marked(kAcceptMark), kReturn}, "allowed before");
      in.FromWorkload(host_, {kReturn});
      AskHost(in, Stage::kForwarded, Direction::kIngress);
    }
    rules.FromWorkload(host_, {Jump(kFromWorkloadChain)});
    rules.DenyMarked(kDeniedEgress);
    rules.ToWorkload(host_, {Jump(kToWorkloadChain)});
    if (through_host) {
      rules.DenyMarked(kDeniedIngress);
      rules.Add({Jump(kHostForwardOutChain)});
      Rules out(chains_[kHostForwardOutChain]);
      out.ToWorkload(host_, {kReturn});
      AskHost(out, Stage::kForwarded, Direction::kEgress);
    }
    rules.DenyMarked(kDeniedIngress);
    ServiceLoop(rules);
    Remember(rules);
  }
  // Reference felix 2.14: nobody has translated it into one that serves.
  void ServiceLoop(Rules& rules) {
    const auto& addresses = host_.settings.service_addresses;
    if (std::none_of(addresses.begin(), addresses.end(),
                     [&](const net::Cidr& one) { return one.family() == family_; }))
      return;
    rules.Add({MatchAddressSet{Side::kDestination, kServiceAddresses}, Jump(kServiceLoopChain)});
    Rules(chains_[kServiceLoopChain])
        .Add({CounterRef{kDeniedServiceLoop},
              host_.settings.reject_looping ? Statement(Reject{}) : Statement(kDrop)},
             "no service answers here");
  }

  void Output() {
    if (!Uses(Stage::kHost)) return;
    Rules rules(chains_[kOutputChain] = BaseOf(Hook::kOutput, -10));
    rules.Add({Marked(kAcceptMark), kAccept}, "allowed without tracking");
    rules.ToWorkload(host_, {kAccept});
    Encapsulated(rules, Side::kDestination, "to a host of this cluster");
    if (recheck()) rules.Add({Jump(kSeenChain)});
    rules.Add({Jump(kHostOutputChain)});
    Rules host(chains_[kHostOutputChain]);
    // Its interface may be another one now: see mangle-POSTROUTING.
    host.Add({MatchCtStatus{kCtStatusDnat}, MatchCtDirection{CtDirection::kOriginal}, kReturn});
    AskHost(host, Stage::kHost, Direction::kEgress);
    rules.DenyMarked(kDeniedEgress);
    Remember(rules);
  }
  // Reference felix 2.11: what the host sends to a service is asked about when it has its real destination.
  void ManglePostrouting() {
    if (!Uses(Stage::kHost)) return;
    Rules rules(chains_[kManglePostrouting] = BaseOf(Hook::kPostrouting, -150));
    rules.Add({MatchMark{kAcceptMark | kForwardedMark, 0, Op::kNe}, kAccept});
    rules.ToWorkload(host_, {kAccept});
    if (recheck()) rules.Add({Jump(kSeenChain)});
    rules.Add({MatchCtStatus{kCtStatusDnat}, MatchCtDirection{CtDirection::kOriginal},
               Jump(HostDispatchName({Stage::kHost, Direction::kEgress, Way::kOriginal}))});
    rules.Add({Marked(kDropMark), CounterRef{kDeniedEgress}, kDrop});
    Remember(rules);
  }

  // A NAT chain costs every new connection something: there is one only for who needs it.
  void Nat() {
    Chain nat = BaseOf(Hook::kPostrouting, 110, BaseChain::Type::kNat);
    Rules rules(nat);
    FloatingIps(rules);
    NatOutgoing(rules);
    NatTunnels(rules);
    if (!nat.rules.empty()) chains_[kNatChain] = std::move(nat);
  }
  // Reference felix 3.5: from outside to the workload, and a workload that calls itself by its outer address.
  void FloatingIps(Rules& postrouting) {
    bool any = false;
    for (const auto& [external, internal] : host_.floating_ips) {
      if (external.family() != family_) continue;
      any = true;
      const net::Cidr inside = net::Cidr::Host(internal);
      Rules(chains_[kFloatingDnatChain])
          .Add({MatchAddress{Side::kDestination, net::Cidr::Host(external)}, DestinationNat{internal}});
      Rules(chains_[kFloatingSnatChain])
          .Add({MatchAddress{Side::kDestination, inside}, MatchAddress{Side::kSource, inside},
                SourceNat{external, std::nullopt, false}});
    }
    if (!any) return;
    for (const auto& [name, hook] :
         {std::pair{kNatPrerouting, Hook::kPrerouting}, {kNatOutput, Hook::kOutput}}) {
      chains_[name] = BaseOf(hook, -110, BaseChain::Type::kNat);
      Rules(chains_[name]).Add({Jump(kFloatingDnatChain)});
    }
    postrouting.Add({Jump(kFloatingSnatChain)});
  }
  void NatOutgoing(Rules& postrouting) {
    const dataplane_api::OutgoingNat& nat = host_.settings.nat;
    if (std::none_of(nat.pools.begin(), nat.pools.end(),
                     [&](const net::Cidr& pool) { return pool.family() == family_; }))
      return;
    std::vector<Statement> leaving;
    if (!nat.out_interface.empty()) leaving.push_back(MatchOifname{nat.out_interface});
    leaving.push_back(MatchAddressSet{Side::kSource, kNatPools});
    leaving.push_back(MatchAddressSet{Side::kDestination, kAllPools, Op::kNe});
    if (nat.except_hosts) leaving.push_back(MatchAddressSet{Side::kDestination, kAllHosts, Op::kNe});
    leaving.push_back(Jump(kNatOutgoingChain));
    postrouting.Add(std::move(leaving));
    Rules rules(chains_[kNatOutgoingChain]);
    const auto translate = [&](const std::optional<net::PortRange>& ports) -> Statement {
      if (nat.address && nat.address->family() == family_) return SourceNat{*nat.address, ports, true};
      return Masquerade{ports, true};
    };
    if (nat.ports) {
      for (const std::uint8_t protocol : {net::kTcp, net::kUdp})
        rules.Add({MatchProtocol{protocol}, translate(nat.ports)});
    }
    rules.Add({translate(std::nullopt)});
  }
  // What this host itself sends into a tunnel must come from an address that the answer can be tunnelled to.
  void NatTunnels(Rules& postrouting) {
    const auto add = [&](const std::optional<dataplane_api::TunnelDevice>& device, const char* name) {
      if (!device || !device->address || device->address->family() != family_) return;
      postrouting.Add({MatchOifname{name}, MatchLocal{Side::kSource, true, Op::kNe},
                       MatchLocal{Side::kSource}, Masquerade{std::nullopt, true}});
    };
    add(tunnels().ipip, kIpipInterface);
    add(tunnels().vxlan_v4, kVxlanInterface);
    add(tunnels().vxlan_v6, kVxlanV6Interface);
    if (wireguard().enabled) {
      dataplane_api::TunnelDevice device;
      device.address = wireguard().address;
      add(device, wireguard().interface.c_str());
    }
  }

  const HostView& host_;
  const net::Family family_;
  std::map<std::string, Chain> chains_;
};

}  // namespace

std::string HostDispatchName(const HostDispatch& dispatch) {
  const bool in = dispatch.direction == Direction::kIngress;
  const char* suffix = dispatch.way == Way::kReply ? "-reply" : "";
  switch (dispatch.stage) {
    case Stage::kForwarded:
      return fmt::format("cali-{}-hep-forward{}", in ? "from" : "to", suffix);
    case Stage::kUntracked:
      return fmt::format("cali-{}-hep-untracked{}", in ? "from" : "to", suffix);
    case Stage::kBeforeDnat:
      return fmt::format("cali-{}-hep-before-dnat{}", in ? "from" : "to", suffix);
    default:
      return fmt::format("cali-{}-host-endpoint{}", in ? "from" : "to", suffix);
  }
}

std::map<std::string, Chain> RenderHostChains(const HostView& host, net::Family family) {
  return HostRenderer(host, family).Render();
}

std::optional<std::uint32_t> GenerationIn(const TableContent& content) {
  const auto chain = content.chains.find(kRememberChain);
  if (chain == content.chains.end() || chain->second.rules.size() != 1) return std::nullopt;
  for (const Statement& statement : chain->second.rules[0].statements) {
    if (const auto* mark = std::get_if<SetCtMark>(&statement);
        mark != nullptr && mark->mask == kGenerationMask)
      return mark->value >> kGenerationShift;
  }
  return std::nullopt;
}

std::map<std::string, Set> RenderHostSets(const dataplane_api::HostSettings& host, net::Family family) {
  std::map<std::string, Set> sets;
  const auto fill = [&](const char* name, std::vector<net::Cidr> members) {
    std::erase_if(members, [&](const net::Cidr& one) { return one.family() != family; });
    sets[name] = PrefixSet(net::MinimalCover(std::move(members)));
  };
  fill(kNatPools, host.nat.pools);
  fill(kAllPools, host.all_pools);
  fill(kServiceAddresses, host.service_addresses);
  fill(kExternalHosts, host.external_hosts);
  return sets;
}

Chain RenderSpoofable(const std::vector<net::Cidr>& sources, std::map<std::string, Set>& literals) {
  Chain chain;
  if (sources.empty()) return chain;
  chain.rules = {
      {{MatchAddressSet{Side::kSource, AddLiteral(literals, PrefixSet(net::MinimalCover(sources)))}, kAccept},
       "allowed although it is not its own"}};
  return chain;
}

}  // namespace calico::dataplane
