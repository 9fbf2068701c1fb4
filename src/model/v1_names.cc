// SPDX-License-Identifier: Apache-2.0
#include "model/v1_names.h"

#include <regex>

#include <fmt/format.h>

#include "base/text.h"
#include "net/cidr.h"

namespace calico::model {
namespace {

// The seven kinds of Calico 2.6 (reference calicoctl D.3).
struct V1Kind {
  Kind kind;
  const char* name;
};
constexpr V1Kind kV1Kinds[] = {
    {Kind::kBGPPeer, "bgpPeer"},
    {Kind::kHostEndpoint, "hostEndpoint"},
    {Kind::kIPPool, "ipPool"},
    {Kind::kNode, "node"},
    {Kind::kProfile, "profile"},
    {Kind::kGlobalNetworkPolicy, "policy"},
    {Kind::kWorkloadEndpoint, "workloadEndpoint"},
};

}  // namespace

std::string NormaliseName(const std::string& name) {
  static const std::regex kBadRun("[^-.a-z0-9]+");
  static const std::regex kDotRun("[.-]*\\.[.-]*");
  static const std::regex kEnds("^[.-]+|[.-]+$");
  std::string result = ReplaceAll(ToLower(name), "/", ".");
  result = std::regex_replace(result, kBadRun, "-");
  result = std::regex_replace(result, kDotRun, ".");
  return std::regex_replace(result, kEnds, "");
}

std::string GeneralName(const std::string& name) {
  const std::string normal = NormaliseName(name);
  return normal == name ? name : normal + "-" + Sha1Hex(name).substr(0, 8);
}

std::string V3PolicyName(const std::string& v1_name) {
  const std::string normal = ReplaceAll(NormaliseName(v1_name), ".", "-");
  return normal == v1_name ? v1_name : normal + "-" + Sha1Hex(v1_name).substr(0, 8);
}

std::string V3ProfileName(const std::string& v1_name) {
  constexpr std::string_view kOld = "k8s_ns.";
  return GeneralName(v1_name.starts_with(kOld) ? "kns." + v1_name.substr(kOld.size()) : v1_name);
}

std::string V3PoolName(const std::string& cidr) {
  return ReplaceAll(ReplaceAll(ReplaceAll(cidr, ".", "-"), ":", "-"), "/", "-");
}

std::string IpName(const std::string& ip) {
  const auto parsed = net::Ip::Parse(ip);
  if (!parsed) return ip;
  if (parsed->family() == net::Family::kV4) return ReplaceAll(parsed->ToString(), ".", "-");
  std::string name;
  for (std::size_t i = 0; i < 16; i += 2) {
    name += fmt::format("{}{:02x}{:02x}", i == 0 ? "" : "-", parsed->bytes()[i], parsed->bytes()[i + 1]);
  }
  return name;
}

std::optional<std::string> IpOfName(const std::string& name) {
  for (const char* separator : {".", ":"}) {
    if (const auto ip = net::Ip::Parse(ReplaceAll(name, "-", separator))) return ip->ToString();
  }
  return std::nullopt;
}

std::optional<std::string> CidrOfPoolName(const std::string& name) {
  const std::size_t last = name.rfind('-');
  if (last == std::string::npos) return std::nullopt;
  for (const char* separator : {".", ":"}) {
    const auto cidr = net::Cidr::ParsePrefix(ReplaceAll(name.substr(0, last), "-", separator) + "/" +
                                             name.substr(last + 1));
    if (cidr) return cidr->ToString();
  }
  return std::nullopt;
}

std::string DescribeV1(const Key& key) {
  if (key.kind == Kind::kIPPool)
    return fmt::format("IPPool(cidr={})", CidrOfPoolName(key.name).value_or(key.name));
  const std::string_view kind = key.kind == Kind::kGlobalNetworkPolicy || key.kind == Kind::kNetworkPolicy
                                    ? "Policy"
                                    : KindName(key.kind);
  return fmt::format("{}(name={})", kind, key.name);
}

std::optional<std::string> V1KindName(Kind kind) {
  for (const V1Kind& v1 : kV1Kinds) {
    if (v1.kind == kind) return v1.name;
  }
  return std::nullopt;
}

std::optional<Kind> ParseV1KindName(const std::string& name) {
  for (const V1Kind& v1 : kV1Kinds) {
    if (name == v1.name) return v1.kind;
  }
  return std::nullopt;
}

std::vector<std::string> V1Kinds() {
  std::vector<std::string> names;
  for (const V1Kind& v1 : kV1Kinds) names.emplace_back(v1.name);
  return names;
}

}  // namespace calico::model
