"""The short ones of `python -m tests.chaos.checkin`, and the sabotage that proves they can fail."""

import pytest

from tests.chaos import checkin

pytestmark = pytest.mark.chaos


def broken(fault):
    [found] = checkin.run(fault, seconds=1.0).values()
    assert found["acknowledged"] > 0 or found["I3_visible"] > 0
    return {name for name, n in found.items() if name.startswith("I") and n}


def test_what_was_acknowledged_stands_once_and_nobody_sees_an_error_when_connections_are_cut():
    assert broken("cut_connections") == set()


def test_without_the_unique_key_it_would_be_noticed(monkeypatch):
    monkeypatch.setenv("SABOTAGE", "1")
    assert broken("kill_worker")
