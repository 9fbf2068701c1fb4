# SPDX-License-Identifier: Apache-2.0
"""IPIP as Calico 2.6 has it, and what the guide (docs/guide.md) says of it: its pool in an etcdv2 store and its commands, on three hosts of
which the third is in another subnet. Runs in the virtual machine of tests/vm; dockerd's start alone takes minutes in there, so the
containers are namespaces."""

import ipaddress
import re

from doc_blocks import blocks
from lab import ROOT, wait_until
from network import Capture, address, routes

POOL_FILE = "\n".join(next(block.text for block in blocks(ROOT) if (block.document, block.argument) == ("docs/guide.md", "new-pool-1.yaml"))) + "\n"
POOL = "10.254.0.0/24"


def block_routes(host):
    return routes(host, "route", "show", "root", POOL, "proto", "bird")


def seen(network, interface, expression, target):
    """Packets on an interface of the first host while its container pings another three times."""
    capture = Capture(network.nodes()[0], interface, expression)
    assert network.w[0].reaches(target.ip, count=3, timeout=2)
    return capture.packets()


def tunnelled(network, target):
    return len(seen(network, "eth0", "ip proto 4", target))


def test_cross_subnet_tunnels_to_the_other_subnet_only(network):
    """calicoctl create -f new-pool-1.yaml; ip route show: to the other subnet the next hop is on tunl0, in the own one on eth0."""
    for host in network.nodes():
        host.environment["DATASTORE_TYPE"] = "etcdv2"
    done = network.nodes()[0].run("calicoctl", "create", "-f", "-", stdin=POOL_FILE)
    assert done.stdout == "Successfully created 1 'ipPool' resource(s)\n"
    network.start_agents()
    network.w = [network.workload(host, f"w{number}", ip=address(network.block(host, POOL), 40)) for number, host in enumerate(network.nodes(), 1)]
    node1, node2, node3 = network.nodes()
    expected = sorted([f"{network.block(node2, POOL)} via {node2.ip} dev eth0 metric 32",
                       f"{network.block(node3, POOL)} via {node3.ip} dev tunl0 metric 32 onlink"])
    wait_until(lambda: block_routes(node1) == expected, "only the other subnet is tunnelled to", network.patience * 2)
    for target in network.w[1:]:
        wait_until(lambda: network.w[0].reaches(target.ip), f"w1 reaches {target.name}", network.patience)
    assert tunnelled(network, network.w[1]) == 0
    assert tunnelled(network, network.w[2]) == 6


def test_tcpdump_on_tunl0_shows_what_containers_in_two_subnets_say(network):
    """tcpdump -i tunl0 icmp -n"""
    one, _, three = network.w
    packets = seen(network, "tunl0", "icmp", three)
    assert sum(f"IP {one.ip} > {three.ip}: ICMP echo request" in line for line in packets) == 3, packets
    assert sum(f"IP {three.ip} > {one.ip}: ICMP echo reply" in line for line in packets) == 3, packets


def test_tunl0_has_an_address_of_the_own_block_where_2_6_looks_for_it(network):
    """ip address show: tunl0 with a /32 out of the host's /26."""
    for host in network.nodes():
        shown = host.out("ip", "address", "show", "dev", "tunl0")
        assert "UP" in re.search(r"<(.*)>", shown)[1].split(",") and "link/ipip" in shown, shown
        own = re.search(r"inet (\S+)/32 ", shown)[1]
        assert ipaddress.ip_address(own) in ipaddress.ip_network(network.block(host, POOL))
        stored = network.store.out("etcdctl", "--endpoints", "http://127.0.0.1:2379", "get",
                                   f"/calico/v1/host/{host.name}/config/IpInIpTunnelAddr", env={"ETCDCTL_API": "2"})
        assert own == stored.strip()


def test_always_tunnels_to_everybody(network):
    node1, node2, node3 = network.nodes()
    node1.run("calicoctl", "apply", "-f", "-", stdin=POOL_FILE.replace("cross-subnet", "always"))
    expected = sorted(f"{network.block(host, POOL)} via {host.ip} dev tunl0 metric 32 onlink" for host in (node2, node3))
    wait_until(lambda: block_routes(node1) == expected, "all routes lead through tunl0", network.patience)
    assert tunnelled(network, network.w[1]) == 6


def test_not_enabled_is_no_tunnel_whatever_the_mode(network):
    node1 = network.nodes()[0]
    node1.run("calicoctl", "apply", "-f", "-", stdin=POOL_FILE.replace("cross-subnet", "always").replace("enabled: true", "enabled: false"))
    wait_until(lambda: not any("tunl0" in line for line in block_routes(node1)), "no route leads through tunl0", network.patience)
    for host in network.nodes():
        wait_until(lambda: "inet" not in host.out("ip", "addr", "show", "tunl0"), "tunl0 has no address", network.patience)
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "one subnet needs no tunnel", network.patience)
    assert tunnelled(network, network.w[1]) == 0
