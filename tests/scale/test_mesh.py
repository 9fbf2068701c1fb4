# SPDX-License-Identifier: Apache-2.0
"""A full mesh: from a new block at one node to its route in the kernel of all the others.

SCALE_NODES and SCALE_BLOCKS make it the long run, whose limit is p99 under a second.
"""

from __future__ import annotations

import os
import random
import select
import time

from lab import wait_until
from scale import POOL, RTM_NEWROUTE, Routes, percentile, resident, run_time

NODES = int(os.environ.get("SCALE_NODES", "12"))
BLOCKS = int(os.environ.get("SCALE_BLOCKS", "20"))
SEED = int(os.environ.get("SCALE_SEED", "1"))
LONG = "SCALE_BLOCKS" in os.environ


def block(number: int) -> str:
    return f"10.{64 + (number >> 10)}.{(number >> 2) & 255}.{(number & 3) << 6}/26"


def await_routes(watched: dict[str, Routes], blocks: set[str], timeout: float) -> dict[str, float]:
    """When the last of these was in each kernel."""
    missing = {name: set(blocks) for name in watched}
    at: dict[str, float] = {}
    deadline = time.monotonic() + timeout
    while len(at) < len(watched):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: " + str({name: len(left) for name, left in missing.items() if left})
        for routes in select.select(list(watched.values()), [], [], 0.5)[0]:
            name = next(name for name, candidate in watched.items() if candidate is routes)
            seen = {destination for kind, destination in routes.read() if kind == RTM_NEWROUTE}
            if missing[name] & seen:
                missing[name] -= seen
                if not missing[name]:
                    at[name] = time.monotonic()
    return at


def test_a_new_block_reaches_the_kernels_of_a_whole_mesh_at_once(mesh):
    hosts = mesh.nodes()
    watched = {host.name: Routes(host) for host in hosts}
    began = time.monotonic()
    for number, host in enumerate(hosts):
        mesh.start_speaker(host)
        # The node with the higher address calls, as in the agent's mesh.
        peers = [f"peer {other.ip}" + (" passive" if index > number else "") for index, other in enumerate(hosts) if other is not host]
        mesh.tell(host, f"node {host.ip}/16", f"pool {POOL}", f"block {block(number)}", *peers, wait=False)
    first = {block(number) for number in range(len(hosts))}
    for number, host in enumerate(hosts):
        mesh.applied(host)
    for number, host in enumerate(hosts):
        others = await_routes({host.name: watched[host.name]}, first - {block(number)}, 120)
        assert others
    print(f"{len(hosts)} nodes started at once: all {len(first)} blocks in all kernels after {time.monotonic() - began:.1f} s", flush=True)
    birds = [mesh.bird_pid(host) for host in hosts]
    before, wall = sum(map(run_time, birds)), time.monotonic()
    time.sleep(10 if LONG else 2)
    percent = (sum(map(run_time, birds)) - before) / (time.monotonic() - wall) / len(birds) * 100
    print(f"an idle BIRD: {percent:.3f} % of a core, {max(map(resident, birds)) / 2**20:.1f} MiB", flush=True)

    chance = random.Random(SEED)
    times: list[float] = []
    for number in range(len(hosts), len(hosts) + BLOCKS):
        host = chance.choice(hosts)
        time.sleep(chance.uniform(0, 0.3))
        began = time.monotonic()
        mesh.tell(host, f"block {block(number)}", wait=False)
        others = {name: routes for name, routes in watched.items() if name != host.name}
        times.append(max(await_routes(others, {block(number)}, 30).values()) - began)
        mesh.applied(host)
    for routes in watched.values():
        routes.close()
    print(f"seed {SEED}: {BLOCKS} new blocks, from the view to the last of {len(hosts) - 1} kernels: p50 {percentile(times, 50):.3f} s, "
          f"p99 {percentile(times, 99):.3f} s, max {max(times):.3f} s", flush=True)
    assert percentile(times, 99) < (1 if LONG else 3)
