# SPDX-License-Identifier: Apache-2.0
"""WireGuard of both families between hosts, one of which does without it at first. Runs in the virtual machine of tests/vm."""

import json

from lab import wait_until
from network import POOL6, Capture, Stream, routes, sizes

ENCRYPTED, IN_CLEAR = "udp port 51820 or udp port 51821", "udp port 4789"


def felix(network, **spec):
    network.nodes()[0].run("calicoctl", "patch", "felixconfiguration", "default", "-p", json.dumps({"spec": spec}))


def key(host, device="wireguard.cali"):
    return host.out("wg", "show", device, "public-key").strip()


def node(host):
    return json.loads(host.out("calicoctl", "get", "node", host.name, "-o", "json"))


def peers(host, device="wireguard.cali"):
    """Allowed addresses by peer's key."""
    lines = host.out("wg", "show", device, "allowed-ips").splitlines()
    return {line.split()[0]: set(line.split()[1:]) for line in lines}


def seen(network, source, target, expression, address=None):
    capture = Capture(source.host, "eth0", expression)
    assert source.reaches(address or target.ip, count=3, timeout=2)
    return len(capture.packets())


def test_two_hosts_encrypt_and_the_third_is_reached_in_clear(network):
    network.pool(vxlanMode="Always")
    network.pool("pool6", POOL6, vxlanMode="Always")
    node1, node2, node3 = network.nodes()
    network.start_agent(node1, CALICO_NETWORKING_BACKEND="vxlan")
    network.start_agent(node2, CALICO_NETWORKING_BACKEND="vxlan")
    network.start_agent(node3, CALICO_NETWORKING_BACKEND="vxlan", FELIX_WIREGUARDENABLED="false", FELIX_WIREGUARDENABLEDV6="false")
    for host in network.nodes():
        network.wait_ready(host)
    felix(network, wireguardEnabled=True, wireguardEnabledV6=True)
    for host, other in ((node1, node2), (node2, node1)):
        for device in ("wireguard.cali", "wg-v6.cali"):
            wait_until(lambda: list(peers(host, device)) == [key(other, device)], f"{host.name} knows {other.name}", network.patience)
    network.w = [network.workload(host, f"w{number}", ip6=True) for number, host in enumerate(network.nodes(), 1)]
    for target in network.w[1:]:
        for address in (target.ip, target.ip6):
            wait_until(lambda: network.w[0].reaches(address), f"w1 reaches {address}", network.patience)


def test_keys_and_addresses_are_published(network):
    for host in network.nodes()[:2]:
        published = node(host)
        assert published["status"]["wireguardPublicKey"] == key(host)
        assert published["status"]["wireguardPublicKeyV6"] == key(host, "wg-v6.cali")
        address = published["spec"]["wireguard"]["interfaceIPv4Address"]
        assert f"inet {address}/32" in host.out("ip", "addr", "show", "wireguard.cali")
        assert "interfaceIPv6Address" in published["spec"]["wireguard"]
    assert "wireguardPublicKey" not in node(network.nodes()[2]).get("status", {})


def test_the_device_its_rule_and_its_table_are_as_documented(network):
    node1, node2, node3 = network.nodes()
    for device, mtu, port, family in (("wireguard.cali", 1440, 51820, "-4"), ("wg-v6.cali", 1420, 51821, "-6")):
        assert f"mtu {mtu}" in node1.out("ip", "link", "show", device)
        assert node1.out("wg", "show", device, "listen-port").strip() == str(port)
        assert node1.out("wg", "show", device, "fwmark").strip() == "0x200000"
        assert "99:\tnot from all fwmark 0x200000/0x200000 lookup 1" in node1.out("ip", family, "rule")
        table = routes(node1, family, "route", "show", "table", "1")
        pool = "10.65.0.0/16" if family == "-4" else POOL6
        assert any(line.startswith(f"{network.block(node2, pool)} dev {device} proto 80") for line in table), table
        assert any(line.startswith(f"throw {network.block(node3, pool)} ") and "proto 80" in line for line in table), table
    assert node1.out("cat", "/var/lib/calico/mtu") == "1420"


def test_what_is_encrypted_is_not_seen_in_clear(network):
    w1, w2, w3 = network.w
    for address in (w2.ip, w2.ip6):
        assert seen(network, w1, w2, ENCRYPTED, address) >= 6
        assert seen(network, w1, w2, f"{IN_CLEAR} or icmp or (icmp6 and net {POOL6})", address) == 0
    for address in (w3.ip, w3.ip6):
        assert seen(network, w1, w3, IN_CLEAR, address) == 6


def test_what_fits_arrives_and_the_rest_is_told(network):
    for workload in network.w:
        workload.run("ip", "link", "set", "cali0", "mtu", "1500")
    for ip6, largest in ((False, 1440), (True, 1420)):
        found = sizes(network.w[0], network.w[1], 1200, 1500, ip6)
        assert found == {"answered": largest - 1199, "told": 1500 - largest, "lost": 0, "largest": largest}


def test_the_host_itself_reaches_workloads_of_others(network):
    for target in network.w[1:]:
        assert network.nodes()[0].run("ping", "-c", "1", "-W", "2", target.ip, check=False).returncode == 0, target.name


def test_a_restarted_agent_keeps_its_key_and_loses_nothing(network):
    node1 = network.nodes()[0]
    before = key(node1)
    stream = Stream(network.w[0], network.w[1], rate=200)
    node1.stop_process("calico-node", "KILL")
    network.start_agent(node1)
    network.wait_ready(node1)
    assert stream.lost()[0] == 0
    assert key(node1) == before


def test_who_deletes_the_device_rotates_the_key(network):
    node1, node2, _ = network.nodes()
    before = key(node1)
    node1.run("ip", "link", "del", "wireguard.cali")
    wait_until(lambda: key(node1) not in ("", "(none)", before), "a new key", network.patience)
    wait_until(lambda: list(peers(node2)) == [key(node1)], "node2 knows it", network.patience)
    wait_until(lambda: network.w[0].reaches(network.w[1].ip), "w1 reaches w2", network.patience)
    assert seen(network, network.w[0], network.w[1], ENCRYPTED) >= 6


def test_the_third_host_joins_in(network):
    node1, _, node3 = network.nodes()
    node3.stop_process("calico-node")
    del node3.environment["FELIX_WIREGUARDENABLED"], node3.environment["FELIX_WIREGUARDENABLEDV6"]
    network.start_agent(node3)
    network.wait_ready(node3)
    wait_until(lambda: network.block(node3) in peers(node1).get(key(node3), set()), "node1 knows it", network.patience)
    wait_until(lambda: seen(network, network.w[0], network.w[2], IN_CLEAR) == 0, "nothing goes there in clear", network.patience)


def test_hosts_encrypt_their_own_packets_if_they_are_told_to(network):
    node1, node2, _ = network.nodes()
    felix(network, wireguardHostEncryptionEnabled=True)
    for host, other in ((node1, node2), (node2, node1)):
        wait_until(lambda: f"{other.ip}/32" in peers(host).get(key(other), set()), f"{host.name} encrypts to {other.name}", network.patience)
    wait_until(lambda: node1.run("ping", "-c", "1", "-W", "1", node2.ip, check=False).returncode == 0, "node1 reaches node2")
    capture = Capture(node1, "eth0", f"icmp and host {node2.ip}")
    assert node1.run("ping", "-c", "3", "-i", "0.2", "-W", "2", node2.ip, check=False).returncode == 0
    assert capture.packets() == []
    assert network.w[0].reaches(network.w[1].ip, timeout=2)
    # Who is no node has no key: the store answers in clear, and an agent that starts anew finds it.
    node1.stop_process("calico-node")
    network.start_agent(node1)
    network.wait_ready(node1)


def test_switched_off_it_leaves_nothing(network):
    felix(network, wireguardEnabled=False, wireguardEnabledV6=False, wireguardHostEncryptionEnabled=None)
    for host in network.nodes():
        wait_until(lambda: ".cali:" not in host.out("ip", "link"), f"{host.name}: no device", network.patience)
        assert "0x200000" not in host.out("ip", "rule") + host.out("ip", "-6", "rule")
        assert routes(host, "route", "show", "table", "1") == []
        wait_until(lambda: "wireguardPublicKey" not in node(host).get("status", {}), f"{host.name}: no key published", network.patience)
        assert "wireguard" not in node(host)["spec"]
    for target in network.w[1:]:
        wait_until(lambda: network.w[0].reaches(target.ip), f"w1 reaches {target.name} in clear", network.patience)
