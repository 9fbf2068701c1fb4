# SPDX-License-Identifier: Apache-2.0
"""Hosts on one machine: each is a set of namespaces with real etcd, dockerd, BIRD and calico-node inside.

A lab is a router ("fabric", 172.30.200.1, the outside world) with one bridge, a store host that runs etcd, and
calico hosts. All processes of a host live in its PID namespace, so ending its PID 1 leaves nothing behind.
Every lab has a state directory; `Lab.attach` finds a running one again (for `make demo-down`).
"""

from __future__ import annotations

import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from systemd_host import enter_cgroups

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BIN = Path(os.environ.get("CALICO_BIN", ROOT / "build" / "bin"))
SUBNET = "172.30.200"
ROUTER_IP = f"{SUBNET}.1"
STORE_IP = f"{SUBNET}.30"
ETCD = f"http://{STORE_IP}:2379"


class CommandFailed(Exception):
    """A command inside a host failed; str() is what an operator needs to see."""


def wait_until(condition, what: str, timeout: float = 15.0, period: float = 0.05):
    """Polls `condition` until it returns something true; returns that. The last error explains a failure."""
    deadline = time.monotonic() + timeout
    last: Exception | None = None
    while True:
        try:
            value = condition()
            if value:
                return value
            last = None
        except (CommandFailed, AssertionError, OSError, ValueError, KeyError, IndexError, TypeError) as error:
            last = error
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {timeout:g} s: {what}" + (f" ({last})" if last else ""))
        time.sleep(period)


def process_start(pid: int) -> str | None:
    """Start time of a process in clock ticks: tells a process from a later one with the same pid."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


@dataclass
class Host:
    name: str
    ip: str | None
    pid: int  # of its PID 1, seen from outside
    start: str
    state_dir: Path
    environment: dict[str, str] = field(default_factory=dict)
    systemd: bool = False  # its PID 1

    @property
    def cgroup(self) -> str:
        """Parent of the containers' cgroups, unique to this lab and host so that destroy() can remove them."""
        return f"{self.state_dir.parent.name}-{self.name}"

    def enter(self, *argv: str, network_of: int | None = None) -> list[str]:
        """argv that runs a command on this host (or in the network of a process of it)."""
        command = ["nsenter", "-t", str(self.pid), "-m", "-u", "-p", "-n", *(["-i", "-C"] if self.systemd else [])]
        if network_of is not None:
            command += ["nsenter", "-t", str(network_of), "-n"]
        return [*command, "--", *argv]

    def env(self, extra: dict[str, str] | None = None) -> dict[str, str]:
        env = {
            # With systemd our programs come from a package.
            "PATH": ("" if self.systemd else f"{BIN}:") + "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            "LANG": "C.UTF-8",
            "TERM": os.environ.get("TERM", "dumb"),
        }
        env.update(self.environment)
        env.update(extra or {})
        return env

    def run(self, *argv: str, check: bool = True, timeout: float = 30, env: dict[str, str] | None = None,
            stdin: str = "", network_of: int | None = None) -> subprocess.CompletedProcess:
        """Runs a command to its end; a failure or time-out raises CommandFailed with its words."""
        words = " ".join(argv)
        try:
            done = subprocess.run(self.enter(*argv, network_of=network_of), input=stdin, text=True, timeout=timeout,
                                  capture_output=True, env=self.env(env))
        except subprocess.TimeoutExpired as expired:
            raise CommandFailed(f"{self.name}: {words}: no answer within {timeout:g} s") from expired
        if check and done.returncode != 0:
            said = (done.stderr.strip() or done.stdout.strip())[-600:]
            raise CommandFailed(f"{self.name}: {words}: exit {done.returncode}: {said}")
        return done

    def out(self, *argv: str, **kwargs) -> str:
        return self.run(*argv, **kwargs).stdout

    def start_process(self, name: str, *argv: str, env: dict[str, str] | None = None) -> subprocess.Popen:
        """Starts a daemon of this host; output goes to <state>/<name>.log. Its pid inside the host is in
        <state>/<name>.pid (the shell writes it before exec)."""
        log = open(self.state_dir / f"{name}.log", "ab")
        script = f'echo $$ > {self.state_dir}/{name}.pid; exec "$@"'
        process = subprocess.Popen(self.enter("setsid", "sh", "-c", script, "sh", *argv), stdin=subprocess.DEVNULL,
                                   stdout=log, stderr=log, env=self.env(env), start_new_session=True)
        log.close()
        return process

    def log(self, name: str) -> str:
        path = self.state_dir / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def pid_of(self, name: str) -> int | None:
        """pid inside the host of a started daemon, if it is alive."""
        path = self.state_dir / f"{name}.pid"
        if not path.exists() or not path.read_text().strip():
            return None
        pid = int(path.read_text())
        # State Z still answers kill -0; an ended daemon must not count.
        done = self.run("sh", "-c", f"grep -q '^State:.*[RSDT] ' /proc/{pid}/status", check=False)
        return pid if done.returncode == 0 else None

    def stop_process(self, name: str, sig: str = "TERM", timeout: float = 20) -> None:
        pid = self.pid_of(name)
        if pid is None:
            return
        self.run("kill", f"-{sig}", str(pid), check=False)
        wait_until(lambda: self.pid_of(name) is None, f"{self.name}: {name} (pid {pid}) ends after SIG{sig}", timeout)

    # --- the parts of a calico host ---------------------------------------------------------------

    def start_dockerd(self, *extra: str, cluster_store: bool = True, same_containerd: bool = False) -> None:
        argv = ["dockerd", "-H", "unix:///var/run/docker.sock", "--data-root", "/var/lib/docker",
                "--exec-root", "/run/docker", "--pidfile", "/run/docker.pid",
                "--cgroup-parent", f"/{self.cgroup}", *extra]
        if cluster_store:
            argv += ["--cluster-store", f"etcd://{STORE_IP}:2379", "--cluster-advertise", f"{self.ip}:2375"]
        stale = ["/run/docker.pid"] if same_containerd else ["/run/docker.pid", "/run/docker/containerd/containerd.pid"]
        self.run("rm", "-f", *stale)
        self.start_process("dockerd", *argv)

    def wait_dockerd(self, timeout: float = 40) -> None:
        def answers():
            if self.pid_of("dockerd") is None:
                raise AssertionError("dockerd ended: " + self.log("dockerd")[-500:])
            return self.run("docker", "version", check=False, timeout=10).returncode == 0
        wait_until(answers, f"{self.name}: dockerd answers", timeout, 0.1)

    def start_calico_node(self, env: dict[str, str] | None = None) -> None:
        self.start_process("calico-node", "calico-node", "run", env=env)

    def ready(self) -> bool:
        done = self.run("calico-node", "-felix-ready", check=False)
        if done.returncode != 0:
            if self.pid_of("calico-node") is None:
                raise AssertionError("calico-node ended: " + self.log("calico-node").strip()[-500:])
            raise AssertionError((done.stdout + done.stderr).strip()[-300:])
        return True

    def wait_calico_node(self, timeout: float = 20) -> None:
        wait_until(self.ready, f"{self.name}: calico-node is ready", timeout)

    def docker(self, *argv: str, **kwargs) -> str:
        return self.out("docker", *argv, **kwargs).strip()

    def calicoctl(self, *argv: str, **kwargs) -> str:
        return self.out("calicoctl", *argv, **kwargs)

    def import_busybox(self, archive: Path) -> None:
        """The image that no registry can give us here; the guide's `docker run … busybox` needs a default command."""
        self.docker("import", "-c", 'CMD ["sh"]', str(archive), "busybox")

    def run_container(self, name: str, network: str, *extra: str) -> str:
        """`docker run -tid --name N --net NET busybox`; returns its address."""
        self.docker("run", "-tid", f"--name={name}", f"--net={network}", *extra, "busybox")
        return self.container_ip(name)

    def ping(self, container: str, address: str, count: int = 3) -> tuple[int, int]:
        """(sent, received) of pings from inside a container, ten a second."""
        done = self.run("docker", "exec", container, "ping", "-q", "-i", "0.1", "-c", str(count), "-W", "1", address,
                        check=False)
        words = done.stdout.split()
        if "transmitted," not in words:
            raise CommandFailed(f"{self.name}: ping {address} from {container}: {done.stdout}{done.stderr}")
        at = words.index("transmitted,")
        return int(words[at - 2]), int(words[at + 1])

    def http_get(self, url: str, timeout: float = 5) -> str:
        """Body of a page seen from this host."""
        code = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=float(sys.argv[2])).read().decode())"
        return self.out(sys.executable, "-c", code, url, str(timeout))

    def metric(self, name: str, **labels: str) -> float:
        """Sum of a metric of this host's agent over all of its label sets that carry `labels`."""
        total = 0.0
        for line in self.http_get("http://127.0.0.1:9091/metrics").splitlines():
            if line.startswith(name) and line[len(name)] in "{ " and all(f'{k}="{v}"' in line for k, v in labels.items()):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def container_pid(self, name: str) -> int:
        return int(self.docker("inspect", "-f", "{{.State.Pid}}", name))

    def container_ip(self, name: str, network: str | None = None) -> str:
        text = self.docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", name)
        networks = json.loads(text)
        chosen = networks[network] if network else next(iter(networks.values()))
        return chosen["IPAddress"]

    def endpoint_interface(self, name: str) -> str:
        """Host side of a container's calico interface."""
        networks = json.loads(self.docker("inspect", "-f", "{{json .NetworkSettings.Networks}}", name))
        return "cali" + next(iter(networks.values()))["EndpointID"][:11]


class Lab:
    """Create with Lab(state_dir).create(hosts); destroy() is safe to call at any time and twice."""

    def __init__(self, state_dir: Path):
        self.state_dir = state_dir
        self.hosts: dict[str, Host] = {}

    @property
    def router(self) -> Host:
        return self.hosts["router"]

    @property
    def store(self) -> Host:
        return self.hosts["store"]

    def nodes(self) -> list[Host]:
        return [host for name, host in sorted(self.hosts.items()) if name.startswith("calico-node")]

    # --- life cycle ---------------------------------------------------------------------------------

    def create(self, node_count: int = 3, systemd: bool = False) -> "Lab":
        """With systemd: it is PID 1 of the calico hosts, whose /etc, /usr and dpkg database are their own (systemd_host.py)."""
        self.destroy()
        self.state_dir.mkdir(parents=True)
        router = self._add("router", None)
        router.run("ip", "link", "add", "br0", "type", "bridge")
        router.run("ip", "addr", "add", f"{ROUTER_IP}/24", "dev", "br0")
        router.run("ip", "link", "set", "br0", "up")
        router.run("sysctl", "-qw", "net.ipv4.ip_forward=1")
        self._add("store", STORE_IP)
        for number in range(1, node_count + 1):
            self._add(f"calico-node{number}", f"{SUBNET}.{35 + number}", systemd)
        return self

    def _plug_in(self, host: Host) -> None:
        """A cable from the router's bridge to a host that has just been made or booted."""
        router, port = self.router, "port-" + host.ip.rsplit(".", 1)[1]
        # One that was pulled out a moment ago may still be there.
        wait_until(lambda: router.run("ip", "link", "show", port, check=False).returncode != 0, f"the old cable of {host.name} is gone")
        # Only the router's network is entered: pids of other hosts are not visible inside its PID namespace.
        subprocess.run(["nsenter", "-t", str(router.pid), "-n", "--", "ip", "link", "add", port, "type", "veth",
                        "peer", "name", "eth0", "netns", str(host.pid)], check=True)
        router.run("ip", "link", "set", port, "master", "br0", "up")
        host.run("ip", "addr", "add", f"{host.ip}/24", "dev", "eth0")
        host.run("ip", "link", "set", "eth0", "up")
        host.run("ip", "route", "add", "default", "via", ROUTER_IP)
        # New namespaces inherit forwarding; a fresh machine does not forward, and dockerd's firewall depends on it.
        host.run("sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0")

    def reboot(self, host: Host) -> None:
        """Power off and on again, without a word to anybody: processes, network and /run are gone, disks are not. Of a host
        without systemd, Docker's data is all that is on a disk."""
        self._end([host])
        self._boot(host)
        self.save()

    @staticmethod
    def attach(state_dir: Path) -> "Lab":
        lab = Lab(state_dir)
        path = state_dir / "lab.json"
        if path.exists():
            for entry in json.loads(path.read_text()):
                host = Host(entry["name"], entry["ip"], entry["pid"], entry["start"], state_dir / entry["name"],
                            entry["environment"], entry.get("systemd", False))
                if process_start(host.pid) == host.start:
                    lab.hosts[host.name] = host
        return lab

    def destroy(self) -> None:
        running = Lab.attach(self.state_dir)
        self._end(running.hosts.values())
        self.hosts = {}
        if self.state_dir.exists():
            # Overlay work directories are freed a moment after the last mount namespace.
            for attempt in range(50):
                try:
                    shutil.rmtree(self.state_dir)
                    break
                except OSError:
                    if attempt == 49:
                        raise
                    time.sleep(0.1)

    @staticmethod
    def _end(hosts) -> None:
        for host in hosts:
            os.kill(host.pid, signal.SIGKILL)
        for host in hosts:
            deadline = time.monotonic() + 20
            while process_start(host.pid) == host.start and time.monotonic() < deadline:
                try:
                    os.waitpid(host.pid, os.WNOHANG)
                except ChildProcessError:
                    pass
                time.sleep(0.02)
            # Those of other labs come and go meanwhile; os.walk passes over what is gone, Path.glob does not.
            for cgroup in [Path(folder) / host.cgroup for folder, below, _ in os.walk("/sys/fs/cgroup") if host.cgroup in below]:
                for directory in [*sorted(cgroup.glob("**/"), key=lambda p: -len(p.parts)), cgroup]:
                    if directory.exists():
                        wait_until(lambda: directory.rmdir() is None, f"{directory} is empty")

    def save(self) -> None:
        entries = [{"name": h.name, "ip": h.ip, "pid": h.pid, "start": h.start, "environment": h.environment,
                    "systemd": h.systemd} for h in self.hosts.values()]
        (self.state_dir / "lab.json").write_text(json.dumps(entries, indent=1))

    def _add(self, name: str, ip: str | None, systemd: bool = False) -> Host:
        state = self.state_dir / name
        state.mkdir()
        host = Host(name, ip, 0, "", state, systemd=systemd)
        if name.startswith("calico-node") and not systemd:
            # Said outright: on a store without data 2.6's CALICO_LIBNETWORK_ENABLED would mean etcdv2.
            host.environment = {"ETCD_ENDPOINTS": ETCD, "DATASTORE_TYPE": os.environ.get("DATASTORE", "etcdv3")}
        self._boot(host)
        self.hosts[name] = host
        self.save()
        return host

    def _boot(self, host: Host) -> None:
        # --kill-child is not used: the lab outlives the program that made it.
        init, more = ("systemd_host.py", ["--ipc", "--cgroup"]) if host.systemd else ("host_init.py", [])
        argv = ["unshare", "--mount", "--propagation", "private", "--uts", "--pid", "--net", *more, "--fork", "--mount-proc",
                sys.executable, str(HERE / init), host.name, str(host.state_dir)]
        log = host.state_dir / "host_init.log"
        starter = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True,
                                   stderr=open(log, "wb"), preexec_fn=functools.partial(enter_cgroups, host.cgroup) if host.systemd else None)
        assert starter.stdin and starter.stdout
        if starter.stdout.readline().strip() != "ready":
            raise CommandFailed(f"{host.name}: namespaces: " + log.read_text()[-500:])
        # `unshare --fork` waits for PID 1; its only child is the host.
        children = Path(f"/proc/{starter.pid}/task/{starter.pid}/children").read_text().split()
        host.pid = int(children[0])
        host.start = process_start(host.pid) or ""
        if host.ip:
            self._plug_in(host)
        starter.stdin.close()  # systemd begins
        if host.systemd:
            try:
                wait_until(lambda: host.run("systemctl", "is-system-running", check=False).stdout.strip() in ("running", "degraded"),
                           f"{host.name}: systemd has started", 120, 0.1)
            except AssertionError as late:
                waits = [host.run(*argv, check=False) for argv in (("systemctl", "list-jobs"), ("journalctl", "-b", "-n", "40", "--no-pager"))]
                raise AssertionError(f"{late}\n" + "\n".join(done.stdout + done.stderr for done in waits)) from None

    # --- the image ----------------------------------------------------------------------------------------

    def busybox_archive(self) -> Path:
        """A root file system with Debian's static busybox, as a tar file."""
        archive, tree = self.state_dir / "busybox.tar", self.state_dir / "busybox"
        if not archive.exists():
            for directory in ("bin", "etc", "tmp", "proc", "sys", "dev", "root"):
                (tree / directory).mkdir(parents=True)
            shutil.copy("/bin/busybox", tree / "bin" / "busybox")
            subprocess.run(["chroot", str(tree), "/bin/busybox", "--install", "-s", "/bin"], check=True)
            subprocess.run(["tar", "-C", str(tree), "-cf", str(archive), "."], check=True)
        return archive

    # --- etcd -------------------------------------------------------------------------------------------

    def start_etcd(self) -> None:
        self.store.start_process("etcd", "etcd", "--data-dir", str(self.store.state_dir / "etcd"), "--enable-v2=true",
                                 "--listen-client-urls", "http://0.0.0.0:2379", "--advertise-client-urls", ETCD,
                                 "--listen-peer-urls", "http://127.0.0.1:2380", "--log-level=warn")
        wait_until(lambda: self.store.run("etcdctl", "--endpoints", "http://127.0.0.1:2379", "endpoint", "health",
                                          check=False, env={"ETCDCTL_API": "3"}).returncode == 0, "etcd is healthy", 20)
