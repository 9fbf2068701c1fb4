# SPDX-License-Identifier: Apache-2.0
"""The first example of every --help works as it is printed, on a store that has what it speaks of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
BIN = ROOT / "build" / "bin"

POOL = "{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: %s}, spec: {cidr: %s}}\n"
NODES = "".join("---\n{apiVersion: projectcalico.org/v3, kind: Node, metadata: {name: %s}, spec: {bgp: {asNumber: 64512, ipv4Address: %s/24}}}\n" % (name, ip)
                for name, ip in (("host1", "192.0.2.1"), ("rack1-host7", "192.0.2.7")))
FILES = {
    "pool.yaml": POOL % ("pool-a", "10.91.0.0/16"),
    "policy.yaml": "{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {selector: all()}}\n",
    "policy-v1.yaml": "{apiVersion: v1, kind: policy, metadata: {name: p}, spec: {selector: all()}}\n",
}
STORED = NODES + "---\n" + POOL % ("default-ipv4-ippool", "192.168.0.0/16")
WITH_POOL_A = STORED + "---\n" + FILES["pool.yaml"]

# What each example finds in the store; what has to be done before it.
STORES = {"replace": WITH_POOL_A, "patch": WITH_POOL_A}
BEFORE = {
    "datastore migrate export": "calicoctl datastore migrate lock",
    "datastore migrate import": "calicoctl datastore migrate lock; calicoctl datastore migrate export > calico-export.yaml; rm calico.db*; touch calico.db",
    "ipam split": "calicoctl datastore migrate lock",
}
# They tell what this machine lacks.
WARNS = {"node diags", "node checksystem"}
# Shown elsewhere, on what they need.
ELSEWHERE = {
    "node run": "needs Docker: tests/cluster/test_g_node_run.py",
    "node status": "needs the agent and BIRD: tests/cluster/test_a_demo.py",
    "ipam release": "needs an address in use: tests/system/test_ipam_and_migration.py",
    "datastore migrate from-2.6": "needs a store of Calico 2.6: tests/system/test_ipam_and_migration.py",
    "completion": "writes below /usr/share: completion_test.cc feeds the shells",
}


def run(words: str, directory: Path) -> subprocess.CompletedProcess:
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "DATASTORE_TYPE": "sqlite", "CALICO_SQLITE_PATH": str(directory / "calico.db"),
                   "TMPDIR": str(directory)}
    return subprocess.run(["bash", "-c", words], cwd=directory, env=environment, capture_output=True, text=True, timeout=60, check=False)


def commands() -> list[str]:
    """Of `calicoctl --help`, with the words of groups ("ipam  show, configure, ...") spelled out."""
    def below(path: str) -> list[str]:
        text = run(f"calicoctl {path} --help", ROOT).stdout
        section = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.M)
        if section is None:
            return [path]
        names = re.findall(r"^  (\S+) ", section[1], re.M)
        return [one for name in names for one in below(f"{path} {name}".strip())]
    return below("")


@pytest.fixture
def directory():
    path = Path(tempfile.mkdtemp(prefix="calicoctl-examples-"))
    (path / "calico.db").touch()
    for name, text in FILES.items():
        (path / name).write_text(text)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("command", commands())
def test_the_example_of_help_works(command, directory):
    text = run(f"calicoctl {command} --help", directory).stdout
    example = re.search(r"^Examples:\n  (.*)\n", text, re.M)
    assert example is not None, text
    if command in ELSEWHERE:
        return
    (directory / "stored.yaml").write_text(STORES.get(command, STORED))
    prepared = run(f"set -e; calicoctl apply -f stored.yaml; {BEFORE.get(command, ':')}", directory)
    assert prepared.returncode == 0, prepared.stderr
    done = run(example[1], directory)
    assert done.returncode == 0, f"{example[1]}\n{done.stdout}{done.stderr}"
    assert done.stderr == "" or command in WARNS


def test_every_exception_is_a_command():
    assert set(ELSEWHERE) | set(BEFORE) | set(STORES) <= set(commands())
