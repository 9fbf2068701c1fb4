# SPDX-License-Identifier: Apache-2.0
"""docs/tutorials is true: each command is executed, each output compared.

A page may say with which variables its agents run, in a comment: `<!-- calico-node: NAME=value … -->`.
"""

from __future__ import annotations

import re

import pytest
from doc_blocks import blocks, commands, matches
from lab import ROOT, wait_until

PAGES = {f"docs/tutorials/{path.name}": path.read_text() for path in sorted((ROOT / "docs" / "tutorials").glob("*.md"))}
BLOCKS = [block for block in blocks(ROOT) if block.document in PAGES]
COMMANDS = [command for block in BLOCKS if block.language == "console" for command in commands(block)]


def variables_of(document: str) -> dict[str, str]:
    found = re.search(r"^<!-- calico-node: (.*) -->$", PAGES[document], re.MULTILINE)
    return dict(word.split("=", 1) for word in found[1].split()) if found else {}


@pytest.fixture(scope="session")
def files(cluster):
    for host in cluster.lab.nodes():
        for block in BLOCKS:
            if block.language == "yaml" and block.argument:
                host.run("sh", "-c", f"cat > /run/{block.argument}", stdin="\n".join(block.text) + "\n")


@pytest.mark.parametrize("command", COMMANDS, ids=[f"{c.where} {c.command}" for c in COMMANDS])
def test_tutorial(cluster, files, command):
    cluster.run_agents(variables_of(command.where.split(":")[0]))
    host = cluster.lab.hosts[command.host]
    done = host.run("sh", "-c", f"exec 2>&1; cd /run; {command.command}", check=False, timeout=60)
    actual = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    assert matches(command.expected, actual), "\n".join([f"{command.where}: {command.command}", "expected:",
                                                         *command.expected, "printed:", *actual])


def test_tutorials_leave_nothing_behind(cluster, files):
    for host in cluster.lab.nodes():
        assert host.docker("ps", "-aq") == ""
        wait_until(lambda: "cali" not in host.out("ip", "-o", "link"), f"no interface of a container on {host.name}")
    assert len(cluster.lab.nodes()[0].calicoctl("get", "workloadEndpoint").splitlines()) <= 2
