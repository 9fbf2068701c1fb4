# SPDX-License-Identifier: Apache-2.0
"""What the page says in words: each statement of its sections 2 to 7, and how it is checked on the walk.

`said(section, command, text)`: the check runs after the command of that section (its nth time, from 0). Statements about IPIP that
need the device are checked in tests/network/stock_kernel/test_ipip_v1.py, in a virtual machine.
"""

from __future__ import annotations

import ipaddress
import json
import re
from dataclasses import dataclass
from typing import Callable

from guide_hosts import VERSION, on_all
from lab import ROUTER_IP, Host, wait_until
from walk import PAGE_ADDRESS, PAGE_INTERFACE, Walk

POOL = ipaddress.ip_network("10.254.0.0/24")
POOL_FILE = """\
apiVersion: v1
kind: ipPool
metadata:
  cidr: 10.99.0.0/24
"""


@dataclass
class Statement:
    section: str
    command: str
    nth: int
    text: str
    check: Callable[[Walk], None]


STATEMENTS: list[Statement] = []


def said(section: str, command: str, text: str, nth: int = 0):
    def add(check):
        STATEMENTS.append(Statement(section, command, nth, text, check))
        return check
    return add


# --- 2. iptables

RESTART = "service iptables restart"


@said("2", RESTART, "iptables takes the place of firewalld, INPUT is closed")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        assert host.out("systemctl", "is-active", "iptables").strip() == "active"
        assert host.out("iptables", "-S", "INPUT").startswith("-P INPUT DROP\n")


@said("2", RESTART, "tcp 2379 and 2380 are those of etcd, and open; what no line names is closed")
def _(walk: Walk) -> None:
    for port in (2379, 2380):
        wait_until(lambda p=port: walk.connects(walk.node2, walk.node1.ip, p), f"port {port} is open", 10)
    walk.node1.start_process("listener", "python3", "-c", "import socket, signal; s = socket.create_server(('', 2381)); signal.pause()")
    wait_until(lambda: walk.connects(walk.node1, "127.0.0.1", 2381), "somebody listens", 10)
    assert walk.node2.run("timeout", "0.5", "bash", "-c", f"exec 3<>/dev/tcp/{walk.node1.ip}/2381", check=False).returncode == 124
    walk.node1.stop_process("listener")


@said("2", RESTART, "the line that refuses in FORWARD is a comment")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        assert "REJECT" not in host.out("iptables", "-S", "FORWARD")


# --- 3. calicoctl

@said("3", "chmod +x calicoctl", "calicoctl runs once it is executable")
def _(walk: Walk) -> None:
    assert VERSION in walk.node1.run("/usr/local/src/calicoctl", "version", check=False).stdout


@said("3", "mv /usr/local/src/calicoctl /usr/local/bin/", "the other nodes are the same")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        assert host.out("sh", "-c", "command -v calicoctl").strip() == "/usr/local/bin/calicoctl"


CAT = "cat /etc/calico/calicoctl.cfg"


@said("3", CAT, "calicoctl reads /etc/calico/calicoctl.cfg, which names the store's type and its endpoints")
def _(walk: Walk) -> None:
    assert walk.node1.calicoctl("get", "nodes").split() == ["NAME"]
    assert "http://172.30.200.38:2379 (/etc/calico/calicoctl.cfg)" in walk.node1.run("calicoctl", "version", check=False).stdout


@said("3", CAT, "or the file that --config names")
def _(walk: Walk) -> None:
    walk.node1.run("sh", "-c", "sed 's/etcdv2/etcdv4/' /etc/calico/calicoctl.cfg > /root/other.cfg")
    done = walk.node1.run("calicoctl", "get", "nodes", "--config=/root/other.cfg", check=False)
    assert done.returncode == 1 and "etcdv4" in done.stderr
    walk.node1.run("sh", "-c", "cp /etc/calico/calicoctl.cfg /root/other.cfg; mv /etc/calico/calicoctl.cfg /root/")
    assert walk.node1.calicoctl("get", "nodes", "--config=/root/other.cfg").split() == ["NAME"]
    walk.node1.run("mv", "/root/calicoctl.cfg", "/etc/calico/")


# --- 4. Docker

DOCKER = "systemctl daemon-reload && systemctl restart docker"


@said("4", DOCKER, "-H: Docker's API on port 2375")
def _(walk: Walk) -> None:
    assert json.loads(walk.node2.http_get(f"http://{walk.node1.ip}:2375/version"))["Version"].startswith("20.10.")


@said("4", DOCKER, "--cluster-store: dockerd is connected to etcd")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        assert "Cluster Store: etcd://172.30.200.36:2379,172.30.200.37:2379,172.30.200.38:2379" in host.docker("info")


# --- 5. calico

BUSYBOX = "docker import -c 'CMD [\"sh\"]' busybox.tar busybox"


@said("5", BUSYBOX, "the images are calico/node:v2.6.10 and busybox")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        names = host.docker("images", "--format", "{{.Repository}}:{{.Tag}}").split()
        assert {"calico/node:v2.6.10", "busybox:latest"} <= set(names)


RUN = "calicoctl node run --node-image=calico/node:v2.6.10"


@said("5", RUN, "it may be started directly")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        assert host.docker("inspect", "-f", "{{.State.Running}} {{.Config.Image}}", "calico-node") == "true calico/node:v2.6.10"
        walk.before[host.name] = host.docker("inspect", "-f", "{{.Id}}", "calico-node")


@said("5", "systemctl enable calico", "the service starts with the machine, after Docker")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        assert host.out("systemctl", "is-enabled", "calico").strip() == "enabled"
        assert "docker.service" in host.out("systemctl", "show", "-p", "After,Requires", "calico")


START = "systemctl restart calico"


@said("5", START, "ExecStartPre: a calico-node that is there is removed")
def _(walk: Walk) -> None:
    def replaced(host: Host) -> None:
        wait_until(lambda: host.docker("inspect", "-f", "{{.Id}} {{.State.Running}}", "calico-node").endswith(" true") and
                   host.docker("inspect", "-f", "{{.Id}}", "calico-node") != walk.before[host.name], f"a new container on {host.name}", 60)
    on_all(walk.nodes, replaced)


@said("5", START, "ExecStart: the host's network, privileged, its name and its image")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        shown = walk.inspect(host, "calico-node")
        assert shown["HostConfig"]["NetworkMode"] == "host" and shown["HostConfig"]["Privileged"] and shown["Name"] == "/calico-node"
        assert shown["Config"]["Image"] == "calico/node:v2.6.10"


@said("5", START, "variables come from /etc/calico/calico.env; the host's directories are mounted")
def _(walk: Walk) -> None:
    shown = walk.inspect(walk.node2, "calico-node")
    assert {"IP=172.30.200.37", "NODENAME=", "IP6=", "AS=", "ETCD_CA_CERT_FILE=", "CALICO_LIBNETWORK_ENABLED=true"} <= set(shown["Config"]["Env"])
    mounts = {mount["Source"] for mount in shown["Mounts"]}
    assert {"/var/log/calico", "/run/docker/plugins", "/var/run/docker.sock", "/lib/modules", "/var/run/calico"} <= mounts


@said("5", START, "the container has BIRD and what programs routes and policy inside")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        def complete(h: Host = host) -> bool:
            words = [line.split() for line in h.docker("top", "calico-node", "-o", "pid,args").splitlines()[1:]]
            return {line[1] for line in words} == {"calico-node", "bird"}
        wait_until(complete, f"agent and BIRD in the container of {host.name}", 30)
        assert walk.links(host)["eth0"]["addr_info"][0]["local"] == host.ip  # and speaks with the host's address:
        wait_until(lambda h=host: h.ip in h.out("ss", "-tnH", "( sport = :179 or dport = :179 )"), "BGP with the host's address", 60)


@said("5", START, "libnetwork is on: Docker finds the plugins' sockets")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        host.run("test", "-S", "/run/docker/plugins/calico.sock", "-a", "-S", "/run/docker/plugins/calico-ipam.sock")


@said("5", START, "an empty node name is the host's name; IP is the host's; an empty AS is the global one")
def _(walk: Walk) -> None:
    assert re.findall(r"\S+", walk.node1.calicoctl("get", "nodes", "-o", "wide"))[:4] == ["NAME", "ASN", "IPV4", "IPV6"]
    for host in walk.nodes:
        line = next(line for line in walk.node1.calicoctl("get", "nodes", "-o", "wide").splitlines() if line.startswith(host.name))
        assert line.split() == [host.name, "(64512)", f"{host.ip}/24"], line


@said("5", START, "a store without data becomes one of Calico 2.6")
def _(walk: Walk) -> None:
    assert walk.etcd("get", "/calico/v1/Ready").strip() == "true"
    keys = walk.node1.out("etcdctl", "--endpoints", f"http://{walk.node1.ip}:2379", "get", "--prefix", "--keys-only", "/calico",
                          env={"ETCDCTL_API": "3"})
    assert keys.strip() == ""


@said("5", "docker ps", "what it writes is in /var/log/calico and /var/run/calico of the host")
def _(walk: Walk) -> None:
    walk.node1.run("test", "-S", "/var/run/calico/bird.ctl", "-a", "-n", walk.node1.out("ls", "/var/log/calico").strip())


@said("5", "calicoctl node status", "any node shows its neighbours; they are a node-to-node mesh")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        status = host.calicoctl("node", "status")
        for other in walk.nodes:
            row = re.search(rf"^\| {re.escape(other.ip)} +\| (\S.*?) +\| (\S+) ", status, re.M)
            assert (row is None) == (other is host), status
            assert row is None or row.groups() == ("node-to-node mesh", "up"), status


# --- 6. pools

@said("6", "calicoctl get ipPool -o yaml >> new-pool-1.yaml", "the file has what is to be edited")
def _(walk: Walk) -> None:
    assert "cidr: 192.168.0.0/16" in walk.node1.out("cat", "/root/new-pool-1.yaml")


@said("6", "calicoctl get ipPool -o yaml >> new-pool-1.yaml", "as the page prints it, without indentation, it is refused with file, line and column")
def _(walk: Walk) -> None:
    from walk import page
    printed = next(text for _, command, text in page() if command == "vim new-pool-1.yaml")
    walk.node1.run("sh", "-c", "cat > /root/printed.yaml", stdin="\n".join(printed))
    done = walk.node1.run("sh", "-c", "cd /root; calicoctl create -f printed.yaml", check=False)
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == ("failed to execute command: printed.yaml: line 13, column 3: did not find expected key: its indentation does "
                           "not fit the block that begins at line 1, column 1\n")
    assert "10.254.0.0" not in walk.node1.calicoctl("get", "ipPool")


CREATE = "calicoctl create -f new-pool-1.yaml"


@said("6", CREATE, "a pool is for all nodes, wherever it is made")
def _(walk: Walk) -> None:
    assert "10.254.0.0/24" in walk.node3.calicoctl("get", "ipPool")


@said("6", CREATE, "ipip, cross-subnet and nat-outgoing are stored as they are written")
def _(walk: Walk) -> None:
    assert json.loads(walk.etcd("get", "/calico/v1/ipam/v4/pool/10.254.0.0-24")) == {
        "cidr": "10.254.0.0/24", "ipip": "tunl0", "ipip_mode": "cross-subnet", "masquerade": True, "ipam": True, "disabled": False}


@said("6", CREATE, "nat-outgoing and disabled are false where they are not given")
def _(walk: Walk) -> None:
    walk.node3.run("calicoctl", "create", "-f", "-", stdin=POOL_FILE)
    stored = json.loads(walk.etcd("get", "/calico/v1/ipam/v4/pool/10.99.0.0-24"))
    assert not stored["masquerade"] and not stored.get("disabled"), stored
    walk.node3.run("calicoctl", "delete", "ipPool", "10.99.0.0/24")


@said("6", "calicoctl delete ipPool 192.168.0.0/16", "the default pool is gone on every node")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        assert "192.168.0.0/16" not in host.calicoctl("get", "ipPool")
    # What the next command of the page prints.
    on_all(walk.nodes, lambda host: wait_until(
        lambda: host.out("ip", "route", "show").count("proto bird") == 2 and "blackhole 10.254.0." in host.out("ip", "route", "show"),
        f"routes to the blocks on {host.name}", 60))


@said("6", "ip route show", "each node has a /26 of the pool")
def _(walk: Walk) -> None:
    own = [ipaddress.ip_network(walk.block_of(host)) for host in walk.nodes]
    assert len(set(own)) == 3 and all(block.prefixlen == 26 and block.subnet_of(POOL) for block in own)


@said("6", "ip route show", "inside one subnet, which cross-subnet leaves alone, the next hop is on eth0")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        routes = host.out("ip", "route", "show")
        for other in walk.nodes:
            wanted = f"via {other.ip} dev eth0 proto bird" if other is not host else "proto"
            kind = "blackhole " if other is host else ""
            assert re.search(rf"^{kind}{re.escape(walk.block_of(other))} {wanted}", routes, re.M), routes


@said("6", "ip address show", "tunl0 is there with an address of the own block; a kernel without IPIP is no obstacle, and the status says so")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        if "tunl0" in walk.links(host):
            own, = [a["local"] for a in walk.links(host)["tunl0"]["addr_info"]]
            assert ipaddress.ip_address(own) in ipaddress.ip_network(walk.block_of(host))
        else:
            status = host.docker("exec", "calico-node", "calico-node", "show", "status")
            assert "tunl0: a pool asks for IPIP, which this kernel lacks (module ipip)" in status, status


# --- 7. containers

NETWORK = "docker network create --driver calico --ipam-driver calico-ipam net1"


@said("7", NETWORK, "the driver and the IPAM driver are calico's")
def _(walk: Walk) -> None:
    shown = json.loads(walk.node1.docker("network", "inspect", "net1"))[0]
    assert (shown["Driver"], shown["IPAM"]["Driver"]) == ("calico", "calico-ipam")


@said("7", "docker network ls", "the network is global: the other nodes see it, docker network inspect shows the details")
def _(walk: Walk) -> None:
    for host in walk.nodes:
        wait_until(lambda h=host: "net1" in h.docker("network", "ls"), f"net1 on {host.name}", 10)
        shown = json.loads(host.docker("network", "inspect", "net1"))[0]
        assert (shown["Name"], shown["Driver"], shown["Scope"]) == ("net1", "calico", "global")
    walk.before["routes"] = walk.node1.out("ip", "route", "show")
    walk.before["links"] = " ".join(walk.links(walk.node1))


INSPECT = "docker inspect test1"


@said("7", "docker run -tid --name=test1 --net=net1 busybox", "the container runs in net1")
def _(walk: Walk) -> None:
    shown = walk.inspect(walk.node1, "test1")
    assert shown["State"]["Running"] and list(shown["NetworkSettings"]["Networks"]) == ["net1"]


@said("7", "docker run -tid --name=test1 --net=net1 busybox", "through docker.sock the plugin knows the network's name: its profile is there")
def _(walk: Walk) -> None:
    wait_until(lambda: "net1" in walk.node1.calicoctl("get", "profiles").split(), "profile net1", 10)


@said("7", INSPECT, "its address is a /32 of its host's /26")
def _(walk: Walk) -> None:
    network = walk.inspect(walk.node1, "test1")["NetworkSettings"]["Networks"]["net1"]
    assert network["IPPrefixLen"] == 32
    assert ipaddress.ip_address(network["IPAddress"]) in ipaddress.ip_network(walk.block_of(walk.node1))


@said("7", INSPECT, "its gateway is 169.254.1.1")
def _(walk: Walk) -> None:
    assert walk.inspect(walk.node1, "test1")["NetworkSettings"]["Networks"]["net1"]["Gateway"] == "169.254.1.1"


@said("7", "ip address show", "one interface is new on the host, and its other end is the container's")
def _(walk: Walk) -> None:
    links = walk.links(walk.node1)
    new = set(links) - set(walk.before["links"].split())
    assert new == {walk.real[PAGE_INTERFACE]}
    inside = walk.links(walk.node1, container="test1")["cali0"]
    assert links[new.pop()]["link_index"] == inside["ifindex"]


@said("7", "ip route show", "one route is new: the container's address, through that interface")
def _(walk: Walk) -> None:
    new = set(walk.node1.out("ip", "route", "show").splitlines()) - set(walk.before["routes"].splitlines())
    assert [line.split() for line in new] == [[walk.real[PAGE_ADDRESS], "dev", walk.real[PAGE_INTERFACE], "scope", "link"]]


INSIDE = "docker exec test1 ip address show"


@said("7", INSIDE, "cali0 is the other end of the host's interface")
def _(walk: Walk) -> None:
    inside = walk.links(walk.node1, container="test1")["cali0"]
    assert inside["link_index"] == walk.links(walk.node1)[walk.real[PAGE_INTERFACE]]["ifindex"]


@said("7", INSIDE, "the address in the container is a /32")
def _(walk: Walk) -> None:
    inside = walk.links(walk.node1, container="test1")["cali0"]
    assert [(a["local"], a["prefixlen"]) for a in inside["addr_info"] if a["family"] == "inet"] == [(walk.real[PAGE_ADDRESS], 32)]


@said("7", INSIDE, "the MAC in the container is ee:ee:ee:ee:ee:ee")
def _(walk: Walk) -> None:
    assert walk.links(walk.node1, container="test1")["cali0"]["address"] == "ee:ee:ee:ee:ee:ee"
    walk.node1.ping("test1", walk.node1.ip, 1)  # so that the page's `ip neigh show` has something to show


@said("7", "docker exec test1 ip route show", "the gateway is reached through cali0")
def _(walk: Walk) -> None:
    assert [line.split() for line in walk.last.splitlines()] == [["default", "via", "169.254.1.1", "dev", "cali0"],
                                                                 ["169.254.1.1", "dev", "cali0", "scope", "link"]]


def host_mac(walk: Walk) -> str:
    return walk.links(walk.node1)[walk.real[PAGE_INTERFACE]]["address"]


@said("7", "docker exec test1 ip neigh show", "the gateway's MAC is that of the host's interface")
def _(walk: Walk) -> None:
    assert re.search(r"^169\.254\.1\.1 dev cali0 lladdr (\S+) ", walk.last, re.M)[1] == host_mac(walk) != "ee:ee:ee:ee:ee:ee"


TCPDUMP = f"tcpdump -i {PAGE_INTERFACE} -e -nn"


@said("7", TCPDUMP, "the container's request is answered by the host's interface, with its own MAC")
def _(walk: Walk) -> None:
    mac = host_mac(walk)
    assert re.search(r"ee:ee:ee:ee:ee:ee > \S+, ethertype ARP \(0x0806\), length 42: Request who-has 169\.254\.1\.1 tell", walk.last)
    assert f"{mac} > ee:ee:ee:ee:ee:ee, ethertype ARP (0x0806), length 42: Reply 169.254.1.1 is-at {mac}" in walk.last


@said("7", TCPDUMP, "further packets keep their destination's address and go to the host's MAC")
def _(walk: Walk) -> None:
    wanted = rf"ee:ee:ee:ee:ee:ee > {host_mac(walk)}, ethertype IPv4 .*: {walk.real[PAGE_ADDRESS]} > {re.escape(walk.node1.ip)}: ICMP echo request"
    assert re.search(wanted, walk.last), walk.last


@said("7", TCPDUMP, "the host's interface has no IPv4 address")
def _(walk: Walk) -> None:
    assert not [a for a in walk.links(walk.node1)[walk.real[PAGE_INTERFACE]]["addr_info"] if a["family"] == "inet"]


@said("7", TCPDUMP, "whatever address is asked for, the answer is its MAC")
def _(walk: Walk) -> None:
    for address in ("203.0.113.9", ROUTER_IP):
        said_by = walk.node1.docker("exec", "test1", "arping", "-c", "1", "-w", "2", "-I", "cali0", address)
        assert host_mac(walk) in said_by.lower(), said_by


@said("7", f"cat /proc/sys/net/ipv4/conf/{PAGE_INTERFACE}/proxy_arp", "Calico turns proxy ARP on for each container")
def _(walk: Walk) -> None:
    assert walk.last == "1\n"


@said("7", "docker run -tid --name=test2 --net=net1 busybox", "all containers have the same MAC and the same routes")
def _(walk: Walk) -> None:
    assert walk.links(walk.node2, container="test2")["cali0"]["address"] == "ee:ee:ee:ee:ee:ee"
    routes = [host.docker("exec", name, "ip", "route", "show") for host, name in ((walk.node1, "test1"), (walk.node2, "test2"))]
    assert routes[0] == routes[1]


PING = f"docker exec test2 ping {PAGE_ADDRESS}"


@said("7", PING, "the containers reach each other")
def _(walk: Walk) -> None:
    walk.node2.run("docker", "exec", "test2", "killall", "ping", check=False)
    for host, name, other in ((walk.node1, "test1", (walk.node2, "test2")), (walk.node2, "test2", (walk.node1, "test1"))):
        assert host.ping(name, other[0].container_ip(other[1])) == (3, 3)


@said("7", PING, "nat-outgoing: outside, a container has its host's address")
def _(walk: Walk) -> None:
    walk.lab.router.start_process("seen", "tcpdump", "-l", "-nn", "-i", "br0", "-c", "1", f"icmp and dst host {ROUTER_IP}")
    wait_until(lambda: "listening on" in walk.lab.router.log("seen"), "tcpdump listens", 10)
    assert walk.node1.ping("test1", ROUTER_IP, 3)[1] > 0
    wait_until(lambda: f"IP {walk.node1.ip} > {ROUTER_IP}: ICMP echo request" in walk.lab.router.log("seen"), "the host's address", 10)
