# SPDX-License-Identifier: Apache-2.0
"""A node as route reflector of very many clients. SCALE_CLIENTS makes it the long run."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from pathlib import Path

from scale import POOL, RTM_NEWROUTE, Routes, mac, percentile, resident, run_time

CLIENTS = int(os.environ.get("SCALE_CLIENTS", "100"))
SEED = int(os.environ.get("SCALE_SEED", "1"))
BLOCKS = 50 if "SCALE_CLIENTS" in os.environ else 10
AS = 64512


def test_a_reflector_serves_many_clients(pair):
    reflector, others = pair.nodes()
    first = ipaddress.ip_address("172.30.210.10")
    addresses = [str(first + number) for number in range(CLIENTS)]
    others.run("ip", "-batch", "-", stdin="\n".join(f"address add {address}/16 dev eth0" for address in addresses))
    reflector.run("ip", "-batch", "-", stdin="\n".join(f"neighbour replace {address} lladdr {mac(1)} dev eth0 nud permanent" for address in addresses))
    argv = [sys.executable, str(Path(__file__).with_name("bgp_clients.py")), str(AS), addresses[0], str(CLIENTS), str(BLOCKS), str(SEED)]
    clients = subprocess.Popen(others.enter(*argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert clients.stdout.readline() == "listening\n"
    routes = Routes(reflector)
    pair.start_speaker(reflector)
    pair.tell(reflector, f"node {reflector.ip}/16", f"pool {POOL}", "cluster-id 244.0.0.1", *(f"peer {address} reflect" for address in addresses))
    bird = pair.bird_pid(reflector)
    empty, before = resident(bird), run_time(bird)
    try:
        line = clients.stdout.readline()
        assert line, "the clients failed"
        routes.count(RTM_NEWROUTE, CLIENTS + BLOCKS, 10)
    finally:
        routes.close()
        clients.stdin.close()
        clients.wait()
        clients.stdout.close()
    result = json.loads(line)
    more = result["one more"]
    print(f"{CLIENTS} clients, seed {SEED}: sessions up after {result['established']:.2f} s; all know all {CLIENTS} prefixes {result['all know all']:.2f} s "
          f"after they were announced; one more is with all after p50 {percentile(more, 50):.3f} s, p99 {percentile(more, 99):.3f} s; "
          f"what a client had is gone everywhere {result['one less']:.3f} s after it; the reflector's BIRD: {run_time(bird) - before:.2f} s of processor, "
          f"{resident(bird) / 2**20:.1f} MiB, {empty / 2**20:.1f} before", flush=True)
    assert percentile(more, 99) < (1 if BLOCKS == 50 else 3) and resident(bird) < 100 * 2**20
