# SPDX-License-Identifier: Apache-2.0
"""100 000 routes of a node's BIRD into another node's kernel: from Established on the wire to the last one by netlink."""

from __future__ import annotations

import os
import statistics
import sys
import time
from pathlib import Path

STARTS = 5
os.environ["SCALE_ROUTES"] = "100000"
sys.path[:0] = [str(Path(__file__).resolve().parent.parent / "scale"), str(Path(__file__).resolve().parent.parent / "cluster")]

from scale import RTM_NEWROUTE, Routes, ScaleLab  # noqa: E402
from test_routes import ROUTES, begin, cold_start, destination, give_routes  # noqa: E402

STATE = Path("/var/lib/calico-routes-bench")


def written_by_ip(host, gateway: str) -> float:
    """The same routes by one program that does nothing else; from its first to its last."""
    host.run("ip", "route", "flush", "proto", "bird")
    routes = Routes(host)
    batch = "\n".join(f"route add {destination(number)} via {gateway} proto bird" for number in range(ROUTES))
    began = time.monotonic()
    host.run("ip", "-batch", "-", stdin=batch, timeout=60)
    last = routes.count(RTM_NEWROUTE, ROUTES, 60)
    routes.close()
    return last - began


def main() -> None:
    lab = ScaleLab(STATE)
    try:
        sender, receiver = lab.create_hosts(2).nodes()
        give_routes(sender)
        begin(lab, receiver, sender, "passive")
        begin(lab, sender, receiver)
        ours, floor = [], []
        for _ in range(STARTS):
            ours.append(cold_start(lab, sender, receiver))
            lab.end_speaker(receiver)
            lab.end_bird(receiver)
            floor.append(written_by_ip(receiver, sender.ip))
            begin(lab, receiver, sender, "passive")
        a, b = statistics.median(ours), statistics.median(floor)
        print(f"{'100 000 BGP routes into the kernel':44} {f'{a:.2f} s (max {max(ours):.2f})':>24} | floor {f'{b:.2f} s':>16} | {f'x{a / b:.2f}':6} | "
              "floor: ip -batch writes them", flush=True)
    finally:
        lab.destroy()


main()
