// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.h"
#include "net/cidr.h"
#include "net/mac.h"
#include "policy_eval/packet.h"

// A host's interfaces whose other ends are in the test's hands: frames go in and come out there as they are,
// without any network stack. The test's own network namespace is the host.
namespace calico::policy_test {

class PacketNetwork final {
 public:
  // One per program: the interfaces stay until its namespace goes.
  static PacketNetwork& Instance();

  // Makes the interface if it is not there, and gives it exactly these addresses.
  void SetInterface(const std::string& name, const std::vector<net::Ip>& addresses);
  // Where packets to everywhere else go.
  void SetDefaultRoute(const std::string& interface);
  void RemoveDefaultRoute();
  void SetRoute(const std::string& prefix, const std::string& interface);
  // The MAC of what is behind an interface.
  static net::Mac MacBehind(const std::string& interface);

  struct TcpFields {
    std::uint8_t flags = 2;  // SYN
    std::uint32_t sequence = 0, acknowledged = 0;
  };
  static constexpr std::uint8_t kSyn = 2, kAck = 16;
  // Sends the packet into `interface`, or as a process of the host if it is empty. Its payload says `id`.
  void Send(const policy_eval::Packet& packet, const std::string& interface, std::uint32_t id) {
    Send(packet, interface, id, TcpFields());
  }
  void Send(const policy_eval::Packet& packet, const std::string& interface, std::uint32_t id,
            const TcpFields& tcp);
  // What has arrived since the last call, when nothing comes any more: by id, the interface behind which it
  // came out, "" for processes of the host.
  std::map<std::uint32_t, std::string> Receive();

  // Connections of before are forgotten.
  static void ForgetConnections();

 private:
  PacketNetwork();

  struct Interface {
    int ifindex = 0, peer_ifindex = 0;
    net::Mac mac;
    std::vector<net::Ip> addresses;
  };
  const UniqueFd& RawSocket(net::Family family, std::uint8_t protocol);

  std::map<std::string, Interface> interfaces_;
  UniqueFd frames_;  // everything that comes in anywhere
  std::map<std::pair<net::Family, std::uint8_t>, UniqueFd> raw_;
  std::array<UniqueFd, 2> senders_;
};

}  // namespace calico::policy_test
