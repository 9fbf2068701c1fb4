# SPDX-License-Identifier: Apache-2.0
"""The table of refusals in docs/troubleshooting.md: each command, on a real dockerd, prints what stands there, to the letter."""

from __future__ import annotations

import re

import pytest
from lab import ROOT

TEXT = (ROOT / "docs" / "troubleshooting.md").read_text()
ROWS = re.findall(r"^\| `(docker [^`]+)` \| `([^`]+)` \|", TEXT.split("## What docker prints")[1], re.MULTILINE)
CREATE = ("network", "create", "--driver", "calico", "--ipam-driver", "calico-ipam")
MANY = 64  # addresses of the pool that is full


def pool(host, verb: str, cidr: str, spec: str = "") -> None:
    text = f"{{apiVersion: v1, kind: ipPool, metadata: {{cidr: {cidr}}}, spec: {{{spec}}}}}"
    host.run("calicoctl", verb, "-f", "-", stdin=text)


@pytest.fixture(scope="module")
def shop(cluster):
    """What the table says is there: see the page."""
    cluster.run_agents({})
    one, two = cluster.lab.nodes()
    for cidr in ("10.20.0.0/24", "10.21.0.0/26", "10.22.0.0/24", "10.23.0.0/24"):
        pool(one, "create", cidr)
    # Docker asks for each of them.
    taken = [word for n in range(MANY) for word in ("--aux-address", f"a{n}=10.21.0.{n}")]
    one.docker(*CREATE, "--subnet=10.20.0.0/24", "shop")
    one.docker(*CREATE, "--subnet=10.21.0.0/26", *taken, "full", timeout=60)
    one.docker(*CREATE, "--subnet=10.22.0.0/24", "closed")
    one.docker(*CREATE, "--subnet=10.23.0.0/24", "orphan")
    one.docker(*CREATE, "--ipv6", "six")
    one.docker(*CREATE, "any")
    pool(one, "apply", "10.22.0.0/24", "disabled: true")
    for cidr in ("10.23.0.0/24", "fd80:24e2:f998:72d6::/64"):
        one.calicoctl("delete", "ipPool", cidr)
    two.docker("run", "-tid", "--name=till", "--net=shop", "--ip=10.20.0.7", "busybox")
    return cluster  # its lab ends with these tests: they leave it without a pool and without its store


def printed(host, command: str) -> str:
    done = host.run("sh", "-c", f"exec 2>&1; {command}", check=False, timeout=60)
    assert done.returncode != 0, f"{command} succeeded: {done.stdout}"
    # What dockerd said, without what its client has to say of itself.
    said = re.sub(r"\n(time=|See 'docker run --help').*", "", done.stdout, flags=re.DOTALL)
    return re.sub(r"\b[0-9a-f]{64}\b", "…", said.strip())


def without_pools(cluster) -> None:
    """From here on the rows are about pools that are all gone."""
    for cidr in ("192.168.0.0/16", "10.20.0.0/24", "10.21.0.0/26"):
        cluster.lab.nodes()[0].calicoctl("delete", "ipPool", cidr)


def none_at_all(cluster) -> None:
    cluster.lab.nodes()[0].calicoctl("delete", "ipPool", "10.22.0.0/24")


def on_a_store_of_today(cluster) -> None:
    """Only there pools select nodes. The old one must be empty: which of two is meant nobody guesses."""
    cluster.stop_agents()
    cluster.lab.store.run("etcdctl", "--endpoints", "http://127.0.0.1:2379", "rm", "--recursive", "/calico", env={"ETCDCTL_API": "2"})
    env = {"DATASTORE_TYPE": "etcdv3", "CALICO_IPV4POOL_CIDR": "none"}
    cluster.run_agents(env)
    text = "{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: rack2}, spec: {cidr: 10.24.0.0/24, nodeSelector: rack == '2'}}"
    host = cluster.lab.nodes()[0]
    host.run("calicoctl", "create", "-f", "-", stdin=text, env=env)


# Before the last rows of the table; each about the network "any".
BEFORE_LAST = (without_pools, none_at_all, on_a_store_of_today)


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[command for command, _ in ROWS])
def test_refusal(shop, number):
    command, text = ROWS[number]
    late = number - (len(ROWS) - len(BEFORE_LAST))
    if late >= 0:
        BEFORE_LAST[late](shop)
    assert printed(shop.lab.nodes()[0], command) == text


def test_the_table_is_whole():
    assert len(ROWS) == 22 and all("--net any " in command for command, _ in ROWS[-len(BEFORE_LAST):])
