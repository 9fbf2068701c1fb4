# SPDX-License-Identifier: Apache-2.0
"""From one node's BIRD into the other node's kernel: all routes at once, taken back, and flapping.

SCALE_ROUTES and SCALE_STARTS make it the long run, which must keep the limits that docs/bgp.md names; the short one only sees
that nobody sleeps for the 3 s that stock BIRD does.
"""

from __future__ import annotations

import os
import statistics
import time

from scale import POOL, RTM_DELROUTE, RTM_NEWROUTE, Established, Routes

ROUTES = int(os.environ.get("SCALE_ROUTES", "20000"))
STARTS = int(os.environ.get("SCALE_STARTS", "5"))
LONG = "SCALE_STARTS" in os.environ
PATIENCE = 30


def destination(number: int) -> str:
    return f"10.{64 + (number >> 14)}.{(number >> 6) & 255}.{(number & 63) << 2}/30"


def give_routes(host) -> None:
    """The sender's BIRD learns what somebody else has put into its kernel."""
    host.run("ip", "-batch", "-", stdin="\n".join(f"route add blackhole {destination(number)} proto static" for number in range(ROUTES)), timeout=60)


def begin(lab, host, peer, *options: str) -> None:
    lab.start_speaker(host)
    lab.tell(host, f"node {host.ip}/16", f"pool {POOL}", " ".join(["peer", peer.ip, *options]))


def cold_start(lab, sender, receiver, awake: bool = True, keepalive: bool = False) -> float:
    """Seconds from the session's being Established to the last route in the receiver's kernel. A sender that is not kept awake is
    as a BIRD of somebody else's; `keepalive` has the receiver say something to it every second."""
    for host in (sender, receiver):
        lab.end_speaker(host)
        lab.end_bird(host)
    routes, session = Routes(receiver), Established(receiver, sender.ip)
    begin(lab, receiver, sender, "passive", *(["keepalive"] if keepalive else []))
    begin(lab, sender, receiver)
    if not awake:  # nobody is left who wakes it
        lab.end_speaker(sender)
    up = session.wait(PATIENCE)
    last = routes.count(RTM_NEWROUTE, ROUTES, PATIENCE)
    routes.close()
    return last - up


def figures(times: list[float]) -> str:
    return f"p50 {statistics.median(times):.3f} s, max {max(times):.3f} s"


def test_routes_of_a_peer_come_without_a_stop(pair):
    sender, receiver = pair.nodes()
    give_routes(sender)
    begin(pair, receiver, sender, "passive")
    begin(pair, sender, receiver)
    times, stock, nudged = [], [], []
    for number in range(STARTS):
        if LONG:
            stock.append(cold_start(pair, sender, receiver, awake=False))
            nudged.append(cold_start(pair, sender, receiver, awake=False, keepalive=True))
        times.append(cold_start(pair, sender, receiver))
        if LONG:
            print(f"start {number}: {times[-1]:.3f} s, a sender left to itself {stock[-1]:.3f} s, with keepaliveTime 1s {nudged[-1]:.3f} s", flush=True)
    print(f"{ROUTES} routes, {STARTS} cold starts: {figures(times)}", flush=True)
    if LONG:
        print(f"a sender left to itself: {figures(stock)}; with keepaliveTime 1s: {figures(nudged)}", flush=True)
        assert statistics.median(times) < 1 and max(times) < 1.3
    assert max(times) < 2.5, times


def test_all_routes_are_withdrawn_and_come_back_without_a_stop(pair):
    sender, receiver = pair.nodes()
    routes = Routes(receiver)
    results = []
    for _ in range(STARTS if LONG else 1):
        for verb, kind in (("no-pool", RTM_DELROUTE), ("pool", RTM_NEWROUTE)):  # of no pool: nobody is told
            began = time.monotonic()
            pair.tell(sender, f"{verb} {POOL}", wait=False)
            results.append(routes.count(kind, ROUTES, PATIENCE) - began)
            pair.applied(sender)
        print(f"from the view to the last route: withdrawn {results[-2]:.3f} s, announced {results[-1]:.3f} s", flush=True)
    routes.close()
    assert max(results) < (1.3 if LONG else 2.5)


def test_a_session_that_flaps_takes_its_routes_with_it_and_brings_them_back(pair):
    sender, receiver = pair.nodes()
    routes = Routes(receiver)
    session = Established(receiver, sender.ip)
    began = time.monotonic()
    pair.tell(sender, "no-peer " + receiver.ip)
    gone = routes.count(RTM_DELROUTE, ROUTES, PATIENCE)
    pair.tell(sender, "peer " + receiver.ip)
    up = session.wait(PATIENCE)
    back = routes.count(RTM_NEWROUTE, ROUTES, PATIENCE)
    routes.close()
    print(f"peer removed: routes gone after {gone - began:.3f} s; Established to the last route {back - up:.3f} s", flush=True)
    assert back - up < (1.3 if LONG else 2.5)
