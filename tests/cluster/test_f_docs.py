# SPDX-License-Identifier: Apache-2.0
"""The documents are true: every command block is executed and prints what it says."""

import os
from pathlib import Path

import pytest
from demo import NODE_ENV
from doc_blocks import blocks, commands, matches
from lab import ROOT, Lab

# Executed on hosts with systemd (tests/guide, tests/service) and on a store of Calico 2.6 (tests/tutorials).
ELSEWHERE = ("docs/guide.md", "docs/migration-from-2.6-container.md", "docs/installation.md", "docs/tutorials/")
ALL = [block for block in blocks(ROOT) if not block.document.startswith(ELSEWHERE)]
EXCEPTIONS = {line.split("\t")[0] for line in (ROOT / "docs" / "exceptions.txt").read_text().splitlines()
              if line and not line.startswith("#")}
COMMANDS = [command for block in ALL if block.language == "console" for command in commands(block)]


@pytest.fixture(scope="module")
def lab_of_documents():
    """Three hosts as docs/cluster.md starts: dockerd with its cluster store, etcd, nothing of ours running."""
    lab = Lab(Path(os.environ.get("DOCS_STATE", "/var/lib/calico-docs-test"))).create(3)
    lab.start_etcd()
    for host in lab.nodes():
        host.environment.update(NODE_ENV)
        host.start_dockerd()
    for host in lab.nodes():
        host.wait_dockerd()
        host.import_busybox(lab.busybox_archive())
        for block in ALL:
            if block.language == "yaml" and block.argument:
                host.run("sh", "-c", f"cd /run; cat > {block.argument}", stdin="\n".join(block.text) + "\n")
    yield lab
    lab.destroy()


@pytest.mark.parametrize("command", COMMANDS, ids=[f"{c.where} {c.command}" for c in COMMANDS])
def test_document(lab_of_documents, command):
    host = lab_of_documents.hosts[command.host]
    if command.command.endswith(" &"):  # a service: the lab keeps its output
        host.start_process("calico-node", *command.command[:-2].split())
        host.wait_calico_node()
        return
    done = host.run("sh", "-c", f"exec 2>&1; cd /run; {command.command}", check=False, timeout=60)
    actual = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    assert matches(command.expected, actual), "\n".join([f"{command.where}: {command.command}", "expected:",
                                                         *command.expected, "printed:", *actual])


def test_every_other_command_block_is_a_listed_exception():
    unlisted = [f"{b.document}:{b.line}: {b.text[0]}" for b in blocks(ROOT)
                if b.language in ("sh", "bash") and b.text[0].split("#")[0].strip() not in EXCEPTIONS]
    assert not unlisted, unlisted


def test_matching_is_strict_but_for_the_ellipsis():
    assert matches(["a … c", "…", "z"], ["a bb c", "any", "lines", "z"])
    assert not matches(["a … c"], ["a bb d"])
    assert not matches(["a"], ["a", "b"])
