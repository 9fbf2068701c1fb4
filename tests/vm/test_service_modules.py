# SPDX-License-Identifier: Apache-2.0
"""Inside the virtual machine: the hardened unit, which may not load modules, makes tunnels on a kernel that has them as
modules. The kernel loads each by itself when the link is made."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/cluster"))

from lab import Lab, wait_until  # noqa: E402

POOL = """apiVersion: projectcalico.org/v3
kind: IPPool
metadata: {{name: {name}}}
spec: {{cidr: {cidr}, {mode}: Always}}
"""
WIREGUARD = """apiVersion: projectcalico.org/v3
kind: FelixConfiguration
metadata: {name: default}
spec: {wireguardEnabled: true}
"""


def loaded(module: str) -> bool:
    return any(line.split()[0] == module for line in Path("/proc/modules").read_text().splitlines())


@pytest.fixture(scope="module")
def host():
    lab = Lab(Path("/var/lib/service-modules"))
    try:
        lab.create(1, systemd=True)
        host, = lab.nodes()
        host.run("sh", "-c", f"cp {ROOT}/build/bin/* /usr/bin/; cp {ROOT}/packaging/systemd/calico-node.* /usr/lib/systemd/system/; "
                             "mkdir -p /etc/calico; echo NO_DEFAULT_POOLS=true > /etc/calico/calico.env; systemctl daemon-reload")
        done = host.run("systemctl", "start", "calico-node", check=False, timeout=120)
        assert done.returncode == 0, host.out("journalctl", "--no-pager", "-n", "60")
        yield host
    finally:
        lab.destroy()


def test_the_unit_may_not_load_modules(host):
    pid = host.out("systemctl", "show", "-P", "MainPID", "calico-node").strip()
    status = dict(line.split(":\t", 1) for line in host.out("cat", f"/proc/{pid}/status").splitlines() if ":\t" in line)
    assert int(status["CapBnd"], 16) == 1 << 2 | 1 << 10 | 1 << 12 | 1 << 13, status["CapBnd"]


@pytest.mark.parametrize("module, device, document", [
    ("ipip", "tunl0", POOL.format(name="ipip", cidr="10.1.0.0/16", mode="ipipMode")),
    ("vxlan", "vxlan.calico", POOL.format(name="vxlan", cidr="10.2.0.0/16", mode="vxlanMode")),
    ("wireguard", "wireguard.cali", WIREGUARD),
])
def test_the_kernel_loads_what_a_tunnel_needs(host, module, device, document):
    assert not loaded(module)
    host.run("calicoctl", "apply", "-f", "-", stdin=document, timeout=60)
    try:
        wait_until(lambda: host.run("ip", "link", "show", device, check=False).returncode == 0, f"{device} is there", 60, 0.2)
    except AssertionError as missing:
        raise AssertionError(f"{missing}\n{host.out('journalctl', '-u', 'calico-node', '--no-pager', '-n', '40')}") from None
    assert loaded(module)
