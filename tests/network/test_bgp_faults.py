# SPDX-License-Identifier: Apache-2.0
"""Peers that are wrong, mad or hostile, and a BIRD that does not run: what the status says, and that nothing else is touched.

All of them call on node1 (the BIRD that does not run is node2's) while a stream of packets goes from a workload of node1 to
one of node2; the last test counts them.
"""

import json
import re
import sys
import time
from pathlib import Path

from frr import documented
from lab import wait_until
from network import Stream, address, resource, routes

PEER = str(Path(__file__).resolve().parent / "bgp_peer.py")
LIMIT = 200_000
WRONG_AS, NOBODY, DEAF, WRONG_PASSWORD, FLOOD, THIEF, FILTERED, LIAR = (f"172.30.200.{n}" for n in range(101, 109))
# What it sends: what node1 says of it. The last one is whatever BIRD makes of noise.
GARBAGE = {"marker": "Connection not synchronized", "length": "Bad message length", "type": "Bad message", "open": "Unsupported version number",
           "attributes": "Malformed attribute list", "random": "BGP Error"}
GARBAGE_ADDRESS = {word: f"172.30.200.{n}" for n, word in enumerate(GARBAGE, 111)}


def peers_with(network, at, *words, number=65001, **env):
    network.router.start_process(f"peer-{at}", sys.executable, PEER, at, str(number), *words, env=env)


def heard(network, at, word):
    return [line for line in network.router.log(f"peer-{at}").splitlines() if line.startswith(word)]


def bgp_peer(at, **spec):
    return resource("BGPPeer", "peer-" + at.replace(".", "-"), **{"node": "calico-node1", "peerIP": at, "asNumber": 65001, **spec})


def sessions(host):
    """Address of a peer: (state, since, info), of the table of `calicoctl node status`, whose long cells go on in the next line."""
    found, last = {}, None
    for line in host.run("calicoctl", "node", "status", check=False).stdout.splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) != 5:
            continue
        last = cells[0] or last
        found[last] = tuple(f"{a} {b}".strip() for a, b in zip(found.get(last, ("",) * 3), cells[2:]))
    return found


def warnings(host):
    return host.run("calicoctl", "node", "status", check=False).stderr


def mesh(network, host):
    """Since when the sessions of the mesh are up."""
    others = [other.ip for other in network.nodes() if other is not host]
    seen = sessions(host)
    return {other: seen[other] for other in others if seen[other][2] == "Established"}


def test_wrong_peers_are_named_with_what_is_wrong(network):
    node1 = network.nodes()[0]
    for number in [*range(101, 109), *range(111, 117)]:
        if f"172.30.200.{number}" != NOBODY:
            network.router.run("ip", "addr", "add", f"172.30.200.{number}/24", "dev", "br200")
    network.pool()
    network.start_agents()
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
    wait_until(lambda: len(mesh(network, node1)) == 2, "the mesh", network.patience * 2)
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "w1 reaches w2", network.patience)
    network.mesh = mesh(network, node1)
    network.stream = Stream(network.w[0], network.w[1])
    node1.run("mkdir", "-p", "/etc/calico/bgp-secrets/tor")
    node1.run("sh", "-c", "echo ours > /etc/calico/bgp-secrets/tor/password")
    network.later = network.router.state_dir / "later"
    peers_with(network, WRONG_AS, "announce", "10.99.0.0/24", number=65009)
    peers_with(network, WRONG_PASSWORD, "announce", "10.99.0.0/24", PASSWORD_OF=f"{node1.ip} theirs")
    peers_with(network, FLOOD, "flood", "1000000", LATER=str(network.later))
    for word, at in GARBAGE_ADDRESS.items():
        peers_with(network, at, word)
    network.apply(bgp_peer(WRONG_AS), bgp_peer(NOBODY), bgp_peer(DEAF), *(bgp_peer(at) for at in GARBAGE_ADDRESS.values()),
                  bgp_peer(WRONG_PASSWORD, password={"secretKeyRef": {"name": "tor", "key": "password"}}), bgp_peer(FLOOD))
    for at, word in ((WRONG_AS, "BGP Error: Bad peer AS"), (NOBODY, "Socket: No route to host"), (DEAF, "Socket: Connection refused")):
        wait_until(lambda: word in sessions(node1)[at][2], f"{at}: {word}", network.patience)


def test_garbage_ends_the_session_it_came_by_and_no_other(network):
    node1 = network.nodes()[0]
    for word, at in GARBAGE_ADDRESS.items():
        wait_until(lambda: GARBAGE[word] in sessions(node1)[at][2] and sessions(node1)[at][0] == "start", f"{word}: {GARBAGE[word]}", network.patience)


def test_a_speaker_that_ends_again_and_again_is_started_slower_and_slower_and_recovers(network):
    _, node2, _ = network.nodes()
    directory = node2.state_dir / "bin"
    directory.mkdir()
    (directory / "bird").write_text('#!/bin/sh\ncase " $* " in *" -p "*) ;; *) [ ! -e /run/broken ] || { echo "broken on purpose" >&2; exit 1; } ;; esac\n'
                                    'exec /usr/sbin/bird "$@"\n')
    (directory / "bird").chmod(0o755)
    node2.stop_process("calico-node")
    network.start_agent(node2, PATH=f"{directory}:{node2.env()['PATH']}")
    network.wait_ready(node2)
    node2.run("touch", "/run/broken")
    node2.run("sh", "-c", "kill -KILL $(cat /var/run/calico/bird.pid)")
    said = re.compile(r"BIRD ended (\d+) times in a row: broken on purpose")
    wait_until(lambda: int(said.findall(warnings(node2))[0]) >= 5, "the status says how often", 30)
    assert node2.run("calico-node", "-felix-live", check=False).returncode == 0
    starts = node2.log("calico-node").count("started BIRD")
    assert starts <= 8, "slower and slower"
    assert network.w[1].reaches(network.w[0].ip), "routes stay as they are"
    node2.run("rm", "/run/broken")
    wait_until(lambda: len(mesh(network, node2)) == 2, "sessions are up again", network.patience * 2)


def test_a_million_routes_of_one_peer_are_not_let_in(network):
    node1 = network.nodes()[0]
    wait_until(lambda: heard(network, FLOOD, "told 1000000"), "the peer has told a million", 60)
    said = f"{FLOOD}: tells more than {LIMIT} routes; those beyond are left out"
    wait_until(lambda: said in warnings(node1), "the status says so", 60)
    assert sessions(node1)[FLOOD][2] == "Established"
    wait_until(lambda: LIMIT <= int(node1.out("sh", "-c", "ip route show proto bird | wc -l")) <= LIMIT + 10, "the kernel has what the limit lets in", 30)
    memory = int(re.search(r"VmHWM:\s+(\d+)", node1.out("sh", "-c", "cat /proc/$(cat /var/run/calico/bird.pid)/status"))[1])
    assert memory < 200_000, f"BIRD needs {memory} kB"
    network.later.write_text("100 10.99.1.0/24")
    # What it tells then is taken in, though BIRD itself leaves out all that is new from a peer that was beyond the limit once.
    wait_until(lambda: routes(node1, "route", "show", "10.99.1.0/24"), "new routes are taken in again", 60)
    wait_until(lambda: said not in warnings(node1), "the status is clean", 30)


def test_a_password_that_differs_is_asked_about(network):
    node1 = network.nodes()[0]
    said = f"{WRONG_PASSWORD}: no answer; it may have another password than secret tor, key password, or be away"
    wait_until(lambda: said in warnings(node1), "the status asks", 30)
    assert sessions(node1)[WRONG_PASSWORD][0] == "start"
    node1.run("sh", "-c", "echo theirs > /etc/calico/bgp-secrets/tor/password")
    wait_until(lambda: sessions(node1)[WRONG_PASSWORD][2] == "Established", "with the right one", 30)


def test_nobody_outside_takes_our_blocks_our_workloads_or_our_default_route(network):
    node1, _, node3 = network.nodes()
    block = network.block(node1)
    before = routes(node1, "route", "show", "default"), routes(node1, "route", "show", network.w[0].ip), routes(node1, "route", "show", block)
    far = f"{network.block(node3)} via 172.30.200.1 dev eth0 metric 32"
    peers_with(network, THIEF, "announce", "0.0.0.0/0", block, block.replace("/26", "/27"), network.w[0].ip + "/32", address(block, 55) + "/32",
               "172.30.201.0/24", "10.99.2.0/24")
    network.apply(bgp_peer(THIEF))
    wait_until(lambda: routes(node1, "route", "show", "10.99.2.0/24", "proto", "bird"), "what it may tell", network.patience)
    time.sleep(0.5)  # next hops are looked up anew a moment later
    assert before == (routes(node1, "route", "show", "default"), routes(node1, "route", "show", network.w[0].ip), routes(node1, "route", "show", block))
    assert not routes(node1, "route", "show", address(block, 55)) and not routes(node1, "route", "show", block.replace("/26", "/27"))
    assert routes(node1, "route", "show", network.block(node3), "proto", "bird") == [far], "next hops behind the gateway are found as before"


def test_the_documented_filter_keeps_a_router_out_of_the_pools(network):
    node1, node2, _ = network.nodes()
    stolen = address(network.block(node2), 40) + "/32"
    peers_with(network, LIAR, "announce", stolen, "10.99.4.0/24")
    node1.run("calicoctl", "apply", "-f", "-", stdin=documented("yaml", "tor-filter.yaml"))
    network.apply(bgp_peer(LIAR, filters=["no-pools"]))
    wait_until(lambda: routes(node1, "route", "show", "10.99.4.0/24"), "what it may tell", network.patience)
    assert not routes(node1, "route", "show", stolen)


def test_a_filter_that_rejects_everything_leaves_a_session_without_routes(network):
    node1, node2, _ = network.nodes()
    network.apply(resource("BGPFilter", "nothing", importV4=[{"action": "Reject"}], exportV4=[{"action": "Reject"}]))
    peers_with(network, FILTERED, "announce", "10.99.3.0/24")
    network.apply(bgp_peer(FILTERED, filters=["nothing"]))
    wait_until(lambda: sessions(node1)[FILTERED][2] == "Established", "the session is up", network.patience)
    seen = node1.out("birdc", "-s", "/var/run/calico/bird.ctl", "show", "protocols", "all", "Node_" + FILTERED.replace(".", "_"))
    assert "Routes:         0 imported, 0 exported" in seen
    assert not routes(node1, "route", "show", "10.99.3.0/24")
    assert routes(node1, "route", "show", network.block(node2), "proto", "bird"), "the mesh has its routes"


def test_calls_become_fewer_while_they_are_answered_with_garbage(network):
    for word, at in GARBAGE_ADDRESS.items():
        assert 1 < len(heard(network, at, "call")) <= 8, word


def test_nothing_else_was_touched(network):
    node1, node2, node3 = network.nodes()
    lost, sent = network.stream.lost()
    assert lost == 0 and sent > 1000, f"{lost} of {sent} packets were lost"
    # node2's BIRD was ended on purpose, and has run long enough since.
    wait_until(lambda: "in a row" not in warnings(node2), "the status of node2 is clean", 30)
    assert mesh(network, node1)[node3.ip] == network.mesh[node3.ip]
    print(json.dumps({"packets": sent}))
