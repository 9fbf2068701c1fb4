# SPDX-License-Identifier: Apache-2.0
"""Two hosts with systemd as PID 1, dockerd as Debian's service (without a cluster store), and our package; a third has etcd."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/cluster"))

from lab import Lab  # noqa: E402

STATE = Path(os.environ.get("SERVICE_STATE", "/var/lib/calico-service-test"))


def build_packages(into: Path) -> None:
    """The package, and two of higher versions with the same content."""
    subprocess.run([sys.executable, str(ROOT / "tools/make_deb.py"), "--output", str(into)], check=True, stdout=subprocess.DEVNULL)
    tree = into / "tree"
    subprocess.run(["dpkg-deb", "-R", *into.glob("*.deb"), str(tree)], check=True)
    for version in ("0.1.1", "0.1.2"):
        control = tree / "DEBIAN/control"
        control.write_text(re.sub(r"^Version: .*$", f"Version: {version}", control.read_text(), flags=re.M))
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Znone", "-b", str(tree), str(into)], check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="session")
def lab():
    lab = Lab(STATE).create(2, systemd=True)
    try:
        packages = STATE / "packages"
        build_packages(packages)
        lab.start_etcd()
        for host in lab.nodes():
            host.run("sh", "-c", f"mkdir /run/work; cp {packages}/*.deb /run/work")
            host.run("systemctl", "enable", "--now", "--quiet", "docker.service", "docker.socket")
            host.import_busybox(lab.busybox_archive())
        yield lab
    finally:
        lab.destroy()

