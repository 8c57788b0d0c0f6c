"""Real workers on a database that was put back: codes leave at once, and no text a second time."""

import signal
import time
from datetime import timedelta

import pytest
from flask import Flask

from mobilize.backup import gaps
from mobilize.database import db
from mobilize.demo.carrier.server import Carrier
from mobilize.texts.models import Priority
from mobilize.texts.queries import counts_by_state, doubled_texts
from tests.backup.copies import copy_of_everything, put_back
from tests.services.processes import Processes
from tests.workers.test_texts_leave_whatever_happens_to_redis import (
    carrier as carrier,  # noqa: PLC0414 - a fixture
)
from tests.workers.test_texts_leave_whatever_happens_to_redis import queue, taken, wait_for

pytestmark = pytest.mark.timeout(240)
HOW_MANY = 188


def in_state(state: str) -> int:
    db.session.rollback()
    return counts_by_state()[state]


def test_of_188_texts_that_had_left_none_leaves_again_and_a_code_does_not_wait(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, processes: Processes
):
    environ["PATIENCE"] = "0.1"  # the logs are whole after 18 s
    gaps.look()
    queue("reminder", HOW_MANY)
    copy = copy_of_everything()
    worker = processes.celery("worker", "--concurrency", "1", environ=environ)
    wait_for(lambda: in_state("accepted") == HOW_MANY, 60)
    worker.send_signal(signal.SIGTERM)
    worker.wait(60)
    put_back(copy, age=timedelta(minutes=7))
    queue("waiting", 5)
    processes.celery("worker", "--concurrency", "1", environ=environ)
    wait_for(lambda: in_state("unknown") > 0, 60)
    queue("code", 1, priority=Priority.CODE)
    wait_for(lambda: len(taken(carrier, "code")) == 1, 15)
    assert len(taken(carrier, "waiting")) == 0
    wait_for(lambda: len(taken(carrier, "waiting")) == 5, 90)
    time.sleep(2)
    assert len(taken(carrier, "reminder")) == HOW_MANY
    assert (in_state("accepted"), doubled_texts()) == (HOW_MANY + 6, 0)
