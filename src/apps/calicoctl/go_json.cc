// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/go_json.h"

#include "base/text.h"

namespace calico::calicoctl {

std::string EscapedAsGo(std::string json_text) {
  json_text = ReplaceAll(std::move(json_text), "&", "\\u0026");
  json_text = ReplaceAll(std::move(json_text), "<", "\\u003c");
  return ReplaceAll(std::move(json_text), ">", "\\u003e");
}

}  // namespace calico::calicoctl
