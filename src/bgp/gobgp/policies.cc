// SPDX-License-Identifier: Apache-2.0
#include "bgp/gobgp/policies.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "base/text.h"

namespace calico::bgp {
namespace {

namespace api = apipb;
using dataplane_api::BgpFilterRule;
using dataplane_api::BgpFilterView;
using dataplane_api::BgpNextHop;
using dataplane_api::BgpPeerView;
using dataplane_api::BgpView;
using net::Family;

constexpr std::uint32_t kPriorityBase = 2147483647;  // see bird/filters.cc
constexpr char kTagPrefix[] = "calico-";
constexpr char kFromMesh[] = "0:1:0";  // a large community, as the mark of the policies

bool IsLarge(const std::string& community) {
  return std::count(community.begin(), community.end(), ':') == 2;
}
bool IsCommunity(const std::string& community) {
  const auto parts = Split(community, ':');
  return (parts.size() == 2 || parts.size() == 3) &&
         std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
           return !part.empty() &&
                  std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; });
         });
}

std::uint32_t OwnAs(const BgpView& view, const BgpPeerView& peer) {
  return peer.local_as_number != 0 ? peer.local_as_number : view.as_number;
}

// The runs of equal numbers, the last one first: each is put before the path by one statement.
std::vector<std::pair<std::uint32_t, std::uint32_t>> PrependsOf(const BgpFilterRule& rule) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;
  for (auto number = rule.prepend.rbegin(); number != rule.prepend.rend(); ++number) {
    if (!runs.empty() && runs.back().first == *number)
      ++runs.back().second;
    else
      runs.emplace_back(*number, 1);
  }
  return runs;
}

// Why GoBGP cannot judge by this rule, or do what it says; empty: it can.
std::string LimitOf(const BgpFilterRule& rule) {
  if (!rule.interface.empty()) return "GoBGP knows no interfaces";
  if (rule.priority) return "GoBGP cannot ask for a route's priority";
  if (PrependsOf(rule).size() > 1 && !rule.as_path_begin.empty())
    return "GoBGP cannot ask for the path that it puts several numbers before";
  return "";
}

// The writer of one request.
class Writer {
 public:
  Writer(const BgpView& view, int number) : view_(view), mark_(fmt::format("0:0:{}", number)) {}

  api::SetPoliciesRequest Write() {
    NeighbourSets();
    AddSet(api::LARGE_COMMUNITY, "marked", {mark_});
    Export();
    Import();
    return std::move(request_);
  }

 private:
  using Statement = api::Statement;

  // --- sets: one of no members would match everything, so there is none such --------------------------

  bool AddSet(api::DefinedType type, const std::string& name, const std::vector<std::string>& members) {
    if (members.empty()) return false;
    auto& set = *request_.add_defined_sets();
    set.set_defined_type(type);
    set.set_name(name);
    for (const std::string& member : members) set.add_list(member);
    return true;
  }
  struct Range {
    net::Cidr cidr;
    int shortest, longest;
  };
  static Range Exactly(const net::Cidr& cidr) { return {cidr, cidr.prefix_length(), cidr.prefix_length()}; }
  static Range Within(const net::Cidr& cidr) { return {cidr, cidr.prefix_length(), BitsOf(cidr)}; }
  static int BitsOf(const net::Cidr& cidr) { return cidr.family() == Family::kV4 ? 32 : 128; }
  bool AddPrefixes(const std::string& name, const std::vector<Range>& ranges) {
    if (ranges.empty()) return false;
    auto& set = *request_.add_defined_sets();
    set.set_defined_type(api::PREFIX);
    set.set_name(name);
    for (const Range& range : ranges) {
      auto& prefix = *set.add_prefixes();
      prefix.set_ip_prefix(range.cidr.Masked().ToString());
      prefix.set_mask_length_min(static_cast<std::uint32_t>(range.shortest));
      prefix.set_mask_length_max(static_cast<std::uint32_t>(range.longest));
    }
    return true;
  }

  void NeighbourSets() {
    std::vector<std::string> mesh, outside, all, self, keep;
    for (const BgpPeerView& peer : view_.peers) {
      const std::string host = net::Cidr::Host(peer.ip).ToString();
      const bool same_as = OwnAs(view_, peer) == peer.as_number;
      all.push_back(host);
      if (peer.type == BgpPeerView::Type::kMesh)
        mesh.push_back(host);
      else if (peer.node.empty() && !same_as && peer.type != BgpPeerView::Type::kLocalWorkload)
        outside.push_back(host);
      // As BIRD's channels: everybody but a reflector is the way to what it tells.
      if (peer.next_hop == BgpNextHop::kKeep || (peer.keep_next_hop_of_other_as && !same_as))
        keep.push_back(host);
      else if (peer.next_hop == BgpNextHop::kSelf || view_.cluster_id.empty())
        self.push_back(host);
    }
    has_peers_ = AddSet(api::NEIGHBOR, "peers", all);
    has_mesh_ = AddSet(api::NEIGHBOR, "mesh", mesh);
    has_outside_ = AddSet(api::NEIGHBOR, "outside", outside);
    has_self_ = AddSet(api::NEIGHBOR, "next-hop-self", self);
    has_keep_ = AddSet(api::NEIGHBOR, "next-hop-keep", keep);
  }

  // --- statements -------------------------------------------------------------------------------------

  Statement& Add(api::Policy& policy) {
    Statement& statement = *policy.add_statements();
    statement.set_name(fmt::format("{}-{}", policy.name(), policy.statements_size()));
    return statement;
  }
  // Each statement of export asks for the mark: what has another one falls through, and is accepted.
  Statement& AddMarked(api::Policy& policy) {
    Statement& statement = Add(policy);
    Match(statement.mutable_conditions()->mutable_large_community_set(), "marked");
    return statement;
  }
  static void Match(api::MatchSet* set, const std::string& name,
                    api::MatchSet::Type type = api::MatchSet::ANY) {
    set->set_name(name);
    set->set_type(type);
  }
  void Accept(Statement& statement) const {
    statement.mutable_actions()->set_route_action(api::ACCEPT);
    auto& remove = *statement.mutable_actions()->mutable_large_community();
    remove.set_type(api::CommunityAction::REMOVE);
    remove.add_communities(mark_);
    if (has_mesh_) remove.add_communities(kFromMesh);
  }
  static void Reject(Statement& statement) { statement.mutable_actions()->set_route_action(api::REJECT); }
  static void AddCommunity(Statement& statement, const std::string& community) {
    auto& add = IsLarge(community) ? *statement.mutable_actions()->mutable_large_community()
                                   : *statement.mutable_actions()->mutable_community();
    add.set_type(api::CommunityAction::ADD);
    add.add_communities(community);
  }
  void ForEachFamily(const std::function<void(Family, const std::string&)>& work) {
    work(Family::kV4, "4");
    work(Family::kV6, "6");
  }
  bool InPool(const net::Cidr& block) const {
    return std::any_of(view_.pools.begin(), view_.pools.end(),
                       [&](const auto& pool) { return pool.cidr.Contains(block); });
  }

  // Reference B8.
  void Export() {
    auto& policy = *request_.add_policies();
    policy.set_name(kExportPolicy);
    if (has_mesh_) {
      // All of the mesh know each other: a way over a third node would only be longer, and to another AS BGP
      // does not forbid it.
      AddSet(api::LARGE_COMMUNITY, "from-mesh", {mark_, kFromMesh});
      Statement& round = Add(policy);
      Match(round.mutable_conditions()->mutable_large_community_set(), "from-mesh", api::MatchSet::ALL);
      Match(round.mutable_conditions()->mutable_neighbor_set(), "mesh");
      Reject(round);
    }
    if (has_self_) {
      Statement& self = AddMarked(policy);
      Match(self.mutable_conditions()->mutable_neighbor_set(), "next-hop-self");
      self.mutable_actions()->mutable_nexthop()->set_self(true);
    }
    if (has_keep_) {
      Statement& keep = AddMarked(policy);
      Match(keep.mutable_conditions()->mutable_neighbor_set(), "next-hop-keep");
      keep.mutable_actions()->mutable_nexthop()->set_unchanged(true);
    }
    Filters(policy, /*in=*/false);
    ForEachFamily([&](Family family, const std::string& n) {
      std::vector<Range> hidden, own, inside, services, handed_on, pools;
      for (const auto& pool : view_.pools) {
        if (pool.cidr.family() != family) continue;
        pools.push_back(Within(pool.cidr));
        if (pool.disable_bgp_export) hidden.push_back(Within(pool.cidr));
      }
      for (const net::Cidr& block : view_.own_blocks) {
        if (block.family() != family) continue;
        if (InPool(block)) own.push_back(Exactly(block));
        inside.push_back(Within(block));
      }
      for (const net::Cidr& service : view_.services) {
        if (service.family() != family) continue;
        services.push_back(Exactly(service));
        if (!view_.cluster_id.empty()) handed_on.push_back(Within(service));
      }
      if (AddPrefixes("hidden" + n, hidden)) Reject(On(policy, "hidden" + n));
      Communities(policy, family, n);
      if (AddPrefixes("own" + n, own)) Accept(On(policy, "own" + n));
      if (AddPrefixes("inside-own" + n, inside)) Reject(On(policy, "inside-own" + n));
      if (AddPrefixes("services" + n, services)) {
        Statement& statement = On(policy, "services" + n);
        statement.mutable_conditions()->set_route_type(api::Conditions::ROUTE_TYPE_LOCAL);
        Accept(statement);
      }
      // A reflector hands on what others announce of services.
      if (AddPrefixes("all-services" + n, handed_on)) Accept(On(policy, "all-services" + n));
      if (AddPrefixes("pools" + n, pools)) Accept(On(policy, "pools" + n));
    });
    Reject(AddMarked(policy));
  }
  Statement& On(api::Policy& policy, const std::string& prefixes) {
    Statement& statement = AddMarked(policy);
    Match(statement.mutable_conditions()->mutable_prefix_set(), prefixes);
    return statement;
  }
  void Communities(api::Policy& policy, Family family, const std::string& n) {
    int count = 0;
    for (const auto& [cidr, community] : view_.communities) {
      if (cidr.family() != family || !IsCommunity(community)) continue;
      const std::string name = fmt::format("advertised{}-{}", n, ++count);
      AddPrefixes(name, {Within(cidr)});
      AddCommunity(On(policy, name), community);
    }
  }

  void Import() {
    auto& policy = *request_.add_policies();
    policy.set_name(kImportPolicy);
    auto& mark = *Add(policy).mutable_actions()->mutable_large_community();
    mark.set_type(api::CommunityAction::ADD);
    mark.add_communities(mark_);
    if (!has_peers_) return;
    Filters(policy, /*in=*/true);
    // As BIRD's: nobody tells us where our own blocks are, nor a part of one: what another host borrowed is
    // single addresses, and with the mesh on no router outside has to tell of them. What a mesh tells is in
    // pools; what a router outside tells may be anything. Our own routes have no neighbour.
    ForEachFamily([&](Family family, const std::string& n) {
      std::vector<Range> blocks, parts;
      for (const net::Cidr& block : view_.own_blocks) {
        if (block.family() != family) continue;
        blocks.push_back({block, block.prefix_length(), block.is_host() ? BitsOf(block) : BitsOf(block) - 1});
        parts.push_back(Within(block));
      }
      if (AddPrefixes("own-blocks" + n, blocks)) Refuse(policy, "own-blocks" + n, "peers");
      if (has_mesh_ && has_outside_ && AddPrefixes("own-addresses" + n, parts))
        Refuse(policy, "own-addresses" + n, "outside");
    });
    if (!has_mesh_) return;
    ForEachFamily([&](Family family, const std::string& n) {
      std::vector<Range> pools;
      for (const auto& pool : view_.pools) {
        if (pool.cidr.family() == family) pools.push_back(Within(pool.cidr));
      }
      if (!AddPrefixes("import-pools" + n, pools)) return;
      Statement& take = Add(policy);
      Match(take.mutable_conditions()->mutable_prefix_set(), "import-pools" + n);
      Match(take.mutable_conditions()->mutable_neighbor_set(), "mesh");
      AddCommunity(take, kFromMesh);
      take.mutable_actions()->set_route_action(api::ACCEPT);
    });
    Statement& rest = Add(policy);
    Match(rest.mutable_conditions()->mutable_neighbor_set(), "mesh");
    Reject(rest);
  }

  void Refuse(api::Policy& policy, const std::string& prefixes, const std::string& neighbours) {
    Statement& refuse = Add(policy);
    Match(refuse.mutable_conditions()->mutable_prefix_set(), prefixes);
    Match(refuse.mutable_conditions()->mutable_neighbor_set(), neighbours);
    Reject(refuse);
  }

  // --- BGPFilters -------------------------------------------------------------------------------------

  void Filters(api::Policy& policy, bool in) {
    for (const BgpPeerView& peer : view_.peers) {
      if (peer.type == BgpPeerView::Type::kMesh || peer.filters.empty()) continue;
      const std::string host = net::Cidr::Host(peer.ip).ToString();
      const std::string neighbours = fmt::format("{}-{}", policy.name(), peer.ip.ToString());
      bool known = false;
      for (const std::string& name : peer.filters) {
        const auto filter = view_.filters.find(name);
        if (filter == view_.filters.end()) continue;
        const bool v4 = peer.ip.family() == Family::kV4;
        const BgpFilterView& all = filter->second;
        for (const BgpFilterRule& rule :
             v4 ? (in ? all.import_v4 : all.export_v4) : (in ? all.import_v6 : all.export_v6)) {
          if (!LimitOf(rule).empty()) continue;
          if (rule.same_as && *rule.same_as != (OwnAs(view_, peer) == peer.as_number)) continue;
          if (!rule.community.empty() && !IsCommunity(rule.community)) continue;
          if (!known) known = AddSet(api::NEIGHBOR, neighbours, {host});
          FilterRule(policy, in, peer, neighbours, rule);
        }
      }
    }
  }

  void FilterRule(api::Policy& policy, bool in, const BgpPeerView& peer, const std::string& neighbours,
                  const BgpFilterRule& rule) {
    const std::string name = fmt::format("rule-{}", ++rules_);
    api::Conditions conditions;
    Match(conditions.mutable_neighbor_set(), neighbours);
    if (!in) Match(conditions.mutable_large_community_set(), "marked");
    if (rule.cidr) {
      AddPrefixes(name, {RangeOf(rule)});
      const bool negated =
          rule.match == BgpFilterRule::Match::kNotEqual || rule.match == BgpFilterRule::Match::kNotIn;
      Match(conditions.mutable_prefix_set(), name, negated ? api::MatchSet::INVERT : api::MatchSet::ANY);
    }
    if (!rule.community.empty()) {
      const bool large = IsLarge(rule.community);
      std::vector<std::string> members{"^" + rule.community + "$"};
      if (large && !in) members.push_back(mark_);
      AddSet(large ? api::LARGE_COMMUNITY : api::COMMUNITY, name, members);
      Match(large ? conditions.mutable_large_community_set() : conditions.mutable_community_set(), name,
            api::MatchSet::ALL);
    }
    if (!rule.as_path_begin.empty()) {
      AddSet(api::AS_PATH, name, {PathPattern(in, peer, rule)});
      Match(conditions.mutable_as_path_set(), name);
    }
    // Learned by BGP: there is no word for "not our own".
    std::vector<api::Conditions::RouteType> kinds{api::Conditions::ROUTE_TYPE_NONE};
    if (rule.from_peers) kinds = {api::Conditions::ROUTE_TYPE_INTERNAL, api::Conditions::ROUTE_TYPE_EXTERNAL};
    for (const auto kind : kinds) {
      conditions.set_route_type(kind);
      Conclude(policy, in, conditions, rule);
    }
  }
  void Conclude(api::Policy& policy, bool in, const api::Conditions& conditions, const BgpFilterRule& rule) {
    const auto statement = [&]() -> Statement& {
      Statement& made = Add(policy);
      *made.mutable_conditions() = conditions;
      return made;
    };
    if (!rule.accept) {
      Reject(statement());
      return;
    }
    const auto prepends = PrependsOf(rule);
    for (std::size_t i = 0; i + 1 < prepends.size(); ++i) Prepend(statement(), prepends[i]);
    // What is accepted loses a large community, the mark: one statement cannot give it another one.
    for (const std::string& community : rule.add_communities) {
      if (IsCommunity(community) && IsLarge(community)) AddCommunity(statement(), community);
    }
    Statement& last = statement();
    if (!prepends.empty()) Prepend(last, prepends.back());
    for (const std::string& community : rule.add_communities) {
      if (IsCommunity(community) && !IsLarge(community)) AddCommunity(last, community);
    }
    if (rule.set_priority)
      last.mutable_actions()->mutable_local_pref()->set_value(kPriorityBase -
                                                              static_cast<std::uint32_t>(*rule.set_priority));
    if (in)
      last.mutable_actions()->set_route_action(api::ACCEPT);
    else
      Accept(last);
  }
  static void Prepend(Statement& statement, const std::pair<std::uint32_t, std::uint32_t>& run) {
    statement.mutable_actions()->mutable_as_prepend()->set_asn(run.first);
    statement.mutable_actions()->mutable_as_prepend()->set_repeat(run.second);
  }
  static Range RangeOf(const BgpFilterRule& rule) {
    const net::Cidr& cidr = *rule.cidr;
    if (rule.shortest || rule.longest) {
      const int to = std::min(BitsOf(cidr), rule.longest.value_or(BitsOf(cidr)));
      return {cidr, std::min(std::max(cidr.prefix_length(), rule.shortest.value_or(0)), to), to};
    }
    const bool equal =
        rule.match == BgpFilterRule::Match::kEqual || rule.match == BgpFilterRule::Match::kNotEqual;
    return equal ? Exactly(cidr) : Within(cidr);
  }
  // "_" is what stands between two numbers, or an end. When GoBGP asks on export, it has put our own number
  // before the path already.
  std::string PathPattern(bool in, const BgpPeerView& peer, const BgpFilterRule& rule) const {
    std::string pattern = "^";
    const std::uint32_t own_as = OwnAs(view_, peer);
    if (!in && own_as != peer.as_number) pattern += fmt::format("{}_", own_as);
    for (const std::uint32_t number : rule.as_path_begin) pattern += fmt::format("{}_", number);
    return pattern;
  }

  const BgpView& view_;
  const std::string mark_;
  api::SetPoliciesRequest request_;
  bool has_peers_ = false, has_mesh_ = false, has_outside_ = false, has_self_ = false, has_keep_ = false;
  int rules_ = 0;
};

}  // namespace

api::SetPoliciesRequest PoliciesOf(const BgpView& view, int number) {
  auto request = Writer(view, number).Write();
  auto& tag = *request.add_defined_sets();
  tag.set_defined_type(api::LARGE_COMMUNITY);
  tag.set_name(PolicyTagOf(number, PolicyFingerprintOf(view)));
  tag.add_list("0:0:0");
  return request;
}

std::string PolicyFingerprintOf(const BgpView& view) {
  return Sha256Hex(Writer(view, 0).Write().SerializeAsString()).substr(0, 16);
}

std::string PolicyTagOf(int number, const std::string& fingerprint) {
  return fmt::format("{}{}-{}", kTagPrefix, number, fingerprint);
}

PolicyTag ParsePolicyTag(const std::vector<std::string>& set_names) {
  for (const std::string& name : set_names) {
    const auto parts = Split(name, '-');
    if (parts.size() != 3 || !name.starts_with(kTagPrefix)) continue;
    PolicyTag tag;
    tag.fingerprint = parts[2];
    if (std::from_chars(parts[1].data(), parts[1].data() + parts[1].size(), tag.number).ec == std::errc())
      return tag;
  }
  return {};
}

std::vector<std::string> PolicyLimitsOf(const BgpView& view) {
  std::vector<std::string> limits;
  for (const auto& [name, filter] : view.filters) {
    for (const auto* rules : {&filter.import_v4, &filter.export_v4, &filter.import_v6, &filter.export_v6}) {
      for (std::size_t i = 0; i < rules->size(); ++i) {
        if (const std::string limit = LimitOf((*rules)[i]); !limit.empty())
          limits.push_back(fmt::format("filter {}: rule {} of {} is left out: {}", name, i + 1,
                                       rules == &filter.import_v4   ? "importV4"
                                       : rules == &filter.export_v4 ? "exportV4"
                                       : rules == &filter.import_v6 ? "importV6"
                                                                    : "exportV6",
                                       limit));
      }
    }
  }
  return limits;
}

}  // namespace calico::bgp
