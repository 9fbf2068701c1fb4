# SPDX-License-Identifier: Apache-2.0
"""A host whose network card spoils checksums inside VXLAN finds out, and does without it."""

import sys
from pathlib import Path

from lab import wait_until
from network import NODES, end

RELAY = str(Path(__file__).resolve().parent / "checksum_relay.py")
SERVE = "import socket; s = socket.create_server(('', 8080)); s.listen()\nwhile True: c, _ = s.accept(); c.sendall(b'hello'); c.close()"
CALL = "import socket, sys; s = socket.create_connection((sys.argv[1], 8080), 3); print(s.recv(16).decode())"


def offload(host):
    return [line for line in host.out("ethtool", "-k", "vxlan.calico").splitlines() if line.startswith("tx-checksumming")][0].split()[1]


def spoil(network, host):
    """Puts the relay between a host's uplink and its bridge."""
    router, port = network.router, f"p-{host.name}"[-15:]
    host.run("ethtool", "-K", "eth0", "tso", "off", "gso", "off")
    router.run("ip", "link", "set", port, "nomaster")
    router.run("ip", "link", "add", "wire0", "type", "veth", "peer", "name", "wire1")
    router.run("ip", "link", "set", "wire1", "master", f"br{NODES[host.name][0].split('.')[2]}", "up")
    router.run("ip", "link", "set", "wire0", "up")
    router.run("ethtool", "-K", "wire0", "tso", "off", "gso", "off")
    # The bridge has the address of one of its ports: what is for it must go through the relay all the same.
    router.run("nft", "-f", "-", stdin=f"""table inet relay {{
  chain input {{ type filter hook prerouting priority -400
    iifname {{ "{port}", "wire0" }} drop
  }}
}}
""")
    router.start_process("relay", sys.executable, RELAY, port, "wire0")
    wait_until(lambda: "ready" in router.log("relay"), "the relay runs")


def test_the_host_with_the_bad_card_switches_the_offload_off_and_the_others_keep_it(network):
    node1, node2, node3 = network.nodes()
    spoil(network, node1)
    network.pool(vxlanMode="Always")
    network.start_agents(CALICO_NETWORKING_BACKEND="vxlan")
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "pings pass all the while", network.patience)
    wait_until(lambda: offload(node1) == "off", "node1 has found out", 60)
    assert "TCP inside it passes only with its checksum offload off" in node1.log("calico-node")
    assert (offload(node2), offload(node3)) == ("on", "on")


def test_tcp_passes_then(network):
    w1, w2, _ = network.w
    server = w2.start(sys.executable, "-c", SERVE)
    wait_until(lambda: w1.run(sys.executable, "-c", CALL, w2.ip, check=False).stdout == "hello\n", "w1 speaks TCP to w2")
    end(server, "KILL")


def test_it_stays_off_over_a_restart_and_for_a_device_that_is_made_anew(network):
    node1 = network.nodes()[0]
    node1.stop_process("calico-node", "KILL")
    network.start_agent(node1)
    network.wait_ready(node1)
    assert offload(node1) == "off"
    node1.run("ip", "link", "del", "vxlan.calico")
    wait_until(lambda: "vxlan.calico" in node1.out("ip", "link"), "made anew")
    wait_until(lambda: offload(node1) == "off", "and found out again", 60)
