// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "datastore/testing/fake_client.h"
#include "ipam/allocator.h"
#include "ipam/testing/invariants.h"

namespace calico::ipam::testing {

inline net::Ip Ip(const std::string& text) {
  return net::Ip::Parse(text).value();
}
inline net::Cidr Cidr(const std::string& text) {
  return net::Cidr::ParsePrefix(text).value();
}

class ManualClock final : public Clock {
 public:
  TimePoint Now() const override { return TimePoint(now_); }
  WallTime WallNow() const override {
    return WallTime(std::chrono::seconds(1772445605)) + std::chrono::duration_cast<WallTime::duration>(now_);
  }
  void Advance(Duration by) { now_ += by; }

 private:
  Duration now_{0};
};

// A fake store with pools and nodes, and allocators for any host on it.
class AllocatorFixture : public ::testing::Test {
 protected:
  model::IPPool AddPool(const std::string& name, const std::string& cidr, int block_size = 0,
                        const std::function<void(model::IPPool&)>& change = {});
  void AddNode(const std::string& name, const std::map<std::string, std::string>& labels);
  void SetConfig(const std::function<void(model::IpamConfig&)>& change);
  void Put(const std::string& key, const std::string& value);
  std::string Value(const std::string& key);  // "" when absent
  std::string AffinityPath(const std::string& host, const std::string& cidr);
  std::vector<std::string> Affinities(const std::string& host);  // "10.0.0.0/26=confirmed"

  Result<Allocator::Assigned> Try(const std::string& host, const std::string& handle, int count = 1,
                                  const std::vector<std::string>& pools = {},
                                  net::Family family = net::Family::kV4);
  // Try(), and the call must succeed.
  std::vector<net::Ip> Assign(const std::string& host, const std::string& handle, int count = 1,
                              const std::vector<std::string>& pools = {},
                              net::Family family = net::Family::kV4);
  std::vector<net::Ip> Release(const std::string& host, const std::vector<net::Ip>& ips);

  Allocator allocator(const std::string& host) { return Allocator(client_, clock_, host); }
  datastore::Client& client() { return client_; }
  const Clock& clock() const { return clock_; }
  void AdvanceClock(Duration by) { clock_.Advance(by); }

 private:
  datastore::testing::FakeClient client_;
  ManualClock clock_;
};

}  // namespace calico::ipam::testing
