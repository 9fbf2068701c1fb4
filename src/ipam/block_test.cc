// SPDX-License-Identifier: Apache-2.0
#include "ipam/block.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "model/codec/json.h"
#include "model/key.h"

namespace calico::ipam {
namespace {

// 2026-03-02T10:00:05.123456789Z
const WallTime kClaimed =
    WallTime(std::chrono::duration_cast<WallTime::duration>(std::chrono::nanoseconds(1772445605123456789)));

net::Ip Ip(const std::string& text) {
  return net::Ip::Parse(text).value();
}
net::Cidr Cidr(const std::string& text) {
  return net::Cidr::ParsePrefix(text).value();
}

std::string Encode(const model::IpamBlock& block) {
  return model::EncodeValue(model::Key::Block(block.cidr), block);
}

TEST(Block, HasTheDocumentedBytesWhenNew) {
  EXPECT_EQ(
      Encode(NewBlock(Cidr("10.77.3.0/30"), "rack1-host7", kClaimed)),
      R"({"cidr":"10.77.3.0/30","affinity":"host:rack1-host7","affinity_claim_time":"2026-03-02T10:00:05Z",)"
      R"("allocations":[null,null,null,null],"unallocated":[0,1,2,3],"attributes":[],)"
      R"("sequenceNumber":1772445605123456789,"sequenceNumberForAllocation":{},"deleted":false})");
}

// The example block of reference ipam 2.2, members in the order of reference datastore-model A.10.3.
TEST(Block, HasTheDocumentedBytesAfterAllocations) {
  model::IpamBlock block =
      NewBlock(Cidr("192.168.9.0/30"), "node-a", WallTime(std::chrono::seconds(1714557600)));
  block.sequence_number = 1714557600000000001ULL;
  ASSERT_TRUE(Assign(block, Ip("192.168.9.0"),
                     {"net1.4f0c", {{"namespace", "default"}, {"node", "node-a"}, {"pod", "web-0"}}})
                  .has_value());
  BumpSequence(block);
  ASSERT_TRUE(Assign(block, Ip("192.168.9.2"),
                     {"ipip-tunnel-addr-node-a", {{"node", "node-a"}, {"type", "ipipTunnelAddress"}}})
                  .has_value());
  BumpSequence(block);
  EXPECT_EQ(
      Encode(block),
      R"({"cidr":"192.168.9.0/30","affinity":"host:node-a","affinity_claim_time":"2024-05-01T10:00:00Z",)"
      R"("allocations":[0,null,1,null],"unallocated":[1,3],)"
      R"("attributes":[{"handle_id":"net1.4f0c","secondary":{"namespace":"default","node":"node-a","pod":"web-0"}},)"
      R"({"handle_id":"ipip-tunnel-addr-node-a","secondary":{"node":"node-a","type":"ipipTunnelAddress"}}],)"
      R"("sequenceNumber":1714557600000000003,)"
      R"("sequenceNumberForAllocation":{"0":1714557600000000001,"2":1714557600000000002},"deleted":false})");
}

TEST(Block, SharesOneAttributeBetweenEqualOwners) {
  model::IpamBlock block = NewBlock(Cidr("10.0.0.0/29"), "a", kClaimed);
  const Owner owner{"h", {{"node", "a"}}};
  ASSERT_EQ(AutoAssign(block, 2, owner, {}).size(), 2U);
  ASSERT_EQ(AutoAssign(block, 1, owner, {}).size(), 1U);
  EXPECT_EQ(block.attributes.size(), 1U);
  ASSERT_EQ(AutoAssign(block, 1, {"h", {{"node", "b"}}}, {}).size(), 1U);
  EXPECT_EQ(block.attributes.size(), 2U);
}

TEST(Block, UsesReleasedAddressesLast) {
  model::IpamBlock block = NewBlock(Cidr("10.0.0.0/30"), "a", kClaimed);
  ASSERT_EQ(AutoAssign(block, 1, {"h1", {}}, {}), std::vector<net::Ip>{Ip("10.0.0.0")});
  Release(block, {Ip("10.0.0.0")});
  EXPECT_EQ(AutoAssign(block, 4, {"h2", {}}, {}),
            (std::vector<net::Ip>{Ip("10.0.0.1"), Ip("10.0.0.2"), Ip("10.0.0.3"), Ip("10.0.0.0")}));
}

TEST(Block, LeavesReservedAddressesInTheirPlace) {
  model::IpamBlock block = NewBlock(Cidr("10.0.0.0/30"), "a", kClaimed);
  EXPECT_EQ(AutoAssign(block, 2, {"h", {}}, {Cidr("10.0.0.0/31")}),
            (std::vector<net::Ip>{Ip("10.0.0.2"), Ip("10.0.0.3")}));
  EXPECT_EQ(block.unallocated, (std::vector<int>{0, 1}));
}

TEST(Block, RefusesATakenAddress) {
  model::IpamBlock block = NewBlock(Cidr("10.0.0.0/30"), "a", kClaimed);
  ASSERT_TRUE(Assign(block, Ip("10.0.0.2"), {"h", {}}).has_value());
  const Status again = Assign(block, Ip("10.0.0.2"), {"h", {}});
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code(), ErrorCode::kAlreadyExists);
  EXPECT_NE(again.error().message().find("Address already assigned in block"), std::string::npos);
}

TEST(Block, CutsGarbageAfterACarriageReturnFromHandles) {
  model::IpamBlock block = NewBlock(Cidr("10.0.0.0/30"), "a", kClaimed);
  ASSERT_TRUE(Assign(block, Ip("10.0.0.1"), {"container\r\neth0", {}}).has_value());
  EXPECT_EQ(ReleaseByHandle(block, "container").addresses.size(), 1U);
}

TEST(Block, CountsAsEmptyWithWindowsReservationsOnly) {
  model::IpamBlock block = NewBlock(Cidr("10.0.0.0/29"), "a", kClaimed);
  ASSERT_TRUE(Assign(block, Ip("10.0.0.0"), {"Windows-Reserved-IPAM-Handle", {}}).has_value());
  EXPECT_TRUE(IsEmpty(block));
  ASSERT_TRUE(Assign(block, Ip("10.0.0.5"), {"h", {}}).has_value());
  EXPECT_FALSE(IsEmpty(block));
}

TEST(Block, RejectsWhatWouldBreakItsArithmetic) {
  model::IpamBlock block = NewBlock(Cidr("10.0.0.0/30"), "a", kClaimed);
  block.allocations[1] = 0;  // no such attribute, and still in the free list
  EXPECT_FALSE(CheckConsistent(block).has_value());
  block = NewBlock(Cidr("10.0.0.0/30"), "a", kClaimed);
  block.unallocated.push_back(2);
  EXPECT_FALSE(CheckConsistent(block).has_value());
  block = NewBlock(Cidr("10.0.0.0/30"), "a", kClaimed);
  block.allocations.pop_back();
  EXPECT_FALSE(CheckConsistent(block).has_value());
}

// Random calls against a plain map of who holds what.
TEST(BlockProperties, ConservesAddressesUnderAnyCalls) {
  const bool held_up = rc::check("assign and release conserve addresses", [] {
    const bool v6 = *rc::gen::arbitrary<bool>();
    const int host_bits = *rc::gen::inRange(0, 5);
    const net::Cidr cidr = v6 ? net::Cidr(Ip("fd00:77::40"), 128 - host_bits).Masked()
                              : net::Cidr(Ip("10.77.3.64"), 32 - host_bits).Masked();
    const int size = BlockSize(cidr);
    model::IpamBlock block = NewBlock(cidr, "h", kClaimed);
    std::map<net::Ip, Owner> held;
    const auto owner = [] {
      return Owner{fmt::format("handle{}", *rc::gen::inRange(0, 3)),
                   {{"pod", fmt::format("p{}", *rc::gen::inRange(0, 2))}}};
    };
    const auto address = [&] {
      return cidr.ip().Plus(static_cast<std::uint64_t>(*rc::gen::inRange(0, size)));
    };

    const int steps = *rc::gen::inRange(0, 30);
    for (int step = 0; step < steps; ++step) {
      switch (*rc::gen::inRange(0, 5)) {
        case 0: {
          const Owner who = owner();
          const int count = *rc::gen::inRange(1, 4);
          const auto ips = AutoAssign(block, count, who, {});
          RC_ASSERT(static_cast<int>(ips.size()) == std::min(count, size - static_cast<int>(held.size())));
          for (const net::Ip& ip : ips) RC_ASSERT(held.emplace(ip, who).second);  // S1
          break;
        }
        case 1: {
          const Owner who = owner();
          const net::Ip ip = address();
          RC_ASSERT(Assign(block, ip, who).has_value() == (held.count(ip) == 0));
          held.emplace(ip, who);
          break;
        }
        case 2: {
          const std::vector<net::Ip> ips = {address(), address()};
          const Released released = Release(block, ips);
          for (const auto& [ip, handle] : released.addresses) {
            RC_ASSERT(held.at(ip).handle_id == handle);
            held.erase(ip);
          }
          for (const net::Ip& ip : ips) RC_ASSERT(held.count(ip) == 0U);
          break;
        }
        case 3: {
          const std::string handle = owner().handle_id;
          for (const auto& [ip, unused] : ReleaseByHandle(block, handle).addresses) held.erase(ip);
          for (const auto& [ip, who] : held) RC_ASSERT(who.handle_id != handle);
          break;
        }
        default: {
          const Owner who = owner();
          const net::Ip ip = address();
          RC_ASSERT(SetOwner(block, ip, who).has_value() == (held.count(ip) == 1));
          if (held.count(ip) == 1) held[ip] = who;
          break;
        }
      }
      BumpSequence(block);
      RC_ASSERT(CheckConsistent(block).has_value());  // S3, S5
      std::set<int> used;
      for (const auto& slot : block.allocations) {
        if (slot.has_value()) used.insert(*slot);
      }
      RC_ASSERT(used.size() == block.attributes.size());  // S4
      RC_ASSERT(FreeCount(block) + static_cast<int>(held.size()) == size);
      RC_ASSERT(block.sequence_number_for_allocation.size() == held.size());
      for (const auto& [ip, who] : held) {  // S2, S18
        const auto attribute = AttributeOf(block, ip);
        RC_ASSERT(attribute.has_value());
        RC_ASSERT(HandleOf(*attribute) == who.handle_id);
        RC_ASSERT(attribute->secondary == who.attributes);
      }
    }
    const auto decoded = model::DecodeValue(model::Key::Block(cidr), Encode(block));
    RC_ASSERT(decoded.has_value());
    RC_ASSERT(std::get<model::IpamBlock>(*decoded) == block);
  });
  EXPECT_TRUE(held_up);
}

}  // namespace
}  // namespace calico::ipam
