// SPDX-License-Identifier: Apache-2.0
// iptables-nft keeps FORWARD and INPUT in table `filter`. Debian 12's version writes our rule as: meta mark,
// bitwise, cmp, the xtables match `comment`, counter, accept.
#include <cerrno>
#include <memory>

#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <linux/netfilter/nfnetlink.h>

#include "kernel/nft_foreign.h"

namespace calico::kernel {
namespace {

constexpr int kTries = 10;  // a dump that something changed under is repeated

Result<IptablesChain> ReadOnce(const IptablesPlace& place, MarkMatch mark) {
  ASSIGN_OR_RETURN(const NetfilterSocket socket, OpenNetfilterSocket());
  const std::uint8_t family_number = place.family == net::Family::kV4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  alignas(nlmsghdr) char buffer[4096];
  IptablesChain chain;

  const std::unique_ptr<nftnl_chain, void (*)(const nftnl_chain*)> wanted(nftnl_chain_alloc(),
                                                                          nftnl_chain_free);
  nftnl_chain_set_str(wanted.get(), NFTNL_CHAIN_TABLE, "filter");
  nftnl_chain_set_str(wanted.get(), NFTNL_CHAIN_NAME, place.chain());
  nlmsghdr* header = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETCHAIN, family_number, NLM_F_ACK, 1);
  nftnl_chain_nlmsg_build_payload(header, wanted.get());
  Status status = ExchangeNetfilter(socket, header, [&](const nlmsghdr* message) {
    const std::unique_ptr<nftnl_chain, void (*)(const nftnl_chain*)> found(nftnl_chain_alloc(),
                                                                           nftnl_chain_free);
    if (nftnl_chain_nlmsg_parse(message, found.get()) != 0 ||
        !nftnl_chain_is_set(found.get(), NFTNL_CHAIN_HOOKNUM))
      return;
    chain.exists = true;
    chain.can_drop = nftnl_chain_get_u32(found.get(), NFTNL_CHAIN_POLICY) == NF_DROP;
  });
  if (!status.has_value()) {
    if (status.error().code() == ErrorCode::kNotFound) return IptablesChain{};
    return std::move(status).error();
  }
  if (!chain.exists) return chain;

  const std::unique_ptr<nftnl_rule, void (*)(const nftnl_rule*)> filter(nftnl_rule_alloc(), nftnl_rule_free);
  nftnl_rule_set_str(filter.get(), NFTNL_RULE_TABLE, "filter");
  nftnl_rule_set_str(filter.get(), NFTNL_RULE_CHAIN, place.chain());
  header = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETRULE, family_number, NLM_F_DUMP, 2);
  nftnl_rule_nlmsg_build_payload(header, filter.get());
  int number = 0;
  status = ExchangeNetfilter(socket, header, [&](const nlmsghdr* message) {
    const std::unique_ptr<nftnl_rule, void (*)(const nftnl_rule*)> rule(nftnl_rule_alloc(), nftnl_rule_free);
    if (nftnl_rule_nlmsg_parse(message, rule.get()) != 0) return;
    RuleShape shape{mark};
    nftnl_expr_foreach(rule.get(), RuleShape::See, &shape);
    if (++number == 1) chain.our_rule_first = shape.IsOurs();
    if (!shape.IsOurs()) chain.can_drop = true;
  });
  if (!status.has_value() && status.error().code() != ErrorCode::kNotFound) return std::move(status).error();
  return chain;
}

}  // namespace

Result<IptablesChain> ReadNftChain(const IptablesPlace& place, MarkMatch mark) {
  for (int i = 1;; ++i) {
    auto chain = ReadOnce(place, mark);
    if (chain.has_value() || chain.error().sys_errno() != EINTR || i == kTries) return chain;
  }
}

}  // namespace calico::kernel
