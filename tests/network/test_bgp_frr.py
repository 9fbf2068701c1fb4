# SPDX-License-Identifier: Apache-2.0
"""BGP with a router that runs FRR: every route that it is told, and what the settings of a BGPPeer are on the wire.

The router's configuration and the BGPPeers are those of docs/bgp.md.
"""

import json
import re
import subprocess

from frr import Frr, documented
from lab import wait_until
from network import POOL, POOL6, address, end, resource, routes

ROUTER, ROUTER6, AS = "172.30.200.1", "fd30:200::1", 65001
HIDDEN, THIRD = "10.66.0.0/16", "10.67.0.0/16"
BEHIND, BEHIND6 = "10.98.0.0/24", "fd98::/64"


def peer(network, **spec):
    """The documented BGPPeer of IPv4 with something more."""
    network.apply(resource("BGPPeer", "tor", **{"peerIP": ROUTER, "asNumber": AS, "keepOriginalNextHop": True, **spec}))


def blocks(network, *pools):
    return {network.block(host, pool): host for host in network.nodes() for pool in pools or (POOL, THIRD)}


def bgp_sessions(network):
    return {host.ip for host in network.nodes()} | {network_ip6(host) for host in network.nodes()}


def network_ip6(host):
    return host.environment["IP6"].split("/")[0]


def all_sessions(network):
    wait_until(lambda: network.frr.established() == bgp_sessions(network), "the router has a session with each node in both families",
               network.patience * 2)


def captured(network, interface, until):
    """What tcpdump makes of BGP on an interface of the router while `until` is done."""
    path = network.router.state_dir / "bgp.pcap"
    capture = subprocess.Popen(network.router.enter("tcpdump", "--immediate-mode", "-U", "-n", "-s", "0", "-i", interface, "-w", str(path), "tcp port 179"),
                               stderr=subprocess.PIPE, text=True)
    while not capture.stderr.readline().startswith("tcpdump: listening"):
        assert capture.poll() is None
    try:
        until()
    finally:
        end(capture, "INT")
    return network.router.out("tcpdump", "-n", "-vvv", "-r", str(path))


def test_every_route_on_the_router_is_one_that_it_should_have(network):
    network.frr = Frr(network.router)
    network.frr.start(documented("frr", "top-of-rack"))
    # All that a host may have beside: other bridges, routes of its own, addresses.
    for host in network.nodes():
        for bridge, net in (("docker0", "172.17.0.1/16"), ("br-0a1b2c", "10.65.250.1/24"), ("virbr0", "192.168.122.1/24")):
            host.run("ip", "link", "add", bridge, "type", "bridge")
            host.run("ip", "addr", "add", net, "dev", bridge)
            host.run("ip", "link", "set", bridge, "up")
        host.run("ip", "route", "add", "203.0.113.0/24", "via", f"172.30.{host.ip.split('.')[2]}.1")
        host.run("ip", "addr", "add", "198.51.100.9/32", "dev", "lo")
    network.pool()
    network.pool("pool6", POOL6)
    network.pool("hidden", HIDDEN, disableBGPExport=True)
    network.pool("third", THIRD, vxlanMode="Always")
    network.nodes()[0].run("calicoctl", "apply", "-f", "-", stdin=documented("yaml", "top-of-rack.yaml"))
    network.start_agents()
    all_sessions(network)
    node1, node2, _ = network.nodes()
    network.w = [network.workload(host, f"w{number}", ip6=True) for number, host in enumerate(network.nodes(), 1)]
    network.borrowed = network.workload(node2, "borrowed", ip=address(network.block(node1), 50))
    network.workload(node2, "secret", ip=address(network.block(node1, HIDDEN), 50))
    network.apply(resource("BGPConfiguration", "default", serviceClusterIPs=[{"cidr": "10.96.0.0/16"}],
                           serviceExternalIPs=[{"cidr": "10.100.0.0/24"}, {"cidr": "10.100.1.1/32"}],
                           serviceLoadBalancerIPs=[{"cidr": "10.101.0.0/24"}]))
    services = {"10.96.0.0/16", "10.100.0.0/24", "10.101.0.0/24"}
    expected = set(blocks(network)) | services | {network.borrowed.ip + "/32"}
    # The router's own filter takes no less than this: what it refuses it has been told, too.
    network.frr.configure("route-map from-nodes permit 90")
    wait_until(lambda: set(network.frr.routes()) == expected, "blocks, one borrowed address, services", network.patience)
    wait_until(lambda: set(network.frr.routes("ipv6")) == set(blocks(network, POOL6)), "blocks of IPv6", network.patience)
    # Tunnels have addresses, and FRR would have learned by now what it should not.
    assert "10.67." in node1.out("ip", "addr", "show", "vxlan.calico")
    assert set(network.frr.routes()) == expected


def test_each_block_leads_to_its_node_whoever_tells_of_it(network):
    all_of = {host.ip for host in network.nodes()}
    for block, owner in blocks(network).items():
        wait_until(lambda: network.frr.next_hops(block) == {told_by: owner.ip for told_by in all_of}, f"{block} via {owner.name}", network.patience)
    node2 = network.nodes()[1]
    assert set(network.frr.next_hops(network.borrowed.ip + "/32").values()) == {node2.ip}
    for block, owner in blocks(network, POOL6).items():
        assert set(network.frr.next_hops(block, "ipv6").values()) == {network_ip6(owner)}, block
    peer(network, keepOriginalNextHop=False)
    wait_until(lambda: all(network.frr.next_hops(block) == {ip: ip for ip in all_of} for block in blocks(network)), "everybody names itself",
               network.patience)
    peer(network, keepOriginalNextHop=False, nextHopMode="Keep")
    block2 = network.block(node2)
    wait_until(lambda: set(network.frr.next_hops(block2).values()) == {node2.ip}, "and with Keep the owner again", network.patience)
    peer(network, keepOriginalNextHop=False, nextHopMode="Self")
    wait_until(lambda: network.frr.next_hops(block2) == {ip: ip for ip in all_of}, "with Self each itself", network.patience)
    peer(network)
    wait_until(lambda: set(network.frr.next_hops(block2).values()) == {node2.ip}, "as documented", network.patience)


def test_from_outside_workloads_answer_and_unassigned_addresses_do_not_loop(network):
    for workload in [*network.w, network.borrowed]:
        wait_until(lambda: network.router.run("ping", "-n", "-q", "-c", "1", "-W", "1", workload.ip, check=False).returncode == 0,
                   f"the router reaches {workload.name}", network.patience)
    for workload in network.w:
        wait_until(lambda: network.router.run("ping", "-n", "-q", "-c", "1", "-W", "1", workload.ip6, check=False).returncode == 0,
                   f"the router reaches {workload.name} by IPv6", network.patience)
    node1 = network.nodes()[0]
    nobody = address(network.block(node1), 61)
    counted = network.router.state_dir / "nobody.pcap"
    capture = subprocess.Popen(network.router.enter("tcpdump", "--immediate-mode", "-U", "-n", "-i", "br200", "-w", str(counted), f"host {nobody}"),
                               stderr=subprocess.PIPE, text=True)
    while not capture.stderr.readline().startswith("tcpdump: listening"):
        assert capture.poll() is None
    said = network.router.run("ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", nobody, check=False).stdout
    end(capture, "INT")
    assert "exceeded" not in said and " 0 received" in said
    seen = network.router.out("tcpdump", "-n", "-r", str(counted)).splitlines()
    assert len([line for line in seen if "echo request" in line]) == 2, seen


def test_what_the_router_tells_is_in_the_kernel(network):
    for host in network.nodes():
        wait_until(lambda: routes(host, "route", "show", BEHIND, "proto", "bird") and routes(host, "-6", "route", "show", BEHIND6, "proto", "bird"),
                   f"{host.name} knows what is behind the router", network.patience)


def test_a_pool_that_is_disabled_is_told_and_one_that_is_hidden_or_gone_is_not(network):
    third = set(blocks(network, THIRD))
    network.pool("third", THIRD, vxlanMode="Always", disableBGPExport=True)
    wait_until(lambda: not third & set(network.frr.routes()), "hidden", network.patience)
    network.pool("third", THIRD, vxlanMode="Always", disabled=True)
    wait_until(lambda: third <= set(network.frr.routes()), "disabled: nothing new is taken from it, what there is goes on", network.patience)
    network.delete("ippool", "third")
    wait_until(lambda: not third & set(network.frr.routes()), "gone", network.patience)
    assert set(blocks(network, POOL)) <= set(network.frr.routes())


def test_as_numbers_of_both_notations_make_one_mesh(network):
    node1, node2, node3 = network.nodes()
    node2.run("calicoctl", "patch", "node", node2.name, "-p", json.dumps({"spec": {"bgp": {"asNumber": "1.10"}}}))
    block2, block3 = network.block(node2), network.block(node3)
    wait_until(lambda: {told["aspath"]["string"] for told in network.frr.paths(block2).values()} == {"65546", "64512 65546"},
               "node2 is of AS 65546", network.patience)
    assert network.frr.paths(block2)[node2.ip]["aspath"]["string"] == "65546"
    assert network.frr.json("show bgp neighbors")[node2.ip]["remoteAs"] == 65546
    # Others of the mesh are not on the way.
    wait_until(lambda: f"via {node1.ip} " not in str(routes(node2, "route", "show", "root", POOL, "proto", "bird")).replace(
        f"{network.block(node1)} via {node1.ip} ", ""), "node2 goes straight to node3", network.patience)
    wait_until(lambda: routes(node2, "route", "show", block3, "proto", "bird"), "node2 knows node3's block", network.patience)
    for target in network.w[::2]:
        wait_until(lambda: network.w[1].reaches(target.ip), f"w2 reaches {target.name}", network.patience)
    node2.run("calicoctl", "patch", "node", node2.name, "-p", json.dumps({"spec": {"bgp": {"asNumber": None}}}))
    wait_until(lambda: {told["aspath"]["string"] for told in network.frr.paths(block2).values()} == {"64512"}, "one AS again", network.patience)


def test_communities_and_a_longer_path_arrive(network):
    node1 = network.nodes()[0]
    block = network.block(node1)
    network.apply(resource("BGPFilter", "edge", exportV4=[
        {"cidr": block, "matchOperator": "Equal", "action": "Accept",
         "operations": [{"addCommunity": {"value": "65000:42"}}, {"addCommunity": {"value": "65000:1:2"}},
                        {"prependASPath": {"prefix": [64900, 64901]}}]}]))
    peer(network, filters=["edge"])

    def told():
        path = network.frr.paths(block)[node1.ip]
        return (path["aspath"]["string"], path["community"]["string"], path["largeCommunity"]["string"])
    wait_until(lambda: told() == ("64512 64900 64901", "65000:42", "65000:1:2"), "all three are there", network.patience)
    peer(network)
    wait_until(lambda: "community" not in network.frr.paths(block)[node1.ip], "as before", network.patience)


def test_our_own_as_in_a_path_is_taken_as_often_as_it_is_allowed(network):
    node1 = network.nodes()[0]
    network.frr.configure("route-map to-nodes permit 10", "set as-path prepend 64512")
    wait_until(lambda: not routes(node1, "route", "show", BEHIND), "a path through ourselves is refused", network.patience)
    peer(network, numAllowedLocalASNumbers=1)
    wait_until(lambda: routes(node1, "route", "show", BEHIND), "once is allowed", network.patience)
    network.frr.configure("route-map to-nodes permit 10", "no set as-path prepend 64512")
    peer(network)


def test_a_session_goes_out_from_the_node_s_address_or_as_routing_has_it(network):
    node1 = network.nodes()[0]
    node1.run("ip", "addr", "add", "172.30.200.99/24", "dev", "eth0")
    node1.run("ip", "route", "add", f"{ROUTER}/32", "dev", "eth0", "src", "172.30.200.99")
    wait_until(lambda: node1.ip in network.frr.established(), "from the node's address", network.patience)
    peer(network, sourceAddress="None")
    wait_until(lambda: "172.30.200.99" in network.frr.established() and node1.ip not in network.frr.established(), "as routing has it", network.patience)
    node1.run("ip", "route", "del", f"{ROUTER}/32")
    peer(network)
    all_sessions(network)
    node1.run("ip", "addr", "del", "172.30.200.99/24", "dev", "eth0")


def test_a_bird_that_is_killed_loses_no_route_on_the_router(network):
    node1, node2, node3 = network.nodes()
    peer(network, maxRestartTime="300s")

    def restart_timer():
        return network.frr.json("show bgp neighbors")[node1.ip]["gracefulRestartInfo"]["timers"]["receivedRestartTimer"]
    wait_until(lambda: restart_timer() == 300, "the router knows how long to wait", network.patience)
    # The owner of the block says nothing of single addresses in it.
    expected = {**{block: 3 for block in blocks(network, POOL)}, network.borrowed.ip + "/32": 2}

    def told():
        return {prefix: len(network.frr.next_hops(prefix)) for prefix in expected}
    wait_until(lambda: told() == expected, "all have told all", network.patience)
    wait_until(lambda: len(routes(node1, "route", "show", "root", POOL, "proto", "bird")) >= 2, "node1's BIRD has routes in the kernel", network.patience)

    def kill():
        monitors = [subprocess.Popen(host.enter("ip", "monitor", "route"), stdout=subprocess.PIPE, text=True) for host in (network.router, node1)]
        node1.run("sh", "-c", "kill -KILL $(cat /var/run/calico/bird.pid)")
        wait_until(lambda: "Established" not in str(network.frr.json("show bgp neighbors").get(node1.ip, {}).get("bgpState")), "it is noticed", 20)
        assert told() == expected, "what node1 told stays"
        wait_until(lambda: node1.ip in network.frr.established(), "the session is back", network.patience)
        wait_until(lambda: told() == expected, "all have told all again", network.patience)
        network.changes = [end(monitor) for monitor in monitors]
    wire = captured(network, "br200", kill)
    for changes in network.changes:
        assert "Deleted 10.6" not in changes, changes
    # The new BIRD says that it kept its routes, and how long the router may wait for the next one.
    opens = [text for text in re.split(r"^\d\d:\d\d:\d\d", wire, flags=re.M)
             if re.search(rf"{re.escape(node1.ip)}\.\d+ > {re.escape(ROUTER)}\.", text) and "Open Message" in text]
    assert opens, wire
    assert re.search(r"Graceful Restart \(64\).*\n\s+Restart Flags: \[R.*\], Restart Time 300s\s+AFI IPv4 .*preserved: yes", opens[-1]), opens[-1]
    assert "Withdrawn" not in wire, wire


def test_passwords_and_ttl_security_with_frr(network):
    # The last one here: this FRR does not forget a password that was given to a range of neighbors.
    network.frr.configure("router bgp 65001", "neighbor nodes password s3cret", "neighbor nodes ttl-security hops 1")
    for host in network.nodes():
        host.run("mkdir", "-p", "/etc/calico/bgp-secrets/tor")
        host.run("sh", "-c", "echo s3cret > /etc/calico/bgp-secrets/tor/password")
    network.delete("bgppeer", "tor-ipv6")
    wait_until(lambda: not network.frr.established(), "nobody gets through as before", network.patience * 2)
    peer(network, password={"secretKeyRef": {"name": "tor", "key": "password"}}, ttlSecurity=1)
    wait_until(lambda: network.frr.established() == {host.ip for host in network.nodes()}, "sessions with both", network.patience * 2)
    seen = network.frr.json("show bgp neighbors")[network.nodes()[0].ip]
    assert seen["externalBgpNbrMaxHopsAway"] == 1, seen
