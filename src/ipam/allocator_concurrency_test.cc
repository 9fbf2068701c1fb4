// SPDX-License-Identifier: Apache-2.0
// Several hosts with several processes each on one small pool: no address twice, all of them used, nothing
// lost.
#include <atomic>
#include <cstdlib>
#include <memory>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/event_loop.h"
#include "datastore/choice.h"
#include "ipam/testing/allocator_fixture.h"
#include "model/codec/json.h"
#include "model/key.h"

namespace calico::ipam {
namespace {

using ::testing::IsEmpty;

enum class Store { kFake, kSqlite };

class AllocatorConcurrency : public ::testing::TestWithParam<Store> {
 protected:
  void SetUp() override {
    if (GetParam() == Store::kFake) {
      fake_ = std::make_unique<datastore::testing::FakeClient>();
      return;
    }
    directory_ = ::testing::TempDir() + "ipam-XXXXXX";
    ASSERT_NE(::mkdtemp(directory_.data()), nullptr);
  }
  void TearDown() override {
    for (const char* suffix : {"", "-wal", "-shm", ".lock"}) {
      ::unlink((directory_ + "/calico.db" + suffix).c_str());
    }
    if (!directory_.empty()) ::rmdir(directory_.c_str());
  }
  // One per process: SQLite opens its file once for each.
  datastore::Client& ClientOfProcess() {
    if (fake_ != nullptr) return *fake_;
    datastore::StoreChoice choice;
    choice.type = datastore::StoreType::kSqlite;
    choice.sqlite_path = directory_ + "/calico.db";
    choice.create_sqlite = true;
    auto opened = datastore::OpenStore(choice);
    EXPECT_TRUE(opened.has_value()) << opened.error().message();
    opened_.push_back(std::move(opened.value()));
    return *opened_.back();
  }
  void AddPool(datastore::Client& client, const std::string& cidr, int block_size) {
    model::IPPool pool;
    pool.metadata.name = "pool";
    pool.cidr = cidr;
    pool.block_size = block_size;
    const model::Key key = model::Key::Resource(model::Kind::kIPPool, "pool");
    ASSERT_TRUE(client.Put(model::ToPath(key), model::EncodeValue(key, pool)).has_value());
  }

 private:
  std::unique_ptr<datastore::testing::FakeClient> fake_;
  std::vector<std::unique_ptr<datastore::Client>> opened_;
  std::string directory_;
};

// One process of one host: takes and gives back addresses at random and ends with `keep` of them.
struct Worker {
  Worker(datastore::Client& store, const Clock& time, const std::string& host, int number)
      : allocator(store, time, host),
        handle("handle-" + std::to_string(number)),
        random(static_cast<unsigned>(number)),
        thread("worker") {}

  void Run(int rounds, int keep) {
    for (int i = 0; i < rounds; ++i) {
      const int most = 4;
      if (static_cast<int>(held.size()) < most && random() % 2 == 0) Take();
      if (!held.empty() && random() % 3 == 0) GiveBack();
    }
    while (static_cast<int>(held.size()) < keep) {
      if (!Take()) return;
    }
    while (static_cast<int>(held.size()) > keep) GiveBack();
  }
  bool Take() {
    Allocator::Request request;
    request.owner = {handle, {}};
    const auto assigned = allocator.AutoAssign(request);
    if (!assigned.has_value() || assigned->ips.empty()) {
      failure = assigned.has_value() ? assigned->reason : assigned.error().message();
      return false;
    }
    held.push_back(assigned->ips[0]);
    return true;
  }
  void GiveBack() {
    const auto released = allocator.ReleaseIps({held.back()});
    if (!released.has_value() || released->size() != 1) failure = "release of a held address failed";
    held.pop_back();
  }

  Allocator allocator;
  const std::string handle;
  std::minstd_rand random;
  std::vector<net::Ip> held;
  std::string failure;
  LoopThread thread;
};

TEST_P(AllocatorConcurrency, GivesEachAddressToOneOwnerOnly) {
  constexpr int kHosts = 3, kProcesses = 2, kKeep = 5;
  datastore::Client& client = ClientOfProcess();
  AddPool(client, "10.65.0.0/27", 29);  // 32 addresses for 6 processes that keep 5 each
  const SystemClock clock;
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < kHosts * kProcesses; ++i) {
    workers.push_back(
        std::make_unique<Worker>(ClientOfProcess(), clock, "host-" + std::to_string(i % kHosts), i));
  }
  for (auto& worker : workers) {
    worker->thread.Start();
    worker->thread.loop().Post([&worker] { worker->Run(25, kKeep); });
  }
  testing::Holdings held;
  std::size_t total = 0;
  for (auto& worker : workers) {
    worker->thread.RunSync([] {});  // after Run()
    worker->thread.StopAndJoin();
    EXPECT_EQ(worker->failure, "");
    total += worker->held.size();
    for (const net::Ip& ip : worker->held) held[ip] = worker->handle;
  }
  EXPECT_EQ(total, static_cast<std::size_t>(kHosts * kProcesses * kKeep));
  EXPECT_EQ(held.size(), total) << "an address was given out twice";
  EXPECT_EQ(testing::Allocated(client), held);
  for (int host = 0; host < kHosts; ++host) {
    ASSERT_TRUE(Allocator(client, clock, "host-" + std::to_string(host)).RepairAffinities().has_value());
  }
  EXPECT_THAT(testing::CheckQuiescent(client, held), IsEmpty());
}

// Many processes of one host that need its first block at the same moment (reference ipam 4.4).
TEST_P(AllocatorConcurrency, ClaimsOneBlockForProcessesOfOneHost) {
  constexpr int kProcesses = 6;
  datastore::Client& client = ClientOfProcess();
  AddPool(client, "10.65.0.0/16", 26);
  const SystemClock clock;
  std::vector<std::unique_ptr<Worker>> workers;
  for (int i = 0; i < kProcesses; ++i) {
    workers.push_back(std::make_unique<Worker>(ClientOfProcess(), clock, "host", i));
  }
  for (auto& worker : workers) {
    worker->thread.Start();
    worker->thread.loop().Post([&worker] { worker->Run(0, 3); });
  }
  testing::Holdings held;
  for (auto& worker : workers) {
    worker->thread.RunSync([] {});
    worker->thread.StopAndJoin();
    EXPECT_EQ(worker->failure, "");
    for (const net::Ip& ip : worker->held) held[ip] = worker->handle;
  }
  EXPECT_EQ(held.size(), static_cast<std::size_t>(kProcesses * 3));
  BlockStore store(client, clock);
  EXPECT_EQ(store.ListBlocks(net::Family::kV4).value().size(), 1U);
  EXPECT_THAT(testing::CheckQuiescent(client, held), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(EveryStore, AllocatorConcurrency, ::testing::Values(Store::kFake, Store::kSqlite),
                         [](const auto& param) { return param.param == Store::kFake ? "Fake" : "Sqlite"; });

}  // namespace
}  // namespace calico::ipam
