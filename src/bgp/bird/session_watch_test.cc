// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/session_watch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bgp/bird/config.h"

namespace calico::bgp {
namespace {

using dataplane_api::BgpPeerView;
using dataplane_api::BgpView;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

PeerStatus Tor(const char* bgp_state, std::uint64_t routes_in = 0, bool left_out = false) {
  PeerStatus peer;
  peer.session = "Global_10_0_0_1";
  peer.address = "10.0.0.1";
  peer.bgp_state = peer.info = bgp_state;
  peer.routes_in = routes_in;
  peer.routes_left_out = left_out;
  return peer;
}

TEST(SessionWatch, APeerBelowTheLimitAgainIsAskedOnce) {
  SessionWatch watch;
  EXPECT_THAT(watch.Update({Tor("Established", 100)}, {}), IsEmpty());
  EXPECT_THAT(watch.Update({Tor("Established", kRoutesOfOnePeer, true)}, {}), IsEmpty());
  EXPECT_THAT(watch.problems(),
              ElementsAre("10.0.0.1: tells more than 200000 routes; those beyond are left out"));
  // A reconfiguration makes BIRD forget that there was more.
  EXPECT_THAT(watch.Update({Tor("Established", kRoutesOfOnePeer, false)}, {}), IsEmpty());
  EXPECT_THAT(watch.problems(), ElementsAre(HasSubstr("200000")));
  EXPECT_THAT(watch.Update({Tor("Established", kRoutesOfOnePeer - 1, true)}, {}), IsEmpty());
  EXPECT_THAT(watch.Update({Tor("Established", 100, true)}, {}), ElementsAre("Global_10_0_0_1"));
  EXPECT_THAT(watch.problems(), IsEmpty());
  EXPECT_THAT(watch.Update({Tor("Established", 150)}, {}), IsEmpty());
}

TEST(SessionWatch, ASessionThatEndsTellsEverythingAnyway) {
  SessionWatch watch;
  watch.Update({Tor("Established", kRoutesOfOnePeer, true)}, {});
  EXPECT_THAT(watch.Update({Tor("Connect")}, {}), IsEmpty());
  EXPECT_THAT(watch.Update({Tor("Established", 100)}, {}), IsEmpty());
  EXPECT_THAT(watch.problems(), IsEmpty());
}

TEST(SessionWatch, SilenceWithAPasswordIsExplainedIfItLasts) {
  BgpView view;
  view.peers = {{BgpPeerView::Type::kGlobal, *net::Ip::Parse("10.0.0.1"), 179, 65001, ""}};
  SessionWatch watch;
  for (int i = 0; i < 3; ++i) watch.Update({Tor("Connect")}, view);
  EXPECT_THAT(watch.problems(), IsEmpty()) << "without a password it says itself what there is to say";
  view.peers[0].password = dataplane_api::BgpSecret{"tor", "password"};
  watch = {};
  watch.Update({Tor("Connect")}, view);
  EXPECT_THAT(watch.problems(), IsEmpty());
  watch.Update({Tor("Active")}, view);
  EXPECT_THAT(watch.problems(), ElementsAre("10.0.0.1: no answer; it may have another password than secret "
                                            "tor, key password, or be away"));
  PeerStatus refused = Tor("Active");
  refused.info = "Active Received: Bad peer AS";
  watch.Update({refused}, view);
  EXPECT_THAT(watch.problems(), IsEmpty());
  watch.Update({Tor("Established")}, view);
  EXPECT_THAT(watch.problems(), IsEmpty());
}

}  // namespace
}  // namespace calico::bgp
