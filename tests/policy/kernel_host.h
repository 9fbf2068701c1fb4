// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "base/event_loop.h"
#include "calc/graph.h"
#include "dataplane/driver.h"
#include "policy_eval/cluster.h"

namespace calico::policy_test {

// The agent's calculation and dataplane of one host, on the kernel of this namespace.
class KernelHost final {
 public:
  // What the dataplane is told and what the kernel is, for tests that break one of them.
  struct Hooks {
    std::function<void(dataplane_api::Batch&)> change_batch;
    std::function<std::unique_ptr<kernel::Nftables>(std::unique_ptr<kernel::Nftables>)> wrap_nftables;
  };
  explicit KernelHost(std::string node) : KernelHost(std::move(node), Hooks()) {}
  KernelHost(std::string node, Hooks hooks);
  ~KernelHost();

  // Makes the host know exactly these objects; returns when the kernel has them.
  void Set(const std::map<model::Key, std::shared_ptr<const model::Object>>& objects);
  std::string DescribeTables();

 private:
  struct Kernel;
  const Hooks hooks_;
  std::unique_ptr<Kernel> kernel_;
  calc::Graph graph_;
  std::map<model::Key, std::shared_ptr<const model::Object>> objects_;
  const SystemClock clock_;
  std::unique_ptr<LoopThread> thread_;
  std::unique_ptr<dataplane::Driver> driver_;
};

}  // namespace calico::policy_test
