# SPDX-License-Identifier: Apache-2.0
"""NAT of what leaves the pools: exactly pool to outside, with ports, addresses and exclusions; and addresses from outside
that lead to a workload."""

import json
import re
import sys

from lab import wait_until
from network import NODES, POOL6, Capture, endpoint, resource

OUTSIDE, OUTSIDE6 = "203.0.113.1", "fd99::1"
SEND = "import socket, sys; s = socket.socket(socket.AF_INET6 if ':' in sys.argv[1] else socket.AF_INET, socket.SOCK_DGRAM); s.sendto(b'x', (sys.argv[1], 7777))"


def sources(network, workload, target, count=1, host=None, interface="eth0"):
    """(address, port) that packets of a workload leave its host with."""
    capture = Capture(host or workload.host, interface, "udp dst port 7777")
    for _ in range(count):
        workload.run(sys.executable, "-c", SEND, target)
    lines = capture.packets()
    assert len(lines) == count, lines
    return [re.search(r"IP6? (\S+)\.(\d+) > ", line).groups() for line in lines]


def source(network, workload, target, **kwargs):
    return sources(network, workload, target, **kwargs)[0][0]


def felix(network, name="default", **spec):
    network.nodes()[0].run("calicoctl", "patch", "felixconfiguration", name, "-p", json.dumps({"spec": spec}))


def becomes(network, workload, target, expected):
    wait_until(lambda: source(network, workload, target) == expected, f"{workload.name} to {target} leaves as {expected}", network.patience)


def test_what_leaves_the_pool_becomes_the_hosts(network):
    network.router.run("ip", "link", "add", "outside", "type", "bridge")
    network.router.run("ip", "addr", "add", f"{OUTSIDE}/24", "dev", "outside")
    network.router.run("ip", "addr", "add", f"{OUTSIDE6}/64", "dev", "outside", "nodad")
    network.router.run("ip", "link", "set", "outside", "up")
    network.pool(vxlanMode="CrossSubnet", natOutgoing=True)
    network.pool("pool6", POOL6, vxlanMode="CrossSubnet", natOutgoing=True)
    network.start_agents(CALICO_NETWORKING_BACKEND="vxlan")
    network.w = [network.workload(host, f"w{number}", ip6=True) for number, host in enumerate(network.nodes(), 1)]
    node1, w1 = network.nodes()[0], network.w[0]
    becomes(network, w1, OUTSIDE, node1.ip)
    becomes(network, w1, OUTSIDE6, NODES[node1.name][1])
    assert w1.reaches(OUTSIDE) and w1.reaches(OUTSIDE6), "and answers come back"


def test_from_pool_to_pool_nothing_is_translated(network):
    w1, w2, _ = network.w
    assert source(network, w1, w2.ip) == w1.ip
    assert source(network, w1, w2.ip6) == w1.ip6


def test_on_one_host_neither(network):
    w1 = network.w[0]
    other = network.workload(w1.host, "w9", ip=w1.ip.rsplit(".", 1)[0] + "." + str(int(w1.ip.rsplit(".", 1)[1]) + 1))
    assert source(network, w1, other.ip, interface=other.interface) == w1.ip
    network.remove_workload(other)


def test_hosts_count_as_outside_unless_they_are_excluded(network):
    node1, node2, _ = network.nodes()
    w1 = network.w[0]
    assert source(network, w1, node2.ip) == node1.ip
    felix(network, natOutgoingExclusions="IPPoolsAndHostIPs")
    becomes(network, w1, node2.ip, w1.ip)
    assert source(network, w1, OUTSIDE) == node1.ip
    felix(network, natOutgoingExclusions=None)
    becomes(network, w1, node2.ip, node1.ip)


def test_ports_stay_in_their_range(network):
    felix(network, natPortRange="1000:1099")
    wait_until(lambda: "masquerade to :1000-1099" in network.nodes()[0].out("nft", "list", "chain", "ip", "calico", "cali-nat-outgoing"), "rendered")
    ports = [int(port) for _, port in sources(network, network.w[0], OUTSIDE, count=20)]
    assert all(1000 <= port <= 1099 for port in ports), ports
    assert len(set(ports)) > 5, "at random"
    assert network.w[0].reaches(OUTSIDE), "what has no ports is translated all the same"
    felix(network, natPortRange=None)


def test_each_node_may_have_an_address_of_its_own_for_it(network):
    node1, node2, _ = network.nodes()
    node1.run("ip", "addr", "add", "172.30.200.136/24", "dev", "eth0")
    network.apply(resource("FelixConfiguration", f"node.{node1.name}", natOutgoingAddress="172.30.200.136", defaultEndpointToHostAction="Return"))
    becomes(network, network.w[0], OUTSIDE, "172.30.200.136")
    assert network.w[0].reaches(OUTSIDE)
    assert source(network, network.w[1], OUTSIDE) == node2.ip
    network.apply(resource("FelixConfiguration", f"node.{node1.name}", defaultEndpointToHostAction="Return"))
    becomes(network, network.w[0], OUTSIDE, node1.ip)


def test_only_what_leaves_by_the_named_interface(network):
    node1, w1 = network.nodes()[0], network.w[0]
    felix(network, iptablesNATOutgoingInterfaceFilter="eth1")
    becomes(network, w1, OUTSIDE, w1.ip)
    felix(network, iptablesNATOutgoingInterfaceFilter=None)
    becomes(network, w1, OUTSIDE, node1.ip)


def test_a_pool_that_does_not_want_it_is_left_alone(network):
    w1 = network.w[0]
    network.pool(vxlanMode="CrossSubnet", natOutgoing=False)
    becomes(network, w1, OUTSIDE, w1.ip)
    network.pool(vxlanMode="CrossSubnet", natOutgoing=True)
    becomes(network, w1, OUTSIDE, network.nodes()[0].ip)


# --- floating addresses -----------------------------------------------------------------------------------

FLOATING = "203.0.113.99"


def float_address(network, workload, external):
    mac = json.loads(workload.run("ip", "-j", "link", "show", "cali0").stdout)[0]["address"]
    changed = endpoint(workload.host, workload.name, workload.interface, [f"{workload.ip}/32", f"{workload.ip6}/128"], mac)
    changed["spec"]["ipNATs"] = [{"internalIP": workload.ip, "externalIP": external}] if external else []
    network.apply(changed)


def test_a_floating_address_is_not_there_unless_it_is_enabled(network):
    float_address(network, network.w[0], FLOATING)
    node1 = network.nodes()[0]
    network.router.run("ip", "route", "add", f"{FLOATING}/32", "via", node1.ip)
    assert network.router.run("ping", "-c", "1", "-W", "1", FLOATING, check=False).returncode != 0
    assert FLOATING not in node1.out("ip", "route")


def test_a_floating_address_leads_to_its_workload(network):
    felix(network, floatingIPs="Enabled")
    node1, w1 = network.nodes()[0], network.w[0]
    wait_until(lambda: network.router.run("ping", "-c", "1", "-W", "1", FLOATING, check=False).returncode == 0, "from outside", network.patience)
    assert f"{FLOATING} dev {w1.interface} scope link" in node1.out("ip", "route")
    assert node1.run("ping", "-c", "1", "-W", "1", FLOATING, check=False).returncode == 0, "from the host itself"
    assert w1.reaches(FLOATING), "from the workload that has it"
    capture = Capture(node1, w1.interface, "udp dst port 7777")
    w1.run(sys.executable, "-c", SEND, FLOATING)
    assert f"IP {FLOATING}." in capture.packets()[1], "it hears itself from outside"


def test_policy_sees_the_workloads_own_address(network):
    w1 = network.w[0]
    network.apply(resource("GlobalNetworkPolicy", "no-ping", selector="all()", types=["Ingress"],
                           ingress=[{"action": "Deny", "protocol": "ICMP", "destination": {"nets": [f"{w1.ip}/32"]}}, {"action": "Allow"}]))
    wait_until(lambda: network.router.run("ping", "-c", "1", "-W", "1", FLOATING, check=False).returncode != 0, "denied", network.patience)
    network.delete("globalnetworkpolicy", "no-ping")
    wait_until(lambda: network.router.run("ping", "-c", "1", "-W", "1", FLOATING, check=False).returncode == 0, "allowed", network.patience)


def test_a_floating_address_goes_with_its_entry(network):
    float_address(network, network.w[0], None)
    wait_until(lambda: FLOATING not in network.nodes()[0].out("ip", "route") + network.nodes()[0].out("nft", "list", "ruleset"), "nothing of it is left",
               network.patience)


# --- services ---------------------------------------------------------------------------------------------

def test_a_services_address_that_nobody_serves_is_not_passed_around(network):
    node1, w1 = network.nodes()[0], network.w[0]
    assert source(network, w1, "10.96.0.10") == node1.ip, "it leaves"
    node1.run("calicoctl", "patch", "bgpconfiguration", "default", "-p", json.dumps({"spec": {"serviceClusterIPs": [{"cidr": "10.96.0.0/12"}]}}))
    wait_until(lambda: "10.96.0.0/12" in node1.out("nft", "list", "set", "ip", "calico", "service-cidrs"), "known")
    capture = Capture(node1, "eth0", "udp dst port 7777")
    before = node1.metric("calico_denied_packets_total", reason="service-loop")
    w1.run(sys.executable, "-c", SEND, "10.96.0.10")
    wait_until(lambda: node1.metric("calico_denied_packets_total", reason="service-loop") == before + 1, "counted")
    assert capture.packets() == []
    felix(network, serviceLoopPrevention="Reject")
    wait_until(lambda: "reject" in node1.out("nft", "list", "chain", "ip", "calico", "cali-cidr-block"), "rejected instead")
    felix(network, serviceLoopPrevention="Disabled")
    wait_until(lambda: source(network, w1, "10.96.0.10") == node1.ip, "it leaves again", network.patience)
