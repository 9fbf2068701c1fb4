#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The suites that run inside the virtual machine, side by side: each waits most of its time. The last line counts for all."""

import os
import re
import subprocess
import sys
from pathlib import Path

LOGS = Path(os.environ["TEST_LOGS"])


def main() -> int:
    running = []
    # The first alone: it wants modules that nobody has loaded yet.
    first = Path("tests/vm/test_service_modules.py")
    for file in [first, *sorted(Path("tests/network/stock_kernel").glob("test_*.py"))]:
        log = open(LOGS / f"{file.stem}.txt", "w+")
        # An emulated machine, beside whatever else runs on the real one.
        environment = dict(os.environ, NETWORK_STATE=f"/var/lib/{file.stem}", NETWORK_PATIENCE="60")
        command = [sys.executable, "-m", "pytest", "-q", "--color=no", "--durations=5", str(file)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        running.append((process, log))
        if file == first:
            process.wait()
    passed = failed = 0
    for process, log in running:
        status = process.wait()
        log.seek(0)
        text = log.read()
        print(text, flush=True)
        found = dict((word, int(number)) for number, word in re.findall(r"(\d+) (passed|failed|errors?)", text.strip().splitlines()[-1]))
        passed += found.pop("passed", 0)
        failed += sum(found.values()) or int(status != 0)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
