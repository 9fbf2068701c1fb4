// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/ipam_verbs.h"
#include "apps/calicoctl/session.h"
#include "apps/calicoctl/table.h"
#include "base/text.h"
#include "ipam/allocator.h"
#include "ipam/consistency.h"

namespace calico::calicoctl {
namespace {

std::string WithPercentage(double part, double total) {
  return fmt::format("{:.5g} ({:.0f}%)", part, total > 0 ? 100 * part / total : 0.0);
}

Row UsageRow(const std::string& grouping, const net::Cidr& cidr, double total, double in_use) {
  return {grouping, cidr.ToString(), fmt::format("{:.5g}", total), WithPercentage(in_use, total),
          WithPercentage(total - in_use, total)};
}

Status ShowUsage(const Session& session) {
  ASSIGN_OR_RETURN(const ipam::Usage usage, ipam::ReadUsage(session.client(), session.clock()));
  const bool show_blocks = session.arguments.Has("--show-blocks");
  std::vector<Row> rows;
  for (const ipam::PoolUsage& pool : usage.pools) {
    rows.push_back(UsageRow("IP Pool", pool.cidr, pool.total, pool.in_use));
    if (!show_blocks) continue;
    for (const auto& block : pool.blocks)
      rows.push_back(UsageRow("Block", block.cidr, block.total, block.in_use));
  }
  if (show_blocks) {
    // Upstream shows blocks without a pool only for IPv4; an address in use should not be hidden.
    for (const auto& block : usage.orphaned)
      rows.push_back(UsageRow("Block", block.cidr, block.total, block.in_use));
  }
  session.out() << BoxTable({"GROUPING", "CIDR", "IPS TOTAL", "IPS IN USE", "IPS FREE"}, rows);
  return Ok();
}

// The previous or next owner while an address moves from one to another; stored as a JSON map of texts.
void ShowAlternateOwner(const Session& session, const std::string& text) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  if (!json.is_object() || json.empty()) return;
  session.out() << "Alternate Owner Attributes:\n";
  for (const auto& [key, value] : json.items()) {
    session.out() << fmt::format("  {}: {}\n", key,
                                 value.is_string() ? value.get<std::string>() : value.dump());
  }
}

// As calicoctl 1.6 says it (reference calicoctl D.8).
Status ShowAddressOf26(const Session& session, const net::Ip& ip,
                       const std::optional<model::AllocationAttribute>& found) {
  if (found && found->secondary.empty()) {
    session.out() << fmt::format("No attributes defined for IP {}\n", ip.ToString());
    return Ok();
  }
  if (found) {
    std::vector<std::string> pairs;
    for (const auto& [key, value] : found->secondary) pairs.push_back(key + ":" + value);
    session.out() << fmt::format("map[{}]\n", Join(pairs, " "));
    return Ok();
  }
  ipam::BlockStore store(session.client(), session.clock());
  ASSIGN_OR_RETURN(const ipam::BlockMap blocks, store.ListBlocks(ip.family()));
  const bool has_block =
      std::any_of(blocks.begin(), blocks.end(), [&](const auto& block) { return block.first.Contains(ip); });
  session.out() << (has_block ? fmt::format("IP {} is not currently assigned in block\n", ip.ToString())
                              : fmt::format("{} is not assigned\n", ip.ToString()));
  return Ok();
}

Status ShowAddress(const Session& session) {
  const std::string text = session.arguments.Text("--ip");
  const auto ip = net::Ip::Parse(text);
  if (!ip) {
    return Error(ErrorCode::kInvalidArgument,
                 "Error executing command: invalid IP address specified: " + text);
  }
  ASSIGN_OR_RETURN(const auto found, ipam::ReadAllocation(session.client(), session.clock(), *ip));
  if (session.client().dialect() == datastore::Dialect::kCalico26)
    return ShowAddressOf26(session, *ip, found);
  if (!found) {
    session.out() << fmt::format("{} is not assigned\n", ip->ToString());
    return Ok();
  }
  session.out() << fmt::format("IP {} is in use\nHandle ID: {}\n", ip->ToString(),
                               found->handle_id.value_or("<none>"));
  if (found->secondary.empty()) {
    session.out() << "No Active Owner attributes defined\n";
  } else {
    session.out() << "Active Owner Attributes:\n";
    for (const auto& [key, value] : found->secondary) session.out() << fmt::format("  {}: {}\n", key, value);
  }
  if (!found->alternate_owner_attrs_json.empty())
    ShowAlternateOwner(session, found->alternate_owner_attrs_json);
  return Ok();
}

// "pod", "vmi" or what the allocation itself says.
Row BorrowedRow(const ipam::Allocation& allocation) {
  const std::string pod = allocation.Attribute("pod"), machine = allocation.Attribute("vmi-name");
  const std::string type = !machine.empty() ? "vmi" : !pod.empty() ? "pod" : allocation.Attribute("type");
  std::string holder = !machine.empty() ? machine : pod;
  if (!holder.empty()) holder = allocation.Attribute("namespace") + "/" + holder;
  return {allocation.ip.ToString(),
          allocation.Attribute("node"),
          allocation.block.ToString(),
          allocation.block_owner,
          type,
          holder};
}

Status ShowBorrowed(const Session& session) {
  ipam::BlockStore store(session.client(), session.clock());
  std::vector<Row> rows;
  int unknown = 0;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const ipam::BlockMap blocks, store.ListBlocks(family));
    for (const auto& [cidr, block] : blocks) {
      if (!block.has_value()) continue;
      for (const ipam::Allocation& allocation : ipam::AllocationsOf(block->block)) {
        if (allocation.Attribute("node").empty()) ++unknown;
        if (allocation.IsBorrowed()) rows.push_back(BorrowedRow(allocation));
      }
    }
  }
  session.out() << BoxTable({"IP", "BORROWING-NODE", "BLOCK", "BLOCK OWNER", "TYPE", "ALLOCATED-TO"}, rows);
  if (unknown > 0) {
    session.out() << fmt::format(
        "\nNote: found {} IP allocations without an explicit node association. Unable to determine if they "
        "are borrowed.\n",
        unknown);
  }
  return Ok();
}

Status ShowConfiguration(const Session& session) {
  ASSIGN_OR_RETURN(const model::IpamConfig config,
                   ipam::BlockStore(session.client(), session.clock()).ReadConfig());
  std::vector<Row> rows = {{"StrictAffinity", config.strict_affinity ? "true" : "false"},
                           {"AutoAllocateBlocks", config.auto_allocate_blocks ? "true" : "false"}};
  if (session.client().dialect() != datastore::Dialect::kCalico26) {  // 2.6 knows the first two
    rows.push_back({"MaxBlocksPerHost", std::to_string(config.max_blocks_per_host)});
    rows.push_back({"KubeVirtVMAddressPersistence", KubeVirtPersistence(config)});
  }
  session.out() << BoxTable({"PROPERTY", "VALUE"}, rows);
  return Ok();
}

int RunIpamShow(const Session& session) {
  const Status shown = session.arguments.Has("--ip")                   ? ShowAddress(session)
                       : session.arguments.Has("--show-borrowed")      ? ShowBorrowed(session)
                       : session.arguments.Has("--show-configuration") ? ShowConfiguration(session)
                                                                       : ShowUsage(session);
  if (shown.has_value()) return 0;
  return session.Fail(shown.error().message());
}

}  // namespace

Command IpamShowCommand() {
  Command show;
  show.path = {"ipam", "show"};
  show.summary = "Show how full pools and blocks are, or who has an address";
  show.options = Joined({{"--ip", 0, "IP", "who has this address"},
                         {"--show-blocks", 0, "", "the blocks of each pool too"},
                         {"--show-borrowed", 0, "", "addresses that a node took from another node's block"},
                         {"--show-configuration", 0, "", "the settings of 'calicoctl ipam configure'"}},
                        ConnectionOptions());
  show.examples =
      "calicoctl ipam show --show-blocks\n"
      "calicoctl ipam show --ip=192.168.0.1";
  show.mistake = [](const Arguments& arguments) {
    int given = 0;
    for (const char* option : {"--ip", "--show-blocks", "--show-borrowed", "--show-configuration"}) {
      if (arguments.Has(option)) ++given;
    }
    return std::string(
        given > 1 ? "--ip, --show-blocks, --show-borrowed and --show-configuration exclude each other" : "");
  };
  show.run = RunIpamShow;
  return show;
}

std::vector<Command> IpamCommands() {
  return {IpamShowCommand(), IpamConfigureCommand(), IpamReleaseCommand(), IpamCheckCommand(),
          IpamSplitCommand()};
}

}  // namespace calico::calicoctl
