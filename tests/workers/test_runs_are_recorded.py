"""The last run of each task: written every two minutes at most, with Redis and without."""

import time
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import event

from mobilize import clock
from mobilize.database import db
from mobilize.observability import health_checks, task_runs
from mobilize.observability.task_runs import TaskRun
from mobilize.reminders.monitoring.worker_tasks import QUEUES, QueueStatus, wakes_in_redis, worker_queues
from tests.conftest import NOBODY_LISTENS
from tests.services.processes import Processes
from workers.runtime import run_log
from workers.runtime.run_log import RunLog
from workers.timetable import TIMETABLE, Queue


@pytest.fixture
def log(app: Flask) -> RunLog:
    return RunLog(app, "texts0-worker@here")


def row(task: str = "texts.drain") -> TaskRun:
    db.session.rollback()
    return db.session.get_one(TaskRun, (task, "texts0-worker@here"), populate_existing=True)


def run(log: RunLog, task: str = "texts.drain", problem: Exception | None = None) -> None:
    with log.recorded(task):
        if problem:
            raise problem


def writes_of(work: Callable[[], None]) -> int:
    writes: list[str] = []

    def listen(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if "task_runs" in statement and not statement.startswith("SELECT"):
            writes.append(statement)

    event.listen(db.engine, "before_cursor_execute", listen)
    try:
        work()
    finally:
        event.remove(db.engine, "before_cursor_execute", listen)
    return len(writes)


def test_a_run_is_recorded_with_its_time_and_the_other_tasks_of_the_queue_are_announced(
    log: RunLog,
) -> None:
    run(log)
    assert (row().error, row().every_s, row().queue) == (None, 0.5, "texts")
    assert row().ran_at is not None and row().took_ms is not None
    announced = {one.task for one in task_runs.latest_runs(row().reported_at)}
    assert announced == {entry.task for entry in TIMETABLE if entry.queue == "texts"}
    assert row("texts.sweep").ran_at is None


def test_within_two_minutes_it_is_written_once(log: RunLog) -> None:
    run(log)
    assert writes_of(lambda: [run(log) for _ in range(50)].clear()) == 0


def test_after_two_minutes_all_that_ran_is_written_together(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    for task in ("texts.drain", "texts.sweep", "texts.drain", "texts.sweep"):
        run(log, task)
    before = row("texts.sweep").ran_at
    monkeypatch.setattr(run_log, "WRITE_EVERY_S", 0)
    assert writes_of(lambda: run(log)) == 2
    after = row("texts.sweep").ran_at
    assert before is not None and after is not None and after > before


def test_a_failure_and_its_end_are_written_at_once(log: RunLog) -> None:
    run(log)
    for _again in range(2):
        with pytest.raises(KeyError):
            run(log, problem=KeyError("a name"))
    failed = row()
    assert failed.error == "KeyError" and failed.failing_since == failed.ran_at
    run(log)
    assert (row().error, row().failing_since) == (None, None)


def test_without_a_database_the_task_has_run_and_is_written_later(
    log: RunLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object, **__: object) -> None:
        raise OSError

    for step in ("announce", "record_runs"):
        with monkeypatch.context() as patch:
            patch.setattr(task_runs, step, away)
            run(log)
    run(log, "texts.sweep")
    assert row().ran_at is not None


def test_a_process_that_is_forked_anew_goes_on_where_the_one_before_left_off(app: Flask, log: RunLog) -> None:
    with pytest.raises(KeyError):
        run(log, problem=KeyError("a name"))
    began = row().failing_since
    again = RunLog(app, log.process)

    def fail_again() -> None:
        with pytest.raises(KeyError):
            run(again, problem=KeyError("a name"))

    assert writes_of(lambda: again._announce("texts")) > 0
    assert writes_of(fail_again) == 0
    run(again, "texts.sweep")
    assert row().failing_since == began


@pytest.mark.parametrize("redis_is_there", [True, False])
def test_a_worker_reports_its_tasks_and_what_waits_in_redis(
    pg_app: Flask, environ: dict[str, str], processes: Processes, redis_is_there: bool
) -> None:
    environ |= {"PATIENCE": "0.05"} | ({} if redis_is_there else {"REDIS_URL": NOBODY_LISTENS})
    processes.celery("worker", "--queues", "codes,long", environ=environ)
    if redis_is_there:
        processes.celery("beat", environ=environ)
    wait_until(lambda: has_run("accounts.send_codes") and has_run("workers.look_at_queues"))
    names = {process.name.partition("@")[0] for one in queues_now() for process in one.processes}
    assert names == {"codes0-worker", "long1-worker"}
    assert all(one.error is None for queue in queues_now() for one in queue.tasks)
    assert set(wakes_in_redis()) == (set(map(str, Queue)) if redis_is_there else set())
    assert redis_is_there or health_checks.latest(QUEUES).value == "ConnectionError"  # type: ignore[union-attr]


def queues_now() -> list[QueueStatus]:
    db.session.rollback()
    return worker_queues(clock.now())


def has_run(task: str) -> bool:
    return any(one.ran_at for queue in queues_now() for one in queue.tasks if one.task == task)


def wait_until(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.5)
