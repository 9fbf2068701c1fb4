// SPDX-License-Identifier: Apache-2.0
// Reference calicoctl C.1.5. Everything is checked before the pool is disabled.
#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>

#include "apps/calicoctl/cluster_lock.h"
#include "apps/calicoctl/ipam_verbs.h"
#include "apps/calicoctl/session.h"
#include "base/text.h"
#include "model/codec/json.h"
#include "model/validate/validate.h"

namespace calico::calicoctl {
namespace {

constexpr std::size_t kLongestName = 253, kNameKept = 245;

Error Invalid(std::string text) {
  return Error(ErrorCode::kInvalidArgument, std::move(text));
}

Result<int> ParseNumber(const std::string& text) {
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error == std::errc() && end == text.data() + text.size()) return number;
  return Invalid(fmt::format(
      "error reading number to split IP pools into. {} is not a valid number: strconv.Atoi: parsing \"{}\": "
      "{}",
      text, text, error == std::errc::result_out_of_range ? "value out of range" : "invalid syntax"));
}

Result<model::IPPool> FindPool(const Session& session) {
  const std::string name = session.arguments.Text("--name"), cidr = session.arguments.Text("--cidr");
  if (!name.empty()) {
    auto stored = session.resources().Get(model::Key::Resource(model::Kind::kIPPool, name));
    if (stored.has_value()) return std::get<model::IPPool>(std::move(stored->object));
    return Invalid(fmt::format("unable to find IP pool with name {}: {}", name, stored.error().message()));
  }
  ASSIGN_OR_RETURN(const datastore::ObjectList list, session.resources().List(model::Kind::kIPPool));
  for (const auto& stored : list.items) {
    const auto& pool = std::get<model::IPPool>(stored.object);
    if (pool.cidr == cidr) return pool;
  }
  return Invalid(fmt::format("unable to find IP pool covering the specified CIDR {}", cidr));
}

// The sub-prefix number `index`: its bits go right behind those of the prefix.
net::Cidr PartOf(const net::Cidr& whole, int length, unsigned index) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy(whole.ip().bytes(), whole.ip().bytes() + whole.ip().size(), bytes.begin());
  for (int bit = length - 1; bit >= whole.prefix_length(); --bit, index >>= 1) {
    if ((index & 1U) != 0) {
      bytes.at(static_cast<std::size_t>(bit / 8)) |= static_cast<std::uint8_t>(0x80U >> (bit % 8));
    }
  }
  return net::Cidr(net::Ip::FromBytes(whole.family(), bytes.data()), length);
}

Result<std::vector<net::Cidr>> SplitCidr(const model::IPPool& pool, int number) {
  const auto whole = net::Cidr::Parse(pool.cidr);
  if (!whole) return Invalid(fmt::format("IP pool {} has no valid CIDR: {}", pool.metadata.name, pool.cidr));
  const auto fail = [&](const std::string& reason) {
    return Invalid(fmt::format("error splitting the CIDR {} into {} CIDRs: {}", pool.cidr, number, reason));
  };
  if (number < 2 || (number & (number - 1)) != 0) {
    return fail(fmt::format("number to split CIDR into is not a valid power of 2: {}", number));
  }
  int length = whole->prefix_length();
  for (int n = number; n > 1; n /= 2) ++length;
  if (length > pool.block_size) {  // a pool holds one block at least
    return fail(fmt::format("the CIDR {} is not large enough to be split into {} parts", pool.cidr, number));
  }
  std::vector<net::Cidr> parts;
  for (int i = 0; i < number; ++i) parts.push_back(PartOf(*whole, length, static_cast<unsigned>(i)));
  return parts;
}

Result<std::vector<model::IPPool>> PartsOf(const model::IPPool& pool, const std::vector<net::Cidr>& cidrs) {
  std::vector<model::IPPool> parts;
  for (std::size_t i = 0; i < cidrs.size(); ++i) {
    std::string name = fmt::format("split-{}-{}", pool.metadata.name, i);
    if (name.size() > kLongestName) {
      name = fmt::format("split-{}-{}", pool.metadata.name.substr(0, kNameKept), i);
    }
    model::IPPool part = pool;
    part.metadata = {};
    part.metadata.name = name;
    part.conditions.clear();
    part.cidr = cidrs[i].ToString();
    part.disabled = false;
    model::Object object = part;
    RETURN_IF_ERROR(model::ApplyDefaults(object, nullptr));
    RETURN_IF_ERROR(model::Validate(object));
    parts.push_back(std::get<model::IPPool>(std::move(object)));
  }
  return parts;
}

// Not through Resources: the parts overlap the pool, and deleting that must leave its blocks where they are.
Status CreatePart(const Session& session, model::IPPool part) {
  const model::Key key = model::Key::Resource(model::Kind::kIPPool, part.metadata.name);
  const std::string wanted = part.cidr;
  part.metadata.uid = RandomUuid();
  part.metadata.creation_timestamp = FormatRfc3339(session.clock().WallNow());
  auto created = session.client().Create(model::ToPath(key), model::EncodeValue(key, part));
  if (created.has_value()) return Ok();
  if (created.error().code() != ErrorCode::kAlreadyExists) return std::move(created).error();
  // Made by a run that did not come to its end.
  ASSIGN_OR_RETURN(const datastore::Stored stored, session.resources().Get(key));
  if (std::get<model::IPPool>(stored.object).cidr == wanted) return Ok();
  return Error(ErrorCode::kAlreadyExists,
               fmt::format("resource already exists: {} with error: <nil>", model::Describe(key)));
}

Status SplitPool(const Session& session) {
  if (session.client().dialect() == datastore::Dialect::kCalico26) {
    return Invalid(
        "etcdv2 names a pool by its CIDR: ipam split needs etcdv3; see calicoctl datastore migrate");
  }
  ASSIGN_OR_RETURN(const model::ClusterInformation cluster, ReadClusterInformation(session));
  if (!IsLocked(cluster)) {
    return Invalid(
        "datastore is not locked. Run the `calicoctl datastore migrate lock` command in order split the IP "
        "pools");
  }
  if (!session.arguments.Has("--name") && !session.arguments.Has("--cidr")) {
    return Invalid("no name or CIDR provided. Provide a name or CIDR to denote the IP pool to split");
  }
  ASSIGN_OR_RETURN(const int number, ParseNumber(session.arguments.Text("NUMBER")));
  ASSIGN_OR_RETURN(model::IPPool pool, FindPool(session));
  ASSIGN_OR_RETURN(const std::vector<net::Cidr> cidrs, SplitCidr(pool, number));
  ASSIGN_OR_RETURN(const std::vector<model::IPPool> parts, PartsOf(pool, cidrs));

  pool.disabled = true;
  ASSIGN_OR_RETURN(const datastore::Stored disabled, session.resources().Update(pool));
  for (const model::IPPool& part : parts) RETURN_IF_ERROR(CreatePart(session, part));
  RETURN_IF_ERROR(session.client().Delete(
      model::ToPath(model::Key::Resource(model::Kind::kIPPool, pool.metadata.name)), disabled.revision));
  session.out() << fmt::format("IP Pool {} was successfully split into {} smaller pools.\n",
                               pool.metadata.name, number);
  for (const model::IPPool& part : parts) {
    session.out() << fmt::format("Created {} with CIDR {}.\n", part.metadata.name, part.cidr);
  }
  session.out() << "Please refer to the documentation for final steps.\n";
  return Ok();
}

int RunIpamSplit(const Session& session) {
  const Status split = SplitPool(session);
  return split.has_value() ? 0 : session.Fail(split.error().message());
}

}  // namespace

Command IpamSplitCommand() {
  Command split;
  split.path = {"ipam", "split"};
  split.summary = "Replace an IP pool by several smaller ones that cover the same addresses";
  split.description =
      "Blocks and addresses stay as they are. The datastore must be locked meanwhile: calicoctl datastore "
      "migrate lock.";
  split.positionals = {{"NUMBER", "how many pools to make: 2, 4, 8, ..."}};
  split.options = Joined({{"--cidr", 0, "CIDR", "the pool with exactly this CIDR"},
                          {"--name", 0, "POOL_NAME", "the pool of this name"}},
                         ConnectionOptions());
  split.examples = "calicoctl ipam split 2 --name=default-ipv4-ippool";
  split.run = RunIpamSplit;
  return split;
}

}  // namespace calico::calicoctl
