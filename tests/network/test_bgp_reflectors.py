# SPDX-License-Identifier: Apache-2.0
"""Route reflectors: a pair, two levels of them, and a stock BIRD outside of the cluster as docs/bgp.md has it."""

import json
import subprocess

import pytest
from conftest import STATE
from frr import documented
from lab import wait_until
from network import Network, Stream, address, end, resource, routes
from test_bgp import established


@pytest.fixture(scope="module")
def network():
    """Five hosts: who else should reflect?"""
    made = Network(STATE)
    try:
        yield made.create(5)
    finally:
        made.destroy()


def reflects(host, cluster_id):
    host.run("calicoctl", "patch", "node", host.name, "-p", json.dumps({"spec": {"bgp": {"routeReflectorClusterID": cluster_id}}}))


def label(host, *labels):
    host.run("calicoctl", "label", "nodes", host.name, *labels, "--overwrite")


def block_route(network, host, of):
    """How a host gets to another one's block: straight, and by one way."""
    return routes(host, "route", "show", network.block(of), "proto", "bird") == [f"{network.block(of)} via {of.ip} dev eth0 metric 32"]


def paths(network, host, of):
    """What BGP says of the ways to another host's block: (from whom, originator, clusters it came through)."""
    told, found = host.out("birdc", "-s", "/var/run/calico/bird.ctl", "show", "route", "all", network.block(of), check=False), []
    for line in told.splitlines():
        words = line.split()
        if "unicast" in words or line.strip().startswith("unicast"):
            found.append({"session": line.split("[")[1].split()[0]})
        elif words and words[0] in ("BGP.originator_id:", "BGP.cluster_list:") and found:
            found[-1][words[0][4:-1]] = words[1:]
    return found


def ends(host):
    """The host's agent and BIRD, as with its power."""
    host.stop_process("calico-node", "KILL")
    host.run("sh", "-c", "kill -KILL $(cat /var/run/calico/bird.pid)")


def test_a_pair_of_reflectors(network):
    node1, node2, _, first, second = network.nodes()
    network.pool()
    network.start_agents()
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes()[:2], 1)]
    for host in (first, second):
        label(host, "role=reflector")
    network.apply(resource("BGPPeer", "to-reflectors", nodeSelector="!has(role)", peerSelector="has(role)"),
                  resource("BGPPeer", "between-reflectors", nodeSelector="has(role)", peerSelector="has(role)"))
    for host in (first, second):
        reflects(host, "244.0.0.1")
    network.apply(resource("BGPConfiguration", "default", nodeToNodeMeshEnabled=False))
    wait_until(lambda: set(established(node1)) == {first.ip, second.ip}, "node1 has sessions with both and nobody else", network.patience * 2)
    wait_until(lambda: len(paths(network, node1, node2)) == 2 and block_route(network, node1, node2), "two ways, one next hop", network.patience)
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "w1 reaches w2", network.patience)


@pytest.mark.parametrize("cluster_id", ["244.0.0.1", "244.0.0.2"])
def test_one_of_the_pair_dies_and_no_packet_is_lost(network, cluster_id):
    node1, node2, _, first, second = network.nodes()
    reflects(second, cluster_id)
    wait_until(lambda: set(established(second)) == {host.ip for host in network.nodes() if host is not second}, "the second one has all sessions",
               network.patience)
    both = {"Node_" + host.ip.replace(".", "_") for host in (first, second)}

    def two_ways(host, of):
        return {path["session"] for path in paths(network, host, of)} == both
    wait_until(lambda: two_ways(node1, node2) and two_ways(node2, node1), "each has told both", network.patience)
    stream = Stream(network.w[0], network.w[1])
    monitor = subprocess.Popen(node1.enter("ip", "-4", "monitor", "route"), stdout=subprocess.PIPE, text=True)
    ends(first)
    wait_until(lambda: set(established(node1)) == {second.ip}, "it is gone", network.patience)
    assert block_route(network, node1, node2)
    network.start_agent(first)
    wait_until(lambda: set(established(node1)) == {first.ip, second.ip}, "it is back", network.patience * 2)
    wait_until(lambda: two_ways(node1, node2), "and has told its routes", network.patience)
    lost, sent = stream.lost()
    changes = [line for line in end(monitor).splitlines() if network.block(node2) in line]
    assert lost == 0, f"{lost} of {sent} packets were lost"
    assert not [line for line in changes if line.startswith("Deleted") or f"via {node2.ip} " not in line], changes


def test_reflectors_of_reflectors(network):
    node1, node2, node3, first, second = network.nodes()
    for name in ("to-reflectors", "between-reflectors"):
        network.delete("bgppeer", name)
    node1.run("calicoctl", "apply", "-f", "-", stdin=documented("yaml", "reflectors-of-racks.yaml"))
    for host, rack in ((node1, "rack=a"), (node2, "rack=b"), (first, "reflector=a"), (second, "reflector=b"), (node3, "reflector=top")):
        label(host, rack)
    reflects(node3, "244.0.1.1")
    reflects(first, "244.0.0.1")
    reflects(second, "244.0.0.2")
    wait_until(lambda: set(established(node1)) == {first.ip} and set(established(node2)) == {second.ip}, "each node has its reflector", network.patience * 2)
    wait_until(lambda: set(established(node3)) == {first.ip, second.ip}, "each reflector has the top one", network.patience)
    wait_until(lambda: paths(network, node1, node2) == [{"session": "Node_" + first.ip.replace(".", "_"), "originator_id": [node2.ip],
                                                         "cluster_list": ["244.0.0.1", "244.0.1.1", "244.0.0.2"]}], "through three reflectors", network.patience)
    wait_until(lambda: block_route(network, node1, node2), "and straight to the node", network.patience)
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "w1 reaches w2", network.patience)


def test_a_stock_bird_outside_reflects(network):
    node1, node2, node3, first, second = network.nodes()
    for host in (node3, first, second):
        reflects(host, None)
    config = network.router.state_dir / "bird.cfg"
    config.write_text(documented("bird", "reflector"))
    network.router.start_process("bird", "bird", "-f", "-c", str(config), "-s", str(config.with_suffix(".ctl")), "-P", str(config.with_suffix(".bpid")))
    for name in ("nodes-of-rack-a", "nodes-of-rack-b", "reflectors"):
        network.delete("bgppeer", name)
    node1.run("calicoctl", "apply", "-f", "-", stdin=documented("yaml", "reflector-outside.yaml"))
    for host in network.nodes():
        wait_until(lambda: set(established(host)) == {"172.30.200.1"}, f"{host.name} has a session with the reflector and nobody else", network.patience * 2)
    wait_until(lambda: block_route(network, node1, node2), "straight to a node of the subnet", network.patience)
    assert paths(network, node1, node2)[0]["cluster_list"] == ["1.0.0.1"]
    w3 = network.workload(node3, "w3")
    wait_until(lambda: network.w[0].reaches(w3.ip), "and through the router to one of the other", network.patience)
    assert network.router.out("ip", "route", "show", network.block(node1)).startswith(f"{network.block(node1)} via {node1.ip} ")
    # A host that borrows an address tells it by the reflector, and the block's owner follows.
    borrowed = network.workload(node2, "borrowed", ip=address(network.block(node1), 50))
    wait_until(lambda: routes(node1, "route", "show", borrowed.ip, "proto", "bird"), "the owner of the block knows who has its address", network.patience)
    wait_until(lambda: network.w[0].reaches(borrowed.ip), "w1 reaches it", network.patience)
