// SPDX-License-Identifier: Apache-2.0
// What `calicoctl trace` is asked about: any words make a packet with a verdict, or a refusal that says why.
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "apps/calicoctl/command.h"
#include "base/check.h"
#include "base/text.h"
#include "datastore/testing/fake_client.h"

namespace calico::calicoctl {
namespace {

constexpr char kWorld[] = R"(
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: host1}
spec: {bgp: {ipv4Address: 192.0.2.1/24, ipv6Address: 'fd00:9::1/64'}}
---
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {namespace: shop, labels: {role: web}}
spec: {node: host1, orchestrator: cni, containerID: 0123456789ab, endpoint: eth0, interfaceName: cali1, ipNetworks: [10.65.0.2/32, 'fd00:65::2/128']}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  ingress:
  - {action: Allow, protocol: TCP, destination: {ports: [80]}}
  - {action: Allow, protocol: ICMP, icmp: {type: 8, code: 0}}
  - {action: Allow, protocol: 47}
)";

int Run(const std::vector<std::string>& words, const std::string& input, std::string& errors) {
  static const Environment environment{std::map<std::string, std::string>{}};
  static const SystemClock clock;
  static datastore::testing::FakeClient client;
  std::istringstream in(input);
  std::ostringstream out, err;
  const auto open = [](const std::string&) -> Result<OpenedStore> {
    return OpenedStore{"a fuzzer", client.WithDeadline(TimePoint::max())};
  };
  const int code =
      RunCommand(words, {environment, clock, in, out, err, open, "calicoctl", false, false, [](Duration) {}});
  errors = err.str();
  return code;
}

}  // namespace
}  // namespace calico::calicoctl

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace calico;
  using namespace calico::calicoctl;
  std::string errors;
  static const bool made = Run({"create", "-f", "-"}, kWorld, errors) == 0;
  CHECK(made, errors);
  // One option's value per line.
  constexpr const char* kOptions[] = {"--from",      "--to",          "--protocol",
                                      "--port",      "--source-port", "--icmp-type",
                                      "--icmp-code", "--ip-version",  "--direction"};
  std::vector<std::string> words{"trace"};
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::size_t next = 0;
  for (const std::string& value : Split(text, '\n')) {
    if (next == std::size(kOptions)) break;
    const std::string option = kOptions[next++];
    if (!value.empty()) words.push_back(option + "=" + value);
  }
  const int code = Run(words, "", errors);
  CHECK(code == 0 || code == 1 || code == 2, "an exit status of trace");
  CHECK((code == 2) == !errors.empty(), "an error says why");
  return 0;
}
