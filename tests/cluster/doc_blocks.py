# SPDX-License-Identifier: Apache-2.0
"""Command blocks of our documents, so that a test can execute them.

    ```console                      each line that starts with a prompt is a command, what follows is its output
    [root@calico-node1 ~]# hostname
    calico-node1
    ```

In expected output `…` stands for any text inside a line, and for any lines when alone on one. Blanks at line ends
do not count. A block "```yaml FILE" becomes the file FILE on every host. A block "```sh" is not executed: its
first line must stand in docs/exceptions.txt with a reason.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

PROMPT = re.compile(r"^\[root@(?P<host>[a-z0-9-]+) (?P<directory>[^\]]*)\]# (?P<command>.*)$")


@dataclass
class Block:
    document: str
    line: int
    language: str
    argument: str
    text: list[str]


@dataclass
class Command:
    where: str
    host: str
    command: str
    expected: list[str]
    directory: str = "~"  # last part of its name, as a prompt has it


def blocks(root: Path) -> list[Block]:
    found = []
    for path in [root / "README.md", root / "CONTRIBUTING.md", *sorted((root / "docs").rglob("*.md"))]:
        current: Block | None = None
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line.startswith("```"):
                if current is None:
                    language, _, argument = line[3:].strip().partition(" ")
                    current = Block(str(path.relative_to(root)), number, language, argument, [])
                else:
                    found.append(current)
                    current = None
            elif current is not None:
                current.text.append(line)
        assert current is None, f"{path}: a block does not end"
    return found


def commands(block: Block) -> list[Command]:
    result: list[Command] = []
    for offset, line in enumerate(block.text, 1):
        prompt = PROMPT.match(line)
        if prompt:
            result.append(Command(f"{block.document}:{block.line + offset}", prompt["host"], prompt["command"], [], prompt["directory"]))
        else:
            assert result, f"{block.document}:{block.line + offset}: output before the first prompt"
            result[-1].expected.append(line.rstrip())
    return result


def matches(expected: list[str], actual: list[str]) -> bool:
    """Whether the lines fit, with `…` as described above."""
    if not expected:
        return not actual
    if expected[0].strip() == "…":
        return any(matches(expected[1:], actual[n:]) for n in range(len(actual) + 1))
    pattern = ".*".join(re.escape(part) for part in expected[0].split("…"))
    return bool(actual) and re.fullmatch(pattern, actual[0]) is not None and matches(expected[1:], actual[1:])
