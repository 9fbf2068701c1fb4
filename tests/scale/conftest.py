# SPDX-License-Identifier: Apache-2.0
import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from scale import ScaleLab  # noqa: E402

STATE = Path(os.environ.get("SCALE_STATE", "/var/lib/calico-scale-test"))  # one for each run at a time


def lab_of(count: int):
    made = ScaleLab(STATE)
    try:
        yield made.create_hosts(count)
    finally:
        made.destroy()


@pytest.fixture(scope="module")
def pair():
    yield from lab_of(2)


@pytest.fixture(scope="module")
def mesh():
    yield from lab_of(int(os.environ.get("SCALE_NODES", "12")))
