"""The page of the workers' tasks: what ran when, what is late or fails, and what waits."""

from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from mobilize import clock
from mobilize.accounts.models import RoleName
from mobilize.database import atomic, locks
from mobilize.observability import health_checks
from mobilize.observability.task_runs import FinishedRun, ScheduledTask, announce, record_runs
from mobilize.reminders.monitoring.task_words import queue_words, task_words
from mobilize.reminders.monitoring.worker_tasks import (
    QUEUES,
    due_texts,
    unknown_texts,
    wakes_in_redis,
    worker_queues,
)
from mobilize.texts.models import OutboxText, Priority, TextClass, TextState
from mobilize.texts.operations import PlannedText, queue_text
from tests.builders import make_area, make_person, sign_in
from tests.reminders.conftest import MIA
from workers.timetable import TIMETABLE, Queue

PLAN = ScheduledTask("reminders.plan", "planning", 5, 60)
BRIEF = ScheduledTask("reminders.brief_chairs", "planning", 30, 30)
HOURLY = ScheduledTask("reminders.hourly", "planning", 3600, 3600)
HERE = "planning0-worker@here"
WHEN_DUE = "when there is something to do, and every minute"


def ran(task: ScheduledTask, *, minutes_ago: float, process: str = HERE, **values: object) -> None:
    now = clock.now()
    run = FinishedRun(now - timedelta(minutes=minutes_ago), 240, **values)  # type: ignore[arg-type]
    announce(process, [PLAN, BRIEF], now=now)
    record_runs(process, {task.task: run}, now=now)


def waits(minutes: float, text_class: TextClass, priority: int, n: int = 0) -> None:
    now = clock.now()
    text = PlannedText(
        purpose=f"test:{text_class}:{priority}:{n}",
        phone=MIA,
        wording="as_written",
        language="en",
        text_class=text_class,
        tz="America/Los_Angeles",
        due_at=now - timedelta(minutes=minutes),
        expires_at=now + timedelta(hours=2),
        priority=priority,
        merge_fields={"body": "Hello"},
    )
    queue_text(text, now=now)


def admins_page(client: FlaskClient) -> str:
    sign_in(client, make_person("Ada Stone", role=RoleName.ADMIN))
    return client.get("/texts/health/workers").text


def test_the_office_reads_when_each_task_last_ran_and_how_long_it_took(
    app: Flask, client: FlaskClient
) -> None:
    announce(HERE, [PLAN, BRIEF], now=clock.now())
    ran(PLAN, minutes_ago=3)
    locks.record_run("beat", now=clock.now())
    page = admins_page(client)
    assert "Reminders are planned" in page and WHEN_DUE in page
    assert "3 minutes ago" in page and "0.2 seconds" in page
    assert "Chairs are briefed before an action" in page and "Not yet." in page
    assert "Everything is running." in page and "Late" not in page and 'class="notice problem"' not in page
    assert "What the workers do" in client.get("/texts/health").text


def test_it_says_so_in_spanish(app: Flask, client: FlaskClient) -> None:
    ran(PLAN, minutes_ago=3)
    sign_in(client, make_person(role=RoleName.ADMIN))
    page = client.get("/texts/health/workers?lang=es").text
    assert "Se planean los recordatorios" in page and "hace 3 minutos" in page


def test_without_workers_it_says_what_to_do(app: Flask, client: FlaskClient) -> None:
    page = admins_page(client)
    assert "The workers have not reported yet." in page and "make work" in page


def test_organizers_do_not_see_it(app: Flask, client: FlaskClient) -> None:
    sign_in(client, make_person("Olga Reed", role=RoleName.ORGANIZER, area=make_area()))
    assert client.get("/texts/health/workers").status_code == 403
    assert "What the workers do" not in client.get("/texts/health").text


def test_a_task_that_should_have_run_is_late_and_stands_first(app: Flask) -> None:
    ran(BRIEF, minutes_ago=4)
    ran(PLAN, minutes_ago=6)
    [queue] = worker_queues(clock.now())
    assert [(one.task, one.is_late) for one in queue.tasks] == [
        ("reminders.plan", True),
        ("reminders.brief_chairs", False),
    ]


def test_what_never_ran_is_late_in_its_time(app: Flask) -> None:
    announce(HERE, [PLAN, HOURLY], now=clock.now() - timedelta(minutes=30))
    [queue] = worker_queues(clock.now())
    assert [(one.task, one.is_late) for one in queue.tasks] == [(PLAN.task, True), (HOURLY.task, False)]


def test_a_process_that_rests_while_there_is_nothing_to_do_needs_nobody(app: Flask) -> None:
    announce(HERE, [HOURLY], now=clock.now() - timedelta(minutes=30))
    [queue] = worker_queues(clock.now())
    assert queue.processes[0].is_silent and not queue.nobody_works


def test_one_failure_is_tried_again_and_many_need_somebody(app: Flask, client: FlaskClient) -> None:
    now = clock.now()
    ran(BRIEF, minutes_ago=0, error="OperationalError", failing_since=now)
    ran(PLAN, minutes_ago=0, error="KeyError", failing_since=now - timedelta(minutes=9))
    [queue] = worker_queues(now)
    assert [(one.task, one.fails) for one in queue.tasks] == [
        ("reminders.plan", True),
        ("reminders.brief_chairs", False),
    ]
    page = admins_page(client)
    assert "KeyError" in page and "It failed and is tried again: OperationalError" in page
    assert "Everything is running." not in page


def test_the_latest_run_of_two_processes_counts(app: Flask) -> None:
    ran(PLAN, minutes_ago=9, process="planning0-worker@there")
    ran(PLAN, minutes_ago=1)
    announce("planning0-worker@new", [PLAN], now=clock.now())
    [queue] = worker_queues(clock.now())
    assert [one.is_late for one in queue.tasks if one.task == PLAN.task] == [False]
    assert len(queue.processes) == 3


def test_a_queue_nobody_works_on_is_said_and_a_process_that_another_replaces_is_not(
    app: Flask, client: FlaskClient
) -> None:
    now = clock.now()
    announce("planning0-worker@old", [PLAN], now=now - timedelta(minutes=6))
    [alone] = worker_queues(now)
    assert alone.nobody_works
    assert "Nobody works on this: Planning" in admins_page(client)
    announce(HERE, [PLAN], now=now)
    [queue] = worker_queues(now)
    assert [process.is_silent for process in queue.processes] == [False, True] and not queue.nobody_works


def test_a_process_that_is_gone_for_a_day_is_not_there(app: Flask) -> None:
    announce("planning0-worker@old", [PLAN, BRIEF], now=clock.now() - timedelta(days=2))
    assert worker_queues(clock.now()) == []


def test_a_task_that_a_release_took_away_is_not_there(app: Flask) -> None:
    announce(HERE, [PLAN, BRIEF], now=clock.now())
    for _again in range(2):
        announce(HERE, [PLAN], now=clock.now())
    [queue] = worker_queues(clock.now())
    assert [one.task for one in queue.tasks] == ["reminders.plan"]


def test_what_is_due_is_counted_by_class_and_a_late_code_needs_somebody(app: Flask) -> None:
    waits(2, TextClass.REQUESTED, Priority.CODE_OF_ROLE)
    waits(3, TextClass.REQUESTED, Priority.REPLY)
    for n in range(2):
        waits(50 + n, TextClass.MEMBER, Priority.REMINDER, n)
    waits(-5, TextClass.MEMBER, Priority.REMINDER, 9)
    now = clock.now()
    assert [(one.kind, one.texts, one.too_long) for one in due_texts(now)] == [
        ("codes", 1, True),
        ("asked", 1, False),
        ("member", 2, False),
    ]
    assert now - due_texts(now)[2].oldest_at > timedelta(minutes=50)


def test_unknown_texts_are_counted_and_stuck_ones_need_a_person(app: Flask, client: FlaskClient) -> None:
    assert unknown_texts(clock.now()).looked_up == 0
    for n, state in enumerate((TextState.UNKNOWN, TextState.UNKNOWN, TextState.STUCK)):
        waits(20 * n, TextClass.MEMBER, Priority.REMINDER, n)
        with atomic() as session:
            session.query(OutboxText).filter_by(state=TextState.WAITING).update({"state": state})
    unknown = unknown_texts(clock.now())
    assert (unknown.looked_up, unknown.too_long, unknown.stuck) == (2, True, 1)
    page = admins_page(client)
    assert "1 text needs a person" in page and "Being checked for too long" in page


def test_what_waits_in_redis_is_shown_and_where_it_is_silent_a_word_is(
    app: Flask, client: FlaskClient
) -> None:
    ran(PLAN, minutes_ago=1)
    health_checks.record(QUEUES, "codes=0 texts=0 planning=3 reports=0 long=0", now=clock.now())
    assert wakes_in_redis()["planning"] == 3
    assert "3 wakes wait in Redis." in admins_page(client)
    health_checks.record(QUEUES, "ConnectionError", now=clock.now())
    assert wakes_in_redis() == {}
    page = client.get("/texts/health/workers").text
    assert "It did not answer 1 second ago: ConnectionError." in page


def test_each_task_and_queue_of_the_timetable_has_its_words(app: Flask) -> None:
    with app.test_request_context():
        assert set(task_words()) == {entry.task for entry in TIMETABLE}
        assert set(queue_words()) == set(map(str, Queue))


@pytest.mark.parametrize(
    ("every_s", "at_least_every_s", "words"),
    [
        (0.5, 600, "when there is something to do, and every 10 minutes"),
        (1, 3600, "when there is something to do, and every hour"),
        (30, 30, "every 30 seconds"),
        (60, 60, "every minute"),
        (300, 300, "every 5 minutes"),
        (3600, 3600, "every hour"),
        (7200, 7200, "every 2 hours"),
    ],
)
def test_how_often_is_said_as_it_is(
    app: Flask, client: FlaskClient, every_s: float, at_least_every_s: float, words: str
) -> None:
    """A task that is woken when something is due is not late because it last ran minutes ago."""
    task = ScheduledTask("texts.drain_codes", "codes", every_s, at_least_every_s)
    announce("codes0-worker@here", [task], now=clock.now())
    page = admins_page(client)
    assert f"Codes are handed to the carrier</strong> {words}." in page


def test_emergencies_that_wait_stand_first_and_need_somebody_after_a_minute(
    app: Flask, client: FlaskClient
) -> None:
    waits(2, TextClass.DUTY, Priority.ALARM)
    waits(2, TextClass.REQUESTED, Priority.CODE)
    assert [(one.kind, one.too_long) for one in due_texts(clock.now())] == [("alarms", True), ("codes", True)]
    assert "Emergencies, to whoever is on duty" in admins_page(client)
