# SPDX-License-Identifier: Apache-2.0
"""What the guide (docs/guide.md) says of IPIP, with real dockerds on three hosts, the third in another subnet: its pool, its network,
its containers, its commands. Runs in the virtual machine of tests/vm."""

import ipaddress
import re

import pytest
from doc_blocks import blocks
from lab import ROOT, wait_until
from network import Capture

GUIDE = [block for block in blocks(ROOT) if block.document == "docs/guide.md"]
POOL_FILE = "\n".join(next(block.text for block in GUIDE if block.argument == "new-pool-1.yaml")) + "\n"


@pytest.fixture(scope="module")
def hosts(network):
    """Section 5 is done: agents with the guide's variables on a store of 2.6, and dockerd with its cluster store."""
    for host in network.nodes():
        # Their root file system is in memory, which a container cannot leave as it usually does.
        host.environment.update({"DATASTORE_TYPE": "etcdv2", "CALICO_LIBNETWORK_ENABLED": "true", "DOCKER_RAMDISK": "true"})
        host.start_dockerd()
    network.start_agents()
    for host in network.nodes():
        host.wait_dockerd(network.patience * 3)
        host.import_busybox(network.busybox_archive())
    return network.nodes()


def own_block(network, host):
    text = network.store.out("etcdctl", "--endpoints", "http://127.0.0.1:2379", "ls", f"/calico/ipam/v2/host/{host.name}/ipv4/block", check=False,
                             env={"ETCDCTL_API": "2"})
    found = re.search(r"block/(10\.254\.0\.\d+)-26", text)
    return f"{found[1]}/26" if found else None


def test_the_pool_with_cross_subnet(network, hosts):
    """calicoctl create -f new-pool-1.yaml; ip route show: the next hop in another subnet is on tunl0, in the own one on eth0."""
    node1, node2, node3 = hosts
    done = node1.run("calicoctl", "create", "-f", "-", stdin=POOL_FILE)
    assert done.stdout == "Successfully created 1 'ipPool' resource(s)\n"
    for host in hosts:
        wait_until(lambda h=host: own_block(network, h), f"{host.name} has a /26 of the pool", network.patience)

    def routed():
        text = node1.out("ip", "route", "show")
        assert re.search(rf"^{own_block(network, node2)} via {node2.ip} dev eth0 proto bird", text, re.M), text
        assert re.search(rf"^{own_block(network, node3)} via {node3.ip} dev tunl0 proto bird .*onlink", text, re.M), text
        return True
    wait_until(routed, "routes to the other hosts' blocks", network.patience)


def test_tunl0_has_an_address_of_the_own_block(network, hosts):
    """ip address show: tunl0, with a /32 out of the host's /26."""
    for host in hosts:
        def addressed(h=host):
            text = h.out("ip", "address", "show", "dev", "tunl0")
            assert ",UP," in text and "link/ipip" in text
            address = re.search(r"inet (\S+)/32 ", text)[1]
            return ipaddress.ip_address(address) in ipaddress.ip_network(own_block(network, h))
        wait_until(addressed, f"tunl0 of {host.name}", network.patience)


def seen_on_tunl0(node, from_host, container, address):
    """tcpdump -i tunl0 icmp -n, while a container pings another."""
    capture = Capture(node, "tunl0", "icmp")
    answered = from_host.ping(container, address, 3)
    packets = capture.packets()
    assert answered == (3, 3), answered
    return packets


def test_containers_in_two_subnets_speak_through_tunl0(network, hosts):
    node1, node2, node3 = hosts
    node1.docker("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "net1", timeout=90)
    for host in hosts:
        wait_until(lambda h=host: "net1" in h.docker("network", "ls"), f"net1 on {host.name}", network.patience)
    one = node1.run_container("test1", "net1")
    two, three = node2.run_container("test2", "net1"), node3.run_container("test3", "net1")
    for address in (two, three):
        wait_until(lambda a=address: node1.ping("test1", a, 1)[1] == 1, f"test1 reaches {address}", network.patience)
    packets = seen_on_tunl0(node1, node3, "test3", one)
    assert sum(f"IP {three} > {one}: ICMP echo request" in line for line in packets) == 3, packets
    assert sum(f"IP {one} > {three}: ICMP echo reply" in line for line in packets) == 3, packets


def test_containers_in_one_subnet_do_not(network, hosts):
    node1, node2, _ = hosts
    assert seen_on_tunl0(node1, node2, "test2", node1.container_ip("test1")) == []


def test_with_always_they_do(network, hosts):
    """mode: always, the other one that the guide names."""
    node1, node2, _ = hosts
    node1.run("calicoctl", "apply", "-f", "-", stdin=POOL_FILE.replace("cross-subnet", "always"))
    for near, far in ((node1, node2), (node2, node1)):
        wait_until(lambda n=near, f=far: re.search(rf"^{own_block(network, f)} via {f.ip} dev tunl0 ", n.out("ip", "route", "show"), re.M),
                   f"{near.name} routes through tunl0", network.patience)
    assert len(seen_on_tunl0(node1, node2, "test2", node1.container_ip("test1"))) == 6
