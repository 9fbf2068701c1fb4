# SPDX-License-Identifier: Apache-2.0
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "cluster"))

from lab import Lab  # noqa: E402


@pytest.fixture(scope="module")
def host():
    """One host with nothing configured: no store, no file, no variable."""
    lab = Lab(Path(os.environ.get("SYSTEM_STATE", "/var/lib/calico-system-test")))  # one for each run at a time
    lab.create(1)
    node = lab.hosts["calico-node1"]
    node.environment = {}
    yield node
    lab.destroy()
