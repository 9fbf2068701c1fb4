# SPDX-License-Identifier: Apache-2.0
"""GoBGP as the speaker of one host of a cluster whose other hosts have BIRD, with a router outside that has BIRD, too."""

import json
import re

from lab import wait_until
from network import POOL, address, resource, route_events, routes
from test_bgp import ROUTER, TOLD, blocks, established, peer, router_runs, router_says, routes_at_router


def gobgp(host, *command):
    return host.out("gobgp", "--target", "unix:///var/run/calico/gobgp.sock", *command, check=False)


def gobgpd_pid(host):
    return int(host.out("cat", "/var/run/calico/gobgpd.pid").strip())


def learned(host, prefix):
    """The host's route to what a router outside has told."""
    return routes(host, "route", "show", prefix, "proto", "17")


def sessions_are_up(network):
    for host in network.nodes():
        wait_until(lambda: len(established(host)) == 3 and established(host)[ROUTER] == "global", f"{host.name} has its sessions",
                   network.patience * 2)


def test_the_cluster_and_the_router_know_the_blocks_and_nothing_else(network):
    network.pool()
    network.apply(peer())
    router_runs(network)
    node1, node2, node3 = network.nodes()
    network.start_agent(node1, CALICO_NETWORKING_BACKEND="gobgp")
    network.start_agent(node2)
    network.start_agent(node3)
    for host in network.nodes():
        network.wait_ready(host)
    sessions_are_up(network)
    assert not node1.out("pgrep", "-x", "bird", check=False), "one speaker is enough"
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
    wait_until(lambda: routes_at_router(network) == blocks(network), "the router knows all blocks", network.patience * 2)
    assert routes(node2, "route", "show", network.block(node1), "proto", "bird") == [f"{network.block(node1)} via {node1.ip} dev eth0 metric 32"]
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "w1 reaches w2", network.patience)
    assert network.w[1].reaches(network.w[0].ip)
    # A route of the host's own that no pool contains stays inside, and so does the address of the workload.
    node1.run("ip", "route", "add", "203.0.113.0/24", "via", ROUTER)
    assert network.w[0].ip in gobgp(node1, "global", "rib"), "it knows the workload's address"
    assert routes_at_router(network) == blocks(network)


def test_the_status_is_that_of_bird(network):
    node1, node2, _ = network.nodes()
    status = node1.out("calicoctl", "node", "status")
    assert status.startswith("Calico process is running.\n\nIPv4 BGP status\n+--")
    assert re.search(rf"^\| {re.escape(node2.ip)} +\| node-to-node mesh \| up    \| 00:00:\d\d \| Established \|$", status, re.M), status
    assert re.search(rf"^\| {re.escape(ROUTER)} +\| global +\| up ", status, re.M), status
    assert "IPv6 BGP status\n+--" in status
    everything = json.loads(node1.out("calicoctl", "node", "status", "-o", "json"))
    told = {one["address"]: one for one in everything["peers"]}
    assert everything["backend"] == "gobgp" and told[node2.ip]["node"] == node2.name and told[node2.ip]["routesIn"] == 1
    assert told[ROUTER]["asNumber"] == 65001 and told[ROUTER]["routesOut"] == 3 and told[ROUTER]["holdTimeSeconds"] == 90


def test_what_the_router_tells_is_in_the_kernel_and_goes_again(network):
    node1 = network.nodes()[0]
    for prefix in TOLD:
        wait_until(lambda: learned(node1, prefix) == [f"{prefix} via {ROUTER} dev eth0 metric 33"], f"{prefix} is routed", network.patience)
    _, node2, node3 = network.nodes()
    assert routes(node1, "route", "show", network.block(node2)) == [f"{network.block(node2)} via {node2.ip} dev eth0 proto 80 onlink"], "the agent's"
    assert learned(node1, network.block(node3)) == [f"{network.block(node3)} via {ROUTER} dev eth0 metric 33"], "which cannot know this way"
    assert "no route to the addresses" not in node1.run("calicoctl", "node", "status").stderr
    # Somebody else's deletion is repaired.
    node1.run("ip", "route", "del", TOLD[0], "proto", "17")
    wait_until(lambda: learned(node1, TOLD[0]), "the route is back", network.patience)
    router_says(network, "disable", "static1")
    wait_until(lambda: not learned(node1, TOLD[0]) and not learned(node1, TOLD[1]), "the routes have gone", network.patience)
    router_says(network, "enable", "static1")
    wait_until(lambda: learned(node1, TOLD[0]) and learned(node1, TOLD[1]), "the routes are back", network.patience)


def test_a_filter_decides_what_comes_in_and_what_goes_out(network):
    node1 = network.nodes()[0]
    hidden = network.block(node1)
    sessions = gobgpd_pid(node1), router_says(network, "show", "protocols", "calico_node1").split()[-2]
    network.apply(resource("BGPFilter", "edge", importV4=[{"cidr": "10.98.0.0/16", "matchOperator": "In", "action": "Reject"},
                                                          {"interface": "eth9", "action": "Reject"}],
                           exportV4=[{"cidr": hidden, "matchOperator": "Equal", "action": "Reject"}]))
    network.apply(peer(filters=["edge"]))
    wait_until(lambda: routes_at_router(network) == blocks(network) - {hidden}, "its block is withdrawn", network.patience)
    wait_until(lambda: not learned(node1, TOLD[0]) and learned(node1, TOLD[1]), "one route is refused", network.patience)
    assert network.w[0].reaches(network.w[1].ip), "the mesh is none of its business"
    assert "filter edge: rule 2 of importV4 is left out: GoBGP knows no interfaces" in node1.run("calicoctl", "node", "status").stderr
    single = address(hidden, 40)
    network.apply(resource("BGPFilter", "edge", exportV4=[
        {"cidr": hidden, "matchOperator": "In", "prefixLength": {"min": 32}, "action": "Accept", "peerType": "eBGP",
         "operations": [{"addCommunity": {"value": "65000:42"}}, {"prependASPath": {"prefix": [64512, 64512]}}]}]))
    wait_until(lambda: routes_at_router(network) == blocks(network) | {f"{single}/32"}, "the workload's address is let out", network.patience)
    told = router_says(network, "show", "route", "all", f"{single}/32")
    assert "(65000,42)" in told and "bgp_path: 64512 64512 64512" in told.replace("BGP.as_path", "bgp_path")
    assert "large_community" not in told and "ext_community" not in told, "the mark of the policies stays inside"
    network.apply(peer())
    network.delete("bgpfilter", "edge")
    wait_until(lambda: routes_at_router(network) == blocks(network), "all again", network.patience)
    assert sessions == (gobgpd_pid(node1), router_says(network, "show", "protocols", "calico_node1").split()[-2]), "on the same session"


def test_an_address_out_of_another_hosts_block_is_told_by_itself(network):
    node1, node2, _ = network.nodes()
    borrowed = address(network.block(node2), 45)
    workload = network.workload(node1, "wb", ip=borrowed)
    wait_until(lambda: routes(node2, "route", "show", borrowed, "proto", "bird"), "the block's host knows", network.patience)
    wait_until(lambda: f"{borrowed}/32" in routes_at_router(network), "so does the router", network.patience)
    wait_until(lambda: network.w[1].reaches(borrowed), "it is reached", network.patience)
    network.remove_workload(workload)
    wait_until(lambda: routes_at_router(network) == blocks(network), "it is withdrawn", network.patience)


def test_prefixes_are_advertised_with_their_communities(network):
    node1 = network.nodes()[0]
    network.apply(resource("BGPConfiguration", "default", communities=[{"name": "backbone", "value": "65000:7"}],
                           prefixAdvertisements=[{"cidr": POOL, "communities": ["backbone", "65000:1:2"]}],
                           serviceClusterIPs=[{"cidr": "10.96.0.0/12"}]))
    wait_until(lambda: "10.96.0.0/12" in router_says(network, "show", "route", "protocol", "calico_node1"), "services are announced",
               network.patience)
    told = router_says(network, "show", "route", "all", "protocol", "calico_node1")
    assert "(65000,7)" in told and "(65000, 1, 2)" in told
    assert not routes(node1, "route", "show", "10.96.0.0/12"), "nobody routes to services"
    network.delete("bgpconfiguration", "default")
    wait_until(lambda: routes_at_router(network) == blocks(network), "no more", network.patience)


def test_a_restart_of_agent_or_gobgp_loses_no_route(network):
    node1, node2, _ = network.nodes()
    pid = gobgpd_pid(node1)
    node1.stop_process("calico-node", "KILL")
    network.start_agent(node1)
    network.wait_ready(node1)
    assert gobgpd_pid(node1) == pid, "the agent finds its GoBGP"
    assert route_events(node1, 3) == "" and not route_events(node2, 1)
    node1.run("kill", "-KILL", str(pid))
    assert route_events(node2, 1) == ""
    wait_until(lambda: gobgpd_pid(node1) != pid, "it is started anew", network.patience)
    changes = route_events(node2, 2)
    sessions_are_up(network)
    changes += route_events(node2, 2)
    assert changes == "", "peers keep its routes"
    assert routes_at_router(network) == blocks(network)
    assert learned(node1, TOLD[0]) and learned(node1, TOLD[1])
    # One that hangs is ended and started anew.
    pid = gobgpd_pid(node1)
    node1.run("kill", "-STOP", str(pid))
    wait_until(lambda: gobgpd_pid(node1) != pid, "a hung one is replaced", network.patience)
    sessions_are_up(network)
    network.wait_ready(node1)
    assert routes(node2, "route", "show", network.block(node1), "proto", "bird")


def test_a_password_must_be_known_and_right(network):
    node1 = network.nodes()[0]
    router_runs(network, password="s3cret")
    network.apply(peer(password={"secretKeyRef": {"name": "tor", "key": "password"}}))
    said = f"{ROUTER}: secret tor, key password"
    wait_until(lambda: said in node1.run("calicoctl", "node", "status", check=False).stderr, "the status names what is missing", network.patience)
    assert len(established(node1)) == 2, "the mesh goes on"
    node1.run("mkdir", "-p", "/etc/calico/bgp-secrets/tor")
    node1.run("sh", "-c", "echo s3cret > /etc/calico/bgp-secrets/tor/password")
    wait_until(lambda: network.block(node1) in routes_at_router(network), "the session is up", network.patience * 2)
    network.delete("bgppeer", "tor")
    wait_until(lambda: not learned(node1, TOLD[0]), "the router's routes have gone", network.patience)


def test_it_reflects(network):
    node1, node2, node3 = network.nodes()
    node1.run("calicoctl", "label", "nodes", node1.name, "role=reflector")
    network.apply(resource("BGPPeer", "to-reflectors", nodeSelector="!has(role)", peerSelector="role == 'reflector'"))
    node1.run("calicoctl", "patch", "node", node1.name, "-p", json.dumps({"spec": {"bgp": {"routeReflectorClusterID": "244.0.0.1"}}}))
    network.apply(resource("BGPConfiguration", "default", nodeToNodeMeshEnabled=False))
    wait_until(lambda: established(node2) == {node1.ip: "node specific"}, "node2 has a session with the reflector only", network.patience * 2)
    wait_until(lambda: set(established(node1)) == {node2.ip, node3.ip}, "the reflector has its clients", network.patience)
    # The way leads to the node itself, not over the reflector.
    wait_until(lambda: routes(node2, "route", "show", network.block(node3), "proto", "bird")
               and f"via {node1.ip}" not in routes(node2, "route", "show", network.block(node3))[0], "the reflector hands on the next hop", network.patience)
    assert routes(node2, "route", "show", network.block(node1), "proto", "bird")


def test_another_backend_takes_over(network):
    node1 = network.nodes()[0]
    network.apply(peer())
    router_runs(network)
    wait_until(lambda: learned(node1, TOLD[0]), "the router's routes are there", network.patience * 2)
    pid = gobgpd_pid(node1)
    node1.stop_process("calico-node", "TERM")
    network.start_agent(node1, CALICO_NETWORKING_BACKEND="none")
    network.wait_ready(node1)
    assert node1.run("kill", "-0", str(pid), check=False).returncode != 0, "GoBGP has ended"
    assert not learned(node1, TOLD[0]) and not learned(node1, TOLD[1]), "and its routes"
    assert routes(node1, "route", "show", network.block(network.nodes()[1]), "proto", "80"), "the agent's stay"
