// SPDX-License-Identifier: Apache-2.0
#include "ipam/testing/invariants.h"

#include <algorithm>

#include <fmt/format.h>

#include "ipam/block.h"
#include "model/codec/json.h"
#include "model/key.h"

namespace calico::ipam::testing {
namespace {

struct Contents {
  std::map<net::Cidr, model::IpamBlock> blocks;
  std::map<std::pair<std::string, net::Cidr>, model::AffinityState> affinities;  // (host, block)
  std::map<std::string, std::map<std::string, int>> handles;
  std::vector<std::string> violations;
};

Contents ReadAll(datastore::Client& client) {
  Contents contents;
  const auto list = client.List("/calico/ipam/v2/");
  if (!list.has_value()) {
    contents.violations.push_back("cannot list: " + list.error().message());
    return contents;
  }
  for (const datastore::KeyValue& kv : list->items) {
    const auto key = model::ParsePath(kv.key);
    const auto object = key.has_value()
                            ? model::DecodeValue(*key, kv.value)
                            : Result<model::Object>(Error(ErrorCode::kInvalidArgument, "unknown key"));
    if (!object.has_value()) {
      contents.violations.push_back(kv.key + ": " + object.error().message());
      continue;
    }
    if (const auto* block = std::get_if<model::IpamBlock>(&*object)) contents.blocks[block->cidr] = *block;
    if (const auto* affinity = std::get_if<model::BlockAffinity>(&*object)) {
      contents.affinities[{key->ns, net::Cidr::ParsePrefix(key->name).value()}] = affinity->state;
    }
    if (const auto* handle = std::get_if<model::IpamHandle>(&*object))
      contents.handles[key->name] = handle->blocks;
  }
  return contents;
}

// (handle, block) -> addresses really allocated
std::map<std::pair<std::string, std::string>, int> RealCounts(const Contents& contents) {
  std::map<std::pair<std::string, std::string>, int> counts;
  for (const auto& [cidr, block] : contents.blocks) {
    for (const auto& slot : block.allocations) {
      if (!slot.has_value()) continue;
      const std::string handle = HandleOf(block.attributes.at(static_cast<std::size_t>(*slot)));
      if (!handle.empty()) ++counts[{handle, cidr.ToString()}];
    }
  }
  return counts;
}

void CheckBlocks(Contents& contents) {
  const net::Cidr* previous = nullptr;
  for (const auto& [cidr, block] : contents.blocks) {
    if (const Status ok = CheckConsistent(block); !ok.has_value()) {
      contents.violations.push_back(ok.error().message());
      continue;
    }
    std::vector<bool> used(block.attributes.size(), false);
    for (const auto& slot : block.allocations) {
      if (slot.has_value()) used.at(static_cast<std::size_t>(*slot)) = true;
    }
    if (std::find(used.begin(), used.end(), false) != used.end()) {
      contents.violations.push_back(fmt::format("S4: block {} has an unused attribute", cidr.ToString()));
    }
    if (previous != nullptr && previous->Overlaps(cidr)) {
      contents.violations.push_back(fmt::format("S5: {} overlaps {}", previous->ToString(), cidr.ToString()));
    }
    previous = &cidr;
  }
}

void CheckAffinities(Contents& contents) {
  for (const auto& [key, state] : contents.affinities) {
    if (state != model::AffinityState::kConfirmed) continue;
    const auto& [host, cidr] = key;
    const auto block = contents.blocks.find(cidr);
    if (block == contents.blocks.end() || OwnerOf(block->second) != host) {
      contents.violations.push_back(fmt::format(
          "S8: {} has a confirmed affinity for {}, which is not its block", host, cidr.ToString()));
    }
  }
}

void CheckHeld(Contents& contents, const Holdings& held) {
  for (const auto& [ip, handle] : held) {
    bool found = false;
    for (const auto& [cidr, block] : contents.blocks) {
      if (cidr.family() != ip.family() || !cidr.Contains(ip)) continue;
      const auto attribute = AttributeOf(block, ip);
      found = attribute.has_value() && HandleOf(*attribute) == handle;
    }
    if (!found) contents.violations.push_back(fmt::format("S2: {} is not held by {}", ip.ToString(), handle));
  }
}

void CheckHandles(Contents& contents, bool exact) {
  const auto real = RealCounts(contents);
  for (const auto& [key, count] : real) {
    const int counted = contents.handles[key.first][key.second];
    if (counted < count || (exact && counted != count)) {
      contents.violations.push_back(fmt::format("S9/Q3: handle {} counts {} in {}, which has {}", key.first,
                                                counted, key.second, count));
    }
  }
  if (!exact) return;
  for (const auto& [handle, blocks] : contents.handles) {
    for (const auto& [block, count] : blocks) {
      if (real.count({handle, block}) == 0) {
        contents.violations.push_back(
            fmt::format("Q3: handle {} counts {} in {}: none", handle, count, block));
      }
    }
  }
}

}  // namespace

std::vector<std::string> CheckSafety(datastore::Client& client, const Holdings& held) {
  Contents contents = ReadAll(client);
  CheckBlocks(contents);
  CheckAffinities(contents);
  CheckHeld(contents, held);
  CheckHandles(contents, false);
  return contents.violations;
}

std::vector<std::string> CheckQuiescent(datastore::Client& client, const Holdings& held) {
  Contents contents = ReadAll(client);
  CheckBlocks(contents);
  CheckAffinities(contents);
  CheckHeld(contents, held);
  CheckHandles(contents, true);
  for (const auto& [key, state] : contents.affinities) {
    if (state != model::AffinityState::kConfirmed) {
      contents.violations.push_back(
          fmt::format("Q2: {} has an unfinished affinity for {}", key.first, key.second.ToString()));
    }
  }
  for (const auto& [cidr, block] : contents.blocks) {
    const std::string owner = OwnerOf(block);
    if (!owner.empty() && contents.affinities.count({owner, cidr}) == 0) {
      contents.violations.push_back(
          fmt::format("Q2: block {} of {} has no affinity", cidr.ToString(), owner));
    }
  }
  return contents.violations;
}

Holdings Allocated(datastore::Client& client) {
  Holdings held;
  for (const auto& [cidr, block] : ReadAll(client).blocks) {
    for (std::size_t i = 0; i < block.allocations.size(); ++i) {
      const net::Ip ip = cidr.ip().Plus(i);
      if (const auto attribute = AttributeOf(block, ip)) held[ip] = HandleOf(*attribute);
    }
  }
  return held;
}

}  // namespace calico::ipam::testing
