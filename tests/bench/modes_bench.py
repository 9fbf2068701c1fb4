#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a way between hosts costs: ours beside the same path made by hand with `ip`, and beside bare forwarding, in turns.

    tests/bench/modes_bench.py none vxlan                     TCP throughput, on this kernel
    tests/vm/vm.py -- python3 tests/bench/modes_bench.py --cpu ipip wireguard   CPU time per packet

Nine rounds; in each the three paths take turns, and a round's ratio is that of its middle pair. By hand: the same devices and
routes on hosts that check the source of what their workload sends (rp_filter) and have a firewall of two rules (established
connections pass). Bare: neither.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "network"))

from network import GATEWAY, Host, Network, Workload, wait_until  # noqa: E402

STATE = Path(os.environ.get("NETWORK_STATE", "/var/lib/calico-modes"))
ROUNDS = 9
BURSTS = 60  # of each path in a round
BURST_BYTES = 64 << 20
OURS = {"none": ({}, "none"), "vxlan": ({"vxlanMode": "Always"}, "vxlan"), "ipip": ({"ipipMode": "Always"}, "bird"),
        "wireguard": ({}, "none")}
FIREWALL = """table ip byhand {
  chain forward { type filter hook forward priority filter; policy accept;
    ct state established,related accept
    ct state invalid drop
  }
}
"""


class ByHand:
    """Two hosts without an agent, on the first subnet, and a workload on each."""

    def __init__(self, network: Network, kind: str, name: str, numbers: tuple[int, int], protected: bool):
        self.hosts = [self._host(network, f"{name}{number}", f"172.30.200.{number}", number) for number in numbers]
        for host, other in (self.hosts, self.hosts[::-1]):
            getattr(self, f"_{kind}")(host, other)
            if protected:
                host.run("nft", "-f", "-", stdin=FIREWALL)
        self.w = [self._workload(host, f"10.66.{host.number}.2", self._mtu(kind)) for host in self.hosts]
        for host in self.hosts if protected else []:
            host.run("sysctl", "-qw", "net.ipv4.conf.caliw.rp_filter=1")

    @staticmethod
    def _mtu(kind: str) -> int:
        return {"none": 1500, "vxlan": 1450, "ipip": 1480, "wireguard": 1440}[kind]

    @staticmethod
    def _host(network: Network, name: str, ip: str, number: int) -> Host:
        network._add(name, ip)
        host = network.hosts[name]
        host.number = number
        host.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        return host

    @staticmethod
    def _workload(host: Host, ip: str, mtu: int) -> Workload:
        host.start_process("w", "unshare", "-n", "sleep", "1000000")
        pid = wait_until(lambda: host.pid_of("w"), f"{host.name}: a namespace")
        wait_until(lambda: host.out("readlink", f"/proc/{pid}/ns/net") != host.out("readlink", "/proc/1/ns/net"), f"{host.name}: of its own")
        workload = Workload("w", host, pid, ip, None)
        host.run("ip", "link", "add", "caliw", "type", "veth", "peer", "name", "cali0", "netns", str(workload.pid))
        workload.run("ip", "link", "set", "cali0", "up", "mtu", str(mtu))
        workload.run("ip", "addr", "add", f"{ip}/32", "dev", "cali0")
        workload.run("ip", "route", "add", GATEWAY, "dev", "cali0")
        workload.run("ip", "route", "add", "default", "via", GATEWAY)
        host.run("ip", "link", "set", "caliw", "up")
        host.run("sysctl", "-qw", "net.ipv4.conf.caliw.proxy_arp=1", "net.ipv4.neigh.caliw.proxy_delay=0")
        host.run("ip", "route", "add", f"{ip}/32", "dev", "caliw")
        return workload

    @staticmethod
    def _none(host: Host, other: Host) -> None:
        host.run("ip", "route", "add", f"10.66.{other.number}.0/26", "via", other.ip, "dev", "eth0")

    @staticmethod
    def _vxlan(host: Host, other: Host) -> None:
        host.run("ip", "link", "add", "vx", "address", f"66:00:00:00:00:{host.number:02x}", "type", "vxlan", "id", "4096", "dstport", "4789",
                 "local", host.ip, "dev", "eth0", "nolearning")
        host.run("ip", "addr", "add", f"10.66.{host.number}.1/32", "dev", "vx")
        host.run("ip", "link", "set", "vx", "up", "mtu", "1450")
        mac, tunnel = f"66:00:00:00:00:{other.number:02x}", f"10.66.{other.number}.1"
        host.run("bridge", "fdb", "add", mac, "dev", "vx", "dst", other.ip)
        host.run("ip", "neigh", "add", tunnel, "lladdr", mac, "dev", "vx", "nud", "permanent")
        host.run("ip", "route", "add", f"10.66.{other.number}.0/26", "via", tunnel, "dev", "vx", "onlink")

    @staticmethod
    def _ipip(host: Host, other: Host) -> None:
        host.run("ip", "addr", "add", f"10.66.{host.number}.1/32", "dev", "tunl0")
        host.run("ip", "link", "set", "tunl0", "up", "mtu", "1480")
        host.run("ip", "route", "add", f"10.66.{other.number}.0/26", "via", other.ip, "dev", "tunl0", "onlink")

    @staticmethod
    def _wireguard(host: Host, other: Host) -> None:
        for one in (host, other):
            if not hasattr(one, "private"):
                one.private = one.out("wg", "genkey").strip()
                one.public = one.out("wg", "pubkey", stdin=one.private).strip()
        host.run("ip", "link", "add", "wg0", "mtu", "1440", "type", "wireguard")
        host.run("sh", "-c", "cat > /run/key", stdin=host.private)
        host.run("wg", "set", "wg0", "listen-port", "51820", "private-key", "/run/key", "peer", other.public, "endpoint", f"{other.ip}:51820",
                 "allowed-ips", f"10.66.{other.number}.0/26")
        host.run("ip", "link", "set", "wg0", "up")
        host.run("ip", "route", "add", f"10.66.{other.number}.0/26", "dev", "wg0")


class Bursts:
    """A connection from the one workload to the other."""

    def __init__(self, w: list[Workload]):
        program = str(HERE / "tcp_bursts.py")
        self.server = subprocess.Popen(w[1].host.enter("python3", program, "serve", w[1].ip, network_of=w[1].pid))
        wait_until(lambda: ":9100" in w[1].run("ss", "-Htln").stdout, "the receiver listens", 20)
        self.sender = subprocess.Popen(w[0].host.enter("python3", program, "send", w[1].ip, network_of=w[0].pid), stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, text=True)
        assert self.sender.stdout.readline() == "ready\n"

    def gbit_per_second(self) -> float:
        self.sender.stdin.write(f"{BURST_BYTES}\n")
        self.sender.stdin.flush()
        return BURST_BYTES * 8 / int(self.sender.stdout.readline())

    def end(self) -> None:
        self.sender.stdin.close()
        self.sender.wait(30)
        self.server.wait(30)


def throughput_rounds(paths: dict[str, list[Workload]]) -> list[dict[str, list[float]]]:
    """Gbit/s of TCP: of each round all bursts of each path."""
    connections: dict[str, Bursts] = {}
    try:
        for name, w in paths.items():
            connections[name] = Bursts(w)
        for connection in connections.values():  # windows open
            for _ in range(5):
                connection.gbit_per_second()
        rounds = []
        for _ in range(ROUNDS):
            figures: dict[str, list[float]] = {name: [] for name in paths}
            for _ in range(BURSTS):
                for name in random.sample(list(paths), len(paths)):
                    figures[name].append(connections[name].gbit_per_second())
            rounds.append(figures)
        return rounds
    finally:
        for connection in connections.values():
            connection.end()


def iperf(w: list[Workload], *flags: str) -> dict:
    server = subprocess.Popen(w[1].host.enter("iperf3", "-s", "-1", network_of=w[1].pid), stdout=subprocess.DEVNULL)
    try:
        def run():
            done = w[0].run("iperf3", "-c", w[1].ip, "-J", *flags, check=False, timeout=60)
            answer = json.loads(done.stdout)
            return None if "error" in answer else answer
        return wait_until(run, "iperf3 runs", 20)["end"]
    finally:
        server.wait(30)


def busy_seconds() -> float:
    user, nice, system, _, _, irq, softirq = map(int, Path("/proc/stat").read_text().split("\n")[0].split()[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def cpu_rounds(paths: dict[str, list[Workload]]) -> list[dict[str, list[float]]]:
    """Microseconds of all processors, for a packet of 1 000 bytes and its way through both hosts."""
    def once(w: list[Workload]) -> float:
        before = busy_seconds()
        end = iperf(w, "-u", "-l", "1000", "-b", "16M", "-t", "2")
        return (busy_seconds() - before) / end["sum"]["packets"] * 1e6
    return [{name: [once(paths[name])] for name in random.sample(list(paths), len(paths))} for _ in range(ROUNDS)]


def report(kind: str, unit: str, rounds: list[dict[str, list[float]]]) -> None:
    for name in ("ours", "by hand", "bare"):
        values = [statistics.median(figures[name]) for figures in rounds]
        text = ""
        if name != "ours":
            ratios = [statistics.median(mine / other for mine, other in zip(figures["ours"], figures[name])) for figures in rounds]
            text = f", ours is x{statistics.median(ratios):.2f} of it ({min(ratios):.2f} to {max(ratios):.2f})"
        print(f"{kind:10} {name:8} {statistics.median(values):7.2f} {unit} ({min(values):.2f} to {max(values):.2f}){text}", flush=True)


def measure(kind: str, cpu: bool) -> None:
    spec, backend = OURS[kind]
    network = Network(STATE)
    try:
        network.create(2)
        network.pool(**spec)
        network.start_agents(CALICO_NETWORKING_BACKEND=backend)
        if kind == "wireguard":
            network.nodes()[0].run("calicoctl", "patch", "felixconfiguration", "default", "-p", '{"spec": {"wireguardEnabled": true}}')
            wait_until(lambda: network.nodes()[0].out("wg", "show", "wireguard.cali", "peers").strip() != "", "WireGuard has its peer", 60)
        ours = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
        paths = {"ours": ours, "by hand": ByHand(network, kind, "hand", (51, 52), True).w, "bare": ByHand(network, kind, "bare", (61, 62), False).w}
        for name, w in paths.items():
            wait_until(lambda: w[0].reaches(w[1].ip), f"{name}: reached", 60)
        if cpu:
            report(kind, "µs of CPU per packet", cpu_rounds(paths))
        else:
            report(kind, "Gbit/s of TCP", throughput_rounds(paths))
    finally:
        network.destroy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true", help="CPU time per packet instead of throughput")
    parser.add_argument("kinds", nargs="+", choices=list(OURS))
    options = parser.parse_args()
    for kind in options.kinds:
        measure(kind, options.cpu)


main()
