// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/calicoctl/commands.h"
#include "apps/calicoctl/session.h"
#include "apps/calicoctl/table.h"
#include "ipam/allocator.h"

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

Status ShowAddress(const Session& session) {
  const std::string text = session.arguments.Text("--ip");
  const auto ip = net::Ip::Parse(text);
  if (!ip) return Error(ErrorCode::kInvalidArgument, "invalid IP address specified: " + text);
  ASSIGN_OR_RETURN(const auto found, ipam::ReadAllocation(session.client(), session.clock(), *ip));
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

int RunIpamShow(const Session& session) {
  const Status shown = !session.arguments.Has("--ip") ? ShowUsage(session) : ShowAddress(session);
  if (shown.has_value()) return 0;
  return session.Fail(shown.error().message());
}

}  // namespace

std::vector<Command> IpamShowCommands() {
  Command show;
  show.path = {"ipam", "show"};
  show.summary = "Show how full pools and blocks are, or who has an address";
  show.options = Joined(
      {{"--ip", 0, "IP", "who has this address"}, {"--show-blocks", 0, "", "the blocks of each pool too"}},
      ConnectionOptions());
  show.examples =
      "calicoctl ipam show --show-blocks\n"
      "calicoctl ipam show --ip=192.168.0.1";
  show.mistake = [](const Arguments& arguments) {
    return std::string(arguments.Has("--ip") && arguments.Has("--show-blocks")
                           ? "--ip and --show-blocks exclude each other"
                           : "");
  };
  show.run = RunIpamShow;
  return {show};
}

}  // namespace calico::calicoctl
