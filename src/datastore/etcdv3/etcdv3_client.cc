// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv3/etcdv3_client.h"

#include <algorithm>
#include <future>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "datastore/etcdv3/connection.h"
#include "datastore/etcdv3/watch.h"

namespace calico::datastore {
namespace {

using etcdv3::Connection;
namespace pb = etcdserverpb;

KeyValue FromProto(const pb::KeyValue& kv) {
  return {kv.key(), kv.value(), kv.mod_revision()};
}
Error NotFound(const std::string& key) {
  return Error(ErrorCode::kNotFound, "no such key: " + key);
}

// Each write is one transaction: If <compare> Then <write> Else get (reference datastore-model A.5).
class EtcdV3Client final : public Client {
 public:
  EtcdV3Client(std::shared_ptr<Connection> connection, std::optional<TimePoint> deadline)
      : connection_(std::move(connection)), deadline_(deadline) {}

  Result<KeyValue> Get(const std::string& key) override {
    pb::RangeRequest request;
    request.set_key(key);
    ASSIGN_OR_RETURN(const pb::RangeResponse response, Range(request));
    if (response.kvs().empty()) return NotFound(key);
    return FromProto(response.kvs(0));
  }

  Result<ListResult> List(const std::string& prefix) override {
    ListResult result;
    ASSIGN_OR_RETURN(result.revision, ForEach(prefix, [&result](KeyValue kv) {
                       result.items.push_back(std::move(kv));
                       return Ok();
                     }));
    return result;
  }

  // Pages of the revision that the first one has. Their size follows that of the values: a page should
  // neither exceed what etcd and gRPC send in one message, nor make many round trips of small ones. The next
  // page is on its way while one is visited.
  Result<Revision> ForEach(const std::string& prefix, const Visit& visit) override {
    constexpr std::int64_t kFirstPage = 500, kLargestPage = 10'000;
    constexpr std::size_t kPageBytes = 2u << 20;
    pb::RangeRequest request;
    request.set_key(prefix);
    request.set_range_end(etcdv3::PrefixEnd(prefix));
    request.set_limit(kFirstPage);
    Result<pb::RangeResponse> page = Range(request);
    for (;;) {
      if (!page.has_value()) return std::move(page).error();
      if (request.revision() == 0) request.set_revision(page->header().revision());
      const bool more = page->more() && !page->kvs().empty();
      std::future<Result<pb::RangeResponse>> next;
      if (more) {
        std::size_t bytes = 0;
        for (const pb::KeyValue& kv : page->kvs()) bytes += kv.key().size() + kv.value().size();
        const auto count = static_cast<std::size_t>(page->kvs_size());
        const auto fitting = static_cast<std::int64_t>(kPageBytes / std::max<std::size_t>(1, bytes / count));
        request.set_limit(std::clamp<std::int64_t>(fitting, 1, kLargestPage));
        // The next possible key.
        request.set_key(page->kvs(page->kvs_size() - 1).key() + std::string(1, '\0'));
        next = std::async(std::launch::async, [this, &request] { return Range(request); });
      }
      for (const pb::KeyValue& kv : page->kvs()) RETURN_IF_ERROR(visit(FromProto(kv)));
      if (!more) return request.revision();
      page = next.get();
    }
  }

  Result<Revision> Create(const std::string& key, const std::string& value) override {
    pb::TxnRequest request;
    AddCreate(request, key, value);
    request.add_failure()->mutable_request_range()->set_key(key);
    ASSIGN_OR_RETURN(const pb::TxnResponse response, Txn(request));
    if (!response.succeeded()) return Exists(key);
    return response.header().revision();
  }

  // Each group is one transaction: etcd takes many keys in the time of a few. One that fails because a key
  // exists is repeated without such keys.
  std::vector<Result<Revision>> CreateAll(const std::vector<KeyValue>& items) override {
    constexpr std::size_t kMostKeys = 64;           // etcd takes 128 operations (--max-txn-ops)
    constexpr std::size_t kMostBytes = 512u << 10;  // and 1.5 MiB (--max-request-bytes)
    std::vector<Result<Revision>> results(items.size(), Result<Revision>(0));
    std::vector<std::size_t> group;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::size_t size = items[i].key.size() + items[i].value.size();
      if (!group.empty() && (group.size() == kMostKeys || bytes + size > kMostBytes)) {
        CreateGroup(items, std::exchange(group, {}), results);
        bytes = 0;
      }
      group.push_back(i);
      bytes += size;
    }
    if (!group.empty()) CreateGroup(items, std::move(group), results);
    return results;
  }

  Result<Revision> Update(const std::string& key, const std::string& value, Revision expected) override {
    pb::TxnRequest request = IfRevision(key, expected);
    FillPut(*request.add_success()->mutable_request_put(), key, value);
    request.add_failure()->mutable_request_range()->set_key(key);
    ASSIGN_OR_RETURN(const pb::TxnResponse response, Txn(request));
    if (!response.succeeded()) return LostSwap(response, key);
    return response.header().revision();
  }

  Result<Revision> Put(const std::string& key, const std::string& value) override {
    pb::PutRequest request;
    FillPut(request, key, value);
    pb::PutResponse response;
    RETURN_IF_ERROR(connection_->Run(Deadline(), false,
                                     [&](const Connection::Member& member, grpc::ClientContext& context) {
                                       return member.kv->Put(&context, request, &response);
                                     }));
    return response.header().revision();
  }

  Status Delete(const std::string& key, Revision expected) override {
    pb::TxnRequest request = expected != 0 ? IfRevision(key, expected) : pb::TxnRequest();
    request.add_success()->mutable_request_delete_range()->set_key(key);
    request.add_failure()->mutable_request_range()->set_key(key);
    ASSIGN_OR_RETURN(const pb::TxnResponse response, Txn(request));
    if (!response.succeeded()) return LostSwap(response, key);
    const bool deleted =
        response.responses_size() > 0 && response.responses(0).response_delete_range().deleted() > 0;
    return deleted ? Ok() : Status(NotFound(key));
  }

  std::unique_ptr<Watch> StartWatch(const std::string& prefix, Revision from,
                                    WatchCallbacks callbacks) override {
    return etcdv3::StartWatch(connection_, prefix, from, std::move(callbacks));
  }

  std::unique_ptr<Client> WithDeadline(TimePoint deadline) override {
    return std::make_unique<EtcdV3Client>(connection_, deadline_ ? std::min(*deadline_, deadline) : deadline);
  }
  const std::string& name() const override { return connection_->name(); }

 private:
  TimePoint Deadline() const {
    const TimePoint own = std::chrono::steady_clock::now() + connection_->call_timeout();
    return deadline_ ? std::min(*deadline_, own) : own;
  }

  void CreateGroup(const std::vector<KeyValue>& items, std::vector<std::size_t> group,
                   std::vector<Result<Revision>>& results) {
    while (group.size() > 1) {
      pb::TxnRequest request;
      for (const std::size_t i : group) {
        AddCreate(request, items[i].key, items[i].value);
        pb::RangeRequest& range = *request.add_failure()->mutable_request_range();
        range.set_key(items[i].key);
        range.set_count_only(true);
      }
      const auto response = Txn(request);
      // What is wrong with one of them (no permission for it, too large) should not hit the others. But what
      // may have been written is not written again.
      if (!response.has_value() && response.error().code() != ErrorCode::kUnavailable) break;
      if (!response.has_value() || response->succeeded()) {
        for (const std::size_t i : group) {
          results[i] = response.has_value() ? Result<Revision>(response->header().revision())
                                            : Result<Revision>(response.error());
        }
        return;
      }
      std::vector<std::size_t> free;
      for (std::size_t at = 0; at < group.size(); ++at) {
        if (response->responses(static_cast<int>(at)).response_range().count() == 0)
          free.push_back(group[at]);
        else
          results[group[at]] = Exists(items[group[at]].key);
      }
      if (free.size() == group.size()) break;  // what existed has gone meanwhile
      group = std::move(free);
    }
    for (const std::size_t i : group) results[i] = Create(items[i].key, items[i].value);
  }

  static Error Exists(const std::string& key) {
    return Error(ErrorCode::kAlreadyExists, "key exists: " + key);
  }
  static void AddCreate(pb::TxnRequest& request, const std::string& key, const std::string& value) {
    pb::Compare& compare = *request.add_compare();
    compare.set_target(pb::Compare::VERSION);
    compare.set_key(key);
    compare.set_version(0);
    FillPut(*request.add_success()->mutable_request_put(), key, value);
  }
  static void FillPut(pb::PutRequest& request, const std::string& key, const std::string& value) {
    request.set_key(key);
    request.set_value(value);
  }
  static pb::TxnRequest IfRevision(const std::string& key, Revision expected) {
    pb::TxnRequest request;
    pb::Compare& compare = *request.add_compare();
    compare.set_target(pb::Compare::MOD);
    compare.set_key(key);
    compare.set_mod_revision(expected);
    return request;
  }
  static Error LostSwap(const pb::TxnResponse& response, const std::string& key) {
    const bool gone = response.responses_size() == 0 || response.responses(0).response_range().kvs().empty();
    return gone ? NotFound(key) : Error(ErrorCode::kConflict, "revision of " + key + " has changed");
  }

  Result<pb::RangeResponse> Range(const pb::RangeRequest& request) {
    pb::RangeResponse response;
    RETURN_IF_ERROR(connection_->Run(Deadline(), true,
                                     [&](const Connection::Member& member, grpc::ClientContext& context) {
                                       return member.kv->Range(&context, request, &response);
                                     }));
    return response;
  }
  Result<pb::TxnResponse> Txn(const pb::TxnRequest& request) {
    pb::TxnResponse response;
    RETURN_IF_ERROR(connection_->Run(Deadline(), false,
                                     [&](const Connection::Member& member, grpc::ClientContext& context) {
                                       return member.kv->Txn(&context, request, &response);
                                     }));
    return response;
  }

  const std::shared_ptr<Connection> connection_;
  const std::optional<TimePoint> deadline_;
};

}  // namespace

Result<std::unique_ptr<Client>> OpenEtcdV3(const EtcdOptions& options) {
  ASSIGN_OR_RETURN(std::shared_ptr<Connection> connection, Connection::Open(options));
  return std::unique_ptr<Client>(std::make_unique<EtcdV3Client>(std::move(connection), std::nullopt));
}

}  // namespace calico::datastore
