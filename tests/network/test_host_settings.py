# SPDX-License-Identifier: Apache-2.0
"""What the agent sets on a host and on workloads' interfaces, and hosts and workloads that speak IPv6 only."""

import json

from lab import wait_until
from network import HOST_SIDE_LINK_LOCAL, HOST_SIDE_MAC, NODES, POOL6, Capture, endpoint, resource, routes


def sysctl(host, key):
    return host.out("sysctl", "-n", key).strip()


def felix(network, **spec):
    network.nodes()[0].run("calicoctl", "patch", "felixconfiguration", "default", "-p", json.dumps({"spec": spec}))


def test_ipv6_only_hosts_and_workloads(network):
    network.pool("pool6", POOL6, vxlanMode="CrossSubnet")
    for host in network.nodes():
        network.start_agent(host, CALICO_NETWORKING_BACKEND="vxlan", IP="none")
    for host in network.nodes():
        network.wait_ready(host)
    node = json.loads(network.nodes()[0].out("calicoctl", "get", "node", "calico-node1", "-o", "json"))
    assert "ipv4Address" not in node["spec"]["bgp"]
    network.six = [network.workload(host, f"six{number}", ip4=False, ip6=True) for number, host in enumerate(network.nodes(), 1)]
    for target in network.six[1:]:
        wait_until(lambda: network.six[0].reaches(target.ip6), f"six1 reaches {target.name}", network.patience)
    # The gateway is the host side's link-local address: no address of the host is spent for it.
    assert HOST_SIDE_LINK_LOCAL in network.six[0].run("ip", "-6", "neigh").stdout
    for workload in network.six:
        network.remove_workload(workload)


def test_dual_stack_takes_over(network):
    for host in network.nodes():
        host.stop_process("calico-node")
    network.pool(vxlanMode="CrossSubnet")
    network.start_agents()
    network.w = [network.workload(host, f"w{number}", ip6=True) for number, host in enumerate(network.nodes(), 1)]
    for target in network.w[1:]:
        wait_until(lambda: network.w[0].reaches(target.ip) and network.w[0].reaches(target.ip6), f"w1 reaches {target.name}", network.patience)


def test_sysctls_of_a_workloads_interface(network):
    node1, interface = network.nodes()[0], network.w[0].interface
    expected = {f"net.ipv4.conf.{interface}.route_localnet": "1", f"net.ipv4.neigh.{interface}.proxy_delay": "0",
                f"net.ipv4.conf.{interface}.proxy_arp": "1", f"net.ipv4.conf.{interface}.forwarding": "1",
                f"net.ipv4.conf.{interface}.rp_filter": sysctl(node1, "net.ipv4.conf.default.rp_filter"),
                f"net.ipv6.conf.{interface}.accept_ra": "0", f"net.ipv6.conf.{interface}.proxy_ndp": "1",
                f"net.ipv6.conf.{interface}.forwarding": "1"}
    assert {key: sysctl(node1, key) for key in expected} == expected
    assert (sysctl(node1, "net.ipv4.ip_forward"), sysctl(node1, "net.ipv6.conf.all.forwarding")) == ("1", "1")


def test_an_interface_that_flaps_gets_them_again(network):
    node1, w1 = network.nodes()[0], network.w[0]
    node1.run("ip", "link", "set", w1.interface, "down")
    node1.run("sysctl", "-qw", f"net.ipv4.conf.{w1.interface}.proxy_arp=0")
    node1.run("ip", "link", "set", w1.interface, "up")
    wait_until(lambda: sysctl(node1, f"net.ipv4.conf.{w1.interface}.proxy_arp") == "1", "set again", 5)
    wait_until(lambda: network.w[1].reaches(w1.ip), "and reached again", 5)


def test_a_workload_that_takes_another_for_its_neighbour_finds_it_where_the_host_answers_for_it(network):
    node1, w1, w2 = network.nodes()[0], network.w[0], network.w[1]
    w1.run("ip", "-6", "route", "add", f"{w2.ip6}/128", "dev", "cali0")  # as if it were on the link
    assert not w1.reaches(w2.ip6), "nobody answers for it yet"
    node1.run("ip", "-6", "neigh", "add", "proxy", w2.ip6, "dev", w1.interface)
    wait_until(lambda: w1.reaches(w2.ip6), "the host answers for it", 10)
    assert HOST_SIDE_MAC in w1.run("ip", "-6", "neigh", "show", w2.ip6).stdout
    node1.run("sysctl", "-qw", f"net.ipv6.conf.{w1.interface}.proxy_ndp=0")
    w1.run("ip", "-6", "neigh", "flush", "to", w2.ip6)
    assert not w1.reaches(w2.ip6), "it was proxy NDP"
    node1.run("sysctl", "-qw", f"net.ipv6.conf.{w1.interface}.proxy_ndp=1")
    node1.run("ip", "-6", "neigh", "del", "proxy", w2.ip6, "dev", w1.interface)
    w1.run("ip", "-6", "route", "del", f"{w2.ip6}/128", "dev", "cali0")


def send_as(workload, source, target):
    workload.run("ip", "addr", "add", f"{source}/32", "dev", "lo", check=False)
    return workload.run("ping", "-c", "1", "-W", "1", "-I", source, target, check=False)


def test_a_source_that_is_not_its_own_is_dropped_unless_that_is_allowed(network):
    node1, w1, w2 = network.nodes()[0], network.w[0], network.w[1]
    foreign = "10.99.0.7"
    capture = Capture(node1, "eth0", f"src {foreign}")
    before = node1.metric("calico_denied_packets_total", reason="spoofed")
    send_as(w1, foreign, w2.ip)
    assert capture.packets() == []
    assert node1.metric("calico_denied_packets_total", reason="spoofed") == before + 1
    felix(network, workloadSourceSpoofing="Any")
    mac = json.loads(w1.run("ip", "-j", "link", "show", "cali0").stdout)[0]["address"]
    changed = endpoint(node1, w1.name, w1.interface, [f"{w1.ip}/32", f"{w1.ip6}/128"], mac)
    changed["spec"]["allowSpoofedSourcePrefixes"] = ["10.99.0.0/24"]
    network.apply(changed)
    wait_until(lambda: sysctl(node1, f"net.ipv4.conf.{w1.interface}.rp_filter") == "0", "the kernel does not check it, either", network.patience)

    def passes():
        capture = Capture(w2.host, w2.interface, f"src {foreign}")
        send_as(w1, foreign, w2.ip)
        return len(capture.packets()) == 1
    wait_until(passes, "it arrives", network.patience)
    del changed["spec"]["allowSpoofedSourcePrefixes"]
    network.apply(changed)
    default = sysctl(node1, "net.ipv4.conf.default.rp_filter")
    wait_until(lambda: sysctl(node1, f"net.ipv4.conf.{w1.interface}.rp_filter") == default, "as before", network.patience)


def test_who_is_a_router_can_be_left_to_others(network):
    node3 = network.nodes()[2]
    node3.stop_process("calico-node")
    network.apply(resource("FelixConfiguration", f"node.{node3.name}", ipForwarding="Disabled", defaultEndpointToHostAction="Return"))
    node3.run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")
    network.start_agent(node3)
    network.wait_ready(node3)
    assert (sysctl(node3, "net.ipv4.ip_forward"), sysctl(node3, "net.ipv6.conf.all.forwarding")) == ("0", "0")
    network.delete("felixconfiguration", f"node.{node3.name}")
    wait_until(lambda: sysctl(node3, "net.ipv4.ip_forward") == "1", "a router again", network.patience)
