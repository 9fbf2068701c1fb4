#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The main job on one machine: three hosts with real Docker, etcd and BIRD walk through the user's guide.

    demo.py up [DATASTORE]   etcdv3 or etcdv2 (the layout of Calico 2.6): build the lab, check every step, leave it running
    demo.py down    end everything that `up` started
    demo.py shell HOST [COMMAND…]   look around: HOST is calico-node1 … 3, router or store
"""

from __future__ import annotations

import argparse
import ipaddress
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from lab import ETCD, ROUTER_IP, STORE_IP, SUBNET, CommandFailed, Host, Lab, wait_until

STATE = Path("/var/lib/calico-demo")
DEFAULT_V6 = "fd80:24e2:f998:72d6::/64"
POOL = ipaddress.ip_network("10.254.0.0/24")
NODE_ENV = {
    "CALICO_LIBNETWORK_ENABLED": "true",
    "CALICO_IPV6POOL_CIDR": DEFAULT_V6,
    "FELIX_CLAIMBLOCKSATSTART": "true",
}
POOL_YAML = """\
apiVersion: v1
kind: ipPool
metadata:
  cidr: 10.254.0.0/24
spec:
  nat-outgoing: true
  disabled: false
"""


class Failed(Exception):
    """A check of the demo did not hold."""


def check(condition: object, text: str) -> None:
    if not condition:
        raise Failed(text)


def row(table: str, first: str) -> list[str]:
    for line in table.splitlines():
        if line.split() and line.split()[0] == first:
            return line.split()
    raise Failed(f"no row {first} in:\n{table}")


def after(table: str, cidr: str) -> list[str]:
    """What stands behind a CIDR in a table of pools; before it there is a name or, in v1, nothing."""
    for line in table.splitlines():
        words = line.split()
        if cidr in words:
            return words[words.index(cidr) + 1:]
    raise Failed(f"no {cidr} in:\n{table}")


def host_side(host: Host, container: str) -> str:
    name = host.endpoint_interface(container)
    check(host.run("ip", "link", "show", name, check=False).returncode == 0, f"no interface {name} on {host.name}")
    return name


def link_mac(host: Host, interface: str) -> str:
    return json.loads(host.out("ip", "-j", "link", "show", "dev", interface))[0]["address"]


class Demo:
    def __init__(self, lab: Lab, datastore: str = "etcdv3"):
        self.lab = lab
        self.datastore = datastore
        self.rows: list[tuple[str, str, float]] = []
        self.node1 = self.node2 = self.node3 = None  # type: ignore[assignment]

    # --- running and reporting --------------------------------------------------------------------------

    def steps(self):
        return [
            ("three hosts on one bridge, one etcd", self.build),
            ("dockerd on calico-node1 and 2, ip_forward was 0: FORWARD is DROP", self.docker_first),
            ("a packet from a stranger is dropped in FORWARD", self.stranger_dropped),
            ("calico-node on calico-node1 and 2 is ready", self.calico_second),
            ("calico-node3: calico-node first, dockerd after it", self.calico_first),
            ("calicoctl get ipPool -o wide: the default pools", self.default_pools),
            ("calicoctl create -f new-pool-1.yaml: 10.254.0.0/24", self.create_pool),
            ("calicoctl delete ipPool 192.168.0.0/16", self.delete_pool),
            ("each host owns a /26 of 10.254.0.0/24", self.blocks),
            ("calicoctl node status on each host: mesh is up", self.node_status),
            ("docker network create net1, seen on all hosts", self.network_create),
            ("docker run test1 on calico-node1, test2 on calico-node2", self.run_containers),
            ("container: /32 of its host's /26, cali0, ee:ee:ee:ee:ee:ee, 169.254.1.1", self.container_side),
            ("host: cali interface with proxy ARP and a /32 route", self.host_side),
            ("other hosts have the blocks' routes by BGP (proto bird)", self.bgp_routes),
            ("ping test1 <-> test2 across hosts, and to the own host", self.ping_both_ways),
            ("neighbour 169.254.1.1 is the host side's MAC, not the container's", self.neighbour),
            ("net2: its containers on two hosts reach each other", self.net2_inside),
            ("net2 -> net1 is denied, the drop counter counts each packet", self.net2_denied),
            ("nat-outgoing: the outside sees the host's address", self.nat_outgoing),
            ("after iptables -F FORWARD: workloads pass, strangers do not", self.forward_flushed),
            ("after a restart of dockerd: workloads pass, strangers do not", self.dockerd_restarted),
            ("calico-node3 (calico-node first): workloads pass, strangers do not", self.forward_on_third),
        ]

    def run(self) -> bool:
        started = time.monotonic()
        steps = self.steps()
        for number, (what, function) in enumerate(steps, 1):
            begin = time.monotonic()
            print(f"[{number:2}/{len(steps)}] {what} … ", end="", flush=True)
            try:
                function()
                verdict, why = "ok", ""
            except (Failed, CommandFailed, AssertionError, OSError, ValueError, LookupError, subprocess.SubprocessError) as error:
                verdict, why = "FAILED", str(error) or type(error).__name__
            took = (time.monotonic() - begin) * 1000
            print(f"{verdict} ({took:.0f} ms)" + (f": {why}" if why else ""), flush=True)
            self.rows.append((what, verdict, took))
            if verdict != "ok" and number <= 4:
                print("The rest needs this step: stopping here.")
                break
        self.table(time.monotonic() - started)
        return len(self.rows) == len(steps) and all(verdict == "ok" for _, verdict, _ in self.rows)

    def table(self, seconds: float) -> None:
        width = max(len(what) for what, _, _ in self.rows)
        print(f"\n{'STEP':{width}}  {'RESULT':6}  {'MS':>6}")
        for what, verdict, took in self.rows:
            print(f"{what:{width}}  {verdict:6}  {took:6.0f}")
        failed = sum(1 for _, verdict, _ in self.rows if verdict != "ok")
        print(f"\n{len(self.rows) - failed} ok, {failed} FAILED, {seconds:.0f} s in all. The hosts are still running:\n"
              "  make demo-shell HOST=calico-node1                    a shell on a host (also 2, 3, router, store)\n"
              "  make demo-shell HOST=calico-node1 RUN='calicoctl node status'\n"
              "  make demo-shell HOST=calico-node1 RUN='ip route'\n"
              "  make demo-shell HOST=calico-node2 RUN='docker exec test2 ping -c 3 <address of test1>'\n"
              f"  logs: {STATE}/<host>/calico-node.log, dockerd.log\n"
              "  make demo-down                                       end it all")

    # --- steps ------------------------------------------------------------------------------------------

    def build(self) -> None:
        self.lab.create(3)
        self.node1, self.node2, self.node3 = self.lab.nodes()
        for host in self.lab.nodes():
            host.environment.update(NODE_ENV)
            if self.datastore != "etcdv3":
                host.environment["DATASTORE_TYPE"] = self.datastore
            self.add_stranger(host)
        self.lab.save()
        self.lab.start_etcd()
        self.archive = self.lab.busybox_archive()

    def add_stranger(self, host: Host) -> None:
        """A neighbour behind the host that is no workload of ours. The outside has a route back to it, so that a
        missing answer means a drop on the host."""
        base = 16 * int(host.ip.rsplit(".", 1)[1]) % 256
        subnet, gateway, address = (f"198.51.100.{base + n}" for n in (0, 1, 2))
        host.run("sh", "-ec", "ip netns add stranger; ip link add vethstranger type veth peer name eth0 netns stranger; "
                 f"ip addr add {gateway}/28 dev vethstranger; ip link set vethstranger up; ip -n stranger link set eth0 up; "
                 f"ip -n stranger addr add {address}/28 dev eth0; ip -n stranger route add default via {gateway}")
        self.lab.router.run("ip", "route", "add", f"{subnet}/28", "via", host.ip)

    def docker_first(self) -> None:
        for host in (self.node1, self.node2):
            check(host.out("sysctl", "-n", "net.ipv4.ip_forward").strip() == "0", "ip_forward is not 0 at the start")
            host.start_dockerd()
        for host in (self.node1, self.node2):
            host.wait_dockerd()
            self.forward_policy(host)
            host.import_busybox(self.archive)

    @staticmethod
    def forward_policy(host: Host) -> None:
        first = host.out("iptables", "-S", "FORWARD").splitlines()[0]
        check(first == "-P FORWARD DROP", f"{host.name}: iptables says {first}")

    def dropped_by_policy(self, host: Host) -> int:
        text = host.out("iptables", "-nvxL", "FORWARD")
        return int(re.search(r"policy DROP (\d+) packets", text).group(1))

    def stranger(self, host: Host) -> None:
        """Three packets that no endpoint sent: FORWARD's policy must count and drop them."""
        before = self.dropped_by_policy(host)
        done = host.run("ip", "netns", "exec", "stranger", "ping", "-q", "-c", "3", "-i", "0.05", "-W", "0.3", ROUTER_IP,
                        check=False)
        check(" 0 received" in done.stdout, f"{host.name}: a stranger's packets pass: {done.stdout}")
        dropped = self.dropped_by_policy(host) - before
        check(dropped == 3, f"{host.name}: FORWARD's policy dropped {dropped} packets instead of 3")

    def stranger_dropped(self) -> None:
        self.stranger(self.node1)
        self.stranger(self.node2)

    def calico_second(self) -> None:
        for host in (self.node1, self.node2):
            host.start_calico_node()
        for host in (self.node1, self.node2):
            host.wait_calico_node()

    def calico_first(self) -> None:
        self.node3.start_calico_node()
        self.node3.wait_calico_node()
        # dockerd sets DROP only when it turns forwarding on itself.
        self.node3.run("sysctl", "-qw", "net.ipv4.ip_forward=0")
        self.node3.start_dockerd()
        self.node3.wait_dockerd()
        self.forward_policy(self.node3)
        self.node3.import_busybox(self.archive)

    def default_pools(self) -> None:
        table = self.node1.calicoctl("get", "ipPool", "-o", "wide")
        nat, tunnel = after(table, "192.168.0.0/16")[:2]
        # v1's table has one column for tunnels, v3's one for each kind of them.
        check(nat == "true" and tunnel == ("Never" if "IPIPMODE" in table else "false"), table)
        check(after(table, DEFAULT_V6)[0] == "false", table)

    def create_pool(self) -> None:
        done = self.node1.run("calicoctl", "create", "-f", "-", stdin=POOL_YAML)
        check(done.stdout == "Successfully created 1 'ipPool' resource(s)\n", done.stdout)

    def delete_pool(self) -> None:
        done = self.node1.run("calicoctl", "delete", "ipPool", "192.168.0.0/16")
        check(done.stdout.startswith("Successfully deleted 1 "), done.stdout)
        table = self.node2.calicoctl("get", "ipPool", "-o", "wide")
        check("192.168.0.0/16" not in table, table)
        check(after(table, "10.254.0.0/24")[0] == "true", table)

    def block_of(self, host: Host) -> ipaddress.IPv4Network:
        blocks = f"/calico/ipam/v2/host/{host.name}/ipv4/block"
        command, version = ["get", "--prefix", "--keys-only", blocks + "/10.254.0."], "3"
        if self.datastore == "etcdv2":
            command, version = ["ls", blocks], "2"
        text = self.lab.store.out("etcdctl", "--endpoints", "http://127.0.0.1:2379", *command, env={"ETCDCTL_API": version})
        keys = [line for line in text.splitlines() if "/10.254.0." in line]
        check(len(keys) == 1, f"{host.name} has blocks {keys}")
        return ipaddress.ip_network(keys[0].rsplit("/", 1)[1].replace("-", "/"))

    def blocks(self) -> None:
        def all_claimed():
            blocks = {self.block_of(host) for host in self.lab.nodes()}
            check(len(blocks) == 3, f"blocks are shared: {blocks}")
            check(all(block.prefixlen == 26 and block.subnet_of(POOL) for block in blocks), f"blocks {blocks}")
            return True
        wait_until(lambda: self.holds(all_claimed), "a /26 for each host", 5)

    @staticmethod
    def holds(function):
        """A Failed check as AssertionError, so that wait_until tries again and reports the last one."""
        try:
            return function()
        except Failed as failed:
            raise AssertionError(str(failed)) from failed

    def node_status(self) -> None:
        def established(host: Host):
            text = host.calicoctl("node", "status")
            check("Calico process is running." in text, text)
            for other in self.lab.nodes():
                if other is not host:
                    line = next((line for line in text.splitlines() if f" {other.ip} " in line), "")
                    check("node-to-node mesh" in line and "up" in line and "Established" in line,
                          f"{host.name} -> {other.ip}: {line or text}")
            return True
        for host in self.lab.nodes():
            wait_until(lambda h=host: self.holds(lambda: established(h)), f"mesh on {host.name}", 20)

    def network_create(self) -> None:
        self.node1.docker("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "net1")
        for host in self.lab.nodes():
            line = wait_until(lambda h=host: [line.split() for line in h.docker("network", "ls").splitlines()
                                              if line.split()[1] == "net1"], f"net1 on {host.name}", 10)[0]
            check(line[1:] == ["net1", "calico", "global"], f"{host.name}: {line}")

    def run_containers(self) -> None:
        self.node1.docker("run", "-tid", "--name=test1", "--net=net1", "busybox")
        self.node2.docker("run", "-tid", "--name=test2", "--net=net1", "busybox")

    def container_side(self) -> None:
        for host, container in ((self.node1, "test1"), (self.node2, "test2")):
            settings = json.loads(host.docker("inspect", "-f", "{{json .NetworkSettings.Networks.net1}}", container))
            address = ipaddress.ip_address(settings["IPAddress"])
            check(settings["IPPrefixLen"] == 32, f"{container}: prefix length {settings['IPPrefixLen']}")
            check(settings["Gateway"] == "169.254.1.1", f"{container}: gateway {settings['Gateway']}")
            block = self.block_of(host)
            check(address in block, f"{container}: {address} is not in {host.name}'s block {block}")
            show = host.docker("exec", container, "ip", "address", "show", "cali0")
            check("ee:ee:ee:ee:ee:ee" in show and f"{address}/32" in show, show)
            route = host.docker("exec", container, "ip", "route", "show")
            check("default via 169.254.1.1 dev cali0" in route and "169.254.1.1 dev cali0 scope link" in route, route)

    def host_side(self) -> None:
        for host, container in ((self.node1, "test1"), (self.node2, "test2")):
            interface = host_side(host, container)
            check(host.out("cat", f"/proc/sys/net/ipv4/conf/{interface}/proxy_arp").strip() == "1", "proxy_arp is not 1")
            route = host.out("ip", "route", "show", host.container_ip(container)).strip()
            check(f"dev {interface} scope link" in route, f"{host.name}: route '{route}'")

    def bgp_routes(self) -> None:
        for owner in self.lab.nodes():
            block = self.block_of(owner)
            for host in self.lab.nodes():
                route = host.out("ip", "route", "show", str(block)).strip()
                if host is owner:
                    check(route.startswith("blackhole"), f"{host.name}: own block {block}: '{route}'")
                else:
                    check(f"via {owner.ip} dev eth0 proto bird" in route, f"{host.name}: route to {block}: '{route}'")

    def ping_both_ways(self) -> None:
        one, two = self.node1.container_ip("test1"), self.node2.container_ip("test2")
        for host, container, address in ((self.node1, "test1", two), (self.node2, "test2", one),
                                         (self.node1, "test1", self.node1.ip), (self.node2, "test2", self.node2.ip)):
            sent, received = host.ping(container, address, 5)
            check(sent == received == 5, f"{container} -> {address}: {received} of {sent} answered")

    def neighbour(self) -> None:
        for host, container in ((self.node1, "test1"), (self.node2, "test2")):
            text = host.docker("exec", container, "ip", "neigh", "show", "169.254.1.1")
            mac = re.search(r"lladdr (\S+)", text)
            check(mac, f"{container}: no neighbour entry: '{text}'")
            check(mac.group(1) == link_mac(host, host_side(host, container)), f"{container}: {text}")
            check(mac.group(1) != "ee:ee:ee:ee:ee:ee", f"{container}: the neighbour has the container's own MAC")

    def net2_inside(self) -> None:
        self.node3.docker("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "net2")
        for host, name in ((self.node1, "other1"), (self.node2, "other2")):
            wait_until(lambda h=host: "net2" in h.docker("network", "ls"), f"net2 on {host.name}", 10)
            host.docker("run", "-tid", f"--name={name}", "--net=net2", "busybox")
        sent, received = self.node1.ping("other1", self.node2.container_ip("other2"), 5)
        check(sent == received == 5, f"other1 -> other2: {received} of {sent} answered")
        profiles = self.node1.calicoctl("get", "profiles")
        check(row(profiles, "net1") and row(profiles, "net2"), profiles)

    def net2_denied(self) -> None:
        before = self.node2.metric("calico_denied_packets_total")
        sent, received = self.node1.ping("other1", self.node2.container_ip("test2"), 7)
        check(sent == 7 and received == 0, f"net2 -> net1: {received} of {sent} answered")
        after = self.node2.metric("calico_denied_packets_total")
        check(after - before == 7, f"the drop counter of {self.node2.name} went up by {after - before:g}, not by 7")

    def nat_outgoing(self) -> None:
        server = ("import http.server as h\n"
                  "class A(h.BaseHTTPRequestHandler):\n"
                  "  def do_GET(s): s.send_response(200); s.end_headers(); s.wfile.write(s.client_address[0].encode())\n"
                  "  def log_message(s, *a): pass\n"
                  f"h.HTTPServer(('{ROUTER_IP}', 8000), A).serve_forever()\n")
        if self.lab.router.pid_of("whoami") is None:
            self.lab.router.start_process("whoami", sys.executable, "-c", server)
        def seen():
            # Not wget: a static busybox crashes in the C library's resolver, even for an address.
            answer = self.node1.docker("exec", "test1", "sh", "-c", f"printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 2 {ROUTER_IP} 8000")
            return answer.splitlines()[-1] if answer else ""
        address = wait_until(seen, "an answer from outside", 5)
        check(address == self.node1.ip, f"the outside sees {address}, not {self.node1.ip}")

    def workloads_pass(self, host: Host, container: str, address: str) -> None:
        sent, received = host.ping(container, address, 5)
        check(sent == received == 5, f"{container} -> {address}: {received} of {sent} answered")

    def forward_flushed(self) -> None:
        address = self.node1.container_ip("test1")
        self.node2.run("iptables", "-F", "FORWARD")
        wait_until(lambda: "calico" in self.node2.out("iptables", "-S", "FORWARD"), "our rule is back in FORWARD", 1.0)
        self.workloads_pass(self.node2, "test2", address)
        self.stranger(self.node2)

    def dockerd_restarted(self) -> None:
        self.node1.docker("stop", "-t", "0", "test1", "other1")
        self.node1.stop_process("dockerd")
        self.node1.start_dockerd()
        self.node1.wait_dockerd()
        self.forward_policy(self.node1)
        self.node1.docker("start", "test1", "other1")
        self.workloads_pass(self.node1, "test1", self.node2.container_ip("test2"))
        self.workloads_pass(self.node2, "test2", self.node1.container_ip("test1"))
        self.stranger(self.node1)

    def forward_on_third(self) -> None:
        self.node3.docker("run", "-tid", "--name=test3", "--net=net1", "busybox")
        self.workloads_pass(self.node3, "test3", self.node1.container_ip("test1"))
        self.workloads_pass(self.node1, "test1", self.node3.container_ip("test3"))
        self.stranger(self.node3)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("verb", choices=["up", "down", "shell"])
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if os.geteuid() != 0:
        print("demo: needs root: namespaces, interfaces and dockerd", file=sys.stderr)
        return 1
    if options.verb == "up":
        datastore = options.arguments[0] if options.arguments else "etcdv3"
        if datastore not in ("etcdv2", "etcdv3"):
            print(f"demo: no datastore {datastore}: use etcdv3 or etcdv2", file=sys.stderr)
            return 1
        return 0 if Demo(Lab(STATE), datastore).run() else 1
    if options.verb == "down":
        Lab(STATE).destroy()
        print("demo: nothing of it is left")
        return 0
    lab = Lab.attach(STATE)
    name = options.arguments[0] if options.arguments else "calico-node1"
    if name not in lab.hosts:
        print(f"demo: no host {name}; running: {', '.join(lab.hosts) or 'none, start with make demo'}", file=sys.stderr)
        return 1
    host = lab.hosts[name]
    os.execvpe("nsenter", host.enter(*(options.arguments[1:] or ["bash", "--norc"])), host.env({"PS1": f"[root@{name} \\W]# "}))


if __name__ == "__main__":
    sys.exit(main())
