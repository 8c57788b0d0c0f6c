"""The clock asks the database in one statement what there is to do, and wakes nobody for nothing."""

import random
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from celery import Celery
from flask import Flask

from mobilize import audit, clock
from mobilize.accounts.sign_in.one_time_codes import ask_for_code
from mobilize.database import atomic, db, new_id
from mobilize.reminders.rules.operations import set_default_rules
from mobilize.texts.models import Priority, TextClass
from mobilize.texts.operations import PlannedText, queue_texts
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.texts.sending import claiming
from tests.builders import make_event, make_site
from workers.runtime.beat import DueScheduler, tasks_with_work
from workers.timetable import TIMETABLE, TimetableEntry

NOON = datetime.fromisoformat("2026-03-10T19:00:00+00:00")  # in Los Angeles
NIGHT = datetime.fromisoformat("2026-03-10T08:00:00+00:00")


@pytest.fixture(autouse=True)
def no_zones_kept() -> None:
    claiming._zones.clear()


def due_tasks(now: datetime) -> set[str]:
    db.session.rollback()
    with db.engine.connect() as connection:
        return tasks_with_work(connection, TIMETABLE, now)


def queue(now: datetime, *, text_class: TextClass, priority: int = Priority.REMINDER) -> None:
    text = PlannedText(
        purpose=f"one:{new_id()}:1", phone="+12135550101", wording="as_written", language="en",
        text_class=text_class, tz="America/Los_Angeles", due_at=now, expires_at=now + timedelta(hours=20),
        priority=priority, merge_fields={"body": "Hello"},
    )  # fmt: skip
    queue_texts([text], now=now)


def a_clock(app: Flask) -> DueScheduler:
    celery = Celery("a clock", broker="redis://127.0.0.1:1/0")
    celery.flask_app = app
    return DueScheduler(celery)


def test_an_empty_database_has_nothing_to_do(app: Flask) -> None:
    assert due_tasks(NOON) == set()


def test_each_request_and_text_wakes_who_deals_with_it(app: Flask) -> None:
    ask_for_code("213 555 0101", "a browser", language="en", now=NOON)
    assert due_tasks(NOON) == {"accounts.send_codes", "reminders.alert_about_codes"}
    take_inbound("SM1", "+12135550101", "ICE is outside", now=NOON)
    assert {"reminders.read_answers", "reminders.alert_duty"} <= due_tasks(NOON)
    with atomic():
        audit.note("test", "sign_in.code", "nobody", now=NOON)
    assert "audit.seal" in due_tasks(NOON)


def test_a_code_wakes_its_own_drain_and_a_reminder_the_other(app: Flask) -> None:
    queue(NIGHT, text_class=TextClass.MEMBER)
    assert not due_tasks(NIGHT), "nothing leaves at midnight, and nobody is woken for it"
    claiming._zones.clear()
    assert {"texts.drain", "texts.sweep"} <= due_tasks(NOON)
    assert "texts.drain_codes" not in due_tasks(NOON)
    queue(NIGHT, text_class=TextClass.REQUESTED, priority=Priority.CODE)
    assert {"texts.drain", "texts.drain_codes"} <= due_tasks(NIGHT)


def test_a_text_of_a_zone_that_nothing_waited_for_leaves_at_once(app: Flask) -> None:
    assert not due_tasks(NOON)
    queue(NOON, text_class=TextClass.MEMBER)
    assert "texts.drain" in due_tasks(NOON + timedelta(seconds=1))


def test_an_event_wakes_who_plans_freezes_and_closes(app: Flask) -> None:
    event = make_event(make_site())
    before = event.starts_at - timedelta(days=3)
    assert "reminders.follow_changes" in due_tasks(before)
    set_default_rules(before)
    assert "actions.freeze_due_events" not in due_tasks(before)
    assert "actions.freeze_due_events" in due_tasks(event.starts_at)
    assert "turnout.close_due_events" in due_tasks(event.ends_at + timedelta(hours=5))


def test_at_rest_the_clock_sends_nothing_and_asks_on(pg_app: Flask) -> None:
    scheduler = a_clock(pg_app)
    everything = scheduler.due(1000.0)
    assert len(everything) == len(TIMETABLE), "at the start, whatever there is to do"
    assert scheduler.due(1001.0) == []
    queue(clock.now(), text_class=TextClass.REQUESTED, priority=Priority.CODE)
    assert {"texts.drain_codes"} <= {entry.task for entry in scheduler.due(1002.0)}


def test_an_hour_of_ticks_asks_in_as_many_statements_as_there_are_intervals(
    own_app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    statements, dice = set[tuple[str, ...]](), random.Random(1937)
    scheduler, moment = a_clock(own_app), 1000.0

    def answer(entries: Sequence[TimetableEntry]) -> set[str]:
        statements.add(tuple(entry.task for entry in entries if entry.work))
        return {entry.task for entry in entries if dice.random() < 0.1}

    monkeypatch.setattr(scheduler, "_ask", answer)
    while moment < 1000.0 + 3600:
        moment += (0.5 if scheduler.due(moment) else 1.0) + dice.expovariate(100)
    assert len(statements - {()}) <= len({entry.seconds for entry in TIMETABLE if entry.work})


@pytest.mark.parametrize("table", ["audit", "reminder_rules", "outbox"])
def test_a_table_that_is_locked_keeps_no_code_waiting(pg_app: Flask, table: str) -> None:
    scheduler = a_clock(pg_app)
    scheduler.due(1000.0)
    with db.engine.connect() as blocking:
        blocking.exec_driver_sql(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        due = {entry.task for entry in scheduler.due(1040.0)}
        assert time.monotonic() - began < 3
        assert {"accounts.send_codes", "texts.drain_codes", "audit.seal"} <= due
        blocking.rollback()
