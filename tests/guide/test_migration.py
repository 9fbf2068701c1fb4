# SPDX-License-Identifier: Apache-2.0
"""docs/migration-from-2.6-container.md is true: its commands, on the hosts of the guide, beside what a container of 2.6 leaves behind."""

import pytest
from doc_blocks import blocks, commands, matches
from lab import ROOT, wait_until
from test_guide_then import Pings

DOCUMENT = "docs/migration-from-2.6-container.md"
COMMANDS = [command for block in blocks(ROOT) if block.document == DOCUMENT and block.language == "console" for command in commands(block)]
# As Felix 2.6 writes them: chains cali-…, comments cali:….
OLD_POLICY = """\
*filter
:cali-FORWARD - [0:0]
:cali-INPUT - [0:0]
:cali-from-wl-dispatch - [0:0]
-I FORWARD -m comment --comment "cali:wUHhoiAYhphO9Mso" -j cali-FORWARD
-I INPUT -m comment --comment "cali:Cz_u1IQiXIMmKD4c" -j cali-INPUT
-A cali-FORWARD -i cali+ -m comment --comment "cali:8ZoYfO5HKXWbB3pk" -j cali-from-wl-dispatch
-A cali-INPUT -i cali+ -m comment --comment "cali:iEgbRqV0SLGUXsE3" -j cali-from-wl-dispatch
-A cali-from-wl-dispatch -m comment --comment "cali:zTj6P0TIgYvgz-md" -m comment --comment "Unknown interface" -j DROP
COMMIT
"""


@pytest.fixture(scope="module")
def host(walk):
    host = walk.node3
    assert walk.before.get("test3"), "these tests go on where test_guide_then.py ends: run the whole directory"
    for command in ("iptables-restore", "ip6tables-restore"):
        host.run(command, "--noflush", stdin=OLD_POLICY)
    return host


@pytest.fixture(scope="module")
def pings(walk, host):
    """From another host into a container of this one, all the way."""
    return Pings(walk.node1, "test1", walk.before["test3"])


def test_what_2_6_leaves_refuses_what_it_does_not_know(host):
    assert host.ping("test3", host.ip, 2)[1] == 0


@pytest.mark.parametrize("command", COMMANDS, ids=[f"{c.where} {c.command}" for c in COMMANDS])
def test_document(host, pings, command):
    if "docker ps --filter" in command.command:
        wait_until(lambda: host.calicoctl("node", "status").count("Established") == 2, "the container has begun", 60)
    if command.command == "iptables-save | grep cali":
        wait_until(lambda: host.out("iptables", "-S").count("calico: accept") == 2, "our rules", 10)
    done = host.run("sh", "-c", f"exec 2>&1; cd /root; {command.command}", check=False, timeout=60)
    actual = [line.rstrip() for line in done.stdout.splitlines()]
    assert matches(command.expected, actual), "\n".join([f"{command.where}: {command.command}", "expected:", *command.expected, "printed:", *actual])


def test_nothing_was_cut(host, pings):
    wait_until(lambda: host.calicoctl("node", "status").count("Established") == 2, "the mesh", 60)
    lost = pings.lost()
    assert ", 0% packet loss" in lost, lost


def test_all_is_as_before(walk, host):
    assert host.ping("test3", host.ip) == (3, 3)
    assert walk.node1.ping("test1", walk.before["test3"]) == (3, 3)
