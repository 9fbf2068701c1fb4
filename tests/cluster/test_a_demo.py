# SPDX-License-Identifier: Apache-2.0
"""The demo's steps as tests, in order; the files after this one use the lab that they leave behind."""

import pytest
from demo import Demo
from lab import Lab

STEPS = [what for what, _ in Demo(Lab.__new__(Lab)).steps()]


@pytest.mark.parametrize("number", range(len(STEPS)), ids=STEPS)
def test_demo(demo, number):
    what, function = demo.steps()[number]
    function()
