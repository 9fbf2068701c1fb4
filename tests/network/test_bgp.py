# SPDX-License-Identifier: Apache-2.0
"""BGP with real BIRDs: a router outside the cluster, what it is told and what it may tell, and route reflectors."""

import json
import re

from lab import wait_until
from network import POOL, Stream, end, endpoint_name, resource, routes

ROUTER, AS = "172.30.200.1", 65001
TOLD = ("10.98.0.0/24", "10.99.0.0/24")  # what the router announces
CONFIG = """router id 172.30.200.1;
protocol device {{ }}
protocol direct {{ ipv4; }}
protocol static {{ ipv4; {told} }}
template bgp node {{ local {router} as {own}; multihop; connect retry time 1; error wait time 1,1; connect delay time 1; {password}
  ipv4 {{ import all; export where source = RTS_STATIC; }}; }}
{nodes}
"""


def router_runs(network, password=None, reflector=False):
    """BIRD on the router of the two subnets, which is no part of the cluster. As reflector it is of the cluster's AS."""
    own = 64512 if reflector else AS
    config = CONFIG.format(router=ROUTER, own=own, told="".join(f"route {prefix} blackhole; " for prefix in TOLD),
                           password=f'password "{password}";' if password else "",
                           nodes="\n".join(f"protocol bgp {host.name.replace('-', '_')} from node {{ neighbor {host.ip} as 64512; }}"
                                           for host in network.nodes()))
    path = network.router.state_dir / "bird.cfg"
    path.write_text(config)
    network.router.stop_process("bird", "KILL")
    network.router.start_process("bird", "bird", "-f", "-c", str(path), "-s", str(path.with_suffix(".ctl")), "-P", str(path.with_suffix(".bpid")))


def router_says(network, *command):
    path = network.router.state_dir / "bird.ctl"
    return network.router.out("birdc", "-s", str(path), *command, check=False)


def routes_at_router(network):
    text = router_says(network, "show", "route", "where", "source", "=", "RTS_BGP")
    return set(re.findall(r"^(\d\S+/\d+)", text, re.M))


def established(host):
    """IPv4 peers of a host with which it has a session: address and type."""
    found = re.findall(r"^\| (\S+) +\| (\S.*?\S) +\| up +\| \S+ +\| Established +\|$", host.out("calicoctl", "node", "status"), re.M)
    return {address: kind for address, kind in found if ":" not in address}


def peer(**spec):
    return resource("BGPPeer", "tor", peerIP=ROUTER, asNumber=AS, **spec)


def blocks(network):
    return {network.block(host) for host in network.nodes()}


def test_a_router_is_told_the_blocks_and_nothing_else(network):
    network.pool()
    network.apply(peer())
    router_runs(network)
    network.start_agents()
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
    wait_until(lambda: routes_at_router(network) == blocks(network), "the router knows all blocks", network.patience * 2)
    for host in network.nodes():
        wait_until(lambda: len(established(host)) == 3 and established(host)[ROUTER] == "global", f"{host.name} has its sessions", network.patience)
    # What no pool contains stays inside: a route of the host's own, and an address of a workload.
    node1 = network.nodes()[0]
    node1.run("ip", "route", "add", "203.0.113.0/24", "via", ROUTER)
    node1.run("ip", "addr", "add", "198.51.100.9/32", "dev", "lo")
    wait_until(lambda: "203.0.113.0/24" in node1.out("birdc", "-s", "/var/run/calico/bird.ctl", "show", "route"), "BIRD has seen it", 20)
    assert routes_at_router(network) == blocks(network)


def test_what_the_router_tells_is_in_the_kernel(network):
    for host in network.nodes()[:2]:
        wait_until(lambda: all(routes(host, "route", "show", prefix, "proto", "bird") for prefix in TOLD), f"{host.name} has its routes",
                   network.patience)


def test_a_filter_decides_what_comes_in_and_what_goes_out(network):
    node1, node2, _ = network.nodes()
    hidden = network.block(node2)
    network.apply(resource("BGPFilter", "edge", importV4=[{"cidr": "10.98.0.0/16", "matchOperator": "In", "action": "Reject"}],
                           exportV4=[{"cidr": hidden, "matchOperator": "Equal", "action": "Reject"},
                                     {"cidr": POOL, "matchOperator": "In", "prefixLength": {"max": 26}, "action": "Accept", "peerType": "eBGP",
                                      "operations": [{"addCommunity": {"value": "65000:42"}}]}]))
    network.apply(peer(filters=["edge"]))
    wait_until(lambda: routes_at_router(network) == blocks(network) - {hidden}, "one block is hidden", network.patience)
    wait_until(lambda: not routes(node1, "route", "show", TOLD[0]) and routes(node1, "route", "show", TOLD[1]), "one route is refused",
               network.patience)
    assert "(65000,42)" in router_says(network, "show", "route", "all", network.block(node1))
    assert network.w[0].reaches(network.w[1].ip), "the mesh is none of its business"
    network.apply(peer())
    network.delete("bgpfilter", "edge")
    wait_until(lambda: routes_at_router(network) == blocks(network), "all again", network.patience)


def test_prefixes_are_advertised_with_their_communities(network):
    network.apply(resource("BGPConfiguration", "default", communities=[{"name": "backbone", "value": "65000:7"}],
                           prefixAdvertisements=[{"cidr": POOL, "communities": ["backbone", "65000:1:2"]}],
                           serviceClusterIPs=[{"cidr": "10.96.0.0/12"}]))
    wait_until(lambda: "10.96.0.0/12" in routes_at_router(network), "services are announced", network.patience)
    assert routes_at_router(network) == blocks(network) | {"10.96.0.0/12"}
    told = router_says(network, "show", "route", "all", network.block(network.nodes()[0]))
    assert "(65000,7)" in told and "(65000, 1, 2)" in told
    assert not routes(network.nodes()[1], "route", "show", "10.96.0.0/12"), "nobody routes to services"
    network.delete("bgpconfiguration", "default")
    wait_until(lambda: routes_at_router(network) == blocks(network), "no more", network.patience)


def test_a_password_must_be_known_and_right(network):
    node1 = network.nodes()[0]
    router_runs(network, password="s3cret")
    network.apply(peer(password={"secretKeyRef": {"name": "tor", "key": "password"}}))
    said = f"{ROUTER}: secret tor, key password"
    wait_until(lambda: said in node1.run("calicoctl", "node", "status", check=False).stderr, "the status names what is missing", network.patience)
    assert len(established(node1)) == 2, "the mesh goes on"
    for host in network.nodes():
        host.run("mkdir", "-p", "/etc/calico/bgp-secrets/tor")
        host.run("sh", "-c", "echo wrong > /etc/calico/bgp-secrets/tor/password")
    wait_until(lambda: said not in node1.run("calicoctl", "node", "status", check=False).stderr, "it is read", network.patience)
    assert ROUTER not in established(node1)
    for host in network.nodes():
        host.run("sh", "-c", "echo s3cret > /etc/calico/bgp-secrets/tor/password")
    wait_until(lambda: routes_at_router(network) == blocks(network), "all sessions are up", network.patience * 2)
    assert node1.out("stat", "-c", "%a", "/etc/calico/confd/config/bird.cfg").strip() == "600"
    network.delete("bgppeer", "tor")
    router_runs(network)


def all_pairs(network):
    """Streams between any two workloads, both ways; a function that ends them and says which lost how much."""
    streams = {(a.name, b.name): Stream(a, b, rate=500, port=9000 + index * 3 + other) for index, a in enumerate(network.w)
               for other, b in enumerate(network.w) if a is not b}

    def lost():
        ended = {pair: stream.lost() for pair, stream in streams.items()}
        assert all(sent > 500 for _, sent in ended.values())
        return {pair: missing for pair, (missing, _) in ended.items() if missing}
    return lost


def held(network):
    return [line for host in network.nodes() for line in routes(host, "route", "show", "proto", "81")]


# The order of docs/bgp.md, "From the mesh to reflectors".
def test_from_the_mesh_to_a_reflector_no_packet_is_lost(network):
    for host in network.nodes():  # the router leads from one subnet to the other
        network.router.run("ip", "route", "replace", network.block(host), "via", host.ip)
        # but only what a host's own route leads there
        gateway = host.ip.rsplit(".", 1)[0] + ".1"
        for prefix in ("172.30.0.0/16", "169.254.0.0/16"):  # the latter for proxy ARP
            host.run("ip", "route", "replace", prefix, "via", gateway)
        host.run("ip", "route", "del", "default")
    wait_until(lambda: network.w[0].reaches(network.w[2].ip), "node3 is reached over the router", network.patience)
    node1, node2, node3 = network.nodes()
    lost = all_pairs(network)
    node3.run("calicoctl", "label", "nodes", node3.name, "role=reflector")
    network.apply(resource("BGPPeer", "to-reflectors", nodeSelector="!has(role)", peerSelector="role == 'reflector'"))
    wait_until(lambda: established(node1) == {node2.ip: "node-to-node mesh", node3.ip: "node specific"}, "the peer's sessions are up",
               network.patience * 2)
    node3.run("calicoctl", "patch", "node", node3.name, "-p", json.dumps({"spec": {"bgp": {"routeReflectorClusterID": "244.0.0.1"}}}))
    wait_until(lambda: set(established(node3)) == {node1.ip, node2.ip}, "the reflector has its clients", network.patience * 2)
    wait_until(lambda: "rr client" in node3.out("cat", "/etc/calico/confd/config/bird.cfg"), "it reflects", network.patience)
    wait_until(lambda: not held(network), "all routes are BIRD's own", network.patience * 2)
    network.apply(resource("BGPConfiguration", "default", nodeToNodeMeshEnabled=False))
    wait_until(lambda: established(node1) == {node3.ip: "node specific"}, "node1 has a session with the reflector only", network.patience * 2)
    # The way leads to the node itself, not over the reflector.
    wait_until(lambda: routes(node1, "route", "show", network.block(node2), "proto", "bird") == [f"{network.block(node2)} via {node2.ip} dev eth0 metric 32"],
               "the reflector hands on the next hop", network.patience)
    wait_until(lambda: not held(network), "all routes are BIRD's own", network.patience * 2)
    assert lost() == {}


def test_and_back_to_the_mesh_as_well(network):
    node1, node2, node3 = network.nodes()
    lost = all_pairs(network)
    network.delete("bgpconfiguration", "default")
    wait_until(lambda: established(node1).get(node2.ip) == "node-to-node mesh", "the mesh is up", network.patience * 2)
    node3.run("calicoctl", "patch", "node", node3.name, "-p", json.dumps({"spec": {"bgp": {"routeReflectorClusterID": None}}}))
    wait_until(lambda: set(established(node3)) == {node1.ip, node2.ip} and not held(network), "it reflects no more", network.patience * 2)
    network.delete("bgppeer", "to-reflectors")
    wait_until(lambda: established(node1) == {node2.ip: "node-to-node mesh", node3.ip: "node-to-node mesh"}, "the mesh", network.patience * 2)
    wait_until(lambda: not held(network), "all routes are BIRD's own", network.patience * 2)
    assert lost() == {}


WORKLOAD_CONFIG = """router id {ip};
protocol device {{ }}
protocol static {{ ipv4; route 10.95.7.0/24 blackhole; }}
protocol kernel {{ learn; ipv4 {{ import all; export none; }}; }}
protocol bgp host {{ local {ip} as 65010; neighbor 169.254.0.179 as 64512; multihop; connect delay time 1; connect retry time 1;
  ipv4 {{ import all; export where source = RTS_STATIC; gateway recursive; }}; }}
"""


def test_a_workload_peers_with_its_host_and_its_routes_are_known_in_the_cluster(network):
    node1, node2, _ = network.nodes()
    w1 = network.w[0]
    network.pool("routed", "10.95.0.0/16")
    network.apply(resource("BGPConfiguration", "default", localWorkloadPeeringIPV4="169.254.0.179"))
    network.apply(resource("BGPPeer", "routers", nodeSelector="all()", localWorkloadSelector="has(router)", asNumber=65010))
    path = node1.state_dir / "workload.cfg"
    path.write_text(WORKLOAD_CONFIG.format(ip=w1.ip))
    inside = w1.start("bird", "-f", "-c", str(path), "-s", str(path.with_suffix(".ctl")), "-P", str(path.with_suffix(".bpid")))
    try:
        assert not routes(node1, "route", "show", "10.95.7.0/24"), "it has no label yet"
        node1.run("calicoctl", "label", "workloadendpoints", endpoint_name(node1, "w1"), "router=yes")
        wait_until(lambda: routes(node1, "route", "show", "10.95.7.0/24") == [f"10.95.7.0/24 via {w1.ip} dev caliw1 proto bird metric 32"],
                   "the host routes to what its workload tells", network.patience)
        wait_until(lambda: routes(node2, "route", "show", "10.95.7.0/24") == [f"10.95.7.0/24 via {node1.ip} dev eth0 proto bird metric 32"],
                   "and the others to the host", network.patience)
        told = w1.run("birdc", "-s", str(path.with_suffix(".ctl")), "show", "route").stdout
        assert network.block(node2) in told
        node1.run("calicoctl", "label", "workloadendpoints", endpoint_name(node1, "w1"), "router", "--remove")
        wait_until(lambda: not routes(node2, "route", "show", "10.95.7.0/24"), "no session, no route", network.patience)
    finally:
        end(inside)
    network.delete("bgppeer", "routers")
    wait_until(lambda: not node1.out("ip", "-o", "link", "show", "bgp.calico", check=False), "nobody listens there any more", network.patience)
