// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "dataplane_api/updates.h"
#include "model/key.h"
#include "model/selector/selector.h"
#include "net/ip.h"

namespace calico::calc {

// Keeps the addresses of all endpoints that match each selector in use. Addresses are counted: two endpoints
// may have the same one for a moment, when a container moves to another host.
class LabelIndex final {
 public:
  void SetEndpoint(const model::Key& endpoint, model::Labels labels, std::vector<net::Ip> ips);
  void RemoveEndpoint(const model::Key& endpoint);

  // Counted: each AddSelector needs its RemoveSelector. Returns the id of the set.
  std::string AddSelector(const model::Selector& selector);
  void RemoveSelector(const std::string& id);

  // What changed since the last call, as the dataplane wants it: new sets whole, others as deltas.
  void Flush(dataplane_api::Batch& batch);

 private:
  struct Endpoint {
    model::Labels labels;
    std::vector<net::Ip> ips;
  };
  struct SetState {
    explicit SetState(model::Selector s) : selector(std::move(s)) {}
    model::Selector selector;
    int references = 0;
    std::map<net::Ip, int> members;
    std::set<net::Ip> added, removed;  // since the last flush
    bool sent = false;                 // as a whole, since it was made
    bool in_dataplane = false;         // from a former life
  };
  static void Add(SetState& set, const std::vector<net::Ip>& ips);
  static void Remove(SetState& set, const std::vector<net::Ip>& ips);

  std::map<model::Key, Endpoint> endpoints_;
  std::map<std::string, SetState> sets_;
  std::set<std::string> changed_;
  std::set<std::string> gone_;  // sets that were sent and have no user any more
};

}  // namespace calico::calc
