// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include <gtest/gtest.h>

#include "datastore/client.h"

namespace calico::datastore::testing {

// What the contract suite needs of one kind of store. A new store per test.
class StoreUnderTest {
 public:
  virtual ~StoreUnderTest() = default;
  virtual Client& client() = 0;
  // A second, independent client of the same store, as another process would have.
  virtual std::unique_ptr<Client> OpenAnother() = 0;
  // Forgets old events, so that a watch from an early revision fails with kNotFound.
  virtual void Compact() = 0;
  // What etcd v2 cannot: values that are no UTF-8 text, and a key that has others below it.
  virtual bool holds_any_bytes() const { return true; }
  virtual bool keys_have_keys_below() const { return true; }
};
struct StoreFactory {
  std::string name;
  std::function<std::unique_ptr<StoreUnderTest>()> make;
};
inline void PrintTo(const StoreFactory& factory, std::ostream* out) {
  *out << factory.name;
}

// The contract of Client. Instantiate it for each driver:
//   INSTANTIATE_TEST_SUITE_P(Sqlite, ClientContract, ::testing::Values(StoreFactory{…}));
class ClientContract : public ::testing::TestWithParam<StoreFactory> {
 protected:
  void SetUp() override {
    store_ = GetParam().make();
    ASSERT_NE(store_, nullptr);
  }
  Client& client() { return store_->client(); }
  StoreUnderTest& store() { return *store_; }

 private:
  std::unique_ptr<StoreUnderTest> store_;
};

}  // namespace calico::datastore::testing
