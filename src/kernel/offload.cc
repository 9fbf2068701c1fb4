// SPDX-License-Identifier: Apache-2.0
#include "kernel/offload.h"

#include <cerrno>
#include <cstring>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/unique_fd.h"

namespace calico::kernel {
namespace {

Status Ask(const std::string& interface, ethtool_value& value) {
  if (interface.empty() || interface.size() >= IFNAMSIZ)
    return Error(ErrorCode::kNotFound, "offload of '" + interface + "': no such device");
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return Error::FromErrno(errno, "offload: socket");
  ifreq request{};
  std::memcpy(request.ifr_name, interface.c_str(), interface.size() + 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (::ioctl(socket.get(), SIOCETHTOOL, &request) != 0)
    return Error::FromErrno(errno, "offload of " + interface);
  return Ok();
}

}  // namespace

Result<bool> TxChecksumOffload(const std::string& interface) {
  ethtool_value value{ETHTOOL_GTXCSUM, 0};
  RETURN_IF_ERROR(Ask(interface, value));
  return value.data != 0;
}

Status SetTxChecksumOffload(const std::string& interface, bool on) {
  ethtool_value value{ETHTOOL_STXCSUM, on ? 1U : 0U};
  return Ask(interface, value);
}

}  // namespace calico::kernel
