// SPDX-License-Identifier: Apache-2.0
#include "apps/node/default_pools.h"

#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "model/v1_names.h"

namespace calico::node {
namespace {

constexpr char kDefaultV4[] = "192.168.0.0/16";
constexpr char kDefaultV6OfCalico26[] = "fd80:24e2:f998:72d6::/64";

Error Bad(const std::string& variable, const std::string& value, const std::string& use) {
  return Error(ErrorCode::kInvalidArgument, fmt::format("{}='{}': {}", variable, value, use));
}

Result<std::string> Mode(const Environment& environment, const std::string& variable) {
  const std::string text = environment.GetOr(variable, "");
  if (text.empty() || EqualsIgnoreCase(text, "never") || EqualsIgnoreCase(text, "off"))
    return std::string("Never");
  if (EqualsIgnoreCase(text, "always")) return std::string("Always");
  if (EqualsIgnoreCase(text, "crosssubnet") || EqualsIgnoreCase(text, "cross-subnet"))
    return std::string("CrossSubnet");
  return Bad(variable, text, "use Always, CrossSubnet or Never");
}

// 192.168.0.0/16, or the first of 172.16.0.0/16 … 172.31.0.0/16 when the host itself lives in there.
std::string FreeV4(const HostAddresses& host) {
  std::vector<std::string> candidates{kDefaultV4};
  for (int second = 16; second < 32; ++second) candidates.push_back(fmt::format("172.{}.0.0/16", second));
  for (const std::string& candidate : candidates) {
    const net::Cidr pool = *net::Cidr::Parse(candidate);
    bool free = true;
    for (const kernel::Address& address : host.addresses) {
      free =
          free && !(address.address.family() == net::Family::kV4 && pool.Overlaps(address.address.Masked()));
    }
    if (free) return candidate;
  }
  return kDefaultV4;
}

// A random unique local prefix (RFC 4193): fd and 40 random bits.
std::string RandomV6() {
  const std::string hex = ReplaceAll(RandomUuid(), "-", "");
  return fmt::format("fd{}:{}:{}::/48", hex.substr(0, 2), hex.substr(2, 4), hex.substr(6, 4));
}

struct FamilyPlan {
  net::Family family;
  std::string prefix;  // "CALICO_IPV4POOL"
  std::string name;
  std::string fallback_cidr;
  bool nat_default;
  int block_size_default, block_size_min, block_size_max;
};

Result<model::IPPool> MakePool(const Environment& environment, const FamilyPlan& plan) {
  const std::string variable = plan.prefix + "_CIDR";
  const std::string text = environment.GetOr(variable, plan.fallback_cidr);
  const auto cidr = net::Cidr::ParsePrefix(text);
  if (!cidr || cidr->family() != plan.family) {
    return Bad(variable, text,
               plan.family == net::Family::kV4 ? "use a prefix like 192.168.0.0/16"
                                               : "use a prefix like fd80:24e2:f998:72d6::/64");
  }
  model::IPPool pool;
  pool.metadata.name = plan.name;
  pool.cidr = cidr->Masked().ToString();
  pool.nat_outgoing = environment.GetBool(plan.prefix + "_NAT_OUTGOING", plan.nat_default);
  pool.disable_bgp_export = environment.GetBool(plan.prefix + "_DISABLE_BGP_EXPORT", false);
  pool.node_selector = environment.GetOr(plan.prefix + "_NODE_SELECTOR", "all()");
  pool.ipip_mode = pool.vxlan_mode = "Never";
  if (plan.family == net::Family::kV4) {
    ASSIGN_OR_RETURN(pool.ipip_mode, Mode(environment, plan.prefix + "_IPIP"));
  }
  ASSIGN_OR_RETURN(pool.vxlan_mode, Mode(environment, plan.prefix + "_VXLAN"));
  if (pool.ipip_mode != "Never" && pool.vxlan_mode != "Never") {
    return Bad(plan.prefix + "_VXLAN", pool.vxlan_mode, "a pool cannot use both IPIP and VXLAN");
  }
  const std::string size =
      environment.GetOr(plan.prefix + "_BLOCK_SIZE", std::to_string(plan.block_size_default));
  const auto [end, error] = std::from_chars(size.data(), size.data() + size.size(), pool.block_size);
  if (error != std::errc() || end != size.data() + size.size() || pool.block_size < plan.block_size_min ||
      pool.block_size > plan.block_size_max) {
    return Bad(plan.prefix + "_BLOCK_SIZE", size,
               fmt::format("use {} to {}", plan.block_size_min, plan.block_size_max));
  }
  // Validation would refuse it too, but only after the node has been written.
  if (pool.block_size < cidr->prefix_length()) {
    return Bad(plan.prefix + "_BLOCK_SIZE", size,
               fmt::format("the pool {} is smaller than one block", pool.cidr));
  }
  return pool;
}

}  // namespace

Result<std::vector<model::IPPool>> PlanDefaultPools(const StartupInputs& inputs,
                                                    datastore::Resources& resources) {
  const Environment& environment = inputs.environment;
  if (EqualsIgnoreCase(environment.GetOr("NO_DEFAULT_POOLS", ""), "true")) {
    for (const char* variable : {"CALICO_IPV4POOL_CIDR", "CALICO_IPV6POOL_CIDR"}) {
      if (environment.Get(variable))
        return Error(ErrorCode::kInvalidArgument,
                     fmt::format("NO_DEFAULT_POOLS and {} are both set: unset one of them", variable));
    }
    return std::vector<model::IPPool>{};
  }
  ASSIGN_OR_RETURN(const auto existing, resources.List(model::Kind::kIPPool));
  // Calico 2.6 always took the same two, and knows one size of blocks.
  const bool v1 = inputs.client.dialect() == datastore::Dialect::kCalico26;
  const FamilyPlan plans[] = {
      {net::Family::kV4, "CALICO_IPV4POOL", "default-ipv4-ippool", v1 ? kDefaultV4 : FreeV4(inputs.host),
       true, 26, v1 ? 26 : 20, v1 ? 26 : 32},
      {net::Family::kV6, "CALICO_IPV6POOL", "default-ipv6-ippool", v1 ? kDefaultV6OfCalico26 : RandomV6(),
       false, 122, v1 ? 122 : 116, v1 ? 122 : 128},
  };
  std::vector<model::IPPool> pools;
  for (const FamilyPlan& plan : plans) {
    if (plan.family == net::Family::kV6 &&
        (!inputs.has_ipv6 || !environment.GetBool("FELIX_IPV6SUPPORT", true)))
      continue;
    if (environment.GetOr(plan.prefix + "_CIDR", "") == "none") continue;
    bool have_one = false;
    for (const auto& stored : existing.items) {
      const auto cidr = net::Cidr::Parse(std::get<model::IPPool>(stored.object).cidr);
      have_one = have_one || (cidr && cidr->family() == plan.family);
    }
    if (have_one) continue;
    ASSIGN_OR_RETURN(model::IPPool pool, MakePool(environment, plan));
    if (v1) pool.metadata.name = model::V3PoolName(pool.cidr);  // its pools have no other name
    pools.push_back(std::move(pool));
  }
  return pools;
}

}  // namespace calico::node
