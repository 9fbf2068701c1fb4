# SPDX-License-Identifier: Apache-2.0
"""Hosts on one bridge that each run our speaker and its BIRD, and what their kernels are seen to do.

Times come from the wire and from netlink: nobody asks a BIRD anything while it is measured.
"""

from __future__ import annotations

import ctypes
import os
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cluster"))

from lab import STORE_IP, Host, Lab, wait_until  # noqa: E402

POOL = "10.64.0.0/10"
STORE_NUMBER = 1000  # of its MAC
SO_RCVBUFFORCE, RTMGRP_IPV4_ROUTE = 33, 0x40
RTM_NEWROUTE, RTM_DELROUTE, RTA_DST, RTPROT_BIRD, ETH_P_IP = 24, 25, 1, 12, 0x0800
KEEPALIVE = 4
LIBC, CLONE_NEWNET = ctypes.CDLL(None, use_errno=True), 0x40000000  # os.setns is of Python 3.12


def in_network_of(pid: int, make):
    """What `make` returns when it is called in the network of another process: a socket stays there."""
    made = []

    def run():
        with open(f"/proc/{pid}/ns/net") as namespace:
            if LIBC.setns(namespace.fileno(), CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
        made.append(make())
    thread = threading.Thread(target=run)  # a thread has a network of its own
    thread.start()
    thread.join()
    return made[0]


def destination_of(message: bytes) -> str:
    at, address = 28, "0.0.0.0"
    while at + 4 <= len(message):
        size, attribute = struct.unpack_from("=HH", message, at)
        if attribute == RTA_DST:
            address = socket.inet_ntoa(message[at + 4:at + 8])
            break
        at += (size + 3) & ~3
    return f"{address}/{message[17]}"


class Routes:
    """BIRD's IPv4 routes as they come and go in a host's kernel."""

    def __init__(self, host: Host):
        self.socket = in_network_of(host.pid, lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 29)
        self.socket.bind((0, RTMGRP_IPV4_ROUTE))
        self.socket.setblocking(False)

    def fileno(self) -> int:
        return self.socket.fileno()

    def messages(self):
        """What has come since; the kernel sends each notification on its own."""
        while True:
            try:
                message = self.socket.recv(4096)
            except BlockingIOError:
                return
            if message[16] == socket.AF_INET and message[21] == RTPROT_BIRD:
                yield message

    def read(self) -> list[tuple[int, str]]:
        """(RTM_NEWROUTE or RTM_DELROUTE, destination)"""
        return [(message[4], destination_of(message)) for message in self.messages()]

    def count(self, kind: int, number: int, timeout: float) -> float:
        """Waits for so many; the time of the last. Takes as little of the processor as it can."""
        seen, deadline = 0, time.monotonic() + timeout
        while True:
            select.select([self], [], [], 0.05)
            seen += sum(1 for message in self.messages() if message[4] == kind)
            now = time.monotonic()
            if seen >= number:
                return now
            if now > deadline:
                raise AssertionError(f"{seen} of {number} routes within {timeout:g} s")
            time.sleep(0.005)

    def close(self) -> None:
        self.socket.close()


class Established:
    """Sees a session come up on the wire: the first KEEPALIVE from `peer` is what makes it Established at this host."""

    def __init__(self, host: Host, peer: str):
        self.socket = in_network_of(host.pid, lambda: socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_IP)))
        self.peer = socket.inet_aton(peer)

    def wait(self, timeout: float) -> float:
        deadline = time.monotonic() + timeout
        try:
            while time.monotonic() < deadline:
                self.socket.settimeout(max(0.001, deadline - time.monotonic()))
                try:
                    packet = self.socket.recv(65536)
                except TimeoutError:
                    break
                ip = (packet[0] & 15) * 4
                if packet[9] != socket.IPPROTO_TCP or packet[12:16] != self.peer:
                    continue
                message, total = ip + (packet[ip + 12] >> 4) * 4, struct.unpack_from("!H", packet, 2)[0]
                while message + 19 <= total:
                    if packet[message + 18] == KEEPALIVE:
                        return time.monotonic()
                    message += struct.unpack_from("!H", packet, message + 16)[0]
        finally:
            self.socket.close()
        raise AssertionError(f"no session within {timeout:g} s")


class ScaleLab(Lab):
    """create_hosts(): as many calico-nodes on one bridge. Then a speaker on each."""

    def create_hosts(self, count: int) -> "ScaleLab":
        self.destroy()
        self.state_dir.mkdir(parents=True)
        self.speakers: dict[str, subprocess.Popen] = {}
        self._add("router", None)
        self.router.run("sh", "-c", "ip link add br0 type bridge && ip link set br0 up")
        for number in range(count):
            name, ip = f"calico-node{number}", f"172.30.{200 + number // 200}.{number % 200 + 40}"
            self._add(name, ip)
            subprocess.run(["nsenter", "-t", str(self.router.pid), "-n", "--", "ip", "link", "add", f"p{number}", "type", "veth",
                            "peer", "name", "eth0", "netns", str(self.hosts[name].pid)], check=True)
            self.router.run("ip", "link", "set", f"p{number}", "master", "br0", "up")
            self.hosts[name].run("sh", "-c", f"ip link set eth0 address {mac(number)} up && ip addr add {ip}/16 dev eth0")
        # All hosts' neighbours count against one limit of this machine's kernel, 1024, but for permanent ones.
        neighbours = {host.ip: f"neighbour replace {host.ip} lladdr {mac(number)} dev eth0 nud permanent" for number, host in enumerate(self.nodes())}
        for host in self.nodes():
            host.run("ip", "-batch", "-", stdin="\n".join(line for ip, line in neighbours.items() if ip != host.ip))
        return self

    def _plug_in(self, host: Host) -> None:
        """Nothing: these hosts get cables of another kind."""

    def add_store(self) -> None:
        """etcd, on the same bridge."""
        self._add("store", STORE_IP)
        subprocess.run(["nsenter", "-t", str(self.router.pid), "-n", "--", "ip", "link", "add", "store", "type", "veth",
                        "peer", "name", "eth0", "netns", str(self.store.pid)], check=True)
        self.router.run("ip", "link", "set", "store", "master", "br0", "up")
        self.store.run("sh", "-c", f"ip link set eth0 address {mac(STORE_NUMBER)} up && ip addr add {STORE_IP}/16 dev eth0")
        for number, host in enumerate(self.nodes()):
            host.run("ip", "neighbour", "replace", STORE_IP, "lladdr", mac(STORE_NUMBER), "dev", "eth0", "nud", "permanent")
            self.store.run("ip", "neighbour", "replace", host.ip, "lladdr", mac(number), "dev", "eth0", "nud", "permanent")
        self.start_etcd()

    def start_agent(self, host: Host) -> None:
        host.environment.update({"NODENAME": host.name, "IP": f"{host.ip}/16", "IP6": "none", "NO_DEFAULT_POOLS": "true",
                                 "FELIX_CLAIMBLOCKSATSTART": "true", "FELIX_HEALTHENABLED": "false"})
        host.start_calico_node()

    def destroy(self) -> None:
        for speaker in getattr(self, "speakers", {}).values():
            speaker.kill()
            speaker.wait()
            speaker.stdin.close()
            speaker.stdout.close()
        self.speakers = {}
        super().destroy()

    def nodes(self) -> list[Host]:
        return sorted((host for name, host in self.hosts.items() if name.startswith("calico-node")), key=lambda host: int(host.name[11:]))

    def start_speaker(self, host: Host, *argv: str) -> None:
        log = open(host.state_dir / "speaker.log", "ab")
        self.speakers[host.name] = subprocess.Popen(host.enter("speaker_host", *argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                                    text=True, env=host.env())
        log.close()

    def tell(self, host: Host, *lines: str, wait: bool = True) -> None:
        """Lines of the view of a host's speaker; it applies them."""
        speaker = self.speakers[host.name]
        speaker.stdin.write("\n".join(lines) + "\napply\n")
        speaker.stdin.flush()
        if wait:
            self.applied(host)

    def applied(self, host: Host) -> None:
        answer = self.speakers[host.name].stdout.readline()
        assert answer == "applied\n", (answer, (host.state_dir / "speaker.log").read_text()[-2000:])

    def end_speaker(self, host: Host) -> None:
        """As a crash: its BIRD stays."""
        speaker = self.speakers.pop(host.name, None)
        if speaker is not None:
            subprocess.run(["kill", "-9", *Path(f"/proc/{speaker.pid}/task/{speaker.pid}/children").read_text().split()], check=True)
            speaker.wait()
            speaker.stdin.close()
            speaker.stdout.close()

    def bird_pid(self, host: Host) -> int:
        """Seen from outside, where it can be looked at without entering."""
        inside = wait_until(lambda: int(host.out("cat", "/var/run/calico/bird.pid")), f"{host.name} has a BIRD")
        for status in Path("/proc").glob("[0-9]*/status"):
            try:
                text = status.read_text()
            except OSError:
                continue
            ids = next((line.split()[1:] for line in text.splitlines() if line.startswith("NSpid:")), [])
            if text.startswith("Name:\tbird\n") and ids[-1:] == [str(inside)] and \
                    os.readlink(status.parent / "ns/pid") == os.readlink(f"/proc/{host.pid}/ns/pid"):
                return int(status.parent.name)
        raise AssertionError(f"{host.name} has no BIRD")

    def end_bird(self, host: Host) -> None:
        """And what it left in the kernel."""
        os.kill(self.bird_pid(host), 9)
        host.run("rm", "-f", "/var/run/calico/bird.pid")
        host.run("ip", "route", "flush", "proto", "bird")


def mac(number: int) -> str:
    return f"02:00:00:00:{number >> 8:02x}:{number & 255:02x}"


def run_time(pid: int) -> float:
    """Seconds of processor time of a process, to the nanosecond (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | 2)


def resident(pid: int) -> int:
    """Bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def percentile(values: list[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]
