// SPDX-License-Identifier: Apache-2.0
#include "tests/policy/kernel_host.h"

#include <utility>

#include "base/check.h"
#include "kernel/iptables_firewall.h"

namespace calico::policy_test {
namespace {

// Nobody else's firewall is in the test's namespace.
class NoFirewall final : public kernel::IptablesFirewall {
 public:
  Result<kernel::IptablesChain> Read(const kernel::IptablesPlace&) override {
    return kernel::IptablesChain();
  }
  Status InsertAccept(const kernel::IptablesPlace&) override { return Ok(); }
  Status RemoveAccept(const kernel::IptablesPlace&) override { return Ok(); }
};

}  // namespace

struct KernelHost::Kernel {
  std::unique_ptr<kernel::Rtnetlink> rtnetlink = std::move(*kernel::OpenRtnetlink());
  std::unique_ptr<kernel::RtnetlinkMonitor> links = std::move(*kernel::OpenRtnetlinkMonitor());
  std::unique_ptr<kernel::Nftables> nftables = std::move(*kernel::OpenNftables(dataplane::kTableName));
  std::unique_ptr<kernel::NftMonitor> nft_monitor = std::move(*kernel::OpenNftMonitor());
  std::unique_ptr<kernel::Sysctl> sysctl = kernel::OpenSysctl();
  NoFirewall iptables;
  std::unique_ptr<kernel::Conntrack> conntrack = std::move(*kernel::OpenConntrack());
  std::unique_ptr<kernel::Wireguard> wireguard = std::move(*kernel::OpenWireguard());
  dataplane::OffloadCheck offload;
  std::unique_ptr<kernel::ForeignFirewall> foreign =
      kernel::OpenForeignFirewall(dataplane::kAcceptMark, dataplane::kTableName);
};

KernelHost::KernelHost(std::string node, Hooks hooks)
    : hooks_(std::move(hooks)), kernel_(std::make_unique<Kernel>()), graph_(std::move(node)) {
  if (hooks_.wrap_nftables) kernel_->nftables = hooks_.wrap_nftables(std::move(kernel_->nftables));
  thread_ = std::make_unique<LoopThread>("dataplane");
  driver_ = std::make_unique<dataplane::Driver>(
      thread_->loop(), clock_,
      dataplane::Driver::Kernel{
          *kernel_->rtnetlink, *kernel_->links, *kernel_->nftables, *kernel_->nft_monitor, *kernel_->sysctl,
          kernel_->iptables, *kernel_->conntrack, *kernel_->wireguard, *kernel_->foreign, kernel_->offload});
  CHECK(driver_->Start().has_value(), "the dataplane starts");
  thread_->Start();
}

KernelHost::~KernelHost() {
  thread_->RunSync([this] { driver_.reset(); });
  thread_->StopAndJoin();
}

void KernelHost::Set(const std::map<model::Key, std::shared_ptr<const model::Object>>& objects) {
  model::UpdateBatch updates;
  updates.in_sync = true;
  for (const auto& [key, object] : objects_) {
    if (!objects.contains(key)) updates.updates[key] = nullptr;
  }
  for (const auto& [key, object] : objects) {
    const auto known = objects_.find(key);
    if (known == objects_.end() || known->second != object) updates.updates[key] = object;
  }
  objects_ = objects;
  dataplane_api::Batch batch = graph_.Apply(updates);
  if (hooks_.change_batch) hooks_.change_batch(batch);
  thread_->RunSync([&] { driver_->OnBatch(std::move(batch)); });
  for (int i = 0; i < 500; ++i) {
    bool done = false;
    thread_->RunSync([&] { done = driver_->ready() && driver_->pending().empty(); });
    if (done) return;
    SleepFor(std::chrono::milliseconds(2));
  }
  std::string pending;
  thread_->RunSync([&] {
    for (const auto& item : driver_->pending()) pending += item.what + ": " + item.error + "\n";
  });
  std::fprintf(stderr, "%s", pending.c_str());
  CHECK(false, "the kernel takes what it is told");
}

std::string KernelHost::DescribeTables() {
  std::string text;
  thread_->RunSync([&] { text = driver_->DescribeTables(); });
  return text;
}

}  // namespace calico::policy_test
