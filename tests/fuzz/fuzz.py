#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs each fuzzer: first over its corpus (tests/fuzz/corpus/NAME, inputs of interest and every input that once failed),
then on new inputs for --seconds. A crash, a hang or an input that needs too much memory fails, and is kept in
build/fuzz/findings/NAME."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CORPUS = ROOT / "tests" / "fuzz" / "corpus"
BIN = ROOT / "build" / "asan" / "bin"


def run(name: str, seconds: int, seed: int) -> bool:
    findings = ROOT / "build" / "fuzz" / "findings" / name
    grown = ROOT / "build" / "fuzz" / "grown" / name  # new inputs stay out of the source tree
    for folder in (findings, grown):
        folder.mkdir(parents=True, exist_ok=True)
    common = [str(BIN / name), f"-artifact_prefix={findings}/", "-timeout=10", "-rss_limit_mb=2000", f"-seed={seed}"]
    corpus = CORPUS / name
    inputs = len(list(corpus.iterdir()))
    replay = subprocess.run([*common, "-runs=0", str(corpus)], capture_output=True, text=True, errors="replace")
    fuzz = subprocess.run([*common, f"-max_total_time={seconds}", "-max_len=4096", str(grown), str(corpus)],
                          capture_output=True, text=True, errors="replace")
    for done in (replay, fuzz):
        if done.returncode != 0:
            print("\n".join(done.stderr.splitlines()[-40:]))
    ok = replay.returncode == 0 and fuzz.returncode == 0
    print(f"{name}: {inputs} inputs of the corpus and {seconds} s with seed {seed}: {'ok' if ok else 'FAILED'}", flush=True)
    return ok


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    names = options.names or sorted(path.name for path in CORPUS.iterdir())
    failed = sum(not run(name, options.seconds, options.seed) for name in names)
    print(f"{len(names) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
