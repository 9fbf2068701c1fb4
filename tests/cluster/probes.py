# SPDX-License-Identifier: Apache-2.0
"""Watching a host from outside while something happens to its agent: packets, kernel writes, bird.cfg."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from lab import Host

PROBE = str(Path(__file__).resolve().parent / "udp_probe.py")
RATE = 1000  # packets a second in each direction


def pid_outside(host: Host, pid_inside: int) -> int:
    """The pid that the test sees for a process of a host's PID namespace, or of a container on it."""
    def status(pid: int) -> dict[str, str]:
        return dict(line.split(":\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)

    home = os.stat(f"/proc/{host.pid}/ns/pid").st_ino

    def descends(pid: int) -> bool:
        """A process of the host's namespace, or a child of one: a container's are below their shim."""
        while pid > 1:
            if os.stat(f"/proc/{pid}/ns/pid").st_ino == home:
                return True
            pid = int(status(pid)["PPid"])
        return False

    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            # One number per nested namespace: the machine's, the host's, perhaps a container's.
            numbers = status(int(entry.name))["NSpid"].split()
            if len(numbers) > 1 and int(numbers[1]) == pid_inside and descends(int(entry.name)):
                return int(entry.name)
        except (OSError, KeyError):
            continue  # it has ended meanwhile
    raise AssertionError(f"{host.name}: no process {pid_inside}")


def in_container(host: Host, container: str, *argv: str) -> subprocess.Popen:
    """Starts a program of the test in the network of a container."""
    pid = pid_outside(host, host.container_pid(container))
    return subprocess.Popen(["nsenter", "-t", str(pid), "-n", "--", *argv], stdout=subprocess.PIPE, text=True)


class Streams:
    """1 000 packets a second each way between two containers; `lost()` ends them and counts."""

    def __init__(self, a: tuple[Host, str], b: tuple[Host, str], port: int = 9000):
        ends = [(a, b), (b, a)]
        self.receivers = [in_container(host, name, sys.executable, PROBE, "receive", str(port)) for _, (host, name) in ends]
        for receiver in self.receivers:
            assert receiver.stdout and receiver.stdout.readline() == "ready\n"
        self.senders = [in_container(source[0], source[1], sys.executable, PROBE, "send",
                                     target[0].container_ip(target[1]), str(port), str(RATE)) for source, target in ends]
        for sender in self.senders:
            assert sender.stdout and sender.stdout.readline() == "ready\n"

    def end(self) -> list[tuple[int, int]]:
        """(sent, received) of each direction."""
        for sender in self.senders:
            sender.send_signal(signal.SIGTERM)
        sent = [int(sender.communicate(timeout=20)[0].split()[1]) for sender in self.senders]
        for receiver in self.receivers:
            receiver.send_signal(signal.SIGTERM)
        received = [int(receiver.communicate(timeout=20)[0].split()[1]) for receiver in self.receivers]
        return list(zip(sent, received))


class KernelWrites:
    """Everything that anybody writes to nf_tables, links, addresses and routes of a host."""

    def __init__(self, host: Host):
        self.host = host
        self.monitors = [subprocess.Popen(host.enter(*argv), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                         for argv in (("nft", "monitor"), ("ip", "-o", "monitor", "link", "address", "route", "rule"))]
        time.sleep(0.3)  # both have subscribed

    def seen(self) -> str:
        """What was written since the start; ends the monitors."""
        time.sleep(0.2)
        text = ""
        for monitor in self.monitors:
            # The monitor is a child of nsenter's fork: end it inside the host too.
            children = Path(f"/proc/{monitor.pid}/task/{monitor.pid}/children").read_text().split()
            for pid in [*children, str(monitor.pid)]:
                os.kill(int(pid), signal.SIGTERM)
            text += monitor.communicate(timeout=10)[0]
        # A new interface gets its link-local address from the kernel a second or two after it came up.
        own = ("inet6 fe80:", "local fe80:", "anycast fe80:", "fe80::/64")
        return "".join(line for line in text.splitlines(keepends=True) if not any(word in line for word in own))


def bird_config(host: Host) -> tuple[str, str]:
    """Identity and content of bird.cfg: an unchanged file keeps its inode and time."""
    path = "/etc/calico/confd/config/bird.cfg"
    return host.out("stat", "-c", "%i %y", path), host.out("cat", path)
