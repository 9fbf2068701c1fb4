#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Packets that are lost when something changes, out of 1 000 a second, between hosts of one subnet and of two.

    tests/bench/losses_bench.py vxlan bird        on this kernel
    tests/vm/vm.py -- python3 tests/bench/losses_bench.py ipip wireguard

Each figure is the packets that did not arrive. The uplink is down for one second: 1 000 of those are the floor.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "network"))

from network import Network, Stream, wait_until  # noqa: E402

STATE = Path(os.environ.get("NETWORK_STATE", "/var/lib/calico-losses"))
RATE = int(os.environ.get("LOSSES_RATE", "1000"))
# Pool and backend of each kind, and the pool that it changes to.
KINDS = {
    "vxlan": ({"vxlanMode": "Always"}, {"vxlanMode": "CrossSubnet"}, "vxlan", "ipv4VXLANTunnelAddr"),
    "bird": ({}, {"vxlanMode": "Always"}, "bird", None),
    "ipip": ({"ipipMode": "Always"}, {"ipipMode": "CrossSubnet"}, "bird", "ipv4IPIPTunnelAddr"),
    "wireguard": ({"vxlanMode": "Always"}, {"vxlanMode": "CrossSubnet"}, "vxlan", None),
}


def during(network: Network, targets, action, settle: float = 3.0) -> list[str]:
    """`LOST` of each stream to the targets over the action and some time after it."""
    streams = [Stream(network.w[0], target, RATE, 9000 + number) for number, target in enumerate(targets)]
    time.sleep(0.5)
    action()
    time.sleep(settle)
    return [str(stream.lost()[0] * 1000 // RATE) for stream in streams]


def restart(network: Network) -> None:
    node1 = network.nodes()[0]
    node1.stop_process("calico-node", "KILL")
    network.start_agent(node1)
    network.wait_ready(node1)


def flap(network: Network) -> None:
    node1 = network.nodes()[0]
    node1.run("ip", "link", "set", "eth0", "down")
    time.sleep(1)
    # What a network manager does: the kernel has dropped the default route.
    node1.run("sh", "-c", "ip link set eth0 up; ip route add default via 172.30.200.1")


def measure(kind: str) -> None:
    first, second, backend, address = KINDS[kind]
    network = Network(STATE)
    try:
        network.create()
        network.pool(**first)
        network.start_agents(CALICO_NETWORKING_BACKEND=backend)
        if kind == "wireguard":
            network.nodes()[0].run("calicoctl", "patch", "felixconfiguration", "default", "-p", '{"spec": {"wireguardEnabled": true}}')
        network.w = [network.workload(host, f"w{number}") for number, host in enumerate(network.nodes(), 1)]
        targets = network.w[1:2] if kind == "bird" else network.w[1:]
        for target in targets:
            wait_until(lambda: network.w[0].reaches(target.ip), f"w1 reaches {target.name}", 60)
        time.sleep(2)
        events = [("nothing", lambda: None), ("agent restarted (KILL)", lambda: restart(network)),
                  (f"pool {first or 'unencapsulated'} to {second}", lambda: network.pool(**second)),
                  ("and back", lambda: network.pool(**first)),
                  ("uplink down for 1 s", lambda: flap(network))]
        if address:
            part = {"bgp": {address: None}} if address == "ipv4IPIPTunnelAddr" else {address: None}
            events.append(("tunnel address of the other host changed", lambda: network.nodes()[0].run(
                "calicoctl", "patch", "node", "calico-node2", "-p", json.dumps({"spec": part}))))
        for what, action in events:
            losses = during(network, targets, action)
            print(f"| {kind} | {what} | " + " | ".join(losses + ["–"] * (2 - len(losses))) + " |", flush=True)
    finally:
        network.destroy()


def main() -> None:
    print("| kind | event | lost within a subnet | lost between subnets |\n|---|---|---|---|", flush=True)
    for kind in sys.argv[1:] or ["vxlan", "bird"]:
        measure(kind)


main()
