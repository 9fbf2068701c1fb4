# SPDX-License-Identifier: Apache-2.0
"""Walks through docs/guide.md: files are written, commands executed, on one host or on all, as the text says."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import threading
from pathlib import Path

from doc_blocks import Block, Command, blocks, commands, matches
from guide_hosts import on_all, write
from lab import ROOT, Host, Lab, wait_until

DOCUMENT = "docs/guide.md"
DIRECTORIES = {"~": "/root", "src": "/usr/local/src"}
# What the page shows; ours are known when test1 runs.
PAGE_INTERFACE, PAGE_ADDRESS = "calic255b5bfca1", "10.254.0.5"
EVERYWHERE = {"2", "3", "4", "5"}  # sections that are done on each host


def section_of(block: Block) -> str:
    """"5" for a block below "## 5. …"; "" before the first numbered section."""
    lines = (ROOT / block.document).read_text().splitlines()[:block.line]
    numbers = [match[1] for line in lines if (match := re.match(r"## (\d+)\.", line))]
    return numbers[-1] if numbers else ""


class Walk:
    """The hosts, and what has been learnt on the way."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self.nodes = lab.nodes()
        self.node1, self.node2, self.node3 = self.nodes
        self.before: dict[str, str] = {}  # for statements that say what has changed
        self.last = ""  # output of the latest command, on the host that it is printed for
        self.real: dict[str, str] = {}

    def known(self, text: str) -> str:
        for page, ours in self.real.items():
            text = text.replace(page, ours)
        return text

    # --- blocks -----------------------------------------------------------------------------------------

    def write_file(self, block: Block) -> None:
        path = block.argument if block.argument.startswith("/") else f"/root/{block.argument}"
        text = "\n".join(block.text) + "\n"
        hosts = self.nodes if section_of(block) in EVERYWHERE else [self.node1]
        on_all(hosts, lambda host: write(host, path, self.edited(host, path, text)))

    @staticmethod
    def edited(host: Host, path: str, text: str) -> str:
        if path.endswith("/sysconfig/iptables"):  # before what refuses the rest; the line of FORWARD becomes a comment
            old = host.out("cat", path).splitlines()
            new = text.splitlines()
            at = max(number for number, line in enumerate(old) if line.startswith("-A INPUT")) + 1
            rest = [("#" + line if "#" + line in new else line) for line in old[at:]]
            return "\n".join([*old[:at], *(line for line in new if not line.startswith("#")), *rest]) + "\n"
        if path.endswith("/docker.service"):
            old = host.out("cat", path)
            return re.sub(r"^ExecStart=.*\n", lambda _: text, old, count=1, flags=re.M)
        if path.endswith("/calico.env"):
            return text.replace('CALICO_IP="172.30.200.36"', f'CALICO_IP="{host.ip}"')
        return text

    # --- commands ---------------------------------------------------------------------------------------

    def execute(self, command: Command, section: str) -> None:
        hosts = self.nodes if section in EVERYWHERE else [self.lab.hosts[command.host]]
        if command.command.startswith("tcpdump ") or " ping " in command.command and " -c " not in command.command:
            self.watch(command)
            return
        words = self.known(command.command)
        directory = DIRECTORIES[command.directory]

        def run(host: Host) -> str:
            if "node status" in words:  # sessions come up a moment after the start
                wait_until(lambda: host.out("calicoctl", "node", "status").count("Established") == 2, f"the mesh on {host.name}", 60)
            done = host.run("sh", "-c", f"exec 2>&1; cd {directory}; {words}", check=False, timeout=90)
            return done.stdout
        outputs = on_all(hosts, run)
        self.last = outputs[[host.name for host in hosts].index(command.host)]
        self.expect(command, self.last)
        if words.startswith("docker run -tid --name=test1 "):
            self.real = {PAGE_INTERFACE: self.node1.endpoint_interface("test1"), PAGE_ADDRESS: self.node1.container_ip("test1", "net1")}

    def fits(self, command: Command, output: str) -> bool:
        return matches([self.known(line) for line in command.expected], [line.rstrip() for line in output.splitlines()])

    def expect(self, command: Command, output: str) -> None:
        assert self.fits(command, output), "\n".join(
            [f"{command.where}: {command.command}", "expected:", *command.expected, "printed:", output])

    def watch(self, command: Command) -> None:
        """A command that goes on until Ctrl-C: it gets something to see, then that."""
        host = self.lab.hosts[command.host]
        terminal, other_end = pty.openpty()
        process = subprocess.Popen(host.enter("sh", "-c", f"cd /root; exec {self.known(command.command)}"), stdin=subprocess.DEVNULL,
                                   stdout=other_end, stderr=other_end, env=host.env(), start_new_session=True)
        os.close(other_end)
        seen: list[bytes] = []

        def read() -> None:
            try:
                while chunk := os.read(terminal, 4096):
                    seen.append(chunk)
            except OSError:  # the other end is closed
                pass
        reader = threading.Thread(target=read)
        reader.start()

        def output() -> str:
            return b"".join(seen).decode(errors="replace").replace("\r", "")

        def enough() -> bool:
            if command.command.startswith("tcpdump") and ("listening on" in output()) and process.poll() is None:
                self.traffic()
            return self.fits(command, output()) and (bool(seen) or process.poll() is not None)
        try:
            wait_until(enough, f"{command.where}: {command.command} prints what the text says", 20, 0.2)
        except AssertionError as late:
            raise AssertionError(f"{late}\nexpected:\n" + "\n".join(command.expected) + f"\nprinted:\n{output()}") from None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGINT)
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:  # docker's client does not always hear it while it connects its streams
                os.killpg(process.pid, signal.SIGKILL)
                process.wait(20)
            reader.join(20)
            os.close(terminal)
            self.last = output()

    def traffic(self) -> None:
        """What a reader does beside tcpdump: forgets test1's neighbours, then pings from it and from test2."""
        pid = str(self.node1.container_pid("test1"))
        self.node1.run("nsenter", "-t", pid, "-n", "ip", "neigh", "flush", "dev", "cali0")
        self.node1.ping("test1", self.node1.ip, 1)
        if self.node2.run("docker", "inspect", "test2", check=False).returncode == 0:
            self.node2.ping("test2", self.node1.container_ip("test1"), 1)

    # --- questions --------------------------------------------------------------------------------------

    def links(self, host: Host, *arguments: str, container: str = "") -> dict[str, dict]:
        words = ["ip", "-j", *arguments, "address", "show"]
        if container:
            words = ["nsenter", "-t", str(host.container_pid(container)), "-n", *words]
        return {link["ifname"]: link for link in json.loads(host.out(*words)) if link}

    def inspect(self, host: Host, name: str) -> dict:
        return json.loads(host.docker("inspect", name))[0]

    def etcd(self, *words: str) -> str:
        return self.node1.out("etcdctl", "--endpoints", f"http://{self.node1.ip}:2379", *words, env={"ETCDCTL_API": "2"})

    def block_of(self, host: Host) -> str:
        lines = self.etcd("ls", f"/calico/ipam/v2/host/{host.name}/ipv4/block").split()
        blocks_here = [line.rsplit("/", 1)[1].replace("-", "/") for line in lines if "/10.254.0." in line]
        assert len(blocks_here) == 1, f"{host.name} has {blocks_here}"
        return blocks_here[0]

    @staticmethod
    def connects(host: Host, address: str, port: int) -> bool:
        return host.run("bash", "-c", f"exec 3<>/dev/tcp/{address}/{port}", check=False, timeout=20).returncode == 0


def page(path: Path = ROOT / "testdata" / "guide" / "page.txt") -> list[tuple[str, str, list[str]]]:
    """(section, command, what the page prints behind it) for each command of the page."""
    found: list[tuple[str, str, list[str]]] = []
    section = ""
    for line in path.read_text().splitlines():
        if match := re.fullmatch(r"== (\d) ==", line):
            section = match[1]
        elif match := re.match(r"\[root@\S+ \S+\]# (.*)$|或直接运行:(.*)$", line):
            found.append((section, (match[1] or match[2]).strip(), []))
        elif found:
            found[-1][2].append(line)
    return found


def guide_blocks() -> list[Block]:
    return [block for block in blocks(ROOT) if block.document == DOCUMENT]


def guide_commands() -> list[tuple[str, Block | Command]]:
    """(section, file block or command) in the order of the document."""
    steps: list[tuple[str, Block | Command]] = []
    for block in guide_blocks():
        section = section_of(block)
        if block.language == "console":
            steps += [(section, command) for command in commands(block)]
        elif block.argument:
            steps.append((section, block))
    return steps
