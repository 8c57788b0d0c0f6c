"""The figures that a scrape asks the database for: texts that wait, those nobody knows of, silent lines."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from mobilize import clock
from mobilize.actions.models import ActionKind, Event
from mobilize.checkins.record.head_counts import open_and_silent, report_head_count
from mobilize.database import atomic, new_id
from mobilize.observability import metrics
from mobilize.texts.enums import AttemptOutcome, TextClass, TextState
from mobilize.texts.models import Attempt, OutboxText, Priority
from mobilize.texts.operations import PlannedText, queue_text
from mobilize.texts.queries import HEAD, due_texts, oldest_due_by_class, unsettled_by_state
from mobilize.texts.sending.pauses import pause_texts
from tests.builders import START, ZONE, make_action, make_event, make_site

# Los Angeles: members are texted from nine to eight, duty from half past five.
NIGHT, NOON = (datetime(2026, 3, 3, hour, tzinfo=START.tzinfo) for hour in (11, 20))


def queue(n: int, text_class: TextClass, at: datetime, **values: Any) -> OutboxText:
    fields = {
        "wording": "as_written", "language": "en", "tz": ZONE, "merge_fields": {"body": "Hello"},
        "due_at": at, "expires_at": at + timedelta(days=1), "priority": Priority.REMINDER, **values,
    }  # fmt: skip
    phone = f"+1213555{n:04d}"
    return queue_text(PlannedText(purpose=f"test:{n}", phone=phone, text_class=text_class, **fields), now=at)


def oldest(now: datetime) -> dict[TextClass, float]:
    return {text_class: age for text_class, age in oldest_due_by_class(now=now).items() if age}


def test_a_text_waits_since_it_could_have_left(app: Flask) -> None:
    """Queued at three at night, a text to a member waits from nine on, and one to a chair from half past
    five."""
    for n, text_class in enumerate((TextClass.MEMBER, TextClass.MEMBER, TextClass.DUTY, TextClass.REQUESTED)):
        queue(n, text_class, NIGHT + timedelta(minutes=n))
    queue(9, TextClass.MEMBER, NOON, due_at=NOON + timedelta(minutes=5))
    assert oldest(NIGHT) == {}
    assert oldest(NIGHT + timedelta(hours=1)) == {TextClass.REQUESTED: 57 * 60}
    hour = 3600.0
    assert oldest(NOON) == {
        TextClass.MEMBER: 3 * hour,
        TextClass.DUTY: 6.5 * hour,
        TextClass.REQUESTED: 9 * hour - 180,
    }
    assert (due_texts(now=NIGHT), due_texts(now=NOON)) == (1, 4)


def test_what_waits_for_something_else_is_not_late(app: Flask) -> None:
    event, campaign = make_event(), new_id()
    queue(1, TextClass.MEMBER, NOON, event_id=event.id)
    queue(2, TextClass.MEMBER, NOON, expires_at=NOON + timedelta(minutes=1))
    over_cap = queue(3, TextClass.MEMBER, NOON)
    with atomic() as session:
        session.execute(update(OutboxText).where(OutboxText.id == over_cap.id).values(reason="too_many"))
    pause_texts(campaign, [event.id], "wait", by="shell", now=NOON)
    assert oldest(NOON + timedelta(minutes=2)) == {}
    assert due_texts(now=NOON) == 3


def test_a_code_is_seen_behind_all_reminders(app: Flask) -> None:
    for n in range(HEAD + 5):
        queue(n, TextClass.MEMBER, NOON)
    queue(900, TextClass.REQUESTED, NOON + timedelta(minutes=1), priority=Priority.CODE_OF_ROLE)
    now = NOON + timedelta(minutes=2)
    assert oldest(now) == {TextClass.MEMBER: 120.0, TextClass.REQUESTED: 60.0}


def test_texts_are_counted_by_where_they_stand(app: Flask) -> None:
    states = [*TextState, TextState.STUCK, TextState.WAITING]
    texts = [queue(n, TextClass.REQUESTED, NOON) for n in range(len(states))]
    with atomic() as session:
        for text, state in zip(texts, states, strict=True):
            session.execute(update(OutboxText).where(OutboxText.id == text.id).values(state=state))
            looked_up = NOON if state is TextState.UNKNOWN else None
            in_doubt = state in (TextState.UNKNOWN, TextState.STUCK)
            outcome = AttemptOutcome.UNKNOWN if in_doubt else AttemptOutcome.ACCEPTED
            values = {"started_at": NOON, "body_index": bytes(16), "look_after": looked_up}
            session.add(Attempt(outbox_id=text.id, n=1, outcome=outcome, **values))
    assert unsettled_by_state() == {
        TextState.WAITING: 2,
        TextState.CLAIMED: 1,
        TextState.UNKNOWN: 1,
        TextState.STUCK: 2,
    }


def count_at(event: Event, n: int, now: datetime) -> None:
    nonce = n.to_bytes(16, "big")
    report_head_count(event, n, counted_at=now, nonce=nonce, via="line", by="grant:test", now=now)


def test_a_line_that_stands_is_silent_until_its_first_count(app: Flask) -> None:
    picket = make_action()
    events = [make_event(action=picket) for _ in range(3)]
    make_event(action=make_action(drill=True))
    make_event(action=make_action(kind=ActionKind.RALLY), chapters=[make_site()])
    now = START + timedelta(minutes=20)
    assert open_and_silent(START - timedelta(minutes=1)) == (0, 0)
    assert open_and_silent(now) == (3, 3)
    for n in (12, 14):
        count_at(events[0], n, now)
    assert open_and_silent(now) == (3, 2)
    assert open_and_silent(picket.ends_at + timedelta(minutes=1)) == (0, 0)


def test_every_page_is_of_some_class(app: Flask) -> None:
    """And what is asked for cannot make one up."""
    paths = [re.sub("<[^>]*>", "x", rule.rule) for rule in app.url_map.iter_rules()]
    unknown = {path for path in paths if metrics.route_of("GET", path) == "unknown"}
    assert len(paths) > 150 and unknown == set()
    assert metrics.route_of("GET", "/wp-login.php") == metrics.route_of("POST", "/x") == "unknown"


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("GET", "/C/ABCDEFGHJ", "check_in_page"),
        ("HEAD", "/c/ABCDEFGHJ/1234", "check_in_page"),
        ("POST", "/c/ABCDEFGHJ", "check_in"),
        ("POST", "/p/ABCDEFGHJ/XY", "check_in"),
        ("GET", "/line/ABCDEFGHJ", "line_page"),
        ("GET", "/line/ABCDEFGHJ/state", "line_look"),
        ("POST", "/line/ABCDEFGHJ/items", "line_send"),
        ("POST", "/texts/receipts/1", "carrier"),
        ("POST", "/texts/health/pause", "page"),
        ("GET", "/actions/1/turnout.json", "board"),
        ("GET", "/", "page"),
    ],
)
def test_an_address_is_counted_by_what_it_is_for(method: str, path: str, route: str) -> None:
    assert metrics.route_of(method, path) == route


def test_an_empty_database_has_figures_too(app: Flask) -> None:
    assert oldest_due_by_class(now=clock.now()) == dict.fromkeys(TextClass, 0.0)
    assert due_texts(now=clock.now()) == 0
    assert set(unsettled_by_state().values()) == {0}
    assert open_and_silent(clock.now()) == (0, 0)
