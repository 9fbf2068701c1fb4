# SPDX-License-Identifier: Apache-2.0
"""What a host says of its BGP sessions and of its addresses, with real BIRDs: node status, health, metrics, CalicoNodeStatus,
and what it does when BIRD hangs or its address changes."""

import json
import os
import re
import time

import pytest
from lab import CommandFailed, wait_until
from network import POOL, resource, routes

GONE = "172.30.200.99"  # nobody


def status(host, check=True):
    return json.loads(host.run("calicoctl", "node", "status", "-o", "json", check=check).stdout)


def sessions(host):
    return {peer["address"]: peer for peer in status(host)["peers"]}


def established(host):
    return {address for address, peer in sessions(host).items() if peer.get("bgpState") == "Established"}


def probe(host, *flags):
    """What a container's probe says; empty: all is well."""
    done = host.run("calico-node", *flags, check=False)
    return done.stderr.strip() if done.returncode else ""


def bird_pid(host):
    return host.out("cat", "/var/run/calico/bird.pid").strip()


def node_status_resource(name):
    return {**resource("CalicoNodeStatus", name, node="calico-node1", classes=["Agent", "BGP", "Routes"], updatePeriodSeconds=1)}


@pytest.fixture(scope="module")
def mesh(network):
    """A mesh of three, of which calico-node2 has found its address itself among others that it must not take."""
    node2 = network.nodes()[1]
    for kind, name, address in (("bridge", "docker0", "172.17.0.1/16"), ("bridge", "br-0123456789ab", "172.18.0.1/16"),
                                ("bridge", "cali9", "172.19.0.1/16"), ("bridge", "virbr0", "192.168.122.1/24")):
        node2.run("ip", "link", "add", name, "type", kind)
        node2.run("ip", "addr", "add", address, "dev", name)
        node2.run("ip", "link", "set", name, "up")
    node2.run("ip", "tuntap", "add", "office", "mode", "tun")
    node2.run("ip", "addr", "add", "10.8.0.2/24", "dev", "office")
    network.pool()
    for host in network.nodes():
        network.start_agent(host, **({"IP": "autodetect", "AUTODETECT_POLL_INTERVAL": "1h"} if host is node2 else {}))
    for host in network.nodes():
        network.wait_ready(host)
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes()[:2], 1)]
    return network


def test_an_address_is_found_among_those_that_lead_elsewhere(mesh):
    node2 = mesh.nodes()[1]
    assert node2.ip in json.dumps(json.loads(node2.out("calicoctl", "get", "node", node2.name, "-o", "json"))["spec"])
    v4 = status(node2)["addresses"][0]
    assert v4["address"] == f"{node2.ip}/24" and v4["reason"] == "autodetected by first-found on eth0: the only one that will do"
    reasons = {other["interface"]: other["reason"] for other in v4["passedOver"]}
    assert set(reasons) == {"docker0", "br-0123456789ab", "cali9", "virbr0", "office"} and reasons["office"] == "is of kind tun"
    wide = node2.out("calicoctl", "node", "status", "-o", "wide")
    assert f"IPv4 address: {node2.ip}/24, autodetected by first-found on eth0" in wide and "  not office: is of kind tun\n" in wide
    assert "not docker0, which has the name of a container's" in node2.log("calico-node")


def test_node_status_tells_all_of_each_session(mesh):
    node1, node2, node3 = mesh.nodes()
    mesh.apply(resource("BGPPeer", "gone", node=node1.name, peerIP=GONE, asNumber=65009))
    wait_until(lambda: "Socket" in sessions(node1)[GONE].get("lastError", ""), "the last error of a peer that is away", mesh.patience)
    peers = sessions(node1)
    assert set(peers) == {node2.ip, node3.ip, GONE, "fd30:200::37", "fd30:201::38"}
    up = peers[node2.ip]
    assert (up["family"], up["type"], up["node"], up["state"], up["asNumber"]) == (4, "node-to-node mesh", node2.name, "up", 64512)
    assert (up["routesIn"], up["routesOut"]) == (1, 1) and up["holdTimeSeconds"] == 90 and 0 < up["holdTimerSeconds"] <= 90
    assert abs(time.time() - time.mktime(time.strptime(up["sinceTime"], "%Y-%m-%dT%H:%M:%SZ")) + time.timezone) < 600
    assert (peers[GONE]["type"], peers[GONE]["asNumber"]) == ("node specific", 65009) and "routesIn" not in peers[GONE]
    table = node1.out("calicoctl", "node", "status")
    assert len(re.findall(r"^\| \S+ +\| node-to-node mesh \| up +\| \S+ +\| Established +\|$", table, re.M)) == 4
    wide = node1.out("calicoctl", "node", "status", "-o", "wide")
    row = next(line for line in wide.splitlines() if line.startswith(f"| {node2.ip} "))
    assert [cell.strip() for cell in row.split("|")[5:8]] == ["Established", node2.name, "64512"] and re.search(r"\| +1 \| +1 \| \d+s/90s ", row)


def test_one_peer_that_is_away_makes_nobody_useless(mesh):
    node1 = mesh.nodes()[0]
    assert probe(node1, "-bird-ready", "-threshold-time=1h") == f"calico-node: bird-ready: BGP not established with {GONE}"
    assert probe(node1, "-bird-live", "-bird6-live", "-bird-ready", "-bird6-ready", "-threshold-time", "1s") == ""


def test_each_session_has_its_metrics(mesh):
    node1, node2, _ = mesh.nodes()
    of_node2 = {"peer": node2.ip, "node": node2.name, "type": "node-to-node mesh", "family": "ipv4"}
    assert node1.metric("calico_bgp_peer_up", **of_node2) == 1 and node1.metric("calico_bgp_peer_up", family="ipv6") == 2
    assert node1.metric("calico_bgp_peer_routes_in", **of_node2) == 1
    assert 0 <= time.time() - node1.metric("calico_bgp_peer_state_since_seconds", **of_node2) < 600
    assert node1.metric("calico_bgp_peer_flaps_total", **of_node2) == 0
    node2.run("birdc", "-s", "/var/run/calico/bird.ctl", "restart", "Mesh_172_30_200_36")
    wait_until(lambda: node1.metric("calico_bgp_peer_flaps_total", **of_node2) >= 1, "a flap is counted", mesh.patience)
    mesh.delete("bgppeer", "gone")
    wait_until(lambda: GONE not in node1.http_get("http://127.0.0.1:9091/metrics"), "gone with the session", mesh.patience)
    wait_until(lambda: node2.ip in established(node1), "the session is back", mesh.patience)


def test_a_resource_is_kept_current(mesh):
    node1, node2, node3 = mesh.nodes()
    mesh.apply(node_status_resource("of-node1"))

    def stored():
        return json.loads(node1.out("calicoctl", "get", "caliconodestatus", "of-node1", "-o", "json"))
    wait_until(lambda: stored()["status"]["bgp"]["numberEstablishedV4"] == 2, "the status is written", mesh.patience)
    first = stored()
    assert first["status"]["agent"]["birdV4"]["state"] == "Ready" and first["status"]["agent"]["birdV4"]["routerID"] == node1.ip
    assert {peer["peerIP"]: peer["type"] for peer in first["status"]["bgp"]["peersV4"]} == {node2.ip: "NodeMesh", node3.ip: "NodeMesh"}
    block = mesh.block(node2)
    route = {"type": "FIB", "destination": block, "gateway": node2.ip, "interface": "eth0",
             "learnedFrom": {"sourceType": "NodeMesh", "peerIP": node2.ip}}
    wait_until(lambda: route in stored()["status"]["routes"]["routesV4"], "with the routes", mesh.patience)
    first = stored()
    time.sleep(2.5)  # two of its periods
    assert stored() == first, "nothing has changed, nothing is written"
    node3.run("birdc", "-s", "/var/run/calico/bird.ctl", "disable", "Mesh_172_30_200_36")
    wait_until(lambda: stored()["status"]["bgp"]["numberNotEstablishedV4"] == 1, "a lost session shows", mesh.patience)
    node3.run("birdc", "-s", "/var/run/calico/bird.ctl", "enable", "Mesh_172_30_200_36")
    wait_until(lambda: stored()["status"]["bgp"]["numberNotEstablishedV4"] == 0, "and is back", mesh.patience)
    mesh.delete("caliconodestatus", "of-node1")
    with pytest.raises(CommandFailed):
        stored()


def test_a_bird_that_hangs_is_told_of_and_nothing_waits_for_it(mesh):
    node1 = mesh.nodes()[0]
    pid = bird_pid(node1)
    node1.run("kill", "-STOP", pid)
    try:
        assert "bird: BIRD runs and does not answer within 2000 ms" in probe(node1, "-bird-live")
        begin = time.monotonic()
        done = node1.run("calicoctl", "node", "status", check=False)
        assert time.monotonic() - begin < 8
        assert done.returncode == 1 and done.stdout == "Calico process is running.\n\n"
        assert "Error querying BIRD: unable to connect to BIRDv4 socket: BIRD runs and does not answer" in done.stderr
        assert "WARNING: not ready: bird: BIRD runs and does not answer" in done.stderr
        told = status(node1, check=False)
        assert told["running"] and told["errors"] and told["addresses"], "the rest is there"
        assert node1.metric("calico_bgp_speaker_up") == 0
        wait_until(lambda: health(node1, "/liveness").startswith("bird: has not answered for"), "liveness notices", 20, 0.5)
    finally:
        if "CALICO_LONG_HANG" not in os.environ:
            node1.run("kill", "-CONT", pid)
    if "CALICO_LONG_HANG" in os.environ:  # BIRD is started anew, and its routes stay
        block, before = mesh.block(mesh.nodes()[1]), pid
        wait_until(lambda: bird_pid(node1) != before, "the agent starts another one", 60, 0.5)
        assert routes(node1, "route", "show", block, "proto", "bird") and mesh.w[0].reaches(mesh.w[1].ip)
        pid = bird_pid(node1)
    wait_until(lambda: probe(node1, "-bird-live") == "" and health(node1, "/liveness") == "ok", "it goes on", 30, 0.5)
    wait_until(lambda: len(established(node1)) == 4, "with its sessions", mesh.patience * 2)
    assert bird_pid(node1) == pid


def health(host, path):
    code = "import sys, urllib.request as u, urllib.error as e\ntry: print(u.urlopen(sys.argv[1], timeout=8).read().decode())\nexcept e.HTTPError as x: print(x.read().decode())"
    return host.out("python3", "-c", code, f"http://127.0.0.1:9099{path}").strip()


def test_an_address_that_is_away_for_a_moment_is_kept(mesh):
    node1, node2, _ = mesh.nodes()
    node2.run("ip", "addr", "add", "172.30.200.47/24", "dev", "eth0")  # the way to the store stays; the first address leaves
    node2.run("sysctl", "-qw", "net.ipv4.conf.eth0.promote_secondaries=1")
    node2.run("ip", "addr", "del", f"{node2.ip}/24", "dev", "eth0")
    node2.run("ip", "addr", "add", f"{node2.ip}/24", "dev", "eth0")
    node2.run("ip", "route", "replace", "default", "via", "172.30.200.1")
    time.sleep(4)  # longer than it waits for an address to come back
    assert status(node2)["addresses"][0]["address"] == f"{node2.ip}/24"
    assert mesh.w[0].reaches(mesh.w[1].ip)


def test_a_changed_address_is_followed(mesh):
    node1, node2, node3 = mesh.nodes()
    node2.run("ip", "addr", "del", f"{node2.ip}/24", "dev", "eth0")
    node2.run("ip", "route", "replace", "default", "via", "172.30.200.1")
    wait_until(lambda: status(node2)["addresses"][0].get("address") == "172.30.200.47/24", "the agent has seen it", mesh.patience)
    wait_until(lambda: {"172.30.200.47", node3.ip} <= established(node1), "the others have their session", mesh.patience * 2)
    block = mesh.block(node2)
    wait_until(lambda: routes(node1, "route", "show", block, "proto", "bird") == [f"{block} via 172.30.200.47 dev eth0 metric 32"],
               "routes follow", mesh.patience)
    wait_until(lambda: mesh.w[0].reaches(mesh.w[1].ip) and mesh.w[1].reaches(mesh.w[0].ip), "w1 reaches w2", mesh.patience)


def test_of_two_that_start_with_one_address_at_once_one_is_refused(mesh):
    _, node2, node3 = mesh.nodes()
    for host in (node2, node3):
        host.stop_process("calico-node", "KILL")
        mesh.delete("node", host.name)
    for host in (node2, node3):
        mesh.start_agent(host, IP="172.30.200.60/24", IP6="none")

    said = "already using the IPv4 address 172.30.200.60 of this node"
    loser = wait_until(lambda: next((host for host in (node2, node3) if said in host.log("calico-node")), None), "one is refused", mesh.patience)
    other = node3 if loser is node2 else node2
    assert f"Calico node '{other.name}' is {said} '{loser.name}'" in loser.log("calico-node")
    wait_until(lambda: loser.pid_of("calico-node") is None, "and ends", mesh.patience)
    mesh.nodes()[0].run("calicoctl", "get", "node", other.name)
    assert other.pid_of("calico-node") is not None
