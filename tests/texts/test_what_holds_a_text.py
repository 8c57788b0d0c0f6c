"""Since when a window is open, and the pause of a campaign: asked of the limits themselves."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from config import Env
from mobilize.database import db, new_id
from mobilize.texts.models import OutboxText, TextClass
from mobilize.texts.sending import limits
from mobilize.texts.sending.pauses import pause_texts, resume_texts
from tests.texts.conftest import MIA, NATE

LA = "America/Los_Angeles"
NOON = datetime(2026, 3, 3, 20, tzinfo=UTC)
NIGHT = datetime(2026, 3, 3, 11, tzinfo=UTC)
LONG_AGO = NOON - timedelta(days=365)
Queue = Callable[..., OutboxText]


@pytest.mark.parametrize(
    ("text_class", "opened"),
    [
        (TextClass.DUTY, datetime(2026, 3, 3, 13, 30, tzinfo=UTC)),
        (TextClass.NOTICE, datetime(2026, 3, 3, 16, tzinfo=UTC)),
        (TextClass.MEMBER, datetime(2026, 3, 3, 17, tzinfo=UTC)),
    ],
)
def test_at_noon_a_window_is_open_since_this_morning_and_at_night_it_is_shut(
    app: Flask, text_class: TextClass, opened: datetime
) -> None:
    assert limits.opened_at(text_class, LA, NOON) == opened
    assert limits.opened_at(text_class, LA, NIGHT) is None


def test_the_morning_is_that_of_the_members_own_zone(app: Flask) -> None:
    assert limits.opened_at(TextClass.MEMBER, "America/Chicago", NOON) == NOON.replace(hour=15)


@pytest.mark.parametrize("moment", [NOON, NIGHT])
def test_what_may_leave_at_any_hour_could_leave_long_ago(app: Flask, moment: datetime) -> None:
    requested = limits.opened_at(TextClass.REQUESTED, LA, moment)
    urgent = limits.opened_at(TextClass.MEMBER, LA, moment, urgent=True)
    assert requested is not None and requested < LONG_AGO
    assert urgent is not None and urgent < LONG_AGO


def test_a_demo_has_no_hours(app: Flask) -> None:
    app.config["MOBILIZE"] = replace(app.config["MOBILIZE"], env=Env.DEMO)
    opened = limits.opened_at(TextClass.MEMBER, LA, NIGHT)
    assert opened is not None and opened < LONG_AGO


def not_paused() -> set[str]:
    """The purposes of texts that no pause holds."""
    rows = db.session.scalars(select(OutboxText).where(limits.is_not_paused()))
    return {text.idempotency_key.partition(":")[0] for text in rows}


def test_a_pause_holds_what_a_campaign_writes_to_members_about_its_events(
    app: Flask, queued: Queue, now: datetime
) -> None:
    paused, other, ref = new_id(), new_id(), new_id()
    queued(purpose="paused", event_id=paused, text_class=TextClass.MEMBER)
    queued(NATE, purpose="too", event_id=paused, text_class=TextClass.MEMBER)
    queued(purpose="other", event_id=other, text_class=TextClass.MEMBER)
    queued(purpose="none", text_class=TextClass.MEMBER)
    assert not_paused() == {"paused", "too", "other", "none"}
    pause_texts(ref, [paused], reason="The board meets first", by="shell", now=now)
    assert not_paused() == {"other", "none"}
    resume_texts(ref, by="shell", now=now)
    assert not_paused() == {"paused", "too", "other", "none"}


@pytest.mark.parametrize("text_class", [TextClass.REQUESTED, TextClass.DUTY, TextClass.NOTICE])
def test_a_notice_and_what_somebody_asked_for_leave_during_a_pause(
    app: Flask, queued: Queue, now: datetime, text_class: TextClass
) -> None:
    paused = new_id()
    queued(MIA, purpose="moved", event_id=paused, text_class=text_class)
    queued(MIA, purpose="reminder", event_id=paused, text_class=TextClass.MEMBER)
    pause_texts(new_id(), [paused], reason="The board meets first", by="shell", now=now)
    assert not_paused() == {"moved"}
