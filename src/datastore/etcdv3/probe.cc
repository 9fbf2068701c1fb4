// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv3/probe.h"

#include "datastore/etcdv3/connection.h"
#include "datastore/etcdv3/watch.h"

namespace calico::datastore {

Result<bool> EtcdV3HoldsData(const EtcdOptions& options) {
  ASSIGN_OR_RETURN(const std::shared_ptr<etcdv3::Connection> connection, etcdv3::Connection::Open(options));
  etcdv3::pb::RangeRequest request;
  request.set_key("/calico/");
  request.set_range_end(etcdv3::PrefixEnd("/calico/"));
  request.set_limit(1);
  request.set_keys_only(true);
  etcdv3::pb::RangeResponse response;
  const TimePoint deadline = std::chrono::steady_clock::now() + options.call_timeout;
  RETURN_IF_ERROR(connection->Run(
      deadline, true, [&](const etcdv3::Connection::Member& member, grpc::ClientContext& context) {
        return member.kv->Range(&context, request, &response);
      }));
  return !response.kvs().empty();
}

}  // namespace calico::datastore
