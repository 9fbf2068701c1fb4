# SPDX-License-Identifier: Apache-2.0
"""A virtual machine as a workload, next to containers: reachable across hosts, under policy, and held to its own addresses."""

import json

from guest import Guest
from lab import wait_until
from network import address, endpoint, resource

MAC, TAP = "52:54:00:12:34:56", "tapvm1"


def spoofed(host):
    return host.metric("calico_denied_packets_total", reason="spoofed")


def test_it_reaches_containers_on_all_hosts_and_they_reach_it(network):
    network.pool(vxlanMode="Always")
    network.start_agents(CALICO_NETWORKING_BACKEND="vxlan", FELIX_INTERFACEPREFIX="cali,tap", FELIX_DEFAULTENDPOINTTOHOSTACTION="ACCEPT")
    network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
    node1 = network.nodes()[0]
    network.vm_ip = address(network.block(node1), 50)
    node1.run("ip", "tuntap", "add", TAP, "mode", "tap")
    node1.run("ip", "link", "set", TAP, "up")
    vm = endpoint(node1, "vm1", TAP, [f"{network.vm_ip}/32"], MAC)
    vm["metadata"]["name"] = "calico--node1-openstack-vm1-port1"
    vm["metadata"]["labels"] = {"kind": "vm"}
    vm["spec"].update(orchestrator="openstack", workload="vm1", endpoint="port1")
    del vm["spec"]["containerID"]
    network.apply(vm)
    network.guest = Guest(node1, TAP, MAC, network.vm_ip, network.state_dir)
    for workload in network.w:
        wait_until(lambda: network.guest.reaches(workload.ip), f"the guest reaches {workload.name}", network.patience)
        assert workload.reaches(network.vm_ip, timeout=2), f"{workload.name} reaches the guest"


def test_policy_holds_for_it(network):
    network.apply(resource("GlobalNetworkPolicy", "vm", selector="kind == 'vm'", types=["Egress"],
                           egress=[{"action": "Deny", "protocol": "ICMP"}, {"action": "Allow"}]))
    wait_until(lambda: not network.guest.reaches(network.w[2].ip), "denied", network.patience)
    assert network.guest.run("echo still here").strip() == "still here", "what is not denied goes on"
    network.delete("globalnetworkpolicy", "vm")
    wait_until(lambda: network.guest.reaches(network.w[2].ip), "allowed", network.patience)


def test_it_cannot_speak_for_another_address(network):
    node1 = network.nodes()[0]
    before = spoofed(node1)
    foreign = address(network.block(node1), 51)
    network.guest.run(f"ip addr add {foreign}/32 dev eth0")
    assert not network.guest.reaches(network.w[2].ip, "-I", foreign)
    assert spoofed(node1) > before
    network.guest.run(f"ip addr del {foreign}/32 dev eth0")
    assert network.guest.reaches(network.w[2].ip)


def test_nor_with_another_mac(network):
    node1 = network.nodes()[0]
    before = spoofed(node1)
    # In the background: nothing that it sends meanwhile arrives.
    network.guest.run("(sleep 1; ip link set eth0 address 52:54:00:00:00:99; ping -c 3 -W 1 169.254.1.1; ping -c 3 -W 1 " + network.w[2].ip +
                      f"; ip link set eth0 address {MAC}) >/dev/null 2>&1 &")
    wait_until(lambda: spoofed(node1) > before, "dropped", 15)
    wait_until(lambda: network.guest.reaches(network.w[2].ip), "with its own it is heard again", 30)


def test_without_its_endpoint_nothing_passes(network):
    network.delete("workloadendpoint", "calico--node1-openstack-vm1-port1")
    wait_until(lambda: not network.w[2].reaches(network.vm_ip), "unreachable", network.patience)
    assert json.loads(network.nodes()[0].out("ip", "-j", "route", "show", f"{network.vm_ip}/32")) == []
