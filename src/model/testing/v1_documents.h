// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace calico::model::testing {

struct V1Example {
  std::string kind;
  std::string text;
};

// The documents of reference calicoctl D.6, one a kind.
inline const std::vector<V1Example>& V1Examples() {
  static const std::vector<V1Example> examples{
      {"bgpPeer", R"(apiVersion: v1
kind: bgpPeer
metadata:
  scope: node
  node: rack1-host7
  peerIP: 10.20.0.1
spec:
  asNumber: 64567
)"},
      {"hostEndpoint", R"(apiVersion: v1
kind: hostEndpoint
metadata:
  name: mgmt
  node: rack1-host7
  labels:
    role: mgmt
spec:
  interfaceName: eth0
  expectedIPs:
  - 10.20.0.7
  - 2001:db8:20::7
  profiles:
  - ssh-only
)"},
      {"ipPool", R"(apiVersion: v1
kind: ipPool
metadata:
  cidr: 10.77.0.0/16
spec:
  ipip:
    enabled: true
    mode: cross-subnet
  nat-outgoing: true
  disabled: false
)"},
      {"node", R"(apiVersion: v1
kind: node
metadata:
  name: rack1-host7
spec:
  bgp:
    asNumber: 64600
    ipv4Address: 10.20.0.7/24
    ipv6Address: 2001:db8:20::7/64
  orchRefs:
  - nodeName: rack1-host7
    orchestrator: k8s
)"},
      {"policy", R"(apiVersion: v1
kind: policy
metadata:
  name: allow-dns
  annotations:
    owner: netops
spec:
  order: 100
  selector: role == 'dns'
  types:
  - ingress
  - egress
  ingress:
  - action: allow
    protocol: udp
    source:
      selector: role == 'web'
      notNets:
      - 10.9.0.0/16
    destination:
      ports:
      - 53
      - 1000:1010
  - action: log
  egress:
  - action: deny
    ipVersion: 4
    protocol: icmp
    icmp:
      type: 8
      code: 0
    destination:
      nets:
      - 10.0.0.0/8
  - action: pass
)"},
      {"profile", R"(apiVersion: v1
kind: profile
metadata:
  name: web
  tags:
  - web
  labels:
    role: web
spec:
  ingress:
  - action: deny
    source:
      nets:
      - 10.9.0.0/16
  - action: allow
    source:
      tag: web
  egress:
  - action: allow
)"},
      {"workloadEndpoint", R"(apiVersion: v1
kind: workloadEndpoint
metadata:
  name: eth0
  workload: shop.web-0
  orchestrator: k8s
  node: rack1-host7
  activeInstanceID: "1337495556942031415926535"
  labels:
    app: web
    calico/k8s_ns: shop
spec:
  interfaceName: cali1f2e3d4c5b6
  mac: ee:ee:ee:ee:ee:ee
  ipNetworks:
  - 10.77.3.5/32
  ipNATs:
  - internalIP: 10.77.3.5
    externalIP: 198.51.100.5
  ipv4Gateway: 10.77.3.1
  profiles:
  - k8s_ns.shop
)"},
  };
  return examples;
}
inline const std::string& V1ExampleOf(const std::string& kind) {
  for (const V1Example& example : V1Examples()) {
    if (example.kind == kind) return example.text;
  }
  static const std::string none;
  return none;
}

}  // namespace calico::model::testing
