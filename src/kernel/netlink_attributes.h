// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libmnl/libmnl.h>

// Internal to the netlink .cc files: libmnl's loop macro is C only.
namespace calico::kernel {

// Calls `each(const nlattr*)` for every attribute behind `offset` bytes of a message's own header.
template <typename Each>
void ForEachAttribute(const nlmsghdr* message, std::size_t offset, Each each) {
  const auto* attribute = static_cast<const nlattr*>(mnl_nlmsg_get_payload_offset(message, offset));
  const auto* end = static_cast<const char*>(mnl_nlmsg_get_payload_tail(message));
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    each(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

// The same for the attributes inside another one.
template <typename Each>
void ForEachNested(const nlattr* nest, Each each) {
  const auto* attribute = static_cast<const nlattr*>(mnl_attr_get_payload(nest));
  const char* end = static_cast<const char*>(mnl_attr_get_payload(nest)) + mnl_attr_get_payload_len(nest);
  while (mnl_attr_ok(attribute, static_cast<int>(end - reinterpret_cast<const char*>(attribute)))) {
    each(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

}  // namespace calico::kernel
