#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a calico network costs Docker's users, in pairs with a bridge network of Docker's own.

    tests/bench/docker_bench.py [RUNS [PARALLEL]]

Measured is what `docker run -d` and `docker rm -f` ask dockerd for (create and start; delete with force), through its API:
the client's own start is left out. The floor is a network made by `docker network create`, driver bridge: it has
Docker's name server like ours. The bridge docker0 has none, which spares its containers ten calls of iptables; it is
printed, too. dockerd has a cluster store, which every one of them asks.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
import statistics
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "cluster"))

from demo import NODE_ENV  # noqa: E402
from lab import Host, Lab  # noqa: E402

STATE = Path(os.environ.get("DOCKER_BENCH_STATE", "/var/lib/calico-docker-bench"))


class Docker:
    """dockerd of a lab host, asked from outside."""

    def __init__(self, host: Host):
        self.path = f"/proc/{host.pid}/root/run/docker.sock"

    def ask(self, method: str, target: str, body: dict | None = None) -> dict:
        connection = http.client.HTTPConnection("docker")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(120)
        connection.sock.connect(self.path)
        connection.request(method, target, json.dumps(body) if body else None, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        text = answer.read().decode()
        connection.close()
        if answer.status >= 300:
            raise OSError(f"{method} {target}: {answer.status} {text}")
        return json.loads(text) if text.strip() else {}

    def run(self, network: str, name: str) -> float:
        """Milliseconds until the container runs."""
        begin = time.monotonic()
        body = {"Image": "busybox", "Cmd": ["sleep", "100000"], "HostConfig": {"NetworkMode": network}}
        created = self.ask("POST", f"/containers/create?name={name}", body)
        self.ask("POST", f"/containers/{created['Id']}/start")
        return (time.monotonic() - begin) * 1000

    def remove(self, name: str) -> float:
        begin = time.monotonic()
        self.ask("DELETE", f"/containers/{name}?force=1")
        return (time.monotonic() - begin) * 1000


def one_by_one(docker: Docker, runs: int) -> None:
    networks = ("net1", "br1", "bridge")
    started: dict[str, list[float]] = {network: [] for network in networks}
    removed: dict[str, list[float]] = {network: [] for network in networks}
    for number in range(runs + 1):
        # Each is first, second and third equally often.
        order = networks[number % 3:] + networks[:number % 3]
        for network in order:
            name = f"one{network}{number}"
            seconds = docker.run(network, name), docker.remove(name)
            if number:  # the first warms caches
                started[network].append(seconds[0])
                removed[network].append(seconds[1])
    median = statistics.median
    more = median(ours - floor for ours, floor in zip(started["net1"], started["br1"]))
    print(f"docker run, {runs} in turn: {median(started['net1']):.0f} ms | floor, a bridge network: {median(started['br1']):.0f} ms, "
          f"docker0: {median(started['bridge']):.0f} ms | median of the differences to a bridge network: {more:+.1f} ms", flush=True)
    print(f"docker rm -f, {runs} in turn: {median(removed['net1']):.0f} ms | floor: {median(removed['br1']):.0f} ms, "
          f"docker0: {median(removed['bridge']):.0f} ms", flush=True)


def at_once(docker: Docker, count: int, rounds: int = 3) -> None:
    ratios = []
    for number in range(rounds):
        seconds = {}
        for network in ("net1", "br1") if number % 2 else ("br1", "net1"):
            names = [f"many{network}{number}x{each}" for each in range(count)]
            with ThreadPoolExecutor(16) as pool:
                list(pool.map(lambda name: docker.run(network, name), names))
            with ThreadPoolExecutor(count) as pool:
                begin = time.monotonic()
                list(pool.map(docker.remove, names))
                seconds[network] = time.monotonic() - begin
        ratios.append(seconds["net1"] / seconds["br1"])
        print(f"{count} docker rm -f at once: {seconds['net1']:.2f} s | floor, a bridge network: {seconds['br1']:.2f} s | "
              f"x{ratios[-1]:.2f}", flush=True)
    print(f"{count} docker rm -f at once, median of {rounds}: x{statistics.median(ratios):.2f}", flush=True)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 100
    lab = Lab(STATE)
    try:
        lab.create(1)
        lab.start_etcd()
        host = lab.nodes()[0]
        host.environment.update(NODE_ENV)
        host.start_dockerd()
        host.wait_dockerd()
        host.start_calico_node()
        host.wait_calico_node()
        host.import_busybox(lab.busybox_archive())
        host.docker("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam", "net1")
        host.docker("network", "create", "br1")
        docker = Docker(host)
        one_by_one(docker, runs)
        at_once(docker, count)
    finally:
        lab.destroy()


if __name__ == "__main__":
    main()
