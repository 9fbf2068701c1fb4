// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv2/probe.h"

#include "datastore/etcdv2/raw_store.h"

namespace calico::datastore {

Result<bool> EtcdV2HoldsData(const EtcdOptions& options) {
  ASSIGN_OR_RETURN(const std::shared_ptr<etcdv2::Transport> transport, etcdv2::Transport::Open(options));
  etcdv2::HttpQuestion question;
  question.path = etcdv2::KeysPath("/calico");
  question.repeatable = true;
  const TimePoint deadline = std::chrono::steady_clock::now() + options.call_timeout;
  ASSIGN_OR_RETURN(const etcdv2::HttpAnswer answer, transport->Ask(question, deadline));
  if (answer.status == 404) return false;  // no such key, or no such API
  if (answer.status >= 400) return etcdv2::ToError(*transport, answer);
  // The directory itself is "/calico"; what is in it has a longer key.
  return answer.body.find("\"/calico/") != std::string::npos;
}

}  // namespace calico::datastore
