// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "apps/calicoctl/command.h"
#include "apps/calicoctl/testing/dialect_client.h"
#include "datastore/testing/fake_client.h"

namespace calico::calicoctl::testing {

// 2026-03-02T10:11:12Z, always.
class FixedClock final : public Clock {
 public:
  TimePoint Now() const override { return std::chrono::steady_clock::now(); }
  WallTime WallNow() const override { return WallTime(std::chrono::seconds(1772446272)); }
};

struct Ran {
  int code = 0;
  std::string out, err;
  bool operator==(const Ran&) const = default;
};
inline void PrintTo(const Ran& ran, std::ostream* to) {
  *to << "exit " << ran.code << "\nout:\n" << ran.out << "err:\n" << ran.err;
}

// Command lines on a store in memory.
class CommandTest : public ::testing::Test {
 protected:
  Ran Run(const std::vector<std::string>& words, const std::string& input = "") {
    std::istringstream in(input);
    std::ostringstream out, err;
    const auto open = [this](const std::string&) -> Result<OpenedStore> {
      return OpenedStore{"a test",
                         std::make_unique<DialectClient>(client_.WithDeadline(TimePoint::max()), dialect_)};
    };
    const int code = RunCommand(
        words, {environment_, clock_, in, out, err, open, "calicoctl", false, terminal_, [](Duration) {}});
    return {code, out.str(), err.str()};
  }
  // For what a test starts from.
  void Create(const std::string& documents) {
    const Ran ran = Run({"create", "-f", "-"}, documents);
    ASSERT_EQ(ran.code, 0) << ran.err;
  }

  Environment environment_{std::map<std::string, std::string>{}};
  datastore::testing::FakeClient client_;
  datastore::Dialect dialect_ = datastore::Dialect::kV3;
  bool terminal_ = false;  // whether stderr is one
  FixedClock clock_;
};

inline Ran Printed(std::string out) {
  return {0, std::move(out), ""};
}
inline Ran Refused(std::string err) {
  return {1, "", std::move(err)};
}

inline constexpr char kV1Pool[] = R"(
apiVersion: v1
kind: ipPool
metadata:
  cidr: 10.254.0.0/24
spec:
  nat-outgoing: true
)";
inline constexpr char kDefaultPool[] = R"(
apiVersion: projectcalico.org/v3
kind: IPPool
metadata:
  name: default-ipv4-ippool
spec:
  cidr: 192.168.0.0/16
  natOutgoing: true
)";

}  // namespace calico::calicoctl::testing
