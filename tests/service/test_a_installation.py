# SPDX-License-Identifier: Apache-2.0
"""docs/installation.md is true: its blocks are executed in their order on hosts with systemd."""

from doc_blocks import blocks, commands, matches
from lab import ROOT, wait_until


def test_the_document_from_installation_to_purge(lab):
    document = [block for block in blocks(ROOT) if block.document == "docs/installation.md"]
    executed = 0
    for block in document:
        if block.language == "yaml":
            for host in lab.nodes():
                host.run("sh", "-c", f"cat > {block.argument}", stdin="\n".join(block.text) + "\n")
            continue
        assert block.language == "console", f"{block.document}:{block.line}: nobody executes this"
        for command in commands(block):
            executed += 1
            host = lab.hosts[command.host]
            if "show protocols" in command.command:  # a session takes its time to come up
                wait_until(lambda: int(host.run("sh", "-c", command.command, check=False).stdout) == int(command.expected[0]),
                           f"{command.where}: {command.command}")
            done = host.run("sh", "-c", f"exec 2>&1; cd /run/work; {command.command}", check=False, timeout=60)
            actual = [line.rstrip() for line in done.stdout.splitlines()]
            assert matches([line.rstrip() for line in command.expected], actual), "\n".join(
                [f"{command.where}: {command.command}", "expected:", *command.expected, "printed:", *actual])
    assert executed > 20
