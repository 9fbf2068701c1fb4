# SPDX-License-Identifier: Apache-2.0
"""VXLAN on the real kernel, of both families, from the data model alone: no BGP runs here."""

import hashlib
import json
import re
import sys

from lab import wait_until
from network import NODES, POOL6, Capture, Stream, address, routes

# A frame in a VXLAN packet, from an address that is no host of the cluster.
FORGE = """
import socket, struct, sys
outer, mac, inner_source, inner_target = sys.argv[1:5]
def ip(source, target, protocol, payload):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, socket.inet_aton(source), socket.inet_aton(target))
    total = sum(struct.unpack("!10H", header)); total = (total & 0xffff) + (total >> 16); total = (total & 0xffff) + (total >> 16)
    return header[:10] + struct.pack("!H", ~total & 0xffff) + header[12:] + payload
udp = struct.pack("!HHHH", 4242, 4242, 8 + 5, 0) + b"forge"
frame = bytes.fromhex(mac.replace(":", "")) + bytes.fromhex("660000000001") + b"\\x08\\x00" + ip(inner_source, inner_target, 17, udp)
sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
sock.sendto(struct.pack("!II", 0x08000000, 4096 << 8) + frame, (outer, 4789))
"""
VXLAN = "udp port 4789"


def own_mac(host, suffix=""):
    return "66:" + ":".join(re.findall("..", hashlib.sha1((host.name + suffix).encode()).hexdigest()[:10]))


def link(host, name="vxlan.calico"):
    return json.loads(host.out("ip", "-d", "-j", "addr", "show", name))[0]


def tunnel_address(host):
    return next(one["local"] for one in link(host)["addr_info"] if one["family"] == "inet")


def remote_routes(host):
    return routes(host, "route", "show", "root", "10.65.0.0/16", "proto", "80", "type", "unicast")


def through_the_tunnel(network, host, target):
    return f"{network.block(target)} via {tunnel_address(target)} dev vxlan.calico onlink"


def test_every_workload_reaches_every_other(network):
    network.pool(vxlanMode="Always")
    network.pool("pool6", POOL6, vxlanMode="Always")
    network.start_agents(CALICO_NETWORKING_BACKEND="vxlan")
    network.w = [network.workload(host, f"w{number}", ip6=True) for number, host in enumerate(network.nodes(), 1)]
    for a in network.w:
        for b in network.w:
            for target in (b.ip, b.ip6):
                wait_until(lambda: a.reaches(target), f"{a.name} reaches {target}", network.patience)


def test_the_devices_are_as_documented(network):
    for host in network.nodes():
        for name, suffix, mtu, local in (("vxlan.calico", "", 1450, NODES[host.name][0]), ("vxlan-v6.calico", "-v6", 1430, NODES[host.name][1])):
            device = link(host, name)
            data = device["linkinfo"]["info_data"]
            assert device["linkinfo"]["info_kind"] == "vxlan"
            assert (data["id"], data["port"], data["link"], data["learning"]) == (4096, 4789, "eth0", False)
            assert data.get("local") == local or data.get("local6") == local
            assert (device["address"], device["mtu"]) == (own_mac(host, suffix), mtu)
            own = [one for one in device["addr_info"] if one["scope"] == "global"]
            assert [one["prefixlen"] for one in own] == [32 if suffix == "" else 128]


def test_peers_are_told_not_learned(network):
    node1 = network.nodes()[0]
    for name, suffix, number in (("vxlan.calico", "", 0), ("vxlan-v6.calico", "-v6", 1)):
        forwarding = node1.out("bridge", "fdb", "show", "dev", name).splitlines()
        expected = {f"{own_mac(host, suffix)} dst {NODES[host.name][number]} self permanent" for host in network.nodes()[1:]}
        assert {line.strip() for line in forwarding} == expected
        neighbours = json.loads(node1.out("ip", "-j", "neigh", "show", "dev", name, "nud", "permanent"))
        assert {one["lladdr"] for one in neighbours} == {own_mac(host, suffix) for host in network.nodes()[1:]}


def test_routes_lead_to_the_other_hosts_devices(network):
    node1, node2, node3 = network.nodes()
    assert remote_routes(node1) == sorted(through_the_tunnel(network, node1, host) for host in (node2, node3))
    assert f"blackhole {network.block(node1)} proto 80" in routes(node1, "route", "show", "type", "blackhole")


def test_tunnelled_packets_are_not_tracked(network):
    for host in network.nodes():
        assert "dport=4789" not in host.out("conntrack", "-L", check=False)


def test_the_host_itself_reaches_workloads_of_others(network):
    node1 = network.nodes()[0]
    for target in (network.w[2].ip, network.w[2].ip6):
        assert node1.run("ping", "-c", "1", "-W", "2", target, check=False).returncode == 0, target


def test_a_hosts_other_address_is_translated_into_the_tunnels(network):
    # Answers to it would come untunnelled, or not at all.
    node1, w3 = network.nodes()[0], network.w[2]
    capture = Capture(w3.host, w3.interface, "icmp")
    assert node1.run("ping", "-c", "1", "-W", "2", "-I", NODES[node1.name][0], w3.ip, check=False).returncode == 0
    assert tunnel_address(node1) in capture.packets()[0]


def test_a_strangers_tunnel_is_not_heard(network):
    node1, w1 = network.nodes()[0], network.w[0]
    forged = (sys.executable, "-c", FORGE, node1.ip, own_mac(node1), network.w[1].ip, w1.ip)
    capture = Capture(node1, w1.interface, "udp port 4242")
    before = node1.metric("calico_denied_packets_total", reason="tunnel")
    network.router.run(*forged)
    wait_until(lambda: node1.metric("calico_denied_packets_total", reason="tunnel") == before + 1, "it is counted as denied")
    assert capture.packets() == []
    # The same from a host of the cluster arrives: it is not the packet that is wrong.
    capture = Capture(node1, w1.interface, "udp port 4242")
    network.nodes()[1].run(*forged)
    assert len(capture.packets()) == 1


def test_a_host_outside_the_cluster_can_be_let_in(network):
    node1, w1 = network.nodes()[0], network.w[0]
    node1.run("calicoctl", "patch", "felixconfiguration", "default", "-p", '{"spec": {"externalNodesList": ["172.30.200.1/32"]}}')
    wait_until(lambda: "172.30.200.1" in node1.out("nft", "list", "set", "ip", "calico", "external-hosts-net"), "it is in the set")
    capture = Capture(node1, w1.interface, "udp port 4242")
    network.router.run(sys.executable, "-c", FORGE, node1.ip, own_mac(node1), network.w[1].ip, w1.ip)
    assert len(capture.packets()) == 1
    node1.run("calicoctl", "patch", "felixconfiguration", "default", "-p", '{"spec": {"externalNodesList": null}}')


def test_a_borrowed_address_is_found(network):
    # Of node2's block, used on node3.
    borrowed = network.workload(network.nodes()[2], "guest", ip=address(network.block(network.nodes()[1]), 50))
    wait_until(lambda: network.w[0].reaches(borrowed.ip), "w1 reaches it where it is", network.patience)
    wait_until(lambda: network.w[1].reaches(borrowed.ip), "so does its block's host", network.patience)
    network.remove_workload(borrowed)
    wait_until(lambda: not any(borrowed.ip in line for line in remote_routes(network.nodes()[0])), "its route goes with it")


def packets_between(network, target, expression):
    capture = Capture(network.nodes()[0], "eth0", expression)
    assert network.w[0].reaches(target.ip, count=3, timeout=2)
    return len(capture.packets())


def test_always_encapsulates_within_a_subnet_too(network):
    for target in network.w[1:]:
        assert packets_between(network, target, VXLAN) == 6


def test_modes_change_on_a_live_pool(network):
    node1, node2, node3 = network.nodes()
    directly = f"{network.block(node2)} via {node2.ip} dev eth0 onlink"
    for mode, to_node2 in (("CrossSubnet", directly), ("Always", through_the_tunnel(network, node1, node2))):
        streams = [Stream(network.w[0], target, port=port) for target, port in ((network.w[1], 9001), (network.w[2], 9002))]
        network.pool(vxlanMode=mode)
        expected = sorted([to_node2, through_the_tunnel(network, node1, node3)])
        wait_until(lambda: remote_routes(node1) == expected, f"routes of {mode}", network.patience)
        losses = [stream.lost() for stream in streams]
        assert all(lost < 1000 for lost, sent in losses), f"{mode}: {losses} at 1 000 packets a second"
    network.pool(vxlanMode="CrossSubnet")
    wait_until(lambda: directly in remote_routes(node1), "cross-subnet again", network.patience)
    wait_until(lambda: packets_between(network, network.w[1], VXLAN) == 0, "nothing is encapsulated within a subnet")
    assert packets_between(network, network.w[2], VXLAN) == 6


def test_another_vni_and_port_make_the_device_anew(network):
    node1 = network.nodes()[0]
    node1.run("calicoctl", "patch", "felixconfiguration", "default", "-p", '{"spec": {"vxlanVNI": 77, "vxlanPort": 4800}}')
    for host in network.nodes():
        wait_until(lambda: link(host)["linkinfo"]["info_data"]["id"] == 77, f"{host.name}: another VNI", network.patience)
    wait_until(lambda: network.w[0].reaches(network.w[2].ip), "packets flow through the new device", network.patience)
    node1.run("calicoctl", "patch", "felixconfiguration", "default", "-p", '{"spec": {"vxlanVNI": null, "vxlanPort": null}}')
    wait_until(lambda: network.w[0].reaches(network.w[2].ip) and link(node1)["linkinfo"]["info_data"]["id"] == 4096, "and back")


def test_a_device_that_somebody_deletes_comes_back(network):
    node1 = network.nodes()[0]
    node1.run("ip", "link", "del", "vxlan.calico")
    wait_until(lambda: network.w[0].reaches(network.w[2].ip), "it works again", 5)


def test_a_restarted_agent_writes_nothing_and_loses_nothing(network):
    node1 = network.nodes()[0]
    state = [node1.out(*argv) for argv in (("ip", "-d", "link", "show", "vxlan.calico"), ("ip", "route"), ("bridge", "fdb", "show", "dev", "vxlan.calico"))]
    stream = Stream(network.w[0], network.w[2])
    node1.stop_process("calico-node", "KILL")
    network.start_agent(node1)
    network.wait_ready(node1)
    assert stream.lost()[0] == 0
    assert state == [node1.out(*argv) for argv in (("ip", "-d", "link", "show", "vxlan.calico"), ("ip", "route"), ("bridge", "fdb", "show", "dev", "vxlan.calico"))]


def test_a_port_in_use_is_named_and_the_tunnel_comes_when_it_is_free(network):
    node1 = network.nodes()[0]
    node1.stop_process("calico-node", "KILL")
    node1.run("ip", "link", "del", "vxlan.calico")
    node1.run("ip", "link", "del", "vxlan-v6.calico")
    node1.start_process("squatter", sys.executable, "-c", "import socket, time; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); "
                        "s.bind(('0.0.0.0', 4789)); time.sleep(1000)")
    wait_until(lambda: ":4789" in node1.out("ss", "-Hulpn"), "the port is taken")
    network.start_agent(node1)
    wait_until(lambda: "vxlan.calico: UDP port 4789 is in use on this host" in node1.out("calico-node", "show", "status", check=False),
               "the status names the port", network.patience)
    wait_until(lambda: network.w[0].reaches(network.w[1].ip6), "the other family goes on", network.patience)
    node1.stop_process("squatter", "KILL")
    network.wait_ready(node1)
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "w1 reaches w2", network.patience)


def test_a_node_that_goes_takes_its_peers_entries_along(network):
    node1, node2, node3 = network.nodes()
    node3.stop_process("calico-node")
    network.remove_workload(network.w[2])
    network.delete("node", node3.name)
    wait_until(lambda: len(remote_routes(node1)) == 1, "no route to it", network.patience)
    wait_until(lambda: own_mac(node3) not in node1.out("bridge", "fdb", "show", "dev", "vxlan.calico"), "no forwarding entry")
    assert "unreachable" not in node1.out("calico-node", "show", "status")


def test_the_pools_go_and_leave_nothing(network):
    for workload in network.w[:2]:
        network.remove_workload(workload)
    network.delete("ippool", "pool")
    network.delete("ippool", "pool6")
    for host in network.nodes()[:2]:
        wait_until(lambda: "calico" not in host.out("ip", "link"), f"{host.name}: no device", network.patience)
        wait_until(lambda: routes(host, "route", "show", "root", "10.65.0.0/16") == [], f"{host.name}: no route", network.patience)
