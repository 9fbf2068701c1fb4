// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <utility>

#include "datastore/client.h"

namespace calico::calicoctl::testing {

// A client that says its store holds resources of a dialect.
class DialectClient final : public datastore::Client {
 public:
  DialectClient(std::unique_ptr<Client> client, datastore::Dialect dialect)
      : client_(std::move(client)), dialect_(dialect) {}

  Result<datastore::KeyValue> Get(const std::string& key) override { return client_->Get(key); }
  Result<datastore::ListResult> List(const std::string& prefix) override { return client_->List(prefix); }
  Result<datastore::Revision> Create(const std::string& key, const std::string& value) override {
    return client_->Create(key, value);
  }
  Result<datastore::Revision> Update(const std::string& key, const std::string& value,
                                     datastore::Revision expected) override {
    return client_->Update(key, value, expected);
  }
  Result<datastore::Revision> Put(const std::string& key, const std::string& value) override {
    return client_->Put(key, value);
  }
  Status Delete(const std::string& key, datastore::Revision expected) override {
    return client_->Delete(key, expected);
  }
  std::unique_ptr<datastore::Watch> StartWatch(const std::string& prefix, datastore::Revision from,
                                               datastore::WatchCallbacks callbacks) override {
    return client_->StartWatch(prefix, from, std::move(callbacks));
  }
  std::unique_ptr<Client> WithDeadline(TimePoint deadline) override {
    return std::make_unique<DialectClient>(client_->WithDeadline(deadline), dialect_);
  }
  datastore::Dialect dialect() const override { return dialect_; }
  const std::string& name() const override { return client_->name(); }

 private:
  const std::unique_ptr<Client> client_;
  const datastore::Dialect dialect_;
};

}  // namespace calico::calicoctl::testing
