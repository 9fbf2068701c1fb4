# SPDX-License-Identifier: Apache-2.0
"""Containers that come and go in the network of a BIRD, which keeps a record of each of their interfaces for ever.

The floor is a fresh BIRD in the same run: the peer's, which has seen none of them. SCALE_CONTAINERS makes it the long run.
"""

from __future__ import annotations

import os
import time

from lab import wait_until
from scale import POOL, RTM_DELROUTE, Routes, resident, run_time

CONTAINERS = int(os.environ.get("SCALE_CONTAINERS", "2000"))
LONG = "SCALE_CONTAINERS" in os.environ
MOST_INTERFACES = 5000 if LONG else 3000  # in the product 5000, and 10 minutes
SHORTEST_LIFE = "3"
RUNNING = 200  # containers that stay
SECONDS = 30  # BIRD scans every 10 s


def containers_come_and_go(host, first: int, count: int) -> None:
    """Two names each, as Docker's are."""
    batch = "\n".join(f"link add cali{number:08x} group 7 type veth peer name temp{number:08x} group 7" for number in range(first, first + count))
    host.run("ip", "-batch", "-", stdin=batch)
    host.run("ip", "link", "delete", "group", "7")  # one by one it would take 20 ms for each


def loads(*birds: int) -> list[float]:
    before, began = list(map(run_time, birds)), time.monotonic()
    time.sleep(SECONDS)
    return [(run_time(bird) - cpu) / (time.monotonic() - began) * 100 for bird, cpu in zip(birds, before)]


def test_a_bird_is_as_good_as_new_after_many_containers(pair):
    node, peer = pair.nodes()
    for host, other, block, option in ((node, peer, "10.64.1.0/26", " passive"), (peer, node, "10.64.2.0/26", "")):
        pair.start_speaker(host, str(MOST_INTERFACES), SHORTEST_LIFE)
        pair.tell(host, f"node {host.ip}/16", f"pool {POOL}", f"block {block}", f"peer {other.ip}{option}")
        host.run("ip", "-batch", "-", stdin="\n".join(f"link add live{number} up type veth peer name peer{number}\nlink set peer{number} up\n"
                                                       f"route add 10.64.3.{number} dev live{number} proto 80" for number in range(RUNNING)))
    for host, block in ((node, "10.64.2.0/26"), (peer, "10.64.1.0/26")):
        wait_until(lambda: host.out("ip", "route", "show", block, "proto", "bird"), f"{host.name} has the other's route")
    first_bird, fresh = pair.bird_pid(node), pair.bird_pid(peer)
    before = loads(first_bird, fresh) if LONG else []
    routes = {host.name: Routes(host) for host in (node, peer)}
    began = time.monotonic()
    for first in range(0, CONTAINERS, 100):
        containers_come_and_go(node, first, 100)
    took = time.monotonic() - began
    wait_until(lambda: pair.bird_pid(node) != first_bird, "BIRD is restarted", 30, 0.5)
    bird = 0
    while bird != pair.bird_pid(node):  # until the last restart
        bird = pair.bird_pid(node)
        time.sleep(7)
    restarts = (node.state_dir / "speaker.log").read_text().count("a graceful one, routes stay")
    lost = {name: [route for kind, route in watched.read() if kind == RTM_DELROUTE] for name, watched in routes.items()}
    for watched in routes.values():
        watched.close()
    print(f"{CONTAINERS} containers in {took:.0f} s, {RUNNING} stay: {restarts} graceful restarts", flush=True)
    assert lost == {node.name: [], peer.name: []}, "nobody loses a route"
    if LONG:
        compare_loads(pair, node, fresh, before)


def compare_loads(lab, node, fresh: int, before: list[float]) -> None:
    """`fresh` is the BIRD that has seen none of them."""
    after = loads(lab.bird_pid(node), fresh)
    print(f"percent of a core: before {before[0]:.3f}, after {after[0]:.3f}; one that has seen none of them {before[1]:.3f} and {after[1]:.3f}; "
          f"{resident(lab.bird_pid(node)) / 2**20:.1f} MiB, that one {resident(fresh) / 2**20:.1f}", flush=True)
    # What stock BIRD does: the same with nobody who restarts it.
    lab.end_speaker(node)
    bird = lab.bird_pid(node)
    for first in range(0, CONTAINERS, 100):
        containers_come_and_go(node, CONTAINERS + first, 100)
    stock = loads(bird, fresh)
    print(f"stock BIRD after as many: {stock[0]:.3f} % of a core, {resident(bird) / 2**20:.1f} MiB; the fresh one {stock[1]:.3f} %", flush=True)
    assert after[0] < 2 * after[1] + 0.05 and stock[0] > 2 * stock[1]
