#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Whether all C++ sources are formatted as .clang-format says. Prints the files that are not (`make fmt` mends them)."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FORMATTER = "clang-format-16"  # another major version formats differently


def unformatted(file: str) -> str | None:
    run = subprocess.run([FORMATTER, "--dry-run", "-Werror", file], cwd=ROOT, capture_output=True, text=True)
    if run.returncode == 0:
        return None
    # Anything but a formatting error (a missing .clang-format, say) is worth seeing.
    other = [line for line in run.stderr.splitlines() if "error:" in line and "-Wclang-format-violations" not in line]
    return "\n".join([file, *other])


def main() -> int:
    listed = subprocess.run(["git", "ls-files", "-z", "*.h", "*.cc"], cwd=ROOT, capture_output=True, text=True, check=True)
    files = [name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
    try:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            wrong = [file for file in pool.map(unformatted, files) if file]
    except FileNotFoundError:
        print(f"{FORMATTER} is not installed; tools/install-deps.sh installs it")
        return 1
    print("\n".join(wrong) if wrong else f"{len(files)} files are formatted")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
