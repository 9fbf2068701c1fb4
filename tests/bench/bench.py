#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`make bench`: each figure beside its floor, both measured in this run. Figures of this machine: compare ratios."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cluster"))

from demo import NODE_ENV  # noqa: E402
from lab import BIN, Host, Lab, wait_until  # noqa: E402
from probes import pid_outside  # noqa: E402

STATE = Path("/var/lib/calico-bench")
RUNS = 10


def line(what: str, ours: str, floor: str, ratio: float | None, floor_is: str) -> None:
    times = f"x{ratio:.2f}" if ratio is not None else ""
    print(f"{what:44} {ours:>24} | floor {floor:>16} | {times:6} | floor: {floor_is}", flush=True)


def run_to_reply(host: Host, network: str, address: str, name: str) -> float:
    begin = time.monotonic()
    host.docker("run", "-tid", f"--name={name}", f"--net={network}", "busybox", "sleep", "1000")
    host.docker("exec", name, "ping", "-q", "-c", "1", "-W", "5", address)
    seconds = time.monotonic() - begin
    host.docker("rm", "-f", name)
    return seconds * 1000


def docker_run(lab: Lab) -> None:
    """The floor is the same run on Docker's own bridge, pinging the bridge's gateway: Docker's cost without us."""
    node1, node2 = lab.nodes()[:2]
    node1.docker("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "net1")
    wait_until(lambda: "net1" in node2.docker("network", "ls"), "net1 on the other host", 10)
    target = node2.run_container("target", "net1")
    gateway = node1.out("ip", "-4", "-o", "address", "show", "dev", "docker0").split()[3].split("/")[0]
    ours, floor = [], []
    for number in range(RUNS + 1):
        pair = (run_to_reply(node1, "net1", target, f"a{number}x"), run_to_reply(node1, "bridge", gateway, f"b{number}x"))
        if number:  # the first warms caches
            ours.append(pair[0])
            floor.append(pair[1])
    a, b = statistics.median(ours), statistics.median(floor)
    line("docker run to first cross-host ping reply", f"{a:.0f} ms (max {max(ours):.0f})", f"{b:.0f} ms", a / b,
         "docker run on docker0, ping its gateway")


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return int(fields[11]) + int(fields[12])


def memory_kib(pid: int, what: str) -> int:
    return int(next(l for l in Path(f"/proc/{pid}/status").read_text().splitlines() if l.startswith(what)).split()[1])


def idle(lab: Lab) -> None:
    """The floors: the same program before it does anything (its libraries mapped and its globals built), and a process
    that only sleeps."""
    node = lab.nodes()[0]
    pid = pid_outside(node, node.pid_of("calico-node"))
    seconds = 30
    sleeper = subprocess.Popen(["sleep", str(seconds + 5)])
    before, nothing = cpu_ticks(pid), cpu_ticks(sleeper.pid)
    time.sleep(seconds)
    percent = (cpu_ticks(pid) - before) / seconds  # a tick is 10 ms: ticks per second are percent of a core
    idle_percent = (cpu_ticks(sleeper.pid) - nothing) / seconds
    sleeper.kill()
    sleeper.wait()
    timed = subprocess.run(["/usr/bin/env", "python3", "-c",
                            "import resource,subprocess,sys; subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL);"
                            "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)",
                            str(BIN / "calico-node"), "version"], capture_output=True, text=True, check=True)
    floor = int(timed.stdout)
    ours = memory_kib(pid, "VmRSS")
    own = memory_kib(pid, "RssAnon")  # the rest are pages of programs and libraries
    line("agent RSS, 1 container, store etcd", f"{ours / 1024:.1f} MiB ({own / 1024:.1f} own)", f"{floor / 1024:.1f} MiB", ours / floor,
         "calico-node version")
    line("agent CPU idle", f"{percent:.3f} % of a core", f"{idle_percent:.3f} %", None, "sleep(1)")


def between_hosts() -> None:
    """Those that need Debian's kernel run in the virtual machine, where only processor time can be compared."""
    modes, losses = str(HERE / "modes_bench.py"), str(HERE / "losses_bench.py")
    subprocess.run([sys.executable, modes, "none", "vxlan"], check=True)
    subprocess.run([sys.executable, losses, "vxlan", "bird"], check=True)
    vm = [sys.executable, str(HERE.parent / "vm" / "vm.py"), "--timeout", "1500", "--", "env", "LOSSES_RATE=200", "sh", "-c"]
    subprocess.run([*vm, "python3 tests/bench/modes_bench.py --cpu ipip wireguard && python3 tests/bench/losses_bench.py ipip wireguard"], check=True)


def main() -> int:
    print(f"{subprocess.run(['uname', '-srm'], capture_output=True, text=True).stdout.strip()}, "
          f"{len(__import__('os').sched_getaffinity(0))} cores")
    subprocess.run([str(BIN / "attach_bench")], check=True)
    subprocess.run([str(BIN / "policy_bench")], check=True)
    subprocess.run([str(BIN / "policy_throughput_bench")], check=True)
    subprocess.run([sys.executable, str(HERE / "calicoctl_bench.py")], check=True)
    subprocess.run([sys.executable, str(HERE / "routes_bench.py")], check=True)
    between_hosts()
    subprocess.run([sys.executable, str(HERE / "docker_bench.py")], check=True)
    lab = Lab(STATE)
    try:
        lab.create(2)
        lab.start_etcd()
        for host in lab.nodes():
            host.environment.update(NODE_ENV)
            host.start_dockerd()
        for host in lab.nodes():
            host.wait_dockerd()
            host.start_calico_node()
            host.wait_calico_node()
            host.import_busybox(lab.busybox_archive())
        node = lab.nodes()[0]
        print(node.out("endpoint_latency_bench", node.name, timeout=120), end="", flush=True)
        docker_run(lab)
        idle(lab)
    finally:
        lab.destroy()
    return 0


if __name__ == "__main__":
    sys.exit(main())
