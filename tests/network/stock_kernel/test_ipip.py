# SPDX-License-Identifier: Apache-2.0
"""IPIP with BIRD. Runs in the virtual machine of tests/vm: needs a kernel with ipip."""

import sys

from lab import wait_until
from network import Capture, Stream, routes, sizes

# A packet in an IPIP packet, from an address that is no host of the cluster.
FORGE = """
import socket, struct, sys
outer, inner_source, inner_target = sys.argv[1:4]
def ip(source, target, protocol, payload):
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 1, 0, 64, protocol, 0, socket.inet_aton(source), socket.inet_aton(target))
    total = sum(struct.unpack("!10H", header)); total = (total & 0xffff) + (total >> 16); total = (total & 0xffff) + (total >> 16)
    return header[:10] + struct.pack("!H", ~total & 0xffff) + header[12:] + payload
udp = struct.pack("!HHHH", 4242, 4242, 8 + 5, 0) + b"forge"
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, 4)
raw.sendto(ip(inner_source, inner_target, 17, udp), (outer, 0))
"""


def block_routes(host):
    return routes(host, "route", "show", "root", "10.65.0.0/16", "proto", "bird")


def test_always(network):
    network.pool(ipipMode="Always")
    network.start_agents()
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
    node1, node2, node3 = network.nodes()
    expected = sorted(f"{network.block(host)} via {host.ip} dev tunl0 metric 32 onlink" for host in (node2, node3))
    wait_until(lambda: block_routes(node1) == expected, "the routes lead through tunl0", network.patience * 2)
    for workload in network.w[1:]:
        wait_until(lambda: network.w[0].reaches(workload.ip), f"w1 reaches {workload.name}", network.patience)


def test_the_device_has_this_hosts_address_and_mtu(network):
    for host in network.nodes():
        link = host.out("ip", "-o", "link", "show", "tunl0")
        assert "mtu 1480" in link and ",UP" in link
        address, = [line.split()[3] for line in host.out("ip", "-o", "-4", "addr", "show", "tunl0").splitlines()]
        assert address.endswith("/32")
        assert address.rsplit(".", 1)[0] == network.block(host).rsplit(".", 1)[0]
        assert host.out("calicoctl", "get", "node", host.name, "-o", "json").count(f'"ipv4IPIPTunnelAddr": "{address[:-3]}"') == 1


def seen_between(network, source, target, host, expression):
    capture = Capture(host, "eth0", expression)
    assert source.reaches(target.ip, count=3, timeout=2)
    return capture.packets()


def test_always_encapsulates_within_a_subnet_too(network):
    for target in network.w[1:]:
        packets = seen_between(network, network.w[0], target, network.nodes()[0], "ip proto 4")
        assert len(packets) == 6, packets


def test_what_fits_arrives_and_the_rest_is_told(network):
    for workload in network.w:
        workload.run("ip", "link", "set", "cali0", "mtu", "1500")
    for target in network.w[1:]:
        assert sizes(network.w[0], target, 1200, 1500) == {"answered": 281, "told": 20, "lost": 0, "largest": 1480}


def test_the_host_itself_reaches_workloads_of_others(network):
    assert network.nodes()[0].run("ping", "-c", "1", "-W", "2", network.w[2].ip, check=False).returncode == 0


def test_a_strangers_tunnel_is_not_heard(network):
    node1, w1 = network.nodes()[0], network.w[0]
    capture = Capture(node1, w1.interface, "udp port 4242")
    before = node1.metric("calico_denied_packets_total", reason="tunnel")
    network.router.run(sys.executable, "-c", FORGE, node1.ip, network.w[1].ip, w1.ip)
    wait_until(lambda: node1.metric("calico_denied_packets_total", reason="tunnel") == before + 1, "it is counted as denied")
    assert capture.packets() == []
    # The same from a host of the cluster arrives: it is not the packet that is wrong.
    capture = Capture(node1, w1.interface, "udp port 4242")
    network.nodes()[1].run(sys.executable, "-c", FORGE, node1.ip, network.w[1].ip, w1.ip)
    assert len(capture.packets()) == 1


def switch(network, rate=200, **modes):
    """Changes the pool under traffic; the packets lost of those that a second brings."""
    streams = [Stream(network.w[0], target, rate, port) for target, port in ((network.w[1], 9001), (network.w[2], 9002))]
    network.pool(**modes)
    return streams


def test_cross_subnet_on_a_live_pool(network):
    node1, node2, node3 = network.nodes()
    streams = switch(network, ipipMode="CrossSubnet")
    expected = sorted([f"{network.block(node2)} via {node2.ip} dev eth0 metric 32",
                       f"{network.block(node3)} via {node3.ip} dev tunl0 metric 32 onlink"])
    wait_until(lambda: block_routes(node1) == expected, "only the other subnet is tunnelled to", network.patience)
    for stream in streams:
        lost, sent = stream.lost()
        assert lost < 200, f"{lost} of {sent} packets at 200 a second"
    assert seen_between(network, network.w[0], network.w[1], node1, "ip proto 4") == []
    assert len(seen_between(network, network.w[0], network.w[1], node1, "icmp")) == 6
    assert len(seen_between(network, network.w[0], network.w[2], node1, "ip proto 4")) == 6


def test_back_to_always_on_a_live_pool(network):
    node1, node2, node3 = network.nodes()
    streams = switch(network, ipipMode="Always")
    expected = sorted(f"{network.block(host)} via {host.ip} dev tunl0 metric 32 onlink" for host in (node2, node3))
    wait_until(lambda: block_routes(node1) == expected, "all routes lead through tunl0", network.patience)
    for stream in streams:
        lost, sent = stream.lost()
        assert lost < 200, f"{lost} of {sent} packets at 200 a second"


def test_never_takes_the_tunnel_away(network):
    network.pool(ipipMode="Never")
    node1, node2, node3 = network.nodes()
    wait_until(lambda: not any("tunl0" in line for line in block_routes(node1)), "no route leads through tunl0", network.patience)
    for host in network.nodes():
        wait_until(lambda: "inet" not in host.out("ip", "addr", "show", "tunl0"), "tunl0 has no address", network.patience)
        assert "ipv4IPIPTunnelAddr" not in host.out("calicoctl", "get", "node", host.name, "-o", "json")
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "one subnet needs no tunnel", network.patience)


def test_the_pool_goes_and_leaves_nothing(network):
    network.pool(ipipMode="Always")
    node1 = network.nodes()[0]
    wait_until(lambda: any("tunl0" in line for line in block_routes(node1)), "tunnelled again", network.patience)
    for workload in network.w:
        network.remove_workload(workload)
    network.delete("ippool", "pool")
    for host in network.nodes():
        wait_until(lambda: routes(host, "route", "show", "root", "10.65.0.0/16") == [], f"{host.name} has no route of the pool",
                   network.patience * 2)
        wait_until(lambda: "inet" not in host.out("ip", "addr", "show", "tunl0"), "tunl0 has no address", network.patience)
