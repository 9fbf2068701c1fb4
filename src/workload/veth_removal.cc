// SPDX-License-Identifier: Apache-2.0
#include "workload/veth_removal.h"

#include <algorithm>

#include "base/log.h"
#include "workload/veth.h"

namespace calico::workload {
namespace {

// Somebody else may use the number: then nothing is deleted by it.
Result<bool> HasForeignMember(kernel::Rtnetlink& rtnetlink) {
  ASSIGN_OR_RETURN(const std::vector<kernel::Link> links, rtnetlink.ListLinks());
  return std::any_of(links.begin(), links.end(), [](const kernel::Link& link) {
    return link.group == kDoomedLinkGroup && !(link.kind == "veth" && link.name.starts_with("cali"));
  });
}

bool IsThere(const Status& status) {
  return status.has_value() || status.error().code() != ErrorCode::kNotFound;
}

}  // namespace

VethRemoval::VethRemoval()
    : work_([this](const std::vector<std::string>& names) { return RemoveAll(names); }) {}

Status VethRemoval::Remove(const std::string& host_name) {
  return work_.Do(host_name);
}

std::vector<Status> VethRemoval::OneByOne(kernel::Rtnetlink& rtnetlink,
                                          const std::vector<std::string>& host_names) {
  std::vector<Status> outcomes;
  for (const std::string& name : host_names) outcomes.push_back(RemoveHostVeth(rtnetlink, name));
  return outcomes;
}

std::vector<Status> VethRemoval::RemoveAll(const std::vector<std::string>& host_names) {
  const auto opened = kernel::OpenRtnetlink();
  if (!opened.has_value()) return std::vector<Status>(host_names.size(), opened.error());
  kernel::Rtnetlink& rtnetlink = **opened;
  if (host_names.size() == 1) return OneByOne(rtnetlink, host_names);
  const auto foreign = HasForeignMember(rtnetlink);
  if (!foreign.has_value() || *foreign) return OneByOne(rtnetlink, host_names);
  std::vector<Status> outcomes;
  bool any = false;
  for (const std::string& name : host_names) {
    Status put = rtnetlink.SetLinkGroup(name, kDoomedLinkGroup);
    any = any || put.has_value();
    outcomes.push_back(IsThere(put) ? std::move(put) : Ok());
  }
  if (!any) return outcomes;
  const Status deleted = rtnetlink.DeleteLinkGroup(kDoomedLinkGroup);
  if (deleted.has_value() || !IsThere(deleted)) return outcomes;
  LogWarning("workload", "{} interfaces are not removed as one group: {}", host_names.size(),
             deleted.error().message());
  return OneByOne(rtnetlink, host_names);
}

Status VethRemoval::FinishInterrupted(kernel::Rtnetlink& rtnetlink) {
  ASSIGN_OR_RETURN(const bool foreign, HasForeignMember(rtnetlink));
  if (foreign) return Ok();
  const Status deleted = rtnetlink.DeleteLinkGroup(kDoomedLinkGroup);
  return IsThere(deleted) ? deleted : Ok();
}

}  // namespace calico::workload
