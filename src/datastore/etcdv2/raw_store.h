// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "datastore/client.h"
#include "datastore/etcdv2/answer.h"
#include "datastore/etcdv2/http.h"

namespace calico::datastore::etcdv2 {

struct RawList {
  std::vector<RawNode> nodes;  // the root first, then all below it; empty if there is no such key
  Revision index = 0;          // X-Etcd-Index
};

// When a write is to be carried out.
struct Condition {
  std::optional<bool> exists;     // prevExist
  std::optional<Revision> index;  // prevIndex
  static Condition None() { return {}; }
  static Condition Absent() { return {false, std::nullopt}; }
  static Condition At(Revision index) { return {true, index}; }
};

// etcd's v2 API (reference datastore-model B.3), with the errors of Client. Keys as stored: "/calico/…".
// Cheap to copy.
class RawStore final {
 public:
  RawStore(std::shared_ptr<Transport> transport, std::optional<TimePoint> deadline)
      : transport_(std::move(transport)), deadline_(deadline) {}

  // A directory is kNotFound.
  Result<RawNode> Get(const std::string& key) const;
  // Of a directory without `recursive`: it and its direct children.
  Result<RawList> List(const std::string& root, bool recursive) const;
  Result<Revision> Put(const std::string& key, const std::string& value, const Condition& condition,
                       std::optional<int> ttl_seconds = std::nullopt) const;
  Result<Revision> MakeDirectory(const std::string& key) const;  // kAlreadyExists
  Status Delete(const std::string& key, std::optional<Revision> index, bool recursive) const;
  Status DeleteEmptyDirectory(const std::string& key) const;

  const std::shared_ptr<Transport>& transport() const { return transport_; }
  const std::optional<TimePoint>& deadline() const { return deadline_; }

 private:
  Result<RawList> Read(const std::string& key, bool recursive) const;
  Result<Revision> Write(const HttpQuestion& question) const;

  std::shared_ptr<Transport> transport_;
  std::optional<TimePoint> deadline_;
};

std::string KeysPath(const std::string& key);  // "/v2/keys/calico/…"
// The error that an answer with a status of 400 and above stands for.
Error ToError(const Transport& transport, const HttpAnswer& answer);

}  // namespace calico::datastore::etcdv2
