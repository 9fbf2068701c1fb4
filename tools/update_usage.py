#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the usage of every command of calicoctl into its page below docs/reference/calicoctl/.

    tools/update_usage.py [build/bin/calicoctl]

A page is a file named after its command ("ipam-show.md"); its block "```text" that starts with "Usage:" is
replaced, or made below the title. The test `Documents` of calicoctl_test says when that is due.
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = ROOT / "docs" / "reference" / "calicoctl"
NO_COMMANDS = {"README.md", "connection.md"}
BLOCK = re.compile(r"```text\nUsage:\n.*?```\n", re.S)


def usage(program: str, words: list[str]) -> str | None:
    """The usage of `calicoctl WORDS --help`; None if there is no such command."""
    done = subprocess.run([program, *words, "--help"], capture_output=True, text=True)
    text = done.stdout.split("\n\n")[0] + "\n"
    return text if done.returncode == 0 and text.startswith("Usage:\n  calicoctl " + " ".join(words)) else None


def main() -> int:
    program = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "build" / "bin" / "calicoctl")
    for page in sorted(PAGES.glob("*.md")):
        text = usage(program, page.stem.split("-"))
        if page.name in NO_COMMANDS or text is None:
            continue
        block = f"```text\n{text}```\n"
        old = page.read_text()
        new = BLOCK.sub(lambda _: block, old, count=1)
        if not BLOCK.search(old):
            title, _, rest = old.partition("\n\n")
            new = f"{title}\n\n{block}\n{rest}"
        if new != old:
            page.write_text(new)
            print(f"{page.relative_to(ROOT)}: usage written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
