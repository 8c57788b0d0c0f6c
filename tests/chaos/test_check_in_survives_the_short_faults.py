"""What `make chaos ONLY=checkin` does at length: once, shortly; the rest and the sabotages take minutes."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from bench.checkin_place import seed
from tests.chaos import checkin
from tests.chaos.line import Line
from tests.services import free_port


def broken(results):
    assert results["acknowledged"] > 0
    return {name for name, n in results.items() if name.startswith("I") and n}


@pytest.fixture
def line(pg_app, environ, processes):
    line = Line(pg_app, environ["DATABASE_URL"], processes, environ, free_port(), workers=1)
    seed(200)
    line.open_forms(200)
    line.serve()
    line.wait_until_up()
    return line


def test_a_killed_worker_and_cut_connections_lose_and_double_nothing(line):
    def both(line):
        os.kill(line.pids()[1], signal.SIGKILL)
        checkin.cut_connections(line, seconds=0.7)

    result = checkin.under(line, both, 0.3)
    assert broken(result) == set(), result


def test_a_web_that_never_made_a_page_and_may_open_no_file_says_when_to_come_again(line, monkeypatch):
    monkeypatch.setattr(checkin, "FEW_SECONDS", 2.0)
    result = checkin.under(line, checkin.few_files, 0)
    assert broken(result) == set(), result


def test_what_stands_still_goes_on_though_a_part_of_it_has_ended(monkeypatch):
    monkeypatch.setattr(checkin, "FROZEN_SECONDS", 0.1)
    ended, other = (subprocess.Popen(["sleep", "60"]) for _ in range(2))
    try:
        ended.kill()
        ended.wait()
        checkin.stand_still(other.pid, ended.pid)
        assert Path(f"/proc/{other.pid}/stat").read_text().split()[2] != "T"
    finally:
        other.kill()
        other.wait()


@pytest.mark.chaos
@pytest.mark.parametrize("sabotage", checkin.SABOTAGES)
def test_a_promise_taken_out_is_noticed(sabotage):
    assert checkin.is_caught(sabotage)


@pytest.mark.chaos
@pytest.mark.parametrize("fault", checkin.FAULTS)
def test_no_fault_loses_doubles_or_shows_anything(fault, monkeypatch):
    monkeypatch.setattr(checkin, "LOCKED_SECONDS", 12.0)
    monkeypatch.setattr(checkin, "FROZEN_SECONDS", 12.0)
    promises = checkin.run(fault, seconds=2.0)
    assert promises
    for result in promises.values():
        assert broken(result) == set(), result
