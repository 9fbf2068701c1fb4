// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "datastore/client.h"

namespace calico::calicoctl::testing {

// Another client's store as one of Calico 2.6.
class Calico26View final : public datastore::Client {
 public:
  explicit Calico26View(std::unique_ptr<datastore::Client> inner) : inner_(std::move(inner)) {}

  Result<datastore::KeyValue> Get(const std::string& key) override { return inner_->Get(key); }
  Result<datastore::ListResult> List(const std::string& prefix) override { return inner_->List(prefix); }
  Result<datastore::Revision> Create(const std::string& key, const std::string& value) override {
    return inner_->Create(key, value);
  }
  Result<datastore::Revision> Update(const std::string& key, const std::string& value,
                                     datastore::Revision expected) override {
    return inner_->Update(key, value, expected);
  }
  Result<datastore::Revision> Put(const std::string& key, const std::string& value) override {
    return inner_->Put(key, value);
  }
  Status Delete(const std::string& key, datastore::Revision expected) override {
    return inner_->Delete(key, expected);
  }
  std::unique_ptr<datastore::Watch> StartWatch(const std::string& prefix, datastore::Revision from,
                                               datastore::WatchCallbacks callbacks) override {
    return inner_->StartWatch(prefix, from, std::move(callbacks));
  }
  std::unique_ptr<datastore::Client> WithDeadline(TimePoint deadline) override {
    return std::make_unique<Calico26View>(inner_->WithDeadline(deadline));
  }
  datastore::Dialect dialect() const override { return datastore::Dialect::kCalico26; }
  const std::string& name() const override { return inner_->name(); }

 private:
  std::unique_ptr<datastore::Client> inner_;
};

}  // namespace calico::calicoctl::testing
