// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/config.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "bgp/bird/filters.h"
#include "bgp/router_id.h"

namespace calico::bgp {
namespace {

using dataplane_api::BgpNextHop;
using dataplane_api::BgpPeerView;
using dataplane_api::BgpPoolView;
using dataplane_api::BgpView;
using dataplane_api::Encapsulation;
using net::Family;

int Number(Family family) {
  return family == Family::kV4 ? 4 : 6;
}

// Which kinds of BIRD's messages a severity shows; the names are upstream's.
std::string LogClasses(const std::string& severity) {
  if (EqualsIgnoreCase(severity, "none")) return "";
  if (EqualsIgnoreCase(severity, "debug")) return "all";
  if (EqualsIgnoreCase(severity, "warning")) return "{ warning, error, auth, fatal, bug }";
  if (EqualsIgnoreCase(severity, "error")) return "{ error, auth, fatal, bug }";
  if (EqualsIgnoreCase(severity, "fatal")) return "{ fatal, bug }";
  return "{ info, remote, warning, error, auth, fatal, bug }";
}

// The writer of one configuration.
class Writer {
 public:
  Writer(const BgpView& view, const PasswordOf& password_of) : view_(view), password_of_(password_of) {}

  std::string Write() {
    out_ = "# Written by calico-node: changes are overwritten.\n";
    const std::string classes = LogClasses(view_.log_severity);
    if (!classes.empty()) out_ += fmt::format("log stderr {};\n", classes);
    out_ += fmt::format("router id {};\n", RouterIdOf(view_));
    // One dead peer must not hold back everything for BIRD's default of 240 s (reference bgp-and-node B16).
    // Routes that have not come by then are held by the agent.
    out_ += "graceful restart wait 3;\n\n";
    for (const Family family : {Family::kV4, Family::kV6}) Filters(family);
    PeerFilters();
    // Workload interfaces come and go: BIRD need not look at them (B14). But where the node's own address is,
    // next hops are, whatever that interface is called.
    std::string interfaces;
    for (const Family family : {Family::kV4, Family::kV6}) {
      if (const auto& local = Local(family)) interfaces += local->Masked().ToString() + ", ";
    }
    interfaces += R"(-"cali*", -"*.calico", -"*.cali", -"kube-ipvs*", -"docker*", -"br-*", )";
    for (const std::string& pattern : view_.ignored_interfaces) {
      if (IsQuotable(pattern)) interfaces += fmt::format("-\"{}\", ", pattern);
    }
    out_ += fmt::format(
        "protocol device {{ scan time 10; }}\nprotocol direct {{ ipv4; ipv6; interface {}\"*\"; }}\n",
        interfaces);
    for (const Family family : {Family::kV4, Family::kV6}) Kernel(family);
    for (const Family family : {Family::kV4, Family::kV6}) OwnRoutes(family);
    for (const Family family : {Family::kV4, Family::kV6}) Statics(family);
    if (view_.bfd)
      out_ +=
          "protocol bfd { interface \"*\" { interval 300 ms; multiplier 3; }; multihop { interval 300 ms; "
          "multiplier 3; }; }\n";
    if (view_.node_exists) {
      for (const Family family : {Family::kV4, Family::kV6}) Sessions(family);
    }
    return std::move(out_);
  }

  std::map<std::string, std::string> ClusterSessions() const {
    std::map<std::string, std::string> sessions;
    const std::string common = fmt::format("{}{}", RouterIdOf(view_), view_.bind_to_node_ip);
    for (const BgpPeerView& peer : view_.peers) {
      const auto& local = Local(peer.ip.family());
      if (peer.node.empty() || !local) continue;
      const std::string head = SessionHead(peer, *local);
      // A node that begins to reflect closes its sessions, of which our configuration says nothing.
      if (!head.empty())
        sessions[SessionNameOf(peer)] = fmt::format("{}{}{}", common, peer.reflects_us, head);
    }
    return sessions;
  }

 private:
  const std::optional<net::Cidr>& Local(Family family) const {
    return family == Family::kV4 ? view_.ipv4 : view_.ipv6;
  }

  void Filters(Family family) {
    const int n = Number(family);
    ToPeers(family, n);
    FromPeers(family, n);
    ToKernel(family, n);
    // What the agent programs (protocol 80) is its own business: the blocks' blackholes stand below as static
    // routes. 81: copies of our own. 17: what a GoBGP that ran before has left for a minute.
    // The host's own routes win over what a router tells, as they do in the kernel.
    out_ += fmt::format(
        "filter from_kernel{} {{ if krt_source ~ [ 17, 80, 81 ] then reject; preference = 150; accept; "
        "}}\n\n",
        n);
  }

  // Reference B8: own blocks as aggregates, borrowed addresses as /32, nothing else.
  void ToPeers(Family family, int n) {
    out_ += fmt::format("function to_peers{}() {{\n", n);
    for (const BgpPoolView& pool : view_.pools) {
      if (pool.cidr.family() == family && pool.disable_bgp_export)
        out_ += fmt::format("  if net ~ [ {}+ ] then reject;\n", pool.cidr.ToString());
    }
    for (const auto& [cidr, community] : view_.communities) {
      const std::string add = AddCommunity(community);
      if (cidr.family() == family && !add.empty())
        out_ += fmt::format("  if net ~ {} then {{ {}; }}\n", cidr.ToString(), add);
    }
    // A block is only offered while its pool exists.
    for (const net::Cidr& block : view_.own_blocks) {
      if (block.family() != family) continue;
      if (InPool(block)) out_ += fmt::format("  if net = {} then accept;\n", block.ToString());
      out_ += fmt::format("  if net ~ [ {}+ ] then reject;\n", block.ToString());
    }
    out_ += fmt::format("  if proto = \"services{}\" then accept;\n", n);
    // A reflector hands on what others announce of services.
    for (const net::Cidr& service : view_.services) {
      if (service.family() == family && !view_.cluster_id.empty())
        out_ += fmt::format("  if net ~ [ {}+ ] then accept;\n", service.ToString());
    }
    for (const BgpPoolView& pool : view_.pools) {
      if (pool.cidr.family() == family)
        out_ += fmt::format("  if net ~ [ {}+ ] then accept;\n", pool.cidr.ToString());
    }
    out_ += "  reject;\n}\n";
  }

  // What a mesh tells is in pools; what a router outside tells may be anything. Where our own blocks are
  // nobody tells us, nor of a part of one: what another host borrowed is single addresses, and with the mesh
  // on no router outside has to tell of them.
  void FromPeers(Family family, int n) {
    const bool mesh = std::any_of(view_.peers.begin(), view_.peers.end(), [](const BgpPeerView& peer) {
      return peer.type == BgpPeerView::Type::kMesh;
    });
    const int all = family == Family::kV4 ? 32 : 128;
    for (const std::string_view kind : {"mesh", "node", "router"}) {
      out_ += fmt::format("function from_{}{}() {{\n", kind, n);
      for (const net::Cidr& block : view_.own_blocks) {
        if (block.family() != family) continue;
        if (block.is_host() || (kind == "router" && mesh))
          out_ += fmt::format("  if net ~ [ {}+ ] then reject;\n", block.ToString());
        else
          out_ += fmt::format("  if net ~ [ {}{{{},{}}} ] then reject;\n", block.ToString(),
                              block.prefix_length(), all - 1);
      }
      if (kind != "mesh") {
        out_ += "  accept;\n}\n";
        continue;
      }
      for (const BgpPoolView& pool : view_.pools) {
        if (pool.cidr.family() == family)
          out_ += fmt::format("  if net ~ [ {}+ ] then accept;\n", pool.cidr.ToString());
      }
      out_ += "  reject;\n}\n";
    }
  }

  // Reference B9 and B14. The next hop of BGP, not the router towards it, is where a tunnel leads to.
  void ToKernel(Family family, int n) {
    out_ += fmt::format("filter to_kernel{} {{\n", n);
    // Connected routes are the kernel's own, and the blocks' blackholes are the agent's. Services are
    // translated, not routed. A gateway to a peer is for the kernel, too.
    out_ += fmt::format(
        "  if source = RTS_DEVICE then reject;\n  if source = RTS_STATIC && proto != \"gateways{}\" then "
        "reject;\n",
        n);
    for (const net::Cidr& service : view_.services) {
      if (service.family() == family)
        out_ += fmt::format("  if net ~ [ {}+ ] then reject;\n", service.ToString());
    }
    for (const BgpPoolView& pool : view_.pools) {
      if (pool.cidr.family() != family) continue;
      if (!pool.speaker_routes)
        out_ += fmt::format("  if source = RTS_BGP && net ~ [ {}+ ] then reject;\n", pool.cidr.ToString());
      else if (pool.encapsulation == Encapsulation::kIpip)
        ThroughTunnel(family, pool);
    }
    out_ += "  accept;\n}\n";
  }
  void ThroughTunnel(Family family, const BgpPoolView& pool) {
    const std::string far = pool.cross_subnet && Local(family)
                                ? fmt::format(" && ! (bgp_next_hop ~ {})", Local(family)->Masked().ToString())
                                : "";
    // In this order: BIRD judges a gateway by the interface and flag that it has by then.
    out_ += fmt::format(
        "  if source = RTS_BGP && net ~ [ {}+ ]{} then {{ ifname = \"{}\"; onlink = true; gw = bgp_next_hop; "
        "}}\n",
        pool.cidr.ToString(), far, kTunnelInterface);
  }

  bool InPool(const net::Cidr& block) const {
    return std::any_of(view_.pools.begin(), view_.pools.end(),
                       [&](const BgpPoolView& pool) { return pool.cidr.Contains(block); });
  }

  void Kernel(Family family) {
    const int n = Number(family);
    // persist: a BIRD that ends leaves its routes, so that traffic flows on.
    out_ += fmt::format(
        "protocol kernel kernel{0} {{\n  learn;\n  persist;\n  scan time 10;\n  graceful restart;\n  merge "
        "paths on;\n"
        "  ipv{0} {{ import filter from_kernel{0}; export filter to_kernel{0}; }};\n}}\n",
        n);
  }

  // Next hops are looked up in what the host itself knows. BIRD takes a next hop that a route of BGP leads
  // to, be it a default route or another rack's network, for unreachable, and with it what is behind.
  void OwnRoutes(Family family) {
    out_ += fmt::format(
        "ipv{0} table own{0};\nprotocol pipe to_own{0} {{\n  table master{0};\n  peer table own{0};\n  "
        "import "
        "none;\n"
        "  export where source = RTS_DEVICE || source = RTS_INHERIT || proto = \"gateways{0}\";\n}}\n",
        Number(family));
  }

  void Statics(Family family) {
    const int n = Number(family);
    Static(fmt::format("blocks{}", n), family, view_.own_blocks, /*hosts_too=*/false);
    Static(fmt::format("services{}", n), family, view_.services, /*hosts_too=*/true);
    out_ += fmt::format("protocol static gateways{0} {{\n  ipv{0};\n", n);
    for (const BgpPeerView& peer : view_.peers) {
      if (peer.ip.family() == family && peer.reachable_by && peer.reachable_by->family() == family)
        out_ += fmt::format("  route {} via {};\n", net::Cidr::Host(peer.ip).ToString(),
                            peer.reachable_by->ToString());
    }
    out_ += "}\n";
  }
  void Static(const std::string& name, Family family, const std::vector<net::Cidr>& cidrs, bool hosts_too) {
    out_ += fmt::format("protocol static {} {{\n  ipv{};\n", name, Number(family));
    for (const net::Cidr& cidr : cidrs) {
      if (cidr.family() == family && (hosts_too || !cidr.is_host()))
        out_ += fmt::format("  route {} blackhole;\n", cidr.ToString());
    }
    out_ += "}\n";
  }

  // Those of BGPFilters, and what their rules ask of a route (reference B11).
  void PeerFilters() {
    if (view_.filters.empty()) return;
    out_ +=
        "function route_priority() int p; {\n  p = 1024;\n  if defined(krt_metric) && source != RTS_BGP then "
        "p = krt_metric;\n"
        "  if source = RTS_BGP && bgp_local_pref > 2147418112 then p = 2147483647 - bgp_local_pref;\n  "
        "return p;\n}\n";
    for (const auto& [name, filter] : view_.filters) {
      for (const Family family : {Family::kV4, Family::kV6}) {
        for (const FilterDirection direction : {FilterDirection::kImport, FilterDirection::kExport})
          out_ += RenderFilterFunction(name, direction, family, filter);
      }
    }
    out_ += '\n';
  }
  std::string CallsOf(const BgpPeerView& peer, FilterDirection direction, bool same_as) const {
    std::string calls;
    for (const std::string& name : peer.filters) {
      if (view_.filters.contains(name))
        calls += fmt::format("{}({}); ", FilterFunctionName(name, direction, peer.ip.family()), same_as);
    }
    return calls;
  }

  void Sessions(Family family) {
    const auto& local = Local(family);
    if (!local) return;
    const int n = Number(family);
    // A reflector hands on where a route leads to as it is; everybody else is the way to what it tells.
    out_ += fmt::format(
        "template bgp calico{0} {{\n{1}  multihop;\n  graceful restart;\n  hold "
        "time 90;\n  connect delay time 1;\n"
        "  connect retry time 1;\n  error wait time 1,30;\n"
        "  ipv{0} {{ gateway recursive; igp table own{0}; import filter {{ from_mesh{0}(); }}; export filter "
        "{{ to_peers{0}(); "
        "}}; import limit {3} action block; add paths on;{2} "
        "}};\n}}\n",
        n, std::string(view_.bind_to_node_ip ? "  strict bind on;\n" : "") + (view_.bfd ? "  bfd on;\n" : ""),
        view_.cluster_id.empty() ? " next hop self;" : "", kRoutesOfOnePeer);
    for (const BgpPeerView& peer : view_.peers) {
      if (peer.ip.family() == family) Session(peer, *local, n);
    }
  }

  void Session(const BgpPeerView& peer, const net::Cidr& local, int n) {
    const std::string head = SessionHead(peer, local);
    if (head.empty()) return;
    out_ += fmt::format("protocol bgp {} from calico{} {{\n{}", SessionNameOf(peer), n, head);
    const bool same_as = OwnAs(peer) == peer.as_number;
    if (peer.type != BgpPeerView::Type::kMesh || !same_as) Channel(peer, n, same_as);
    out_ += "}\n";
  }
  std::uint32_t OwnAs(const BgpPeerView& peer) const {
    return peer.local_as_number != 0 ? peer.local_as_number : view_.as_number;
  }
  static std::string LocalIp(const BgpPeerView& peer, const net::Cidr& local) {
    if (peer.local_ip) return peer.local_ip->ToString() + " ";
    return peer.from_node_ip ? local.ip().ToString() + " " : "";
  }
  // All but what is done with routes; empty: there is none.
  std::string SessionHead(const BgpPeerView& peer, const net::Cidr& local) const {
    std::string password;
    if (peer.password) {
      const auto found = password_of_(*peer.password);
      // Without it the other side would refuse us for ever, or we would speak to anybody.
      if (!found) return "";
      password = *found;
    }
    std::string head =
        fmt::format("  neighbor {} port {} as {};\n", peer.ip.ToString(), peer.port, peer.as_number);
    if (!peer.node.empty()) head += fmt::format("  description \"{}\";\n", peer.node);
    head += fmt::format("  local {}port {} as {};\n", LocalIp(peer, local), view_.listen_port, OwnAs(peer));
    if (peer.passive) head += "  passive on;\n";
    if (!password.empty()) head += fmt::format("  password \"{}\";\n", password);
    if (peer.reflect) head += fmt::format("  rr client;\n  rr cluster id {};\n", view_.cluster_id);
    if (peer.restart_seconds) head += fmt::format("  graceful restart time {};\n", *peer.restart_seconds);
    if (peer.keepalive_seconds) head += fmt::format("  keepalive time {};\n", *peer.keepalive_seconds);
    if (peer.allowed_local_as) head += fmt::format("  allow local as {};\n", *peer.allowed_local_as);
    if (peer.ttl_hops) head += fmt::format("  ttl security on;\n  multihop {};\n", *peer.ttl_hops);
    return head;
  }
  void Channel(const BgpPeerView& peer, int n, bool same_as) {
    std::string next_hop;
    if (peer.next_hop == BgpNextHop::kSelf) next_hop = " next hop self;";
    // The template's "self" would win over "keep".
    if (peer.next_hop == BgpNextHop::kKeep || (peer.keep_next_hop_of_other_as && !same_as))
      next_hop = " next hop self off; next hop keep;";
    const bool mesh = peer.type == BgpPeerView::Type::kMesh;
    // A peer of our own AS may be the reflector that all of the cluster tell; a workload may have addresses
    // of our blocks.
    const bool outside = peer.node.empty() && !same_as && peer.type != BgpPeerView::Type::kLocalWorkload;
    const char* from = mesh ? "mesh" : outside ? "router" : "node";
    // All of the mesh know each other: a way over a third node would only be longer, and to another AS BGP
    // does not forbid it.
    out_ += fmt::format(
        "  ipv{0} {{ import filter {{ {1}from_{2}{0}(); }}; export filter {{ {3}{4}to_peers{0}(); }};{5} "
        "}};\n",
        n, CallsOf(peer, FilterDirection::kImport, same_as), from,
        mesh ? "if proto ~ \"Mesh_*\" then reject; " : "", CallsOf(peer, FilterDirection::kExport, same_as),
        next_hop);
  }

  const BgpView& view_;
  const PasswordOf& password_of_;
  std::string out_;
};

}  // namespace

std::string RenderBirdConfig(const BgpView& view, const PasswordOf& password_of) {
  return Writer(view, password_of).Write();
}
std::map<std::string, std::string> ClusterSessions(const BgpView& view, const PasswordOf& password_of) {
  return Writer(view, password_of).ClusterSessions();
}

}  // namespace calico::bgp
