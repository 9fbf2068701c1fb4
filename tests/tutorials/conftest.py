# SPDX-License-Identifier: Apache-2.0
"""One lab for all: two hosts with Docker on a store of Calico 2.6, as its tutorials had them, and the world outside."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cluster"))

from lab import ROUTER_IP, Host, Lab  # noqa: E402

STATE = Path(os.environ.get("TUTORIALS_STATE", "/var/lib/calico-test-tutorials"))
SUBNET_V6 = "fd30:c8::"
WHO_ASKS = """\
import socketserver as s
class A(s.BaseRequestHandler):
    def handle(self): self.request.sendall((self.client_address[0] + "\\n").encode())
s.ThreadingTCPServer.allow_reuse_address = True
s.ThreadingTCPServer(("%s", 8000), A).serve_forever()
""" % ROUTER_IP


def address_v6(host: Host) -> str:
    return f"{SUBNET_V6}{host.ip.rsplit('.', 1)[1]}/64"


class Cluster:
    """The lab, and with which variables its agents run now."""

    def __init__(self, lab: Lab):
        self.lab = lab
        self.variables: dict[str, str] | None = None

    def stop_agents(self) -> None:
        for host in self.lab.nodes():
            host.stop_process("calico-node")
        self.variables = None

    def run_agents(self, variables: dict[str, str]) -> None:
        """Agents with these variables besides their own; as they are if they have them."""
        if variables == self.variables:
            return
        self.stop_agents()
        for host in self.lab.nodes():
            host.start_calico_node(variables)
        for host in self.lab.nodes():
            host.wait_calico_node()
        self.variables = variables


@pytest.fixture(scope="session")
def cluster():
    lab = Lab(STATE).create(2)
    lab.start_etcd()
    for host in lab.nodes():
        host.run("ip", "address", "add", address_v6(host), "dev", "eth0", "nodad")
        host.environment.update({"CALICO_LIBNETWORK_ENABLED": "true", "DATASTORE_TYPE": "etcdv2", "IP6": address_v6(host),
                                 "CALICO_IPV6POOL_CIDR": "fd80:24e2:f998:72d6::/64"})
        host.start_dockerd()
    lab.router.start_process("who-asks", sys.executable, "-c", WHO_ASKS)
    cluster = Cluster(lab)
    cluster.run_agents({})
    for host in lab.nodes():
        host.wait_dockerd()
        host.import_busybox(lab.busybox_archive())
    lab.save()
    yield cluster
    lab.destroy()
