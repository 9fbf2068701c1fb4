// SPDX-License-Identifier: Apache-2.0
// On the kernel, in the program's own network namespace.
#include "kernel/conntrack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/subprocess.h"

namespace calico::kernel {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

net::Ip Ip(const char* text) {
  return *net::Ip::Parse(text);
}
std::string Conntrack(const std::string& arguments) {
  const auto done = RunProcess({"sh", "-c", "conntrack " + arguments + " 2>/dev/null"}, 10s);
  return done.has_value() ? done->out : "";
}
void Insert(const std::string& source, const std::string& destination, int port) {
  Conntrack("-I -p udp -t 100 -s " + source + " -d " + destination + " --sport 1000 --dport " +
            std::to_string(port));
}

class ConntrackTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Conntrack("-F");
    auto opened = OpenConntrack();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    conntrack_ = *std::move(opened);
  }
  std::unique_ptr<kernel::Conntrack> conntrack_;
};

TEST_F(ConntrackTest, DeletesConnectionsOfAnAddressAtEitherEndAndNoOthers) {
  Insert("10.0.0.1", "10.0.0.2", 1);
  Insert("10.0.0.3", "10.0.0.1", 2);
  Insert("10.0.0.3", "10.0.0.2", 3);
  Insert("fd00::1", "fd00::2", 4);
  Insert("fd00::3", "fd00::2", 5);
  const auto deleted = conntrack_->DeleteConnectionsOf({Ip("10.0.0.1"), Ip("fd00::1")});
  ASSERT_TRUE(deleted.has_value()) << deleted.error().message();
  EXPECT_EQ(*deleted, 3);
  EXPECT_THAT(Conntrack("-L"), HasSubstr("dport=3"));
  EXPECT_THAT(Conntrack("-L"), Not(HasSubstr("10.0.0.1")));
  EXPECT_THAT(Conntrack("-L -f ipv6"), HasSubstr("dport=5"));
  EXPECT_THAT(Conntrack("-L -f ipv6"), Not(HasSubstr("dport=4")));
}

TEST_F(ConntrackTest, KnowsTheAddressesOfTranslatedConnections) {
  Conntrack(
      "-I -p tcp -t 100 --state ESTABLISHED -s 10.0.0.9 -d 192.0.2.1 --sport 1 --dport 80 -r 10.0.0.5 -q "
      "10.0.0.9 "
      "--reply-port-src 8080 --reply-port-dst 1");
  EXPECT_EQ(conntrack_->DeleteConnectionsOf({Ip("10.0.0.5")}).value_or(-1), 1);
  EXPECT_THAT(Conntrack("-L"), Not(HasSubstr("192.0.2.1")));
}

TEST_F(ConntrackTest, DeletesMoreThanOneMessageHolds) {
  for (int i = 1; i <= 150; ++i) Insert("10.0.0.1", "10.0.1." + std::to_string(i), i);
  EXPECT_EQ(conntrack_->DeleteConnectionsOf({Ip("10.0.0.1")}).value_or(-1), 150);
  EXPECT_EQ(conntrack_->DeleteConnectionsOf({Ip("10.0.0.1")}).value_or(-1), 0);
}

}  // namespace
}  // namespace calico::kernel
