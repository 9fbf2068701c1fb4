// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/leftovers.h"

#include <gtest/gtest.h>

namespace calico::libnetwork {
namespace {

using std::chrono::seconds;

const WallTime kNow = WallTime() + std::chrono::hours(500'000);

HostLook LookWithDocker(std::set<std::string> running) {
  return {.now = kNow,
          .grace = seconds(60),
          .boot_id = "boot",
          .interfaces = {"cali1"},
          .docker = std::move(running),
          .former_docker_ended = {}};
}
HostLook LookWithoutDocker() {
  HostLook look = LookWithDocker({});
  look.docker.reset();
  return look;
}
EndpointTrace Attached(seconds age) {
  return {"e1", "cali1", "boot", kNow - age};
}
EndpointTrace Detached(seconds age) {
  return {"e1", "cali2", "boot", kNow - age};
}

TEST(LeftoverEndpoint, IsNeverOneThatAContainerHas) {
  HostLook look = LookWithDocker({"e1"});
  look.former_docker_ended = kNow - seconds(1);
  for (const EndpointTrace& endpoint : {Attached(seconds(9999)), Detached(seconds(9999))})
    EXPECT_EQ(Judge(endpoint, look), Verdict::kAlive);
  EndpointTrace other_boot = Detached(seconds(9999));
  other_boot.boot_id = "before";
  EXPECT_EQ(Judge(other_boot, look), Verdict::kAlive);
}

TEST(LeftoverEndpoint, IsOneThatNoContainerHasAlthoughItsInterfaceIsThere) {
  EXPECT_EQ(Judge(Attached(seconds(61)), LookWithDocker({"e2"})), Verdict::kSuspect);
  EXPECT_EQ(Judge(Attached(seconds(59)), LookWithDocker({"e2"})), Verdict::kAlive) << "may be on its way";
}

TEST(LeftoverEndpoint, OfAFormerDockerIsDeadAtOnce) {
  HostLook look = LookWithDocker({});
  look.former_docker_ended = kNow - seconds(3);
  EXPECT_EQ(Judge(Attached(seconds(5)), look), Verdict::kDead);
  EXPECT_EQ(Judge(Attached(seconds(3)), look), Verdict::kAlive) << "times are whole seconds";
  EXPECT_EQ(Judge(Attached(seconds(1)), look), Verdict::kAlive) << "of the new one";
  look.docker.reset();
  EXPECT_EQ(Judge(Attached(seconds(5)), look), Verdict::kAlive) << "the new one has not said what it has";
}

TEST(LeftoverEndpoint, OfAFormerBootIsDeadAtOnce) {
  EndpointTrace endpoint = Detached(seconds(1));
  endpoint.boot_id = "before";
  EXPECT_EQ(Judge(endpoint, LookWithoutDocker()), Verdict::kDead);
  EXPECT_EQ(Judge(endpoint, LookWithDocker({})), Verdict::kDead);
}

TEST(LeftoverEndpoint, IsToldByItsInterfaceWhileDockerDoesNotAnswer) {
  EXPECT_EQ(Judge(Attached(seconds(9999)), LookWithoutDocker()), Verdict::kAlive);
  EXPECT_EQ(Judge(Detached(seconds(61)), LookWithoutDocker()), Verdict::kDead);
  EXPECT_EQ(Judge(Detached(seconds(59)), LookWithoutDocker()), Verdict::kAlive);
  EndpointTrace ageless = Detached(seconds(0));
  ageless.made.reset();
  EXPECT_EQ(Judge(ageless, LookWithoutDocker()), Verdict::kSuspect);
}

TEST(LeftoverAddress, IsOneThatNoEndpointHas) {
  const auto address = [](seconds age) { return AddressTrace{"", false, false, kNow - age}; };
  EXPECT_EQ(Judge(address(seconds(61)), LookWithoutDocker()), Verdict::kSuspect);
  EXPECT_EQ(Judge(address(seconds(59)), LookWithoutDocker()), Verdict::kAlive);
  HostLook look = LookWithDocker({"e1"});
  look.former_docker_ended = kNow - seconds(3);
  EXPECT_EQ(Judge(address(seconds(5)), look), Verdict::kDead);
  AddressTrace used = address(seconds(9999));
  used.used = true;
  EXPECT_EQ(Judge(used, look), Verdict::kAlive);
  AddressTrace kept = address(seconds(9999));
  kept.kept_by_network = true;
  EXPECT_EQ(Judge(kept, look), Verdict::kAlive);
  AddressTrace of_container = address(seconds(9999));
  of_container.endpoint_id = "e1";
  EXPECT_EQ(Judge(of_container, look), Verdict::kAlive)
      << "somebody deleted the endpoint of a running container";
}

}  // namespace
}  // namespace calico::libnetwork
