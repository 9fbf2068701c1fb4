# SPDX-License-Identifier: Apache-2.0
import os
import shutil
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from network import Network  # noqa: E402

STATE = Path("/var/lib/calico-network-test")


@pytest.fixture(scope="module")
def network():
    """Three hosts without agents; each file of tests has its own."""
    made = Network(STATE)
    try:
        yield made.create()
    finally:
        if "TEST_LOGS" in os.environ:
            for log in STATE.glob("**/*.log"):
                shutil.copy(log, Path(os.environ["TEST_LOGS"]) / f"{log.parent.name}-{log.name}")
        made.destroy()
