// SPDX-License-Identifier: Apache-2.0
// One configuration for each kind of thing that the model can say. Each is compared with
// testdata/bird/<name>.cfg and judged by the real BIRD. After a wanted change: UPDATE_GOLDEN=1
// build/bin/bgp_test, then read the difference.
#include <algorithm>
#include <cstdlib>
#include <functional>
#include <set>

#include <gtest/gtest.h>

#include "base/file.h"
#include "base/subprocess.h"
#include "bgp/bird/config.h"

namespace calico::bgp {
namespace {

using dataplane_api::BgpFilterRule;
using dataplane_api::BgpNextHop;
using dataplane_api::BgpPeerView;
using dataplane_api::BgpView;
using dataplane_api::Encapsulation;
using Match = BgpFilterRule::Match;
using Type = BgpPeerView::Type;

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}
net::Ip I(const char* text) {
  return *net::Ip::Parse(text);
}

// Three nodes of both families, one pool and block of each.
BgpView Base() {
  BgpView view;
  view.node_exists = true;
  view.ipv4 = C("172.30.200.37/24");
  view.ipv6 = C("fd30:200::37/64");
  view.log_severity = "Info";
  view.peers = {{Type::kMesh, I("172.30.200.36"), 179, 64512, "node1"},
                {Type::kMesh, I("172.30.200.38"), 179, 64512, "node3", 0, true},
                {Type::kMesh, I("fd30:200::36"), 179, 64512, "node1"}};
  view.pools = {{C("10.65.0.0/16"), "pool"}, {C("fd65::/64"), "pool6"}};
  view.own_blocks = {C("10.65.1.0/26"), C("fd65::40/122")};
  return view;
}

using Change = std::function<void(BgpView&)>;
struct Golden {
  const char* name;
  Change change;
};

// A peer outside the cluster, and what is said of it.
Change Tor(const std::function<void(BgpPeerView&)>& say) {
  return [say](BgpView& view) {
    BgpPeerView peer{Type::kGlobal, I("10.0.0.1"), 179, 65001, ""};
    say(peer);
    view.peers.push_back(peer);
  };
}
// The same with a filter of one rule, in all four lists.
Change Filtered(const std::function<void(BgpFilterRule&)>& say) {
  return [say](BgpView& view) {
    BgpFilterRule rule;
    say(rule);
    BgpFilterRule rule6 = rule;
    if (rule6.cidr) rule6.cidr = C("fd65::/64");
    view.filters["f"] = {{rule}, {rule}, {rule6}, {rule6}};
    Tor([](BgpPeerView& peer) { peer.filters = {"f"}; })(view);
    Tor([](BgpPeerView& peer) {
      peer.ip = I("fd00::1");
      peer.as_number = 64512;
      peer.filters = {"f"};
    })(view);
  };
}
Change Pool(Encapsulation encapsulation, bool cross_subnet, bool speaker_routes) {
  return [=](BgpView& view) {
    view.pools[0].encapsulation = encapsulation;
    view.pools[0].cross_subnet = cross_subnet;
    view.pools[0].speaker_routes = speaker_routes;
  };
}

const std::vector<Golden>& Goldens() {
  static const std::vector<Golden> all{
      {"mesh", [](BgpView&) {}},
      {"no-node", [](BgpView& view) { view = {}; }},
      {"node-without-addresses", [](BgpView& view) { view.ipv4.reset(), view.ipv6.reset(); }},
      {"ipv4-only", [](BgpView& view) { view.ipv6.reset(); }},
      {"ipv6-only", [](BgpView& view) { view.ipv4.reset(); }},
      {"alone", [](BgpView& view) { view.peers.clear(); }},
      {"no-pool", [](BgpView& view) { view.pools.clear(); }},
      {"no-block", [](BgpView& view) { view.own_blocks.clear(); }},
      {"block-of-one-address", [](BgpView& view) { view.own_blocks.push_back(C("10.65.9.9/32")); }},
      {"block-outside-of-pools", [](BgpView& view) { view.own_blocks.push_back(C("10.99.0.0/26")); }},
      {"many-blocks",
       [](BgpView& view) {
         for (int i = 0; i < 20; ++i)
           view.own_blocks.push_back(net::Cidr(I("10.65.16.0").Plus(static_cast<std::uint64_t>(i) * 64), 26));
       }},
      {"as-number", [](BgpView& view) { view.as_number = 4200000000; }},
      {"listen-port", [](BgpView& view) { view.listen_port = 1179; }},
      {"bind-to-node-ip", [](BgpView& view) { view.bind_to_node_ip = true; }},
      {"ignored-interfaces",
       [](BgpView& view) {
         view.ignored_interfaces = {"storage*", "eth7"};
       }},
      {"log-none", [](BgpView& view) { view.log_severity = "None"; }},
      {"log-debug", [](BgpView& view) { view.log_severity = "Debug"; }},
      {"log-warning", [](BgpView& view) { view.log_severity = "Warning"; }},
      {"log-error", [](BgpView& view) { view.log_severity = "Error"; }},
      {"log-fatal", [](BgpView& view) { view.log_severity = "Fatal"; }},
      {"pool-ipip", Pool(Encapsulation::kIpip, false, true)},
      {"pool-ipip-cross-subnet", Pool(Encapsulation::kIpip, true, true)},
      {"pool-ipip-of-the-agent", Pool(Encapsulation::kIpip, false, false)},
      {"pool-vxlan", Pool(Encapsulation::kVxlan, false, false)},
      {"pool-vxlan-cross-subnet", Pool(Encapsulation::kVxlan, true, false)},
      {"pool-of-the-agent", Pool(Encapsulation::kNone, false, false)},
      {"pool-without-export",
       [](BgpView& view) { view.pools[0].disable_bgp_export = view.pools[1].disable_bgp_export = true; }},
      {"pools-of-all-kinds",
       [](BgpView& view) {
         view.pools.push_back({C("10.66.0.0/16"), "ipip", Encapsulation::kIpip, false, true});
         view.pools.push_back({C("10.67.0.0/16"), "cross", Encapsulation::kIpip, true, true});
         view.pools.push_back({C("10.68.0.0/16"), "vxlan", Encapsulation::kVxlan, false, false});
         view.pools.push_back({C("10.69.0.0/16"), "hidden", Encapsulation::kNone, false, true, true});
       }},
      {"mesh-of-another-as", [](BgpView& view) { view.peers[0].as_number = 65002; }},
      {"mesh-with-ports", [](BgpView& view) { view.peers[0].port = 1179; }},
      {"mesh-with-password",
       [](BgpView& view) {
         for (auto& peer : view.peers) peer.password = {{"known", "mesh"}};
       }},
      {"mesh-without-its-password",
       [](BgpView& view) {
         for (auto& peer : view.peers) peer.password = {{"lost", "mesh"}};
       }},
      {"mesh-restart-time",
       [](BgpView& view) {
         for (auto& peer : view.peers) peer.restart_seconds = 300;
       }},
      {"global-peer", Tor([](BgpPeerView&) {})},
      {"node-peer", Tor([](BgpPeerView& peer) { peer.type = Type::kNode; })},
      {"peer-ipv6", Tor([](BgpPeerView& peer) { peer.ip = I("fd00::1"); })},
      {"peer-same-as", Tor([](BgpPeerView& peer) { peer.as_number = 64512; })},
      {"peer-port", Tor([](BgpPeerView& peer) { peer.port = 1790; })},
      {"peer-two-ports",
       [](BgpView& view) {
         Tor([](BgpPeerView&) {})(view);
         Tor([](BgpPeerView& peer) { peer.port = 1790; })(view);
       }},
      {"peer-local-as", Tor([](BgpPeerView& peer) { peer.local_as_number = 65009; })},
      {"peer-local-as-makes-it-internal", Tor([](BgpPeerView& peer) { peer.local_as_number = 65001; })},
      {"peer-next-hop-self", Tor([](BgpPeerView& peer) { peer.next_hop = BgpNextHop::kSelf; })},
      {"peer-next-hop-keep", Tor([](BgpPeerView& peer) { peer.next_hop = BgpNextHop::kKeep; })},
      {"peer-keep-original-next-hop", Tor([](BgpPeerView& peer) { peer.keep_next_hop_of_other_as = true; })},
      {"peer-keep-original-next-hop-same-as", Tor([](BgpPeerView& peer) {
         peer.keep_next_hop_of_other_as = true;
         peer.as_number = 64512;
       })},
      {"peer-source-none", Tor([](BgpPeerView& peer) { peer.from_node_ip = false; })},
      {"peer-restart-time", Tor([](BgpPeerView& peer) { peer.restart_seconds = 30; })},
      {"peer-keepalive", Tor([](BgpPeerView& peer) { peer.keepalive_seconds = 10; })},
      {"peer-allowed-local-as", Tor([](BgpPeerView& peer) { peer.allowed_local_as = 3; })},
      {"peer-ttl-security", Tor([](BgpPeerView& peer) { peer.ttl_hops = 1; })},
      {"peer-reachable-by", Tor([](BgpPeerView& peer) { peer.reachable_by = I("172.30.200.1"); })},
      {"peer-reachable-by-ipv6", Tor([](BgpPeerView& peer) {
         peer.ip = I("fd00::1");
         peer.reachable_by = I("fd30:200::1");
       })},
      {"peer-password", Tor([](BgpPeerView& peer) {
         peer.password = {{"known", "tor"}};
       })},
      {"peer-without-its-password", Tor([](BgpPeerView& peer) {
         peer.password = {{"lost", "tor"}};
       })},
      {"peer-passive", Tor([](BgpPeerView& peer) { peer.passive = true; })},
      {"peer-with-everything", Tor([](BgpPeerView& peer) {
         peer = {Type::kNode,
                 I("10.0.0.1"),
                 1790,
                 65001,
                 "far",
                 65009,
                 true,
                 false,
                 false,
                 BgpNextHop::kSelf,
                 false,
                 false,
                 60,
                 5,
                 2,
                 4,
                 I("172.30.200.1"),
                 {{"known", "tor"}},
                 std::nullopt,
                 {}};
       })},
      {"router-id", [](BgpView& view) { view.router_id = I("10.0.0.99"); }},
      {"bfd", [](BgpView& view) { view.bfd = true; }},
      {"local-workload", Tor([](BgpPeerView& peer) {
         peer = {Type::kLocalWorkload, I("10.65.1.7"), 179, 65010, ""};
         peer.passive = true;
         peer.local_ip = I("169.254.0.179");
       })},
      {"local-workload-ipv6", Tor([](BgpPeerView& peer) {
         peer = {Type::kLocalWorkload, I("fd65::47"), 179, 65010, ""};
         peer.passive = true;
         peer.local_ip = I("fd00::179");
       })},
      {"reflector",
       [](BgpView& view) {
         view.cluster_id = "244.0.0.1";
         for (auto& peer : view.peers) {
           peer.type = Type::kNode;
           peer.reflect = true;
         }
       }},
      {"reflector-beside-reflector",
       [](BgpView& view) {
         view.cluster_id = "244.0.0.1";
         view.peers[0].type = view.peers[1].type = Type::kGlobal;
         view.peers[0].reflect = true;
       }},
      {"reflector-client",
       [](BgpView& view) {
         view.peers.resize(2);
         for (auto& peer : view.peers) peer.type = Type::kNode;
       }},
      {"reflector-without-port",
       [](BgpView& view) {
         view.cluster_id = "1.0.0.1";
         Tor([](BgpPeerView& peer) {
           peer.as_number = 64512;
           peer.reflect = true;
         })(view);
       }},
      {"services",
       [](BgpView& view) {
         view.services = {C("10.96.0.0/12"), C("198.51.100.0/24"), C("fd96::/112")};
       }},
      {"service-of-one-address", [](BgpView& view) { view.services = {C("10.96.0.10/32")}; }},
      {"communities",
       [](BgpView& view) {
         view.communities = {{C("10.65.0.0/16"), "65000:100"}, {C("10.65.0.0/16"), "65000:1:2"}};
       }},
      {"communities-ipv6",
       [](BgpView& view) {
         view.communities = {{C("fd65::/64"), "65000:100"}};
       }},
      {"communities-unreadable",
       [](BgpView& view) {
         view.communities = {{C("10.65.0.0/16"), "not-a-community"}};
       }},
      {"filter-empty",
       [](BgpView& view) {
         view.filters["f"] = {};
         Tor([](BgpPeerView& peer) { peer.filters = {"f"}; })(view);
       }},
      {"filter-missing", Tor([](BgpPeerView& peer) { peer.filters = {"nobody"}; })},
      {"filter-accept-all", Filtered([](BgpFilterRule& rule) { rule.accept = true; })},
      {"filter-reject-all", Filtered([](BgpFilterRule&) {})},
      {"filter-equal",
       Filtered([](BgpFilterRule& rule) { rule.cidr = C("10.65.0.0/16"), rule.match = Match::kEqual; })},
      {"filter-not-equal",
       Filtered([](BgpFilterRule& rule) { rule.cidr = C("10.65.0.0/16"), rule.match = Match::kNotEqual; })},
      {"filter-in", Filtered([](BgpFilterRule& rule) { rule.cidr = C("10.65.0.0/16"); })},
      {"filter-not-in",
       Filtered([](BgpFilterRule& rule) { rule.cidr = C("10.65.0.0/16"), rule.match = Match::kNotIn; })},
      {"filter-lengths", Filtered([](BgpFilterRule& rule) {
         rule.cidr = C("10.65.0.0/16"), rule.shortest = 24, rule.longest = 28;
       })},
      {"filter-lengths-not-in", Filtered([](BgpFilterRule& rule) {
         rule.cidr = C("10.65.0.0/16"), rule.longest = 24, rule.match = Match::kNotIn;
       })},
      {"filter-lengths-too-short", Filtered([](BgpFilterRule& rule) {
         rule.cidr = C("10.65.0.0/16"), rule.shortest = 8, rule.longest = 12;
       })},
      {"filter-source", Filtered([](BgpFilterRule& rule) { rule.from_peers = true; })},
      {"filter-interface", Filtered([](BgpFilterRule& rule) { rule.interface = "eth*"; })},
      {"filter-ibgp", Filtered([](BgpFilterRule& rule) { rule.same_as = true; })},
      {"filter-ebgp", Filtered([](BgpFilterRule& rule) { rule.same_as = false; })},
      {"filter-community", Filtered([](BgpFilterRule& rule) { rule.community = "65000:100"; })},
      {"filter-large-community", Filtered([](BgpFilterRule& rule) { rule.community = "65000:1:2"; })},
      {"filter-community-unreadable", Filtered([](BgpFilterRule& rule) { rule.community = "x"; })},
      {"filter-as-path", Filtered([](BgpFilterRule& rule) {
         rule.as_path_begin = {65001, 65002};
       })},
      {"filter-priority", Filtered([](BgpFilterRule& rule) { rule.priority = 512; })},
      {"filter-add-communities", Filtered([](BgpFilterRule& rule) {
         rule.accept = true, rule.add_communities = {"65000:1", "65000:1:2"};
       })},
      {"filter-prepend", Filtered([](BgpFilterRule& rule) {
         rule.accept = true, rule.prepend = {65001, 65002};
       })},
      {"filter-set-priority",
       Filtered([](BgpFilterRule& rule) { rule.accept = true, rule.set_priority = 512; })},
      {"filter-everything", Filtered([](BgpFilterRule& rule) {
         rule = {C("10.65.0.0/16"), Match::kIn, 20,   28,   true,        "eth0",  false,
                 "65000:100",       {65001},    1024, true, {"65000:9"}, {65005}, 100};
       })},
      {"filters-in-order",
       [](BgpView& view) {
         view.filters["first"] = {{{}}, {}, {}, {}};
         view.filters["second"] = {{}, {{}}, {}, {}};
         Tor([](BgpPeerView& peer) { peer.filters = {"second", "first"}; })(view);
       }},
      {"filter-of-a-long-name",
       [](BgpView& view) {
         const std::string name(90, 'n');
         view.filters[name] = {{{}}, {{}}, {{}}, {{}}};
         Tor([name](BgpPeerView& peer) { peer.filters = {name}; })(view);
       }},
      {"filter-of-a-name-with-dots",
       [](BgpView& view) {
         view.filters["to-rack.42"] = {{{}}, {{}}, {{}}, {{}}};
         Tor([](BgpPeerView& peer) { peer.filters = {"to-rack.42"}; })(view);
       }},
  };
  return all;
}

class BirdGolden : public ::testing::TestWithParam<Golden> {};
void PrintTo(const Golden& golden, std::ostream* out) {
  *out << golden.name;
}

TEST_P(BirdGolden, IsWhatItWasAndBirdTakesIt) {
  BgpView view = Base();
  GetParam().change(view);
  const std::string text = RenderBirdConfig(view, [](const dataplane_api::BgpSecret& secret) {
    return secret.name == "known" ? std::optional<std::string>("s3cret of " + secret.key) : std::nullopt;
  });
  const std::string path = std::string(TESTDATA "/bird/") + GetParam().name + ".cfg";
  if (std::getenv("UPDATE_GOLDEN") != nullptr) {
    ASSERT_TRUE(WriteFileAtomically(path, text).has_value());
  }
  const auto golden = ReadFile(path);
  ASSERT_TRUE(golden.has_value()) << golden.error().message();
  EXPECT_EQ(text, *golden);
  const auto judged = RunProcess({"bird", "-p", "-c", path}, std::chrono::seconds(10));
  ASSERT_TRUE(judged.has_value()) << judged.error().message();
  EXPECT_EQ(judged->exit_code, 0) << judged->err;
}

INSTANTIATE_TEST_SUITE_P(All, BirdGolden, ::testing::ValuesIn(Goldens()), [](const auto& one) {
  std::string name = one.param.name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(BirdGoldens, AreAllDifferentKindsOfThings) {
  std::set<std::string> names;
  for (const Golden& golden : Goldens()) names.insert(golden.name);
  EXPECT_EQ(names.size(), Goldens().size());
  EXPECT_GE(names.size(), 80U);
}

}  // namespace
}  // namespace calico::bgp
