"""What becomes of reminders when an event moves or is called off."""

from datetime import UTC, date, datetime, time, timedelta

from flask import Flask

from mobilize.actions.models import Event, EventState
from mobilize.actions.operations import move_event
from mobilize.actions.time_ranges import LocalTimeRange
from mobilize.database import atomic, db
from mobilize.reminders.rules.planning import plan_reminders
from mobilize.texts.models import OutboxText, TextState
from tests.builders import make_event, make_member
from tests.reminders.conftest import MIA, left, phones, waiting, words

# 17:00 in Los Angeles on the day before START, a Tuesday at 7:00 there.
FIVE_PM = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)


def moved(event: Event, day: date, start: time, now: datetime) -> None:
    move_event(event, LocalTimeRange(day, start, time(20)), event.meet_at, actor="shell", now=now)


def test_what_waits_for_a_moved_event_is_planned_anew(app: Flask) -> None:
    event = make_event()
    make_member(site=event.site, phone=MIA)
    plan_reminders(FIVE_PM)
    moved(event, date(2026, 3, 3), time(15, 30), FIVE_PM)
    plan_reminders(FIVE_PM)
    [text] = waiting()
    assert "3:30 pm" in words(text)
    assert phones("moved") == []


def test_who_was_told_is_told_of_the_move_and_not_reminded_twice_an_evening(app: Flask) -> None:
    event = make_event()
    make_member(site=event.site, phone=MIA)
    plan_reminders(FIVE_PM)
    left()
    moved(event, date(2026, 3, 3), time(15, 30), FIVE_PM)
    for _again in range(2):
        plan_reminders(FIVE_PM + timedelta(minutes=10))
    assert phones("moved") == [MIA]
    assert "CHANGE" in words(waiting("moved")[0])
    assert phones() == []


def test_a_move_to_next_week_brings_a_new_reminder_then(app: Flask) -> None:
    event = make_event()
    make_member(site=event.site, phone=MIA)
    plan_reminders(FIVE_PM)
    left()
    moved(event, date(2026, 3, 10), time(15, 30), FIVE_PM)
    plan_reminders(FIVE_PM)
    assert phones() == []
    # Clocks went forward meanwhile: an hour earlier in UTC.
    plan_reminders(FIVE_PM + timedelta(days=7, hours=-1))
    assert phones() == [MIA]


def test_nothing_is_sent_for_an_event_that_was_called_off(app: Flask) -> None:
    event = make_event()
    make_member(site=event.site, phone=MIA)
    plan_reminders(FIVE_PM)
    with atomic():
        event.state = EventState.CALLED_OFF
    plan_reminders(FIVE_PM)
    assert phones() == []
    [text] = db.session.query(OutboxText).all()
    assert (text.state, text.reason) == (TextState.DROPPED, "called_off")
