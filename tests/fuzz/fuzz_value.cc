// SPDX-License-Identifier: Apache-2.0
// Stored values of every kind: any bytes decode or are refused; what decodes is written in a form that
// decodes to the same and is written as the same bytes again.
#include <cstdint>
#include <string>

#include "base/check.h"
#include "model/codec/json.h"
#include "model/validate/validate.h"

namespace {

calico::model::Key KeyFor(std::uint8_t choice) {
  using namespace calico::model;
  const Kind kind = static_cast<Kind>(choice % (static_cast<int>(Kind::kDockerNetwork) + 1));
  switch (kind) {
    case Kind::kIpamBlock:
      return {kind, "", "10.77.3.0/26"};
    case Kind::kBlockAffinity:
      return {kind, "host", "10.77.3.0/26"};
    default:
      return {kind, IsNamespaced(kind) ? "ns" : "", "name"};
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace calico::model;
  if (size == 0) return 0;
  // The first byte chooses the kind.
  const Key key = KeyFor(data[0]);
  const std::string value(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto decoded = DecodeValue(key, value);
  // No policy or profile may seem to be absent.
  const auto enforced = DecodeToEnforce(key, value);
  CHECK(enforced.has_value() || !IsEnforced(key.kind), "policy never is absent");
  CHECK(!enforced.has_value() || WhyUnreadable(*enforced).empty() == decoded.has_value(), "and says why");
  if (!decoded.has_value()) {
    CHECK(!decoded.error().message().empty(), "an error says why");
    return 0;
  }
  const std::string encoded = EncodeValue(key, *decoded);
  const auto again = DecodeValue(key, encoded);
  CHECK(again.has_value(), "what we write we can read");
  CHECK(EncodeValue(key, *again) == encoded, "writing is stable");
  if (IsResource(key.kind)) {
    Object object = *decoded;
    if (ApplyDefaults(object, nullptr).has_value()) static_cast<void>(Validate(object));
  }
  return 0;
}
