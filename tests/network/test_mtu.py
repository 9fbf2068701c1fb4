# SPDX-License-Identifier: Apache-2.0
"""Packets of every size: what does not fit is told, nothing is silently lost. IPIP and WireGuard: stock_kernel/."""

import json

from lab import wait_until
from network import POOL6, resource, sizes


def mtu(network):
    return network.nodes()[0].out("cat", "/var/lib/calico/mtu", check=False)


def device_mtu(host, device):
    return json.loads(host.out("ip", "-j", "link", "show", device))[0]["mtu"]


def uplinks(network, value):
    for host in network.nodes():
        host.run("ip", "link", "set", "eth0", "mtu", str(value))


def test_without_encapsulation_workloads_have_the_uplinks_mtu(network):
    network.pool()
    network.pool("pool6", POOL6)
    network.start_agents(CALICO_NETWORKING_BACKEND="none")
    wait_until(lambda: mtu(network) == "1500", "the file for CNI plugins", network.patience)
    w1, w2 = [network.workload(host, f"n{number}", ip6=True) for number, host in enumerate(network.nodes()[:2], 1)]
    wait_until(lambda: w1.reaches(w2.ip) and w1.reaches(w2.ip6), "reached", network.patience)
    for ip6 in (False, True):
        assert sizes(w1, w2, 1200, 1500, ip6) == {"answered": 301, "told": 0, "lost": 0, "largest": 1500}
    # What is larger than the uplink is the workload's own business: nothing is lost there, either.
    for workload in (w1, w2):
        workload.run("ip", "link", "set", "cali0", "mtu", "1600")
        workload.host.run("ip", "link", "set", workload.interface, "mtu", "1600")
    found = sizes(w1, w2, 1480, 1600)
    assert (found["lost"], found["largest"]) == (0, 1500)
    for workload in (w1, w2):
        network.remove_workload(workload)


def test_with_vxlan_what_fits_arrives_and_the_rest_is_told(network):
    network.pool(vxlanMode="Always")
    network.pool("pool6", POOL6, vxlanMode="Always")
    wait_until(lambda: mtu(network) == "1430", "the smaller of both families'", network.patience)
    network.w = [network.workload(host, f"w{number}", ip6=True) for number, host in enumerate(network.nodes(), 1)]
    for target in network.w[1:]:
        for ip6 in (False, True):
            wait_until(lambda: network.w[0].reaches(target.ip6 if ip6 else target.ip), "reached", network.patience)
            assert sizes(network.w[0], target, 1200, 1430, ip6) == {"answered": 231, "told": 0, "lost": 0, "largest": 1430}


def test_a_workload_of_before_hears_what_is_too_large(network):
    for workload in network.w:
        workload.run("ip", "link", "set", "cali0", "mtu", "1500")
    for target in network.w[1:]:
        for ip6, largest in ((False, 1450), (True, 1430)):
            found = sizes(network.w[0], target, 1200, 1500, ip6)
            assert (found["lost"], found["largest"], found["told"]) == (0, largest, 1500 - largest), (target.name, ip6, found)


def test_the_uplink_becomes_smaller(network):
    uplinks(network, 1400)
    for host in network.nodes():
        wait_until(lambda: (device_mtu(host, "vxlan.calico"), device_mtu(host, "vxlan-v6.calico")) == (1350, 1330), f"{host.name} follows", 5)
    wait_until(lambda: mtu(network) == "1330", "new workloads, too", 5)
    for target in network.w[1:]:
        for ip6, largest in ((False, 1350), (True, 1330)):
            found = sizes(network.w[0], target, 1300, 1450, ip6)
            assert (found["lost"], found["largest"]) == (0, largest), (target.name, ip6, found)


def test_and_larger_again(network):
    uplinks(network, 1500)
    wait_until(lambda: mtu(network) == "1430", "new workloads", 5)
    wait_until(lambda: device_mtu(network.nodes()[0], "vxlan.calico") == 1450, "the device", 5)


def test_who_sets_it_has_it(network):
    network.nodes()[0].run("calicoctl", "patch", "felixconfiguration", "default", "-p", json.dumps({"spec": {"vxlanMTU": 1300, "vxlanMTUV6": 1280}}))
    wait_until(lambda: mtu(network) == "1280", "as set", network.patience)
    assert device_mtu(network.nodes()[0], "vxlan.calico") == 1300
    network.nodes()[0].run("calicoctl", "patch", "felixconfiguration", "default", "-p", json.dumps({"spec": {"vxlanMTU": None, "vxlanMTUV6": None}}))


def test_what_nobody_can_use_is_told_and_the_tunnel_goes_on(network):
    node1 = network.nodes()[0]
    for value, said in ((60, "vxlan.calico: vxlanMTU is 60, and IPv4 needs 576, which is used instead"),
                        (9000, "vxlan.calico: MTU 9000 (see vxlanMTU); it stays 576")):
        node1.run("calicoctl", "patch", "felixconfiguration", "default", "-p", json.dumps({"spec": {"vxlanMTU": value}}))
        wait_until(lambda: said in node1.out("calico-node", "show", "status"), said, network.patience)
        assert network.w[0].reaches(network.w[1].ip)
    node1.run("calicoctl", "patch", "felixconfiguration", "default", "-p", json.dumps({"spec": {"vxlanMTU": None}}))
    network.wait_ready(node1)
    uplinks(network, 1300)
    said = "vxlan-v6.calico: the uplink's MTU of 1300 leaves 1230, and IPv6 needs 1280: give the uplink 1350 at least"
    wait_until(lambda: said in node1.out("calico-node", "show", "status"), said, network.patience)
    assert network.w[0].reaches(network.w[1].ip)
    uplinks(network, 1500)
    for host in network.nodes():
        network.wait_ready(host)
    wait_until(lambda: network.w[0].reaches(network.w[1].ip6), "IPv6 is back", network.patience)


def test_which_uplinks_count_can_be_said(network):
    node1 = network.nodes()[0]
    node1.run("ip", "link", "add", "storage0", "mtu", "1350", "type", "bridge")
    node1.run("ip", "link", "set", "storage0", "up")
    network.apply(resource("FelixConfiguration", f"node.{node1.name}", mtuIfacePattern="^(eth|storage).*", defaultEndpointToHostAction="Return"))
    wait_until(lambda: mtu(network) == "1280", "the smallest uplink less what IPv6 VXLAN takes", network.patience)
