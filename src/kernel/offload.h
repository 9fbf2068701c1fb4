// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace calico::kernel {

// Whether a device leaves the checksums of what it sends to the hardware (`ethtool -k`: tx-checksumming). By
// ioctl on the calling thread's network namespace; kNotFound: no such device, kUnsupported: it has no such
// setting.
Result<bool> TxChecksumOffload(const std::string& interface);
Status SetTxChecksumOffload(const std::string& interface, bool on);

}  // namespace calico::kernel
