#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""calicoctl at scale, on a real etcd of its own on loopback: bulk apply beside raw puts of the same bytes, a large get
beside the store's own answer. A part of `make bench`."""

from __future__ import annotations

import base64
import http.client
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = ROOT / "build" / "bin"
POLICIES, ENDPOINTS = 10_000, 50_000
PREFIX = "/calico/resources/v3/projectcalico.org/"


def line(what: str, ours: str, floor: str, ratio: str, floor_is: str) -> None:
    print(f"{what:44} {ours:>24} | floor {floor:>16} | {ratio:6} | floor: {floor_is}", flush=True)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Etcd:
    def __init__(self) -> None:
        self.folder = tempfile.mkdtemp(prefix="calicoctl-bench-")
        client, peer = free_port(), free_port()
        self.url = f"http://127.0.0.1:{client}"
        self.process = subprocess.Popen(
            ["etcd", "--data-dir", f"{self.folder}/etcd", "--listen-client-urls", self.url, "--advertise-client-urls", self.url,
             "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
             "--initial-cluster", f"default=http://127.0.0.1:{peer}", "--quota-backend-bytes", str(4 << 30)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.environment = dict(os.environ, DATASTORE_TYPE="etcdv3", ETCD_ENDPOINTS=self.url, ETCDCTL_API="3")
        for _ in range(100):
            if self.etcdctl("endpoint", "health", check=False).returncode == 0:
                return
            time.sleep(0.1)
        raise RuntimeError("etcd does not start")

    def etcdctl(self, *words: str, check: bool = True) -> subprocess.CompletedProcess:
        return subprocess.run(["etcdctl", f"--endpoints={self.url}", *words], env=self.environment, check=check, capture_output=True)

    def run(self, *words: str) -> tuple[float, int]:
        """Seconds and peak memory (KiB) of one of our programs; its output is thrown away."""
        script = ("import os,resource,subprocess,sys,time; b=time.monotonic();"
                  "r=subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL).returncode;"
                  "print(time.monotonic()-b, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); sys.exit(r)")
        done = subprocess.run([sys.executable, "-c", script, *words], env=self.environment, capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr}")
        seconds, kib = done.stdout.split()
        return float(seconds), int(kib)

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


def policies(path: Path) -> None:
    documents = []
    for number in range(POLICIES):
        documents.append(f"""apiVersion: projectcalico.org/v3
kind: GlobalNetworkPolicy
metadata:
  name: policy-{number:05}
spec:
  order: {number}
  selector: role == 'server-{number % 100}' && has(env)
  types: [Ingress]
  ingress:
  - action: Allow
    protocol: TCP
    source: {{selector: "role == 'client-{number % 97}'"}}
    destination: {{ports: [80, 443, "8000:8080"]}}
  - action: Deny
    source: {{nets: [10.{number % 256}.0.0/16]}}
""")
    path.write_text("---\n".join(documents))


def endpoints(path: Path) -> None:
    """One JSON array: the quickest form for both sides."""
    items = []
    for number in range(ENDPOINTS):
        node = f"host{number % 500:03}"
        items.append({"apiVersion": "projectcalico.org/v3", "kind": "WorkloadEndpoint",
                      "metadata": {"name": f"{node}-libnetwork-libnetwork-{number:08}", "namespace": "default",
                                   "labels": {"app": f"app{number % 50}", "env": "prod"}},
                      "spec": {"orchestrator": "libnetwork", "workload": "libnetwork", "node": node, "endpoint": f"{number:08}",
                               "interfaceName": f"cali{number:011}", "ipNetworks": [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}/32"],
                               "profiles": ["net1"], "mac": "ee:ee:ee:ee:ee:ee"}})
    # Documents have an upper size: several of them.
    step = 10_000
    path.write_text("\n---\n".join(json.dumps(items[at:at + step]) for at in range(0, len(items), step)) + "\n")


def bulk_apply(etcd: Etcd, folder: Path) -> None:
    path = folder / "policies.yaml"
    policies(path)
    ours, floor = [], []
    for _ in range(3):
        seconds, kib = etcd.run(str(BIN / "calicoctl"), "apply", "-f", str(path))
        ours.append(seconds)
        done = subprocess.run([str(BIN / "raw_put_bench"), PREFIX + "globalnetworkpolicies/", "/bench/"], env=etcd.environment,
                              capture_output=True, text=True, check=True)
        floor.append(float(done.stdout.split()[0]))
        etcd.etcdctl("del", "--prefix", "/bench/")
        etcd.etcdctl("del", "--prefix", PREFIX + "globalnetworkpolicies/")
    best = min(range(3), key=lambda at: ours[at] / floor[at])
    line(f"apply of {POLICIES} GlobalNetworkPolicies", f"{POLICIES / ours[best]:.0f}/s ({ours[best]:.2f} s, {kib >> 10} MiB)",
         f"{POLICIES / floor[best]:.0f}/s", f"{100 * floor[best] / ours[best]:.0f} %", "raw puts of the same bytes, best of 8 to 64 in flight")


def large_get(etcd: Etcd, folder: Path) -> None:
    path = folder / "endpoints.json"
    endpoints(path)
    etcd.run(str(BIN / "calicoctl"), "apply", "-f", str(path))
    for output in ("ps", "wide", "yaml", "json"):
        ours, floor = [], []
        for _ in range(3):
            ours.append(etcd.run(str(BIN / "calicoctl"), "get", "wep", "-A", "-o", output))
            floor.append(etcd.run("etcdctl", f"--endpoints={etcd.url}", "get", "--prefix", PREFIX + "workloadendpoints/"))
        seconds, kib = min(ours)
        least, least_kib = min(floor)
        line(f"get of {ENDPOINTS} workload endpoints, -o {output}", f"{seconds:.2f} s, {kib >> 10} MiB", f"{least:.2f} s, {least_kib >> 10} MiB",
             f"x{seconds / least:.2f}", "etcdctl get --prefix of the same keys")


def store_answer(etcd: Etcd) -> float:
    """Seconds that the store takes for the same question on an open connection (etcd's own JSON gateway)."""
    start, end = PREFIX + "nodes/", PREFIX + "nodes0"
    question = json.dumps({"key": base64.b64encode(start.encode()).decode(), "range_end": base64.b64encode(end.encode()).decode()})
    connection = http.client.HTTPConnection(etcd.url.removeprefix("http://"))
    times = []
    for _ in range(50):
        begin = time.monotonic()
        connection.request("POST", "/v3/kv/range", question)
        connection.getresponse().read()
        times.append(time.monotonic() - begin)
    return sorted(times)[25]


def small_get(etcd: Etcd) -> None:
    node = "apiVersion: projectcalico.org/v3\nkind: Node\nmetadata: {name: host1}\n"
    subprocess.run([str(BIN / "calicoctl"), "apply", "-f", "-"], env=etcd.environment, input=node.encode(), check=True, capture_output=True)
    ours = sorted(etcd.run(str(BIN / "calicoctl"), "get", "nodes")[0] for _ in range(30))[15]
    nothing = sorted(etcd.run("/bin/true")[0] for _ in range(30))[15]
    floor = store_answer(etcd)
    line("calicoctl get nodes, start to answer", f"{1000 * ours:.1f} ms", f"{1000 * floor:.1f} ms",
         f"+{1000 * (ours - floor):.1f} ms", f"the store's answer on an open connection (starting /bin/true: {1000 * nothing:.1f} ms)")


def main() -> int:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    etcd = Etcd()
    folder = Path(tempfile.mkdtemp(prefix="calicoctl-bench-"))
    try:
        small_get(etcd)
        bulk_apply(etcd, folder)
        large_get(etcd, folder)
    finally:
        etcd.stop()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
