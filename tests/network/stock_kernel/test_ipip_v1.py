# SPDX-License-Identifier: Apache-2.0
"""IPIP as Calico 2.6 has it: `ipip: {enabled, mode}` of a v1 ipPool in an etcdv2 store. Runs in the virtual machine of tests/vm."""

import json

from lab import wait_until
from network import POOL, Capture, routes


def v1_pool(network, **ipip):
    pool = {"apiVersion": "v1", "kind": "ipPool", "metadata": {"cidr": POOL}, "spec": {"ipip": ipip, "nat-outgoing": False}}
    network.nodes()[0].run("calicoctl", "apply", "-f", "-", stdin=json.dumps(pool))


def block_routes(host):
    return routes(host, "route", "show", "root", POOL, "proto", "bird")


def tunnelled(network, target):
    capture = Capture(network.nodes()[0], "eth0", "ip proto 4")
    assert network.w[0].reaches(target.ip, count=3, timeout=2)
    return len(capture.packets())


def test_cross_subnet_tunnels_to_the_other_subnet_only(network):
    for host in network.nodes():
        host.environment["DATASTORE_TYPE"] = "etcdv2"
    v1_pool(network, enabled=True, mode="cross-subnet")
    network.start_agents()
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
    node1, node2, node3 = network.nodes()
    expected = sorted([f"{network.block(node2)} via {node2.ip} dev eth0 metric 32",
                       f"{network.block(node3)} via {node3.ip} dev tunl0 metric 32 onlink"])
    wait_until(lambda: block_routes(node1) == expected, "only the other subnet is tunnelled to", network.patience * 2)
    for target in network.w[1:]:
        wait_until(lambda: network.w[0].reaches(target.ip), f"w1 reaches {target.name}", network.patience)
    assert tunnelled(network, network.w[1]) == 0
    assert tunnelled(network, network.w[2]) == 6


def test_the_tunnel_address_is_where_2_6_looks_for_it(network):
    for host in network.nodes():
        address, = [line.split()[3] for line in host.out("ip", "-o", "-4", "addr", "show", "tunl0").splitlines()]
        stored = network.store.out("etcdctl", "--endpoints", "http://127.0.0.1:2379", "get",
                                   f"/calico/v1/host/{host.name}/config/IpInIpTunnelAddr", env={"ETCDCTL_API": "2"})
        assert address == stored.strip() + "/32"


def test_always_tunnels_to_everybody(network):
    v1_pool(network, enabled=True, mode="always")
    node1, node2, node3 = network.nodes()
    expected = sorted(f"{network.block(host)} via {host.ip} dev tunl0 metric 32 onlink" for host in (node2, node3))
    wait_until(lambda: block_routes(node1) == expected, "all routes lead through tunl0", network.patience)
    assert tunnelled(network, network.w[1]) == 6


def test_not_enabled_is_no_tunnel_whatever_the_mode(network):
    v1_pool(network, enabled=False, mode="always")
    node1 = network.nodes()[0]
    wait_until(lambda: not any("tunl0" in line for line in block_routes(node1)), "no route leads through tunl0", network.patience)
    for host in network.nodes():
        wait_until(lambda: "inet" not in host.out("ip", "addr", "show", "tunl0"), "tunl0 has no address", network.patience)
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "one subnet needs no tunnel", network.patience)
    assert tunnelled(network, network.w[1]) == 0
