# SPDX-License-Identifier: Apache-2.0
"""VXLAN on the real kernel, of both families, from the data model alone: no BGP runs here."""

import pytest

from lab import wait_until
from network import NODES, POOL6, Capture, Stream, resource, routes


def test_every_workload_reaches_every_other(network):
    network.pool(vxlanMode="Always")
    network.pool("pool6", POOL6, vxlanMode="Always")
    network.start_agents(CALICO_NETWORKING_BACKEND="vxlan")
    network.w = [network.workload(host, f"w{number}", ip6=True) for number, host in enumerate(network.nodes(), 1)]
    for a in network.w:
        for b in network.w:
            for target in (b.ip, b.ip6):
                wait_until(lambda: a.reaches(target), f"{a.name} reaches {target}", network.patience)
