# SPDX-License-Identifier: Apache-2.0
"""Three hosts on two subnets with a router between, and workloads made by hand: what packets travel through between hosts.

calico-node1 and calico-node2 are on one subnet, calico-node3 is on another; who asks for more gets calico-node4 and calico-node5 on
the first. Runs on this machine's kernel and, with the same code, in the virtual machine of tests/vm.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cluster"))

from lab import ETCD, STORE_IP, Host, Lab, wait_until  # noqa: E402

PROBE = str(Path(__file__).resolve().parent.parent / "cluster" / "udp_probe.py")
MTU_PROBE = str(Path(__file__).resolve().parent / "mtu_probe.py")
NODES = {"calico-node1": ("172.30.200.36", "fd30:200::36"), "calico-node2": ("172.30.200.37", "fd30:200::37"),
         "calico-node3": ("172.30.201.38", "fd30:201::38"), "calico-node4": ("172.30.200.39", "fd30:200::39"),
         "calico-node5": ("172.30.200.40", "fd30:200::40")}
POOL, POOL6 = "10.65.0.0/16", "fd65::/64"
GATEWAY = "169.254.1.1"
HOST_SIDE_MAC = "ee:ee:ee:ee:ee:ee"
HOST_SIDE_LINK_LOCAL = "fe80::ecee:eeff:feee:eeee"


@dataclass
class Workload:
    """A network namespace behind a veth pair, as a CNI plugin makes it, and its endpoint in the store."""

    name: str
    host: Host
    pid: int  # inside the host
    ip: str
    ip6: str | None

    @property
    def interface(self) -> str:
        return f"cali{self.name}"

    def run(self, *argv: str, **kwargs) -> subprocess.CompletedProcess:
        return self.host.run(*argv, network_of=self.pid, **kwargs)

    def reaches(self, address: str, size: int = 56, timeout: int = 1, count: int = 1) -> bool:
        """Whether a ping of this many bytes of payload, which nobody may fragment, is answered."""
        argv = ["ping", "-n", "-q", "-c", str(count), "-i", "0.2", "-W", str(timeout), "-M", "do", "-s", str(size), address]
        return self.run(*argv, check=False).returncode == 0

    def start(self, *argv: str) -> subprocess.Popen:
        return subprocess.Popen(self.host.enter(*argv, network_of=self.pid), stdout=subprocess.PIPE, text=True, env=self.host.env())


class Stream:
    """Numbered UDP packets from one workload to another; `lost()` ends it and says how many of how many did not arrive."""

    def __init__(self, source: Workload, target: Workload, rate: int = 1000, port: int = 9000):
        self.receiver = target.start(sys.executable, PROBE, "receive", str(port))
        assert self.receiver.stdout and self.receiver.stdout.readline() == "ready\n"
        self.sender = source.start(sys.executable, PROBE, "send", target.ip, str(port), str(rate))
        assert self.sender.stdout and self.sender.stdout.readline() == "ready\n"
        self.source, self.target = source, target

    def end(self) -> tuple[int, int]:
        """(sent, received)"""
        sent, received = (int(end(process).split()[1]) for process in (self.sender, self.receiver))
        return sent, received

    def lost(self) -> tuple[int, int]:
        sent, received = self.end()
        return sent - received, sent


def _descendants(pid: int) -> list[int]:
    """The processes below one that have no children."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [last for child in children for last in _descendants(int(child))] or [pid]


def end(process: subprocess.Popen, sig: str = "TERM") -> str:
    """Ends what was started through nsenter, which does not hand signals on; its output."""
    for child in _descendants(process.pid):
        subprocess.run(["kill", f"-{sig}", str(child)], check=False)
    return process.communicate(timeout=60)[0]


def route_events(host: Host, seconds: float) -> str:
    """What changes in a host's routes during this time."""
    monitor = subprocess.Popen(host.enter("ip", "monitor", "route"), stdout=subprocess.PIPE, text=True)
    time.sleep(seconds)
    return end(monitor)


def sizes(source: Workload, target: Workload, smallest: int, largest: int, ip6: bool = False) -> dict[str, int]:
    """How many sizes of packets that nobody may fragment were answered, told to be too large, and lost."""
    to = target.ip6 if ip6 else target.ip
    echo = target.start(sys.executable, MTU_PROBE, "echo", to, "9100")
    assert echo.stdout and echo.stdout.readline() == "ready\n"
    try:
        words = source.run(sys.executable, MTU_PROBE, "send", to, "9100", str(smallest), str(largest), timeout=600).stdout.split()
    finally:
        end(echo, "KILL")
    return dict(zip(words[::2], map(int, words[1::2])))


class Capture:
    """tcpdump on one interface of a host."""

    def __init__(self, host: Host, interface: str, expression: str):
        self.process = subprocess.Popen(host.enter("tcpdump", "-l", "-n", "-i", interface, expression), stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=host.env())
        assert self.process.stderr
        for line in self.process.stderr:
            if line.startswith("listening on"):
                return
        raise AssertionError("tcpdump ended")

    def packets(self) -> list[str]:
        """What has been seen; ends the capture."""
        time.sleep(0.3)
        lines = end(self.process, "INT").splitlines()
        return [line for line in lines if re.match(r"\d\d:\d\d:\d\d", line)]  # further ones describe what is inside


class Network(Lab):
    """create(): namespaces, links, etcd. Then pools, agents, workloads."""

    # Seconds that a change may take until it is seen in the kernel.
    patience = float(os.environ.get("NETWORK_PATIENCE", "20"))

    def create(self, node_count: int = 3) -> "Network":
        self.destroy()
        self.state_dir.mkdir(parents=True)
        self._add("router", None)
        self.router.run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        for subnet in ("200", "201"):
            self.router.run("ip", "link", "add", f"br{subnet}", "type", "bridge")
            self.router.run("ip", "addr", "add", f"172.30.{subnet}.1/24", "dev", f"br{subnet}")
            self.router.run("ip", "addr", "add", f"fd30:{subnet}::1/64", "dev", f"br{subnet}", "nodad")
            self.router.run("ip", "link", "set", f"br{subnet}", "up")
        self._add("store", STORE_IP)
        for name, (ip, _) in list(NODES.items())[:node_count]:
            self._add(name, ip)
        self.start_etcd()
        return self

    def _plug_in(self, host: Host) -> None:
        subnet, number = host.ip.split(".")[2:]
        port = f"p-{host.name}"[-15:]
        subprocess.run(["nsenter", "-t", str(self.router.pid), "-n", "--", "ip", "link", "add", port, "type", "veth",
                        "peer", "name", "eth0", "netns", str(host.pid)], check=True)
        self.router.run("ip", "link", "set", port, "master", f"br{subnet}", "up")
        host.run("ip", "addr", "add", f"{host.ip}/24", "dev", "eth0")
        host.run("ip", "addr", "add", f"fd30:{subnet}::{number}/64", "dev", "eth0", "nodad")
        host.run("ip", "link", "set", "eth0", "up")
        host.run("ip", "route", "add", "default", "via", f"172.30.{subnet}.1")
        host.run("ip", "-6", "route", "add", "default", "via", f"fd30:{subnet}::1")
        host.run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")

    # --- the cluster ---------------------------------------------------------------------------------

    def apply(self, *resources: dict) -> None:
        self.nodes()[0].run("calicoctl", "apply", "-f", "-", stdin=json.dumps(list(resources)))

    def delete(self, kind: str, name: str, *extra: str) -> None:
        self.nodes()[0].run("calicoctl", "delete", kind, name, *extra)

    def pool(self, name: str = "pool", cidr: str = POOL, **spec) -> None:
        """ipipMode, vxlanMode, natOutgoing, disabled …"""
        spec = {"blockSize": 122 if ":" in cidr else 26, "ipipMode": "Never", "vxlanMode": "Never", **spec}
        self.apply(resource("IPPool", name, cidr=cidr, **spec))

    def start_agent(self, host: Host, **environment: str) -> None:
        """What a start has said of the environment stays for the next one, but for the addresses."""
        ip, ip6 = NODES[host.name]
        host.environment.update({"NODENAME": host.name, "IP": f"{ip}/24", "IP6": f"{ip6}/64", "NO_DEFAULT_POOLS": "true",
                                 "FELIX_CLAIMBLOCKSATSTART": "true", **environment})
        host.start_process("calico-node", "calico-node", "run")

    def start_agents(self, **environment: str) -> None:
        for host in self.nodes():
            self.start_agent(host, **environment)
        for host in self.nodes():
            self.wait_ready(host)

    def wait_ready(self, host: Host) -> None:
        def ready():
            if host.pid_of("calico-node") is None:
                raise AssertionError("calico-node ended: " + host.log("calico-node")[-1500:])
            return "ready: yes" in host.out("calico-node", "show", "status", check=False)
        wait_until(ready, f"{host.name}: calico-node is ready", self.patience * 2, 0.2)

    def block(self, host: Host, cidr: str = POOL) -> str:
        """The block that a host has in a pool."""
        family = "ipv6" if ":" in cidr else "ipv4"
        blocks_of = f"/calico/ipam/v2/host/{host.name}/{family}/block/"
        old = host.environment["DATASTORE_TYPE"] == "etcdv2"
        command = ["ls", blocks_of] if old else ["get", "--prefix", "--keys-only", blocks_of]
        prefix = cidr.split("/")[0].rstrip("0").rstrip(":").rstrip(".0") if family == "ipv4" else cidr.split("::")[0]

        def first():
            keys = self.store.out("etcdctl", "--endpoints", ETCD, *command, check=False, env={"ETCDCTL_API": "2" if old else "3"}).split()
            blocks = [key.rsplit("/", 1)[1].replace("-", "/") for key in keys]
            return next((block for block in blocks if block.startswith(prefix)), None)
        return wait_until(first, f"{host.name} has a block of {cidr}", self.patience)

    # --- workloads -----------------------------------------------------------------------------------

    def workload(self, host: Host, name: str, ip6: bool = False, ip: str | None = None, ip4: bool = True) -> Workload:
        """A workload with the 40th address of the host's block, which tunnels and others do not reach."""
        if ip4:
            ip = ip or address(self.block(host), 40)
        v6 = address(self.block(host, POOL6), 40) if ip6 else None
        host.start_process(name, "unshare", "-n", "sleep", "1000000")

        def started():
            pid = host.pid_of(name)
            own = host.out("readlink", f"/proc/{pid}/ns/net")
            return pid if pid and own != host.out("readlink", "/proc/1/ns/net") else None
        pid = wait_until(started, f"{host.name}: a namespace for {name}")
        workload = Workload(name, host, pid, ip, v6)
        interface = workload.interface
        host.run("ip", "link", "add", interface, "address", HOST_SIDE_MAC, "type", "veth", "peer", "name", "cali0", "netns", str(pid))
        mtu = host.out("cat", "/var/lib/calico/mtu", check=False).strip()
        if mtu:
            workload.run("ip", "link", "set", "cali0", "mtu", mtu)
        mac = json.loads(workload.run("ip", "-j", "link", "show", "cali0").stdout)[0]["address"]
        workload.run("ip", "link", "set", "lo", "up")
        workload.run("ip", "link", "set", "cali0", "up")
        host.run("ip", "link", "set", interface, "up")
        networks = []
        if ip:
            workload.run("ip", "addr", "add", f"{ip}/32", "dev", "cali0")
            workload.run("ip", "route", "add", GATEWAY, "dev", "cali0")
            workload.run("ip", "route", "add", "default", "via", GATEWAY)
            networks.append(f"{ip}/32")
        if v6:
            workload.run("ip", "addr", "add", f"{v6}/128", "dev", "cali0", "nodad")
            workload.run("ip", "-6", "route", "add", "default", "via", HOST_SIDE_LINK_LOCAL, "dev", "cali0")
            networks.append(f"{v6}/128")
        self.apply(endpoint(host, name, interface, networks, mac))
        wait_until(lambda: "programmed" in re.search(rf"{interface} +(.*)", host.out("calico-node", "show", "endpoints"))[1],
                   f"{host.name}: {interface} is programmed", self.patience)
        return workload

    def remove_workload(self, workload: Workload) -> None:
        self.delete("workloadendpoint", endpoint_name(workload.host, workload.name))
        workload.host.stop_process(workload.name, "KILL")


def address(block: str, number: int) -> str:
    """An address of a block, counted from its first one."""
    import ipaddress
    return str(ipaddress.ip_network(block)[number])


def endpoint_name(host: Host, name: str) -> str:
    return f"{host.name.replace('-', '--')}-cni-{name}-eth0"


def endpoint(host: Host, name: str, interface: str, networks: list[str], mac: str) -> dict:
    spec = {"node": host.name, "orchestrator": "cni", "containerID": name, "endpoint": "eth0",
            "interfaceName": interface, "ipNetworks": networks, "mac": mac, "profiles": ["projectcalico-default-allow"]}
    return {**resource("WorkloadEndpoint", endpoint_name(host, name), **spec), "metadata": {"name": endpoint_name(host, name), "namespace": "default"}}


def resource(kind: str, name: str, **spec) -> dict:
    return {"apiVersion": "projectcalico.org/v3", "kind": kind, "metadata": {"name": name}, "spec": spec}


def routes(host: Host, *selection: str) -> list[str]:
    """Lines of `ip route`, sorted, without trailing blanks."""
    return sorted(line.strip() for line in host.out("ip", *selection).splitlines() if line.strip())
