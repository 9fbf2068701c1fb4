// SPDX-License-Identifier: Apache-2.0
// Reference calicoctl C.1.3, D.8.
#include <algorithm>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "apps/calicoctl/cluster_lock.h"
#include "apps/calicoctl/ipam_report.h"
#include "apps/calicoctl/ipam_verbs.h"
#include "apps/calicoctl/program_version.h"
#include "apps/calicoctl/session.h"
#include "ipam/allocator.h"

namespace calico::calicoctl {
namespace {

int ReleaseAddress(const Session& session) {
  const std::string text = session.arguments.Text("--ip");
  const auto ip = net::Ip::Parse(text);
  if (!ip) return session.Fail("Error executing command: invalid IP address specified: " + text);
  ipam::Allocator allocator(session.client(), session.clock(), {});
  const auto released = allocator.ReleaseIps({*ip});
  if (!released.has_value()) {
    const bool is_26 = session.client().dialect() == datastore::Dialect::kCalico26;
    return session.Fail((is_26 ? "Error: " : "error: ") + released.error().message());
  }
  if (released->empty()) return session.Fail(fmt::format("IP address {} is not assigned", ip->ToString()));
  session.out() << fmt::format("Successfully released IP address {}\n", ip->ToString());
  return 0;
}

// What a leak is known by: in two reports it is the same leak when all three are the same.
using Leak = std::tuple<net::Ip, std::string, std::optional<std::uint64_t>>;

template <typename T>
std::set<T> Common(const std::set<T>& a, const std::set<T>& b) {
  std::set<T> both;
  std::set_intersection(a.begin(), a.end(), b.begin(), b.end(), std::inserter(both, both.end()));
  return both;
}

struct Leaks {
  std::set<Leak> addresses;
  std::set<IpamReport::Handle> handles;
};

Leaks LeaksOf(const IpamReport& report) {
  Leaks leaks;
  for (const IpamReport::Entry& entry : report.entries) {
    const ipam::Allocation& allocation = entry.allocation;
    if (!entry.owners.empty()) continue;
    leaks.addresses.emplace(allocation.ip, ipam::HandleOf(allocation.attribute), allocation.sequence_number);
  }
  leaks.handles.insert(report.leaked_handles.begin(), report.leaked_handles.end());
  return leaks;
}

class ReportedRelease final {
 public:
  ReportedRelease(const Session& session, model::ClusterInformation cluster)
      : session_(session), cluster_(std::move(cluster)), force_(session.arguments.Has("--force")) {}

  Status Run() {
    ASSIGN_OR_RETURN(const Leaks leaks, ReadReports());
    RETURN_IF_ERROR(CheckLock());
    RETURN_IF_ERROR(ReleaseAddresses(leaks.addresses));
    const bool complete = DeleteHandles(leaks.handles);
    session_.out() << "You may now unlock the data store.\n";
    if (complete) return Ok();
    return Error(ErrorCode::kUnavailable, first_error_);
  }

 private:
  Result<Leaks> ReadReports() {
    std::optional<Leaks> leaks;
    bool fresh = false;
    for (const std::string& path : session_.arguments.All("--from-report")) {
      ASSIGN_OR_RETURN(const IpamReport report, ReadIpamReport(path));
      RETURN_IF_ERROR(CheckReport(path, report));
      fresh = fresh || report.cluster_information_revision == cluster_.metadata.resource_version;
      const Leaks found = LeaksOf(report);
      leaks = !leaks
                  ? found
                  : Leaks{Common(leaks->addresses, found.addresses), Common(leaks->handles, found.handles)};
    }
    if (fresh) return *std::move(leaks);
    return Error(ErrorCode::kInvalidArgument,
                 "the provided reports are all stale - at least one should be up-to-date. Please generate a "
                 "new report while the data store is locked and try again");
  }

  Status CheckReport(const std::string& path, const IpamReport& report) {
    if (report.cluster_guid != cluster_.cluster_guid) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("cluster does not match the provided report ({}): mismatched cluster GUID. "
                               "Refusing to release",
                               path));
    }
    if (report.version == ProgramVersion()) return Ok();
    if (!force_) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("the provided report ({}) was produced using a different version ({}) of "
                               "calicoctl. Refusing to release",
                               path, report.version));
    }
    session_.out()
        << "WARNING: Report was produced using a different version of calicoctl. Ignoring due to --force "
           "option\n";
    return Ok();
  }

  Status CheckLock() {
    if (IsLocked(cluster_)) return Ok();
    if (!force_) {
      return Error(ErrorCode::kInvalidArgument,
                   "data store is not locked. Either lock the data store, or re-run with --force");
    }
    session_.out() << "WARNING: Data store is not locked. Ignoring due to --force option\n";
    return Ok();
  }

  Status ReleaseAddresses(const std::set<Leak>& leaks) {
    if (leaks.empty()) {
      session_.out() << "Report didn't contain any leaked IPs to clean up.\n";
      return Ok();
    }
    session_.out() << fmt::format("Releasing {} old IPs...\n", leaks.size());
    std::vector<ipam::ReleaseCondition> conditions;
    for (const auto& [ip, handle, number] : leaks) conditions.push_back({ip, handle, number});
    const auto outcome = ipam::Allocator(session_.client(), session_.clock(), {}).ReleaseMatching(conditions);
    if (!outcome.not_allocated.empty()) {
      session_.out() << fmt::format(
          "{} addresses marked as leaked in the report had already been cleaned up.\n",
          outcome.not_allocated.size());
    }
    session_.out() << fmt::format("Released {} IPs successfully\n", outcome.released.size());
    if (!outcome.error.has_value()) return Ok();
    return Error(outcome.error->code(),
                 fmt::format("An error occurred while releasing some IPs: {}.  Problems are often caused by "
                             "an out-of-date IPAM report.  Try regenerating the IPAM report and retry.",
                             outcome.error->message()));
  }

  // False after an error; the other handles were tried nonetheless.
  bool DeleteHandles(const std::set<IpamReport::Handle>& handles) {
    std::ostream& out = session_.out();
    if (handles.empty()) {
      out << "Report didn't contain any handles to clean up.\n";
      return true;
    }
    out << fmt::format("Deleting {} handles...\n", handles.size())
        << "Key: '.' = Deleted OK; 'x' = skip, handle missing/changed.\n";
    int deleted = 0, skipped = 0, errors = 0;
    ipam::BlockStore store(session_.client(), session_.clock());
    for (const IpamReport::Handle& handle : handles) {
      const Status status = store.DeleteHandle(handle.id, handle.revision);
      if (status.has_value()) {
        ++deleted;
        out << '.';
      } else if (status.error().code() == ErrorCode::kNotFound ||
                 status.error().code() == ErrorCode::kConflict) {
        ++skipped;
        out << 'x';
      } else {
        if (++errors == 1) first_error_ = "handle " + handle.id + ": " + status.error().message();
      }
      out << std::flush;
    }
    out << fmt::format("\nReleased {} handles; {} skipped; {} errors.\n", deleted, skipped, errors);
    return errors == 0;
  }

  const Session& session_;
  const model::ClusterInformation cluster_;
  const bool force_;
  std::string first_error_;
};

int RunIpamRelease(const Session& session) {
  if (!session.arguments.Has("--from-report")) {
    return session.arguments.Has("--ip") ? ReleaseAddress(session) : 0;
  }
  auto cluster = ReadClusterInformation(session);
  if (!cluster.has_value()) return session.Fail(cluster.error().message());
  const Status released = ReportedRelease(session, std::move(*cluster)).Run();
  return released.has_value() ? 0 : session.Fail(released.error().message());
}

}  // namespace

Command IpamReleaseCommand() {
  Command release;
  release.path = {"ipam", "release"};
  release.summary = "Release an address, or all that reports of 'ipam check' call leaked";
  release.description =
      "An address of a running container must not be released: the next container may get it too. With "
      "several reports only what is leaked in each of them is released, and only if it has the same handle "
      "and sequence number as then.";
  Option report{"--from-report", 0, "REPORT", "release what this file of 'ipam check -o' calls leaked",
                Completion::kFile};
  report.repeatable = true;
  release.options = Joined({{"--ip", 0, "IP", "release this address"},
                            report,
                            {"--force", 0, "",
                             "although the datastore is not locked or the report is of "
                             "another version"}},
                           ConnectionOptions());
  release.usage = {"[--ip=<IP>] [--from-report=<REPORT>]... [--force] [--config=<CONFIG>]"};
  release.examples = "calicoctl ipam release --ip=192.168.0.1";
  release.run = RunIpamRelease;
  return release;
}

}  // namespace calico::calicoctl
