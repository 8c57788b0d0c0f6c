"""Real workers with their clocks, real Redis, a stand-in carrier: nothing is lost and nothing doubled."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Connection
from sqlalchemy.exc import OperationalError

from bench.process_use import tree
from mobilize import clock
from mobilize.database import db
from mobilize.demo.carrier.server import Carrier
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.queries import counts_by_state, is_opted_out
from tests.services.processes import Processes
from tests.services.redis import Redis

pytestmark = pytest.mark.timeout(180)


@pytest.fixture
def carrier(environ: dict[str, str]) -> Iterator[Carrier]:
    """The carrier the worker processes send to."""
    standing_in = Carrier(
        environ["TWILIO_ACCOUNT_SID"], environ["TWILIO_AUTH_TOKEN"], environ["PUBLIC_BASE_URL"]
    ).start()
    standing_in.faults.receipts_lost = 1.0
    environ |= {"TWILIO_API_URL": standing_in.url, "SEGMENTS_PER_SECOND": "2000"}
    yield standing_in
    standing_in.stop()


def queue(name: str, count: int, *, priority: int = Priority.REMINDER) -> None:
    now = clock.now()
    queue_texts(
        [
            PlannedText(
                purpose=f"{name}:1:1",
                phone=f"+1213555{n:04d}",
                wording="as_written",
                language="en",
                text_class=TextClass.REQUESTED,
                tz="America/Los_Angeles",
                due_at=now,
                expires_at=now + timedelta(hours=1),
                priority=priority,
                merge_fields={"body": f"{name} {n}"},
            )
            for n in range(count)
        ],
        now=now,
    )


def taken(carrier: Carrier, name: str) -> list[str]:
    return [t["body"] for t in carrier.store.ledger() if t["body"].startswith(f"{name} ")]


def wait_for(what: Callable[[], bool], seconds: float) -> float:
    """The seconds it took; an AssertionError when it did not happen."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.1)
    return time.monotonic() - began


def assert_each_left_once(carrier: Carrier, name: str, count: int, within: float) -> None:
    wait_for(lambda: len(set(taken(carrier, name))) == count, within)
    time.sleep(1.5)
    assert len(taken(carrier, name)) == count


def test_redis_dies_and_comes_back_and_every_text_leaves_once(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, redis_server: Redis, processes: Processes
):
    worker = processes.celery("worker", "--concurrency", "1", environ=environ)
    queue("first", 40)
    assert_each_left_once(carrier, "first", 40, within=25)

    # Restarted while a drain's message is out and not acknowledged yet.
    carrier.faults.latency_ms = 2500
    queue("slow", 5)
    time.sleep(1.5)
    redis_server.crash()
    redis_server.start()
    carrier.faults.latency_ms = 0
    assert_each_left_once(carrier, "slow", 5, within=25)
    queue("after", 40)
    assert_each_left_once(carrier, "after", 40, within=25)
    assert worker.poll() is None

    redis_server.crash()
    try:
        queue("dead", 40)
        assert_each_left_once(carrier, "dead", 40, within=30)
        assert worker.poll() is None
    finally:
        redis_server.start()
    db.session.rollback()
    assert counts_by_state()["accepted"] == 125


def test_a_worker_started_while_redis_is_dead_keeps_time_itself(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, processes: Processes
):
    environ["REDIS_URL"] = "redis://127.0.0.1:1/0"
    processes.celery("worker", "--concurrency", "1", environ=environ)
    queue("alone", 30)
    assert_each_left_once(carrier, "alone", 30, within=25)


def test_two_workers_and_two_more_beats_double_nothing(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, processes: Processes
):
    carrier.faults.latency_ms = 20
    for n in (1, 2):
        processes.celery("worker", "--concurrency", "2", "-n", f"worker{n}@%h", environ=environ)
        processes.celery("beat", "--pidfile=", environ=environ)
    queue("both", 600)
    assert_each_left_once(carrier, "both", 600, within=40)


def test_there_and_back_through_the_real_web(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, live_server: str, processes: Processes
):
    carrier.faults.receipts_lost = 0.0
    processes.celery("worker", "--concurrency", "1", environ=environ)
    queue("hello", 3)
    wait_for(lambda: counts_by_state()["delivered"] == 3, 40)
    carrier.say("+12135550001", "por favor, no más mensajes")
    wait_for(lambda: is_opted_out("+12135550001"), 20)
    queue("later", 3)
    wait_for(lambda: counts_by_state()["delivered"] == 6, 40)  # two of these, and that no more come
    wait_for(lambda: counts_by_state()["dropped"] == 1, 40)
    assert sorted(taken(carrier, "later")) == ["later 0", "later 2"]


def test_a_worker_told_to_stop_in_the_middle_finishes_what_it_holds(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, redis_server: Redis, processes: Processes
):
    carrier.faults.latency_ms = 500
    worker = processes.celery("worker", "--concurrency", "1", environ=environ)
    queue("stopping", 400)
    wait_for(lambda: len(taken(carrier, "stopping")) > 100, 25)
    [_leash, worker_itself, *_children] = tree(worker.pid)
    os.kill(worker_itself, signal.SIGTERM)
    assert worker.wait(15) == 0
    left = taken(carrier, "stopping")
    assert 100 < len(left) == len(set(left)) < 400
    db.session.rollback()
    counts = counts_by_state()
    assert (counts["accepted"], counts["claimed"], counts["unknown"]) == (len(left), 0, 0)
    assert counts["waiting"] == 400 - len(left)


def test_a_worker_that_lost_redis_for_a_moment_still_ends_at_once(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, redis_server: Redis, processes: Processes
):
    worker = processes.celery("worker", "--concurrency", "1", environ=environ)
    queue("first", 5)
    assert_each_left_once(carrier, "first", 5, within=25)
    redis_server.crash()
    redis_server.start()
    queue("second", 5)
    assert_each_left_once(carrier, "second", 5, within=25)
    time.sleep(5)  # all of them are connected again, and wait
    [_leash, worker_itself, *_children] = tree(worker.pid)
    os.kill(worker_itself, signal.SIGTERM)
    assert worker.wait(10) == 0


def lock(connection: Connection, tables: str) -> None:
    """Let nobody else read or write these tables. They are locked one after the other, so one of the workers
    that reads two of them in the other order may be in the way: then once more."""
    for _again in range(10):
        try:
            connection.exec_driver_sql(f"LOCK TABLE {tables} IN ACCESS EXCLUSIVE MODE")
        except OperationalError:
            connection.rollback()
        else:
            return
    raise AssertionError("the tables could not be locked")


def test_a_code_waits_for_no_planning_no_report_and_no_text_that_hangs(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, processes: Processes
):
    processes.celery("worker", "--concurrency", "1", environ=environ)
    queue("ready", 1)
    assert_each_left_once(carrier, "ready", 1, within=25)
    with db.engine.connect() as blocking:
        lock(blocking, "reminder_rules, reports, broadcasts, audit")
        time.sleep(3)
        for n in range(3):
            queue(f"code{n}", 1, priority=Priority.CODE)
            assert wait_for(lambda n=n: taken(carrier, f"code{n}"), 3) < 3
        blocking.rollback()


def test_a_process_that_dies_is_followed_by_another(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, processes: Processes
):
    worker = processes.celery("worker", "--concurrency", "1", environ=environ)
    queue("first", 5)
    assert_each_left_once(carrier, "first", 5, within=25)
    [_leash, parent, *children] = tree(worker.pid)
    assert len(children) == 6, "one for each queue"
    for child in children:
        os.kill(child, signal.SIGKILL)
    queue("second", 5)
    assert_each_left_once(carrier, "second", 5, within=25)
    [_leash, same_parent, *others] = tree(worker.pid)
    assert same_parent == parent and len(others) == 6 and not set(others) & set(children)


def test_the_processes_end_when_their_parent_is_killed(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, processes: Processes
):
    worker = processes.celery("worker", "--concurrency", "1", environ=environ)
    queue("first", 5)
    assert_each_left_once(carrier, "first", 5, within=40)
    [_leash, parent, *children] = tree(worker.pid)
    os.kill(parent, signal.SIGKILL)
    wait_for(lambda: not any(Path(f"/proc/{child}").exists() for child in children), 20)


def test_processes_with_nothing_to_do_retire_and_come_back_for_work(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, redis_server: Redis, processes: Processes
):
    environ["PATIENCE"] = "0.4"
    worker = processes.celery("worker", "--concurrency", "2", environ=environ)
    wait_for(lambda: len(tree(worker.pid)) == 9, 60)
    wait_for(lambda: len(tree(worker.pid)) == 3, 120)
    [_leash, _parent, stays] = tree(worker.pid)
    queue("code", 1, priority=Priority.CODE)
    queue("after", 5)
    assert wait_for(lambda: taken(carrier, "code"), 3) < 3
    assert_each_left_once(carrier, "after", 5, within=10)
    assert stays in tree(worker.pid)

    wait_for(lambda: len(tree(worker.pid)) == 3, 120)
    redis_server.crash()
    try:
        queue("dead", 5)
        assert_each_left_once(carrier, "dead", 5, within=15)
    finally:
        redis_server.start()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_the_clock_that_dies_is_followed_by_another(
    pg_app: Flask, environ: dict[str, str], carrier: Carrier, processes: Processes, end: signal.Signals
):
    worker = processes.celery("worker", "--concurrency", "1", environ=environ)
    queue("first", 1)
    assert_each_left_once(carrier, "first", 1, within=40)
    [_leash, _parent, with_clock, *_others] = sorted(tree(worker.pid))
    os.kill(with_clock, end)
    queue("second", 5)
    assert_each_left_once(carrier, "second", 5, within=15)
