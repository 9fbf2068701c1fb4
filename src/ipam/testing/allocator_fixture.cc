// SPDX-License-Identifier: Apache-2.0
#include "ipam/testing/allocator_fixture.h"

#include "model/codec/json.h"
#include "model/key.h"

namespace calico::ipam::testing {
namespace {

std::string_view StateName(model::AffinityState state) {
  switch (state) {
    case model::AffinityState::kPending:
      return "pending";
    case model::AffinityState::kConfirmed:
      return "confirmed";
    case model::AffinityState::kPendingDeletion:
      return "pendingDeletion";
  }
  return "";
}

}  // namespace

model::IPPool AllocatorFixture::AddPool(const std::string& name, const std::string& cidr, int block_size,
                                        const std::function<void(model::IPPool&)>& change) {
  model::IPPool pool;
  pool.metadata.name = name;
  pool.cidr = cidr;
  pool.block_size = block_size != 0 ? block_size : (Cidr(cidr).family() == net::Family::kV4 ? 26 : 122);
  if (change) change(pool);
  const model::Key key = model::Key::Resource(model::Kind::kIPPool, name);
  Put(model::ToPath(key), model::EncodeValue(key, pool));
  return pool;
}

void AllocatorFixture::AddNode(const std::string& name, const std::map<std::string, std::string>& labels) {
  model::Node node;
  node.metadata.name = name;
  node.metadata.labels = labels;
  const model::Key key = model::Key::Resource(model::Kind::kNode, name);
  Put(model::ToPath(key), model::EncodeValue(key, node));
}

void AllocatorFixture::SetConfig(const std::function<void(model::IpamConfig&)>& change) {
  model::IpamConfig config;
  change(config);
  const model::Key key = model::Key::Resource(model::Kind::kIpamConfig, {});
  Put(model::ToPath(key), model::EncodeValue(key, config));
}

void AllocatorFixture::Put(const std::string& key, const std::string& value) {
  const auto put = client_.Put(key, value);
  ASSERT_TRUE(put.has_value()) << put.error().message();
}

std::string AllocatorFixture::Value(const std::string& key) {
  const auto kv = client_.Get(key);
  return kv.has_value() ? kv->value : "";
}

std::string AllocatorFixture::AffinityPath(const std::string& host, const std::string& cidr) {
  return model::ToPath(model::Key::Affinity(host, Cidr(cidr)));
}

std::vector<std::string> AllocatorFixture::Affinities(const std::string& host) {
  BlockStore store(client_, clock_);
  std::vector<std::string> texts;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    const auto affinities = store.ListAffinities(host, family);
    if (!affinities.has_value()) return {affinities.error().message()};
    for (const StoredAffinity& affinity : *affinities) {
      texts.push_back(affinity.cidr.ToString() + "=" + std::string(StateName(affinity.state)));
    }
  }
  return texts;
}

Result<Allocator::Assigned> AllocatorFixture::Try(const std::string& host, const std::string& handle,
                                                  int count, const std::vector<std::string>& pools,
                                                  net::Family family) {
  Allocator::Request request;
  request.family = family;
  request.count = count;
  request.owner = {handle, {{"node", host}}};
  for (const std::string& pool : pools) request.pools.push_back(Cidr(pool));
  return allocator(host).AutoAssign(request);
}

std::vector<net::Ip> AllocatorFixture::Assign(const std::string& host, const std::string& handle, int count,
                                              const std::vector<std::string>& pools, net::Family family) {
  const auto assigned = Try(host, handle, count, pools, family);
  if (!assigned.has_value()) {
    ADD_FAILURE() << assigned.error().message();
    return {};
  }
  EXPECT_EQ(assigned->ips.size(), static_cast<std::size_t>(count)) << assigned->reason;
  return assigned->ips;
}

std::vector<net::Ip> AllocatorFixture::Release(const std::string& host, const std::vector<net::Ip>& ips) {
  const auto released = allocator(host).ReleaseIps(ips);
  if (!released.has_value()) {
    ADD_FAILURE() << released.error().message();
    return {};
  }
  return *released;
}

}  // namespace calico::ipam::testing
