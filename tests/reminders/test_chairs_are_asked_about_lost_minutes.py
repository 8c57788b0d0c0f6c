"""A backup was put back while lines stood: their chairs are asked to send their list again and to count."""

from datetime import datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from mobilize.accounts.models import Person, RoleName
from mobilize.actions.models import ActionKind, Event
from mobilize.backup.gaps import GapReason, RecoveryGap
from mobilize.database import atomic, db
from mobilize.reminders.head_counts.lost_minutes import ask_about_lost_minutes
from mobilize.texts.operations import opt_out
from tests.builders import START, make_action, make_event, make_person, make_site, sign_in
from tests.checkins.morning import grant_for
from tests.reminders.conftest import CARMEN, NATE, phones, waiting, words

LOST_FROM, LOST_UNTIL = START + timedelta(minutes=2), START + timedelta(minutes=4)
LATER = START + timedelta(minutes=8)


@pytest.fixture
def event(app: Flask) -> Event:
    return a_line()


def a_line(phone: str = CARMEN, **values: object) -> Event:
    event = make_event(make_site("Elm Street School"), **values)
    make_person(phone=phone, role=RoleName.CHAIR, site=event.site)
    return event


def lose(start: datetime = LOST_FROM, end: datetime = LOST_UNTIL, **values: object) -> RecoveryGap:
    gap = RecoveryGap(reason=GapReason.RESTORED, from_at=start, opened_at=end, closed_at=LATER, is_loss=True)
    for name, value in values.items():
        setattr(gap, name, value)
    with atomic() as session:
        session.add(gap)
    return gap


def test_the_chair_of_a_line_is_asked_once_about_the_minutes_that_were_lost(event: Event) -> None:
    lose()
    assert [ask_about_lost_minutes(LATER) for _again in range(2)] == [1, 0]
    [text] = waiting("lost_minutes")
    assert (text.to, text.asks, text.text_class) == (CARMEN, "head_count", "duty")
    assert "7:02 am" in words(text) and "7:04 am" in words(text) and "Elm Street School" in words(text)
    lose(LATER, LATER + timedelta(minutes=1), closed_at=LATER + timedelta(minutes=5))
    assert ask_about_lost_minutes(LATER + timedelta(minutes=6)) == 1


def test_it_stands_on_the_page_of_the_line_and_of_the_event_too(event: Event, client: FlaskClient) -> None:
    gap = lose()
    with time_machine.travel(LATER, tick=False):
        client.set_cookie(f"line-{event.code}", grant_for(event)[1], domain="localhost")
        page = client.get(f"/line/{event.code}").text
        assert "7:02" in page and "7:04" in page and "a backup was put back" in page
        sign_in(client, db.session.scalars(select(Person)).one())
        page = client.get(f"/events/{event.id}").text
        assert "a backup was put back" in page
        gap.is_loss = False
        db.session.commit()
        assert "a backup was put back" not in client.get(f"/line/{event.code}").text


def test_nobody_is_asked_while_nothing_leaves_or_nothing_was_lost_or_long_after(event: Event) -> None:
    gap = lose(closed_at=None)
    assert ask_about_lost_minutes(LATER) == 0
    gap.closed_at, gap.is_loss = LATER, False
    db.session.commit()
    assert ask_about_lost_minutes(LATER) == 0
    gap.is_loss = True
    db.session.commit()
    assert ask_about_lost_minutes(event.ends_at + timedelta(hours=3)) == 0
    assert ask_about_lost_minutes(LATER) == 1


def test_lines_that_did_not_stand_then_and_rallies_are_not_asked(app: Flask) -> None:
    tomorrow = START + timedelta(days=1)
    a_line(starts_at=tomorrow, ends_at=tomorrow + timedelta(hours=1))
    make_event(make_site("City Hall"), action=make_action(kind=ActionKind.RALLY))
    a_line(NATE, action=make_action(drill=True))
    lose()
    assert ask_about_lost_minutes(LATER) == 0


def test_where_the_chair_said_stop_the_co_chair_is_asked(event: Event) -> None:
    make_person(phone=NATE, role=RoleName.COCHAIR, site=event.site)
    opt_out(CARMEN, source="reply", now=START)
    lose()
    ask_about_lost_minutes(LATER)
    assert phones("lost_minutes") == [NATE]
