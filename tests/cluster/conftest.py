# SPDX-License-Identifier: Apache-2.0
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from demo import Demo  # noqa: E402
from lab import Lab  # noqa: E402

STATE = Path(os.environ.get("CLUSTER_STATE", "/var/lib/calico-test"))  # one for each run at a time


@pytest.fixture(scope="session")
def demo():
    """One lab for the whole session. test_demo.py builds it by walking the demo's steps; what comes after uses it."""
    lab = Lab(STATE)
    yield Demo(lab)
    lab.destroy()
