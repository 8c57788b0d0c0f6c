"""At most three texts of the class `member` about one event go to one number within 24 hours."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask

from mobilize.database import db, new_id
from mobilize.texts import windows
from mobilize.texts.claiming import claim
from mobilize.texts.delivery import sweep
from mobilize.texts.models import OutboxText, TextClass
from tests.texts.conftest import MIA, NATE, fresh

Queue = Callable[..., OutboxText]


@pytest.fixture(autouse=True)
def any_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "open_zones", lambda _klass, zones, _now: zones)
    monkeypatch.setattr(windows, "closes_at", lambda *_given, **_more: None)


def test_the_fourth_about_one_event_waits_a_day(app: Flask, queued: Queue, now: datetime) -> None:
    about = {"event_id": new_id(), "klass": TextClass.MEMBER, "useless_after": now + timedelta(days=3)}
    for n in range(5):
        queued(purpose=f"member:{n}", **about)
    assert len(claim(50, by="a", now=now)) == 3
    assert claim(50, by="a", now=now + timedelta(hours=2)) == []
    assert len(claim(50, by="a", now=now + timedelta(hours=25))) == 2


def test_other_events_numbers_and_classes_have_their_own(app: Flask, queued: Queue, now: datetime) -> None:
    about = {"event_id": new_id(), "klass": TextClass.MEMBER}
    for n in range(3):
        queued(purpose=f"member:{n}", **about)
    queued(NATE, purpose="hers", **about)
    queued(purpose="another", event_id=new_id(), klass=TextClass.MEMBER)
    queued(purpose="moved", event_id=about["event_id"], klass=TextClass.NOTICE)
    queued(purpose="none", klass=TextClass.MEMBER)
    assert sorted({claimed.to for claimed in claim(50, by="a", now=now)}) == [MIA, NATE]
    assert claim(50, by="a", now=now) == []


def test_one_over_the_cap_says_so_while_it_waits_and_when_it_is_dropped(
    app: Flask, queued: Queue, now: datetime
) -> None:
    about = {"event_id": new_id(), "klass": TextClass.MEMBER}
    texts = [queued(purpose=f"member:{n}", **about) for n in range(4)]
    other = queued(NATE, purpose="hers", **about)
    claim(50, by="a", now=now)
    sweep(now=now + timedelta(minutes=2))
    fourth = max(texts, key=lambda text: fresh(text).state == "waiting")
    assert (fresh(fourth).state, fresh(fourth).reason) == ("waiting", "too_many")
    assert fresh(other).reason is None
    sweep(now=now + timedelta(hours=3))
    assert (fresh(fourth).state, fresh(fourth).reason) == ("dropped", "too_many")


def test_one_that_may_leave_after_all_forgets_why_it_waited(app: Flask, queued: Queue, now: datetime) -> None:
    about = {"event_id": new_id(), "klass": TextClass.MEMBER, "useless_after": now + timedelta(days=3)}
    for n in range(4):
        queued(purpose=f"member:{n}", **about)
    claim(50, by="a", now=now)
    sweep(now=now + timedelta(minutes=2))
    [left] = claim(50, by="a", now=now + timedelta(hours=25))
    found = db.session.get(OutboxText, left.id, populate_existing=True)
    assert found is not None and found.reason is None
