"""Shorthands for what waits in the outbox, and for a text that comes in."""

import itertools
import json
from collections.abc import Callable
from datetime import datetime

import pytest
from flask import Flask
from sqlalchemy import select, update

from mobilize.database import atomic, db
from mobilize.texts.models import Inbound, OutboxText, TextState
from mobilize.texts.receiving.inbound import take_inbound
from mobilize.texts.templates import render

MIA, NATE, CARMEN, OLGA = "+12135550101", "+12135550102", "+12135550103", "+12135550104"
_sids = itertools.count(1)


def waiting(wording: str = "reminder_day_before") -> list[OutboxText]:
    """The texts that wait to leave, by number."""
    db.session.rollback()
    rows = db.session.scalars(
        select(OutboxText)
        .where(OutboxText.wording == wording, OutboxText.state == TextState.WAITING)
        .execution_options(populate_existing=True)
    )
    return sorted(rows, key=lambda text: text.to)


def phones(wording: str = "reminder_day_before") -> list[str]:
    return [text.to for text in waiting(wording)]


def words(text: OutboxText) -> str:
    return render(text.wording, text.language, json.loads(text.merge_fields))


@pytest.fixture
def texts_us(app: Flask) -> Callable[[str, str, datetime], Inbound]:
    """Somebody sends us a text."""

    def send(phone: str, body: str, at: datetime) -> Inbound:
        row = take_inbound(f"SM{next(_sids):032d}", phone, body, now=at)
        assert row is not None
        return row

    return send


def left() -> None:
    """All that waits has been delivered."""
    with atomic() as session:
        session.execute(update(OutboxText).values(state=TextState.DELIVERED))
