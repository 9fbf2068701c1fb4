// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/config.h"

#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/subprocess.h"

namespace calico::bgp {
namespace {

using dataplane_api::BgpPeerView;
using dataplane_api::BgpPoolView;
using dataplane_api::BgpView;
using dataplane_api::Encapsulation;
using ::testing::HasSubstr;
using ::testing::Not;

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}
net::Ip I(const char* text) {
  return *net::Ip::Parse(text);
}

std::string Render(const BgpView& view) {
  return RenderBirdConfig(view, [](const dataplane_api::BgpSecret& secret) {
    return secret.name == "known" ? std::optional<std::string>("s3cret of " + secret.key) : std::nullopt;
  });
}

BgpView Mesh() {
  BgpView view;
  view.node_exists = true;
  view.ipv4 = C("172.30.200.37/24");
  view.log_severity = "Info";
  view.peers = {{BgpPeerView::Type::kMesh, I("172.30.200.36"), 179, 64512, "calico-node1"},
                {BgpPeerView::Type::kMesh, I("172.30.200.38"), 179, 64512, "calico-node3", 0, true}};
  view.pools = {{C("10.254.0.0/24"), "new-pool"}};
  view.own_blocks = {C("10.254.0.64/26")};
  return view;
}

// BIRD's own judgement.
void ExpectAccepted(const std::string& text) {
  char directory[] = "/tmp/calico-bird-XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string path = std::string(directory) + "/bird.cfg";
  ASSERT_TRUE(WriteFileAtomically(path, text).has_value());
  const auto output = RunProcess({"bird", "-p", "-c", path}, std::chrono::seconds(10));
  ASSERT_TRUE(output.has_value()) << output.error().message();
  EXPECT_EQ(output->exit_code, 0) << output->err << text;
  std::filesystem::remove_all(directory);
}

std::string Between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  return from == std::string::npos ? "" : text.substr(from, text.find(end, from) - from);
}

TEST(BirdConfig, IsAcceptedByBird) {
  ExpectAccepted(Render(BgpView{}));
  ExpectAccepted(Render(Mesh()));
  BgpView full = Mesh();
  full.ipv6 = C("fd00::37/64");
  full.log_severity = "Debug";
  full.listen_port = 1179;
  full.peers.push_back({BgpPeerView::Type::kMesh, I("fd00::36"), 179, 64512, "calico-node1"});
  full.peers.push_back({BgpPeerView::Type::kGlobal, I("10.0.0.1"), 1790, 65001, ""});
  full.peers.push_back({BgpPeerView::Type::kNode, I("fd00::1"), 179, 65002, ""});
  full.pools.push_back({C("fd80::/64"), "six", Encapsulation::kVxlan});
  full.pools.push_back({C("10.1.0.0/16"), "tunnel", Encapsulation::kIpip, true, true});
  full.pools.push_back({C("10.2.0.0/16"), "all-tunnel", Encapsulation::kIpip, false});
  full.pools.push_back({C("10.3.0.0/16"), "agent", Encapsulation::kNone, false, false, false});
  full.own_blocks.push_back(C("fd80::40/122"));
  full.own_blocks.push_back(C("10.1.0.7/32"));
  ExpectAccepted(Render(full));
  for (const char* severity : {"none", "warning", "error", "fatal"}) {
    full.log_severity = severity;
    ExpectAccepted(Render(full));
  }
}

TEST(BirdConfig, EqualViewsGiveEqualText) {
  EXPECT_EQ(Render(Mesh()), Render(Mesh()));
}

TEST(BirdConfig, ExportsOwnBlocksAsAggregatesAndNothingLonger) {
  EXPECT_EQ(
      Between(Render(Mesh()), "function to_peers4", "}"),
      "function to_peers4() {\n  if net = 10.254.0.64/26 then accept;\n  if net ~ [ 10.254.0.64/26+ ] then "
      "reject;\n"
      "  if proto = \"services4\" then accept;\n  if net ~ [ 10.254.0.0/24+ ] then accept;\n  reject;\n");
}

TEST(BirdConfig, ABlockWhosePoolIsGoneIsNotOffered) {
  BgpView view = Mesh();
  view.pools.clear();
  EXPECT_THAT(Render(view), Not(HasSubstr("net = 10.254.0.64/26 then accept")));
}

TEST(BirdConfig, APoolWithoutExportIsNotOffered) {
  BgpView view = Mesh();
  view.pools[0].disable_bgp_export = true;
  EXPECT_THAT(Render(view), HasSubstr("function to_peers4() {\n  if net ~ [ 10.254.0.0/24+ ] then reject;"));
}

TEST(BirdConfig, TakesFromTheMeshOnlyWhatIsInAPool) {
  EXPECT_EQ(Between(Render(Mesh()), "function from_mesh4", "\n}"),
            "function from_mesh4() {\n  if net ~ [ 10.254.0.64/26{26,31} ] then reject;\n"
            "  if net ~ [ 10.254.0.0/24+ ] then accept;\n  reject;");
}

TEST(BirdConfig, NobodyTellsWhereOurOwnBlocksAre) {
  BgpView view = Mesh();
  const auto from = [&](const char* who) {
    return Between(Render(view), std::string("function from_") + who + "4", "\n}");
  };
  const auto session = [&](std::uint32_t as_number, const char* node) {
    view.peers = Mesh().peers;
    view.peers.push_back({BgpPeerView::Type::kGlobal, *net::Ip::Parse("10.0.0.1"), 179, as_number, node});
    return Between(Render(view), "protocol bgp Global_10_0_0_1", "\n}");
  };
  EXPECT_THAT(session(65001, ""), HasSubstr("from_router4"));
  EXPECT_THAT(session(64512, ""), HasSubstr("from_node4")) << "it may be a reflector";
  EXPECT_THAT(session(65001, "node4"), HasSubstr("from_node4"));
  EXPECT_THAT(from("router"), HasSubstr("if net ~ [ 10.254.0.64/26+ ] then reject;"));
  EXPECT_THAT(from("node"), HasSubstr("if net ~ [ 10.254.0.64/26{26,31} ] then reject;"))
      << "single addresses are what somebody borrowed";
  view.peers.clear();
  EXPECT_THAT(from("router"), HasSubstr("if net ~ [ 10.254.0.64/26{26,31} ] then reject;"))
      << "without a mesh nobody else tells who borrowed";
}

TEST(BirdConfig, TheNodeWithTheSmallerAddressCalls) {
  const std::string text = Render(Mesh());
  EXPECT_THAT(Between(text, "Mesh_172_30_200_38", "\n}"), HasSubstr("passive on"));
  EXPECT_THAT(Between(text, "Mesh_172_30_200_36", "\n}"), Not(HasSubstr("passive on")));
}

TEST(BirdConfig, BlackholesAndConnectedRoutesStayOutOfTheKernel) {
  const std::string filter = Between(Render(Mesh()), "filter to_kernel4", "}");
  EXPECT_THAT(filter, HasSubstr("source = RTS_DEVICE then reject"));
  EXPECT_THAT(filter, HasSubstr("source = RTS_STATIC && proto != \"gateways4\" then reject"));
  EXPECT_THAT(Render(Mesh()), HasSubstr("if krt_source ~ [ 17, 80, 81 ] then reject"));
}

TEST(BirdConfig, AnIpipPoolIsRoutedThroughTheTunnelToTheNextHop) {
  BgpView view = Mesh();
  view.pools[0].encapsulation = Encapsulation::kIpip;
  EXPECT_THAT(Render(view), HasSubstr("if source = RTS_BGP && net ~ [ 10.254.0.0/24+ ] then { ifname = "
                                      "\"tunl0\"; onlink = true; gw = bgp_next_hop; }"));
  view.pools[0].cross_subnet = true;
  EXPECT_THAT(
      Render(view),
      HasSubstr(
          "if source = RTS_BGP && net ~ [ 10.254.0.0/24+ ] && ! (bgp_next_hop ~ 172.30.200.0/24) then {"));
}

TEST(BirdConfig, LeavesThePoolsOfTheAgentAlone) {
  BgpView view = Mesh();
  view.pools[0].encapsulation = Encapsulation::kVxlan;
  view.pools[0].speaker_routes = false;
  const std::string text = Render(view);
  EXPECT_THAT(Between(text, "filter to_kernel4", "\n}"),
              HasSubstr("if source = RTS_BGP && net ~ [ 10.254.0.0/24+ ] then reject;"));
  EXPECT_THAT(Between(text, "function to_peers4", "\n}"), HasSubstr("if net = 10.254.0.64/26 then accept;"))
      << "others hear of it";
}

TEST(BirdConfig, AQuoteInsideATextDoesNotSpoilTheRest) {
  BgpView view = Mesh();
  view.ignored_interfaces = {"a\"b", "c"};
  dataplane_api::BgpFilterRule rule;
  rule.interface = "\"; }";
  view.filters["f"] = {{rule}, {}, {}, {}};
  EXPECT_THAT(Render(view), Not(HasSubstr("a\"b")));
  EXPECT_THAT(Render(view), HasSubstr("-\"c\""));
  EXPECT_THAT(Render(view), HasSubstr("if (false) then { reject; }"));
  ExpectAccepted(Render(view));
}

TEST(BirdConfig, WithoutOurNodeThereIsNoSession) {
  BgpView view = Mesh();
  view.node_exists = false;
  EXPECT_THAT(Render(view), Not(HasSubstr("protocol bgp")));
}

}  // namespace
}  // namespace calico::bgp
