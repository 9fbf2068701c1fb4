# SPDX-License-Identifier: Apache-2.0
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "cluster")]
pytest.register_assert_rewrite("statements", "walk")


@pytest.fixture(scope="session")
def walk():
    """The hosts of the guide. test_guide.py walks through it on them; what comes after goes on from there."""
    from guide_hosts import build_hosts, state_dir
    from lab import Lab
    from walk import Walk
    try:
        yield Walk(build_hosts(state_dir()))
    finally:
        Lab(state_dir()).destroy()
