// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace calico::calicoctl {

// JSON text as Go's encoder writes it: "&", "<" and ">" are escapes (outside of texts JSON has none of them).
std::string EscapedAsGo(std::string json_text);

}  // namespace calico::calicoctl
