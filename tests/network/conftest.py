# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from network import Network  # noqa: E402

STATE = Path(os.environ.get("NETWORK_STATE", "/var/lib/calico-network-test"))  # one for each run at a time


@pytest.fixture(scope="module")
def network():
    """Three hosts without agents; each file of tests has its own."""
    made = Network(STATE)
    try:
        yield made.create()
    finally:
        if "TEST_LOGS" in os.environ:
            for log in STATE.glob("**/*.log"):
                shutil.copy(log, Path(os.environ["TEST_LOGS"]) / f"{STATE.name}-{log.parent.name}-{log.name}")
        made.destroy()
