"""What a number was asked lately, so that a bare "1" or "24" from it has a meaning."""

import uuid
from datetime import datetime

from sqlalchemy import update

from mobilize.crypto import blind_index
from mobilize.database import atomic, insert, new_id
from mobilize.texts.models import Question


def ask_question(phone: str, kind: str, event_id: uuid.UUID, *, expires_at: datetime, now: datetime) -> None:
    """From now on a bare answer of this number means this question. Asking again renews it."""
    open_questions([(blind_index("phone", phone), kind, event_id, expires_at)], now=now)


def open_questions(asked: list[tuple[bytes, str, uuid.UUID, datetime]], *, now: datetime) -> None:
    """The same for (phone index, kind, event, expiry), many at a time; part of a delivery's claim."""
    if not asked:
        return
    rows = [
        {
            "id": new_id(),
            "phone_bix": bix,
            "kind": kind,
            "event_id": event_id,
            "asked_at": now,
            "expires_at": expires_at,
        }
        for bix, kind, event_id, expires_at in dict.fromkeys(asked)
    ]
    with atomic() as session:
        table = Question.__table__
        new = insert(table)
        renewed = new.on_conflict_do_update(
            index_elements=["phone_bix", "kind", "event_id"],
            set_={"asked_at": new.excluded.asked_at, "expires_at": new.excluded.expires_at},
        )
        # RETURNING makes one statement of many rows, instead of one each.
        session.execute(renewed.returning(table.c.id), rows)


def mark_question_answered(question_id: uuid.UUID, *, now: datetime) -> None:
    """Remember that it was answered; it stays open, because the last answer counts."""
    with atomic() as session:
        session.execute(update(Question).where(Question.id == question_id).values(answered_at=now))
