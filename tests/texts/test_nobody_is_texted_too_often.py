"""At most three texts of the class `member` about one event go to one number within 24 hours."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from mobilize.database import atomic, db, new_id
from mobilize.texts.models import OutboxText, TextClass, TextState
from mobilize.texts.sending import limits
from mobilize.texts.sending.claiming import claim
from mobilize.texts.sending.delivery import sweep
from mobilize.texts.sending.limits import under_cap
from tests.texts.conftest import MIA, NATE, fresh

Queue = Callable[..., OutboxText]


@pytest.fixture(autouse=True)
def any_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "open_zones", lambda _text_class, zones, _now: zones)
    monkeypatch.setattr(limits, "closes_at", lambda *_args, **_more: None)


def test_the_fourth_about_one_event_waits_a_day(app: Flask, queued: Queue, now: datetime) -> None:
    about = {"event_id": new_id(), "text_class": TextClass.MEMBER, "expires_at": now + timedelta(days=3)}
    for n in range(5):
        queued(purpose=f"member:{n}", **about)
    assert len(claim(50, by="a", now=now)) == 3
    assert claim(50, by="a", now=now + timedelta(hours=2)) == []
    assert len(claim(50, by="a", now=now + timedelta(hours=25))) == 2


def test_other_events_numbers_and_classes_have_their_own(app: Flask, queued: Queue, now: datetime) -> None:
    about = {"event_id": new_id(), "text_class": TextClass.MEMBER}
    for n in range(3):
        queued(purpose=f"member:{n}", **about)
    queued(NATE, purpose="own", **about)
    queued(purpose="another", event_id=new_id(), text_class=TextClass.MEMBER)
    queued(purpose="moved", event_id=about["event_id"], text_class=TextClass.NOTICE)
    queued(purpose="none", text_class=TextClass.MEMBER)
    assert sorted({claimed.to for claimed in claim(50, by="a", now=now)}) == [MIA, NATE]
    assert claim(50, by="a", now=now) == []


def test_one_over_the_cap_says_so_while_it_waits_and_when_it_is_dropped(
    app: Flask, queued: Queue, now: datetime
) -> None:
    about = {"event_id": new_id(), "text_class": TextClass.MEMBER}
    texts = [queued(purpose=f"member:{n}", **about) for n in range(4)]
    other = queued(NATE, purpose="own", **about)
    claim(50, by="a", now=now)
    sweep(now=now + timedelta(minutes=2))
    fourth = max(texts, key=lambda text: fresh(text).state == "waiting")
    assert (fresh(fourth).state, fresh(fourth).reason) == ("waiting", "too_many")
    assert fresh(other).reason is None
    sweep(now=now + timedelta(hours=3))
    assert (fresh(fourth).state, fresh(fourth).reason) == ("dropped", "too_many")


def test_one_that_may_leave_after_all_forgets_why_it_waited(app: Flask, queued: Queue, now: datetime) -> None:
    about = {"event_id": new_id(), "text_class": TextClass.MEMBER, "expires_at": now + timedelta(days=3)}
    for n in range(4):
        queued(purpose=f"member:{n}", **about)
    claim(50, by="a", now=now)
    sweep(now=now + timedelta(minutes=2))
    [left] = claim(50, by="a", now=now + timedelta(hours=25))
    row = db.session.get(OutboxText, left.id, populate_existing=True)
    assert row is not None and row.reason is None


# ---- The rule itself


def may_leave(now: datetime) -> list[str]:
    """The purposes of texts under the cap."""
    rows = db.session.scalars(select(OutboxText).where(under_cap(now)).order_by(OutboxText.id))
    return [text.idempotency_key.partition(":")[0] for text in rows]


def become(texts: list[OutboxText], **values: Any) -> None:
    with atomic() as session:
        session.execute(update(OutboxText).where(OutboxText.id.in_(t.id for t in texts)).values(**values))


@pytest.mark.parametrize("state", TextState)
def test_what_has_left_or_may_have_counts_and_nothing_else(
    app: Flask, queued: Queue, now: datetime, state: TextState
) -> None:
    about = {"event_id": new_id(), "text_class": TextClass.MEMBER}
    before = [queued(purpose=f"before{n}", **about) for n in range(3)]
    queued(purpose="fourth", **about)
    waits = state is TextState.WAITING
    become(before, state=state, next_try_at=now + timedelta(seconds=1 if waits else 0))
    counts = state in {"claimed", "unknown", "accepted", "sent", "delivered"}
    assert ("fourth" in may_leave(now)) is not counts


def test_a_text_that_is_a_day_old_counts_no_more(app: Flask, queued: Queue, now: datetime) -> None:
    about = {"event_id": new_id(), "text_class": TextClass.MEMBER}
    before = [queued(purpose=f"before{n}", **about) for n in range(3)]
    queued(purpose="fourth", **about)
    become(before, state=TextState.SENT, due_at=now - timedelta(hours=24) + timedelta(seconds=1))
    assert "fourth" not in may_leave(now)
    become(before, due_at=now - timedelta(hours=24))
    assert "fourth" in may_leave(now)


def test_those_ahead_of_it_count_when_they_may_leave_now(app: Flask, queued: Queue, now: datetime) -> None:
    about = {"event_id": new_id(), "text_class": TextClass.MEMBER}
    texts = [queued(purpose=f"no{n}", **about) for n in range(5)]
    become(texts, next_try_at=now)
    assert may_leave(now) == ["no0", "no1", "no2"]
    become(texts[:1], next_try_at=now + timedelta(seconds=1))
    assert may_leave(now) == ["no0", "no1", "no2", "no3"]


@pytest.mark.parametrize(
    "other", [{"text_class": TextClass.NOTICE}, {"event_id": None}, {"phone": NATE}, {"event_id": new_id()}]
)
def test_what_is_not_of_the_class_about_the_event_and_to_the_number_does_not_count(
    app: Flask, queued: Queue, now: datetime, other: dict[str, Any]
) -> None:
    about = {"event_id": new_id(), "text_class": TextClass.MEMBER, "phone": MIA}
    before = [queued(purpose=f"before{n}", **{**about, **other}) for n in range(3)]
    queued(purpose="own", **about)
    become(before, state=TextState.SENT)
    assert "own" in may_leave(now)


@pytest.mark.parametrize("free", [{"text_class": TextClass.NOTICE}, {"event_id": None}])
def test_only_the_class_about_an_event_has_a_cap(
    app: Flask, queued: Queue, now: datetime, free: dict[str, Any]
) -> None:
    about = {"event_id": new_id(), "text_class": TextClass.MEMBER, **free}
    for n in range(5):
        queued(purpose=f"no{n}", **about)
    assert len(may_leave(now)) == 5


def test_a_notice_leaves_also_when_the_number_has_had_its_texts_about_the_event(
    app: Flask, queued: Queue, now: datetime
) -> None:
    about = {"event_id": new_id(), "text_class": TextClass.MEMBER}
    before = [queued(purpose=f"before{n}", **about) for n in range(3)]
    become(before, state=TextState.SENT)
    queued(purpose="fourth", **about)
    queued(purpose="moved", **{**about, "text_class": TextClass.NOTICE})
    leave = may_leave(now)
    assert "moved" in leave and "fourth" not in leave
