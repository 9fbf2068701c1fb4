# SPDX-License-Identifier: Apache-2.0
"""A full mesh of real agents and one etcd: from a new block in the store to its route in the kernel of all other nodes.

SCALE_NODES and SCALE_BLOCKS make it the long run, whose limit is p99 under a second.
"""

from __future__ import annotations

import json
import os
import random
import select
import time

from lab import ETCD, Host, wait_until
from scale import POOL, RTM_NEWROUTE, Routes, percentile, resident, run_time

NODES = int(os.environ.get("SCALE_NODES", "12"))
BLOCKS = int(os.environ.get("SCALE_BLOCKS", "20"))
SEED = int(os.environ.get("SCALE_SEED", "1"))
LONG = "SCALE_BLOCKS" in os.environ


def put(lab, key: str, value: str) -> None:
    lab.store.run("etcdctl", "--endpoints", ETCD, "put", f"/calico/ipam/v2/{key}", value, env={"ETCDCTL_API": "3"})


def claim(lab, host: Host, number: int) -> tuple[str, float]:
    """As IPAM does when a node needs one more: the block, then that it is confirmed. The block, and when that was said."""
    cidr = f"10.64.{number >> 2}.{(number & 3) << 6}/26"
    key = cidr.replace("/", "-")
    put(lab, f"assignment/ipv4/block/{key}", json.dumps({"cidr": cidr, "affinity": f"host:{host.name}", "allocations": [None] * 64,
                                                         "unallocated": list(range(64)), "attributes": [], "sequenceNumber": number,
                                                         "sequenceNumberForAllocation": {}, "deleted": False}))
    began = time.monotonic()
    put(lab, f"host/{host.name}/ipv4/block/{key}", json.dumps({"state": "confirmed", "deleted": False}))
    return cidr, began


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
    mesh.add_store()
    hosts = mesh.nodes()
    pool = {"apiVersion": "projectcalico.org/v3", "kind": "IPPool", "metadata": {"name": "pool"},
            "spec": {"cidr": POOL, "blockSize": 26, "ipipMode": "Never", "vxlanMode": "Never"}}
    hosts[0].run("calicoctl", "apply", "-f", "-", stdin=json.dumps(pool))
    watched = {host.name: Routes(host) for host in hosts}
    began = time.monotonic()
    for host in hosts:
        mesh.start_agent(host)

    def all_know_all() -> bool:
        return all(len(host.out("ip", "route", "show", "proto", "bird").splitlines()) == len(hosts) - 1 for host in hosts)
    wait_until(all_know_all, "all have routes to all", 120, 0.5)
    print(f"{len(hosts)} agents started at once: routes from all to all after {time.monotonic() - began:.1f} s", flush=True)
    birds = [mesh.bird_pid(host) for host in hosts]
    if LONG:
        before, since = sum(map(run_time, birds)), time.monotonic()
        time.sleep(20)
        percent = (sum(map(run_time, birds)) - before) / (time.monotonic() - since) / len(birds) * 100
        print(f"an idle BIRD: {percent:.3f} % of a core, {max(map(resident, birds)) / 2**20:.1f} MiB", flush=True)

    chance = random.Random(SEED)
    times: list[float] = []
    for number in range(BLOCKS):
        host = chance.choice(hosts)
        time.sleep(chance.uniform(0, 0.3))
        for routes in watched.values():
            routes.read()
        cidr, began = claim(mesh, host, number)
        others = {name: routes for name, routes in watched.items() if name != host.name}
        times += [at - began for at in await_routes(others, {cidr}, 30).values()]
    for routes in watched.values():
        routes.close()
    print(f"seed {SEED}: {BLOCKS} new blocks, from the store to each of {len(hosts) - 1} kernels: p50 {percentile(times, 50):.3f} s, "
          f"p99 {percentile(times, 99):.3f} s, max {max(times):.3f} s", flush=True)
    assert percentile(times, 99) < (1 if LONG else 3)
