"""Six rounds of chaos and every sabotage, as `make chaos` plays them; bounded by its own time limit."""

import json
import os
import subprocess
import sys

import pytest

from tests.services.processes import ROOT

LIMIT_S = 600

pytestmark = pytest.mark.chaos


@pytest.mark.timeout(LIMIT_S + 30)
def test_nothing_is_lost_doubled_or_unwanted_and_every_sabotage_is_found_out():
    """Also the test of the tests: with a promise taken out, the very same checks must fail."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.chaos"],
        env={**os.environ, "ROUNDS": "6", "SEED": "2026", "QUIET": "yes"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
    )
    said = json.loads(done.stdout.splitlines()[-1]) if done.stdout else {}
    assert done.returncode == 0, f"{said}\n{done.stderr[-3000:]}"
    assert said["rounds"] == 6 and said["faults"] >= 6 * 3 and said["sent"] >= 6 * 150
    assert (said["lost"], said["doubled"], said["unwanted"]) == (0, 0, 0)
    assert said["sabotage_tried"] == said["sabotage_caught"] == 4
