// SPDX-License-Identifier: Apache-2.0
// Reference calicoctl C.1.4. Without Kubernetes there are no services: that step finds none.
#include <algorithm>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/calicoctl/cluster_lock.h"
#include "apps/calicoctl/ipam_report.h"
#include "apps/calicoctl/ipam_verbs.h"
#include "apps/calicoctl/program_version.h"
#include "apps/calicoctl/session.h"
#include "base/text.h"
#include "ipam/consistency.h"

namespace calico::calicoctl {
namespace {

constexpr std::size_t kNodesShown = 20;

std::string PairsOf(const std::map<std::string, std::string>& attributes) {
  std::vector<std::string> pairs;
  for (const auto& [key, value] : attributes) pairs.push_back(key + "=" + value);
  return Join(pairs, ",");
}

// "Main:<handle> Extra:<k=v,k=v>"
std::string AttributesText(const model::AllocationAttribute& attribute) {
  const std::string handle = ipam::HandleOf(attribute);
  std::string text =
      fmt::format("Main:{} Extra:{}", handle.empty() ? "<none>" : handle, PairsOf(attribute.secondary));
  const auto alternate = nlohmann::json::parse(attribute.alternate_owner_attrs_json, nullptr, false);
  if (!alternate.is_object() || alternate.empty()) return text;
  std::map<std::string, std::string> pairs;
  for (const auto& [key, value] : alternate.items()) {
    pairs[key] = value.is_string() ? value.get<std::string>() : value.dump();
  }
  return text + " Alternate:" + PairsOf(pairs);
}

// One run: each step reads, and prints what it finds before the next one starts.
class IpamCheck final {
 public:
  explicit IpamCheck(const Session& session)
      : session_(session),
        out_(session.out()),
        show_all_(session.arguments.Has("--show-all-ips")),
        show_problems_(show_all_ || session.arguments.Has("--show-problem-ips")) {}

  Status Run() {
    out_ << "Checking IPAM for inconsistencies...\n\n";
    RETURN_IF_ERROR(LoadCluster());
    RETURN_IF_ERROR(LoadBlocks());
    RETURN_IF_ERROR(LoadPools());
    RETURN_IF_ERROR(LoadNodes());
    out_ << "Loading all service load balancer IPs.\n"
            "No configuration for LoadBalancer kubecontroller found, skipping service check\n"
            "Found 0 service load balancer(s).\n\n";
    RETURN_IF_ERROR(LoadWorkloads());
    RETURN_IF_ERROR(LoadHandles());
    const ipam::Consistency result = ipam::Compare(input_);
    PrintLeaks(result);
    PrintUses(result);
    PrintHandles(result);
    out_ << fmt::format("Check complete; found {} problems.\n", result.problems());
    return WriteReport(result);
  }

 private:
  template <typename... Args>
  void Print(fmt::format_string<Args...> format, Args&&... args) {
    out_ << fmt::format(format, std::forward<Args>(args)...) << '\n';
  }

  Status LoadCluster() {
    ASSIGN_OR_RETURN(const model::ClusterInformation information, ReadClusterInformation(session_));
    report_.version = ProgramVersion();
    report_.cluster_guid = information.cluster_guid;
    report_.datastore_locked = IsLocked(information);
    report_.cluster_information_revision = information.metadata.resource_version;
    report_.cluster_type = information.cluster_type;
    return Ok();
  }

  Status LoadBlocks() {
    out_ << "Loading all IPAM blocks...\n";
    std::vector<model::IpamBlock> blocks;
    ipam::BlockStore store(session_.client(), session_.clock());
    for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
      ASSIGN_OR_RETURN(const ipam::BlockMap found, store.ListBlocks(family));
      for (const auto& [cidr, block] : found) {
        if (!block.has_value()) {
          return Error(ErrorCode::kInvalidArgument,
                       fmt::format("IPAM block {} can not be read: its value is damaged", cidr.ToString()));
        }
        blocks.push_back(block->block);
      }
    }
    Print("Found {} IPAM blocks.", blocks.size());
    for (const model::IpamBlock& block : blocks) {
      Print(" IPAM block {} affinity={}:", block.cidr.ToString(), block.affinity.value_or("<none>"));
      for (const ipam::Allocation& allocation : ipam::AllocationsOf(block)) {
        if (show_all_) {
          Print("  {} allocated; attrs {}", allocation.ip.ToString(), AttributesText(allocation.attribute));
        }
        input_.allocations.push_back(allocation);
      }
    }
    Print("IPAM blocks record {} allocations.\n", input_.allocations.size());
    return Ok();
  }

  Status LoadPools() {
    out_ << "Loading all IPAM pools...\n";
    ASSIGN_OR_RETURN(const datastore::ObjectList list, session_.resources().List(model::Kind::kIPPool));
    std::vector<model::IPPool> pools;
    for (const auto& stored : list.items) pools.push_back(std::get<model::IPPool>(stored.object));
    input_.pools = ipam::ParsePools(pools);
    int active = 0;
    for (const ipam::Pool& pool : input_.pools) {
      if (!pool.enabled) continue;
      Print("  {}", pool.cidr.ToString());
      ++active;
    }
    Print("Found {} active IP pools.\n", active);
    return Ok();
  }

  // False: the text holds no address.
  bool AddUse(const std::string& address, const std::string& owner) {
    const auto cidr = net::Cidr::Parse(address);
    if (address.empty() || !cidr) return false;
    if (show_all_) Print("  {} belongs to {}", cidr->ip().ToString(), owner);
    input_.uses.push_back({cidr->ip(), owner});
    return true;
  }

  Status LoadNodes() {
    out_ << "Loading all nodes.\n";
    ASSIGN_OR_RETURN(const datastore::ObjectList list, session_.resources().List(model::Kind::kNode));
    int addresses = 0;
    for (const auto& stored : list.items) {
      const auto& node = std::get<model::Node>(stored.object);
      const std::string owner = fmt::format("Node({})", node.metadata.name);
      const model::NodeWireguard wireguard = node.wireguard.value_or(model::NodeWireguard{});
      // Upstream looks at IPv4 alone and then calls the others leaked.
      for (const std::string& address : {node.ipv4_vxlan_tunnel_addr, wireguard.interface_ipv4_address,
                                         node.bgp ? node.bgp->ipv4_ipip_tunnel_addr : "",
                                         node.ipv6_vxlan_tunnel_addr, wireguard.interface_ipv6_address}) {
        if (AddUse(address, owner)) ++addresses;
      }
    }
    Print("Found {} node tunnel IPs.\n", addresses);
    return Ok();
  }

  Status LoadWorkloads() {
    out_ << "Loading all workload endpoints.\n";
    ASSIGN_OR_RETURN(const datastore::ObjectList list,
                     session_.resources().List(model::Kind::kWorkloadEndpoint));
    int addresses = 0;
    for (const auto& stored : list.items) {
      const auto& endpoint = std::get<model::WorkloadEndpoint>(stored.object);
      const std::string owner = fmt::format("Workload({}/{})", endpoint.metadata.ns, endpoint.metadata.name);
      for (const std::string& network : endpoint.ip_networks) {
        if (AddUse(network, owner)) ++addresses;
      }
    }
    Print("Found {} workload IPs.", addresses);
    std::set<net::Ip> distinct;
    for (const ipam::AddressUse& use : input_.uses) distinct.insert(use.ip);
    Print("Workloads and nodes are using {} IPs.\n", distinct.size());
    return Ok();
  }

  Status LoadHandles() {
    out_ << "Loading all handles\n";
    ASSIGN_OR_RETURN(input_.handles, ipam::BlockStore(session_.client(), session_.clock()).ListHandles());
    out_ << "Looking for top (up to 20) nodes by allocations...\n";
    const auto nodes = ipam::AllocationsPerNode(input_.allocations);
    for (std::size_t i = 0; i < std::min(nodes.size(), kNodesShown); ++i) {
      Print("  {} has {} allocations", nodes[i].first, nodes[i].second);
    }
    if (!nodes.empty()) {
      Print("Node with most allocations has {}; median is {}", nodes.front().second,
            nodes[nodes.size() / 2].second);
    }
    out_ << '\n';
    return Ok();
  }

  void PrintLeaks(const ipam::Consistency& result) {
    out_ << "Scanning for IPs that are allocated but not actually in use...\n";
    for (const ipam::Allocation& allocation : result.leaked) {
      if (!show_problems_) break;
      Print("  {} leaked; attrs {}", allocation.ip.ToString(), AttributesText(allocation.attribute));
    }
    Print("Found {} IPs that are allocated in IPAM but not actually in use.", result.leaked.size());
  }

  void PrintUses(const ipam::Consistency& result) {
    out_ << "Scanning for IPs that are in use by a workload or node but not allocated in IPAM...\n";
    const auto first_owner = [&](const net::Ip& ip) { return result.owners.at(ip).front(); };
    if (show_problems_) {
      for (const auto& [ip, owners] : result.owners) {
        if (owners.size() > 1) Print("  {} has multiple owners.", ip.ToString());
      }
      for (const net::Ip& ip : result.outside_pools) {
        Print("  {} in use by {} is not in any active IP pool.", ip.ToString(), first_owner(ip));
      }
      for (const net::Ip& ip : result.not_allocated) {
        Print("  {} in use by {} and in active IPAM pool but has no IPAM allocation.", ip.ToString(),
              first_owner(ip));
      }
    }
    Print("Found {} in-use IPs that are not in active IP pools.", result.outside_pools.size());
    Print("Found {} in-use IPs that are in active IP pools but have no corresponding IPAM allocation.\n",
          result.not_allocated.size());
  }

  void PrintHandles(const ipam::Consistency& result) {
    out_ << "Scanning for IPAM handles with no matching IPs...\n";
    for (const ipam::StoredHandle& handle : result.unused_handles) {
      if (show_all_) Print("  {} doesn't have any active IPs.", handle.id);
    }
    Print("Found {} handles with no matching IPs (and {} handles with matches).",
          result.unused_handles.size(), input_.handles.size() - result.unused_handles.size());
    out_ << "Scanning for IPs with missing handle...\n";
    for (const std::string& handle : result.missing_handles) {
      if (show_problems_) Print("  {} is in use in a block but doesn't exist.", handle);
    }
    Print("Found {} handles mentioned in blocks with no matching handle resource.",
          result.missing_handles.size());
  }

  Status WriteReport(const ipam::Consistency& result) {
    const std::string path = session_.arguments.Text("--output");
    if (path.empty()) return Ok();
    for (const ipam::Allocation& allocation : input_.allocations) {
      const auto owners = result.owners.find(allocation.ip);
      report_.entries.push_back(
          {allocation, owners == result.owners.end() ? std::vector<std::string>{} : owners->second});
    }
    for (const ipam::StoredHandle& handle : result.unused_handles) {
      report_.leaked_handles.push_back({handle.id, handle.revision});
    }
    // Not by a rename: the path may be a device.
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << WriteIpamReport(report_) << std::flush;
    if (file) return Ok();
    return Error(ErrorCode::kSystem, "the report can not be written to " + path);
  }

  const Session& session_;
  std::ostream& out_;
  const bool show_all_;
  const bool show_problems_;
  ipam::ConsistencyInput input_;
  IpamReport report_;
};

int RunIpamCheck(const Session& session) {
  const Status checked = IpamCheck(session).Run();
  return checked.has_value() ? 0 : session.Fail(checked.error().message());
}

}  // namespace

Command IpamCheckCommand() {
  Command check;
  check.path = {"ipam", "check"};
  check.summary = "Look for addresses and handles that are allocated but not used, or used but not allocated";
  check.description =
      "Changes nothing. While containers come and go some findings are only about the moment; with the "
      "datastore locked (calicoctl datastore migrate lock) each one lasts. The report of --output is what "
      "'calicoctl ipam release --from-report' takes.";
  check.options =
      Joined({{"--show-all-ips", 0, "", "every address, not only those with a problem"},
              {"--show-problem-ips", 0, "", "the addresses with a problem"},
              {"--output", 'o', "FILE", "write a report to this file", Completion::kFile},
              {"--kubeconfig", 0, "KUBECONFIG",
               "accepted, not used: there are no Kubernetes services to look at", Completion::kFile}},
             ConnectionOptions());
  check.examples = "calicoctl ipam check --show-problem-ips";
  check.run = RunIpamCheck;
  return check;
}

}  // namespace calico::calicoctl
