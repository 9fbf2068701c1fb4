#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""No shipped program contains a fake: its symbols name no `testing` namespace."""

import subprocess
import sys
from pathlib import Path

BINARIES = ["build/bin/calico-node", "build/bin/calicoctl"]


def main() -> int:
    bad = 0
    for binary in BINARIES:
        if not Path(binary).exists():
            print(f"{binary}: not built")
            return 1
        names = subprocess.run(["nm", "-C", "--defined-only", binary], capture_output=True, text=True, check=True).stdout
        found = sorted({line.split(None, 2)[-1] for line in names.splitlines()
                        if "calico::" in line and "::testing::" in line})
        for name in found[:5]:
            print(f"{binary}: contains test code: {name}")
        bad += len(found)
    return 1 if bad else 0


sys.exit(main())
