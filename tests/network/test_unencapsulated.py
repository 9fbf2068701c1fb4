# SPDX-License-Identifier: Apache-2.0
"""No encapsulation, with BGP and without, and who owns a route: the agent or BIRD, never both."""

import json
import time

from lab import wait_until
from network import POOL6, Stream, route_events, routes

OWNERS = {"agent": "80", "bird": "bird"}


def blocks(host, owner=None):
    selection = ("proto", OWNERS[owner]) if owner else ()
    return routes(host, "route", "show", "root", "10.65.0.0/16", "type", "unicast", *selection)


def to_node2(network, owner):
    node1, node2, _ = network.nodes()
    line = f"{network.block(node2)} via {node2.ip} dev eth0"
    return f"{line} onlink" if owner == "agent" else f"{line} metric 32"


def each_block_once(host):
    """No destination has two routes: neither from two owners nor of two metrics."""
    found = [line.split()[0] for line in blocks(host)]
    assert len(found) == len(set(found)), blocks(host)


def wait_owner(network, owner):
    node1 = network.nodes()[0]
    other = next(one for one in OWNERS if one != owner)
    wait_until(lambda: to_node2(network, owner) in blocks(node1, owner), f"{owner} has the route", network.patience)
    wait_until(lambda: blocks(node1, other) == [], f"{other} has none", network.patience)
    each_block_once(node1)


def test_without_bgp_one_subnet_needs_nothing_else(network):
    network.pool(natOutgoing=False)
    network.pool("pool6", POOL6)
    network.start_agents(CALICO_NETWORKING_BACKEND="none")
    network.w = [network.workload(host, f"w{number}", ip6=True) for number, host in enumerate(network.nodes(), 1)]
    wait_owner(network, "agent")
    for target in (network.w[1].ip, network.w[1].ip6):
        wait_until(lambda: network.w[0].reaches(target), f"w1 reaches {target}", network.patience)
    assert all(host.out("pgrep", "-x", "bird", check=False) == "" for host in network.nodes())


def test_without_bgp_another_subnet_is_named_as_out_of_reach(network):
    status = network.nodes()[0].out("calico-node", "show", "status")
    assert "no route to the addresses of node calico-node3 in pool pool: it is on another subnet" in status


def test_routes_stay_as_they_are(network):
    assert route_events(network.nodes()[0], 3) == ""


def restart(network, backend):
    for host in network.nodes():
        host.stop_process("calico-node")
    network.start_agents(CALICO_NETWORKING_BACKEND=backend)


def test_bird_takes_over(network):
    restart(network, "bird")
    wait_owner(network, "bird")
    wait_until(lambda: network.w[0].reaches(network.w[1].ip) and network.w[0].reaches(network.w[1].ip6), "w1 reaches w2", network.patience)


def test_birds_routes_stay_as_they_are_over_its_scans(network):
    assert route_events(network.nodes()[0], 11) == "", "BIRD looks at the kernel's routes every 10 s"
    each_block_once(network.nodes()[0])


def test_a_live_pool_changes_between_bird_and_the_agents_vxlan(network):
    node1, node2, _ = network.nodes()
    for mode, seen in (("Always", "dev vxlan.calico"), ("Never", "dev eth0 proto bird")):
        stream = Stream(network.w[0], network.w[1])
        network.pool(vxlanMode=mode)
        wait_until(lambda: any(seen in line and line.startswith(network.block(node2)) for line in blocks(node1)), f"{mode}: {seen}", network.patience)
        time.sleep(1)
        lost, sent = stream.lost()
        assert lost < 1000, f"{mode}: {lost} of {sent} at 1 000 packets a second"
        each_block_once(node1)


def program_cluster_routes(network, felix, bgp):
    for kind, value in (("felixconfiguration", felix), ("bgpconfiguration", bgp)):
        patch = json.dumps({"spec": {"programClusterRoutes": value}})
        network.nodes()[0].run("calicoctl", "patch", kind, "default", "-p", patch)


def test_ownership_changes_on_a_live_pool(network):
    for owner, felix, bgp in (("agent", "Enabled", "Disabled"), ("bird", "Disabled", "Enabled")):
        stream = Stream(network.w[0], network.w[1])
        program_cluster_routes(network, felix, bgp)
        wait_owner(network, owner)
        time.sleep(0.5)
        lost, sent = stream.lost()
        assert lost < 1000, f"{owner}: {lost} of {sent} at 1 000 packets a second"


def test_without_bird_nobody_has_routes_that_felix_may_not_program(network):
    restart(network, "none")
    node1 = network.nodes()[0]
    wait_until(lambda: blocks(node1, "agent") + blocks(node1, "bird") == [], "no route of anybody", network.patience)


def test_the_agent_takes_over_and_leaves_none_of_birds_routes(network):
    program_cluster_routes(network, None, None)
    restart(network, "bird")
    wait_owner(network, "bird")
    restart(network, "none")
    wait_owner(network, "agent")
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "w1 reaches w2", network.patience)
    for host in network.nodes():
        assert host.out("pgrep", "-x", "bird", check=False) == ""
