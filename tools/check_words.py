#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Names, sizes and first lines of our sources.

* No file or type is named with a word that says nothing (Util, Helper, …): a name from the field says what it does.
* A source file of more than 600 lines stands in tools/large_files.txt with a reason.
* Each source file names its licence; none leaves a note about work not done (that belongs to the tracker).

Prints one line per violation, "file:line: reason", and exits 1 if there is any. `--self-test` only
shows that each is found, which every run does first.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LARGE_FILES = "tools/large_files.txt"
LINE_LIMIT = 600

WORDS = ("Util", "Utils", "Helper", "Helpers", "Common", "Misc", "Info", "Processor", "Handler")
ALLOWED_TYPES = {"HttpHandler"}  # what every HTTP library calls it
TYPE = re.compile(r"^\s*(?:template\s*<.*>\s*)?(?:class|struct|enum class|enum|using)\s+(?:\[\[\w+\]\]\s+)?(\w+)")
EMPTY_WORD = re.compile(f"(?:{'|'.join(WORDS)})$")
FILE_WORDS = {word.lower() for word in WORDS}
# Spelled in two parts, so that this file passes its own check.
NOTES = re.compile(r"\b(?:" + "|".join(("TO" "DO", "FIX" "ME", "X" "XX")) + r")\b")
SOURCES = (".h", ".cc", ".py", ".sh")
CPP = (".h", ".cc", ".proto")


def check_file(path: str, text: str, large: set[str]) -> list[str]:
    problems = []
    # The words of each part of the path: route_info.h, common/route.h.
    for word in re.split(r"[/._-]", path.lower()):
        if word in FILE_WORDS:
            problems.append(f"{path}:1: '{word}' in a file name says nothing")
    lines = text.splitlines()
    if path.endswith(SOURCES):
        if not any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:2]) and lines:
            problems.append(f"{path}:1: no SPDX line")
        if len(lines) > LINE_LIMIT and path not in large:
            problems.append(f"{path}:{LINE_LIMIT + 1}: {len(lines)} lines; split it, or give a reason in {LARGE_FILES}")
    for number, line in enumerate(lines, 1):
        if NOTES.search(line):
            problems.append(f"{path}:{number}: a note about work not done belongs to the tracker")
        declared = TYPE.match(line) if path.endswith(CPP) else None
        if declared and EMPTY_WORD.search(declared[1]) and declared[1] not in ALLOWED_TYPES:
            problems.append(f"{path}:{number}: the name {declared[1]} says nothing")
    return problems


def read_large_files(text: str) -> tuple[set[str], list[str]]:
    """The files listed, and what is wrong with the list: lines are "path<tab>reason"."""
    large, problems = set(), []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        path, _, reason = line.partition("\t")
        large.add(path)
        if not reason.strip():
            problems.append(f"{LARGE_FILES}:{number}: {path} has no reason")
        elif not (ROOT / path).exists() or len((ROOT / path).read_text().splitlines()) <= LINE_LIMIT:
            problems.append(f"{LARGE_FILES}:{number}: {path} is not that large (any more)")
    return large, problems


def self_test() -> int:
    spdx = "// SPDX-License-Identifier: Apache-2.0\n"
    bad = [
        ("src/net/ip_util.cc", spdx),
        ("src/common/ip.h", spdx),
        ("src/net/ip.h", spdx + "class RouteHelper final {};"),
        ("src/net/ip.h", spdx + "struct NodeInfo;"),
        ("src/net/ip.h", spdx + "using EventHandler = int;"),
        ("src/net/ip.h", spdx + "int x;\n" * 600),
        ("src/net/ip.h", "int x;"),
        ("tools/x.py", "#!/usr/bin/env python3\n\n# SPDX-License-Identifier: Apache-2.0"),
        ("docs/x.md", "TO" "DO: write this"),
    ]
    good = [
        ("src/base/http_server.h", spdx + "using HttpHandler = int;"),
        ("src/model/cluster_information.h", spdx + "struct ClusterInformation {};"),
        ("src/net/ip.h", spdx + "void LogInfo();"),
        ("src/net/ip.h", spdx + "int x;\n" * 599),
        ("tests/x.sh", "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\nmktemp /tmp/a-XXXXXX"),
        ("tests/__init__.py", ""),
    ]
    wrong = [f"not found: {path}: {text[-40:]!r}" for path, text in bad if not check_file(path, text, set())]
    wrong += [f"found without reason: {path}: {text[-40:]!r}" for path, text in good if check_file(path, text, set())]
    wrong += [] if read_large_files("src/none.cc\n")[1] else ["not found: a large file without a reason"]
    print("\n".join(wrong) if wrong else f"{len(bad) + len(good) + 1} made-up files judged as they should be")
    return 1 if wrong else 0


def main() -> int:
    # Always: a check that finds nothing looks like a clean tree.
    if self_test() != 0:
        return 1
    if sys.argv[1:] == ["--self-test"]:
        return 0
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    large, problems = read_large_files((ROOT / LARGE_FILES).read_text())
    for path in filter(None, listed.stdout.split("\0")):
        if (ROOT / path).is_file():
            problems += check_file(path, (ROOT / path).read_text(errors="replace"), large)
    print("\n".join(problems) if problems else "names, sizes and first lines are as they should be")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
